package coordserver

import (
	"encoding/json"

	"parley/coordinator"
	"parley/internal/plan"
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
	case o.Prepare != nil:
		r.packManifests()
		m.Body = &parleyv1.CoordinatorMessage_Prepare{Prepare: &parleyv1.Prepare{Job: id, Spec: r.spec, Train: r.train, Test: r.test, Ranges: o.Prepare.Servers}}
	case o.Create != nil:
		m.Body = &parleyv1.CoordinatorMessage_Create{Create: r.create(o.Create)}
	case o.Fence != nil:
		f := &parleyv1.FenceOrder{Job: id}
		for _, x := range o.Fence {
			f.Fences = append(f.Fences, &parleyv1.Fence{Worker: uint32(x.Worker), Term: uint64(x.Term)})
		}
		m.Body = &parleyv1.CoordinatorMessage_Fence{Fence: f}
	case o.Assign != nil:
		m.Body = &parleyv1.CoordinatorMessage_Assign{Assign: &parleyv1.Assign{Job: id, Workers: assignments(o.Assign)}}
	case o.Release != nil:
		m.Body = &parleyv1.CoordinatorMessage_Release{Release: &parleyv1.Release{Job: id, Workers: assignments(o.Release)}}
	case o.Evaluate != nil:
		e := &parleyv1.Evaluate{Job: id}
		for _, u := range o.Evaluate {
			e.Units = append(e.Units, &parleyv1.Unit{Set: string(u.Set), Number: uint32(u.Number), Term: uint64(u.Term)})
		}
		m.Body = &parleyv1.CoordinatorMessage_Evaluate{Evaluate: e}
	case o.Poll:
		m.Body = &parleyv1.CoordinatorMessage_Poll{Poll: &parleyv1.Poll{}}
	case o.Save != nil:
		m.Body = &parleyv1.CoordinatorMessage_Save{Save: &parleyv1.Save{Job: id, Model: r.packModel(o.Save), Ranges: o.Save.Servers}}
	case o.End != nil:
		m.Body = &parleyv1.CoordinatorMessage_End{End: &parleyv1.End{Job: id, Reason: o.End.Reason}}
	}
	return m
}

func assignments(list []coordinator.Assignment) (out []*parleyv1.Assignment) {
	for _, a := range list {
		out = append(out, &parleyv1.Assignment{Worker: uint32(a.Worker), Term: uint64(a.Term), Round: uint64(a.Round)})
	}
	return out
}

// create describes ranges to a server, which knows nothing of data or plans.
func (r *record) create(o *coordinator.Create) *parleyv1.Create {
	p := r.machine.Plan()
	c := &parleyv1.Create{Job: string(r.id), Rule: r.job.Optimizer.Kind, Rate: r.job.Optimizer.Rate, L2: r.job.Model.L2,
		Workers: uint32(r.job.Run.Workers), PerTally: uint64(p.PerEpoch), Penalized: uint64(p.Bias())}
	if r.job.Model.PenalizeBias {
		c.Penalized = uint64(p.Keys)
	}
	for _, id := range o.Ranges {
		c.Ranges = append(c.Ranges, &parleyv1.Range{Range: uint32(id), Lo: uint64(p.Ranges[id].Lo), Hi: uint64(p.Ranges[id].Hi)})
	}
	return c
}

func (r *record) packManifests() {
	if r.train != nil {
		return
	}
	r.train = pack(r.machine.Manifest())
	if test := r.machine.TestManifest(); test != nil {
		r.test = pack(test)
	}
}

func pack(m *plan.Manifest) []byte {
	text, err := json.Marshal(m)
	if err != nil { // plain values
		panic("coordserver: manifest: " + err.Error())
	}
	return text
}

func (r *record) packModel(o *coordinator.Save) []byte {
	text, err := json.Marshal(r.model(o.Metrics))
	if err != nil {
		panic("coordserver: model: " + err.Error())
	}
	return text
}
