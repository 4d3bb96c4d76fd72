package coordserver

import (
	"encoding/json"
	"time"

	"parley/coordinator"
	"parley/internal/artifact"
	"parley/internal/checkpoint"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// encode packs an order for the wire.
func (r *record) encode(o coordinator.Order) *parleyv1.CoordinatorMessage {
	if o.End == nil {
		r.nodes[o.To] = true
	}
	m := &parleyv1.CoordinatorMessage{}
	id := string(r.id)
	switch {
	case o.Profile != nil:
		m.Body = &parleyv1.CoordinatorMessage_Profile{Profile: &parleyv1.Profile{Job: id, Spec: r.spec}}
	case o.Fit != nil:
		train, test := r.machine.Scans()
		r.pack(&r.scans, train, test)
		m.Body = &parleyv1.CoordinatorMessage_Fit{Fit: &parleyv1.Fit{Job: id, Spec: r.spec, Train: r.scans[0], Test: r.scans[1], Units: units(o.Fit)}}
	case o.Prepare != nil:
		r.pack(&r.manifests, r.machine.Manifest(), r.machine.TestManifest())
		m.Body = &parleyv1.CoordinatorMessage_Prepare{Prepare: &parleyv1.Prepare{Job: id, Spec: r.spec, Train: r.manifests[0], Test: r.manifests[1], Ranges: o.Prepare.Servers}}
	case o.Create != nil:
		m.Body = &parleyv1.CoordinatorMessage_Create{Create: r.create(o.Create)}
	case o.Probe != nil:
		m.Body = &parleyv1.CoordinatorMessage_Probe{Probe: &parleyv1.Probe{Job: id, Spec: r.spec, Write: o.Probe.Write, Find: o.Probe.Find}}
	case o.Route != nil:
		m.Body = &parleyv1.CoordinatorMessage_Route{Route: &parleyv1.Route{Job: id, Ranges: o.Route.Servers, Floor: uint64(o.Route.Floor)}}
	case o.Yield != nil:
		m.Body = &parleyv1.CoordinatorMessage_Yield{Yield: &parleyv1.Yield{Job: id, Spec: r.spec, Range: uint32(o.Yield.Range), To: o.Yield.To}}
	case o.Snapshot != nil:
		m.Body = &parleyv1.CoordinatorMessage_Snapshot{Snapshot: &parleyv1.Snapshot{Job: id, Name: nameOf(o.Snapshot.Checkpoint), Ranges: numbers(r.machine.RangesOf(o.To))}}
	case o.Commit != nil:
		m.Body = &parleyv1.CoordinatorMessage_Commit{Commit: r.commit(o.Commit)}
	case o.Fence != nil:
		f := &parleyv1.FenceOrder{Job: id, Ranges: numbers(r.machine.RangesOf(o.To))}
		for _, x := range o.Fence {
			f.Fences = append(f.Fences, &parleyv1.Fence{Worker: uint32(x.Worker), Term: uint64(x.Term)})
		}
		m.Body = &parleyv1.CoordinatorMessage_Fence{Fence: f}
	case o.Assign != nil:
		m.Body = &parleyv1.CoordinatorMessage_Assign{Assign: &parleyv1.Assign{Job: id, Workers: assignments(o.Assign)}}
	case o.Release != nil:
		m.Body = &parleyv1.CoordinatorMessage_Release{Release: &parleyv1.Release{Job: id, Workers: assignments(o.Release)}}
	case o.Evaluate != nil:
		m.Body = &parleyv1.CoordinatorMessage_Evaluate{Evaluate: &parleyv1.Evaluate{Job: id, Units: units(o.Evaluate)}}
	case o.Poll:
		m.Body = &parleyv1.CoordinatorMessage_Poll{Poll: &parleyv1.Poll{}}
	case o.Save != nil:
		m.Body = &parleyv1.CoordinatorMessage_Save{Save: &parleyv1.Save{Job: id, Model: rpc.Pack(r.model(o.Save.Metrics)), Files: rpc.Pack(r.files()), Ranges: o.Save.Servers}}
	case o.End != nil:
		m.Body = &parleyv1.CoordinatorMessage_End{End: &parleyv1.End{Job: id, Reason: o.End.Reason}}
	}
	return m
}

func units(list []plan.Unit) (out []*parleyv1.Unit) {
	for _, u := range list {
		out = append(out, &parleyv1.Unit{Set: string(u.Set), Number: uint32(u.Number), Term: uint64(u.Term)})
	}
	return out
}

func assignments(list []coordinator.Assignment) (out []*parleyv1.Assignment) {
	for _, a := range list {
		out = append(out, &parleyv1.Assignment{Worker: uint32(a.Worker), Term: uint64(a.Term), Round: uint64(a.Round), Until: uint64(a.Until)})
	}
	return out
}

// create describes ranges to a server, which knows nothing of data or plans.
func (r *record) create(o *coordinator.Create) *parleyv1.Create {
	p := r.machine.Plan()
	c := &parleyv1.Create{Job: string(r.id), Spec: r.spec, Era: uint64(o.Era), Floor: uint64(o.Floor), PerTally: uint64(p.PerEpoch), Penalized: uint64(p.Penalized())}
	for _, n := range p.Layers {
		c.Layers = append(c.Layers, uint64(n))
	}
	if o.From != nil {
		c.From = nameOf(*o.From)
	} else if r.job.Model.Init != "" {
		c.Columns, c.Vocabulary = r.columns()
	}
	for _, id := range o.Ranges {
		c.Ranges = append(c.Ranges, &parleyv1.Range{Range: uint32(id), Lo: uint64(p.Ranges[id].Lo), Hi: uint64(p.Ranges[id].Hi), Dense: p.Dense(id)})
	}
	return c
}

// columns describes the columns of the model to servers that begin with the
// parameters of an earlier one. It is packed once: names may be many.
func (r *record) columns() (model, vocabulary []byte) {
	if r.described == nil {
		r.described = rpc.Pack(r.model(nil))
		if names, ok := r.files()[artifact.VocabularyFile]; ok {
			r.names = rpc.Pack(names)
		}
	}
	return r.described, r.names
}

// commit makes the manifest of a checkpoint.
func (r *record) commit(o *coordinator.Commit) *parleyv1.Commit {
	p := r.machine.Plan()
	epoch, _ := p.Position(param.Round(o.Version))
	m := checkpoint.Manifest{Job: r.id, Name: r.job.Name, Spec: r.spec, PlanHash: p.Hash(), DataHash: p.Train.SHA256,
		Version: o.Version, Epoch: epoch, Rounds: p.Rounds, Keys: p.Keys, Created: time.Now().UTC(), Run: string(r.id)}
	if len(o.Scores) > 0 {
		m.Extra = mustMarshal(extra{o.Scores})
	}
	for _, text := range o.Parts {
		var part checkpoint.Part
		json.Unmarshal(text, &part) // what a server has made; Commit refuses what is no part
		m.Parts = append(m.Parts, part)
	}
	return &parleyv1.Commit{Job: string(r.id), Name: nameOf(o.Checkpoint), Manifest: mustMarshal(m), Keep: uint32(r.job.Run.Checkpoint.Keep)}
}

// extra is what a manifest has of the coordinator.
type extra struct {
	Scores []coordinator.Score `json:"scores"` // of early stopping
}

// mustMarshal is for plain values.
func mustMarshal(x any) []byte {
	text, err := json.Marshal(x)
	if err != nil {
		panic("coordserver: " + err.Error())
	}
	return text
}

func numbers(ids []param.RangeID) (out []uint32) {
	for _, id := range ids {
		out = append(out, uint32(id))
	}
	return out
}

func nameOf(c coordinator.Checkpoint) *parleyv1.CheckpointName {
	return &parleyv1.CheckpointName{Dir: c.Dir, Version: uint64(c.Version)}
}

func decodeName(m *parleyv1.CheckpointName) coordinator.Checkpoint {
	return coordinator.Checkpoint{Dir: m.GetDir(), Version: param.Version(m.GetVersion())}
}

// pack packs the manifests when they are first sent.
func (r *record) pack(into *[2][]byte, train, test *plan.Manifest) {
	if into[0] != nil {
		return
	}
	into[0] = rpc.Pack(train)
	if test != nil {
		into[1] = rpc.Pack(test)
	}
}

func encodeTiming(t coordinator.Timing) *parleyv1.Timing {
	m := &parleyv1.Timing{PerEpoch: uint64(t.PerEpoch)}
	for _, w := range t.Workers {
		m.Workers = append(m.Workers, &parleyv1.WorkerTiming{Worker: uint32(w.Worker), Node: string(w.Node), Spent: rpc.Spent(w.Spent)})
	}
	return m
}
