package agent

import (
	"errors"
	"io"

	"google.golang.org/grpc"

	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
	"parley/ps/optim"
	"parley/ps/psserver"
)

// create makes ranges, in place of those that are here.
func (w *work) create(m *parleyv1.Create) {
	w.group.Go(func() {
		w.creating.Lock() // in the order of eras
		defer w.creating.Unlock()
		err := w.makeRanges(m)
		w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Created{Created: &parleyv1.Created{Job: string(w.id), Era: m.GetEra(), Fault: rpc.Fault(err)}}})
	})
}

func (w *work) makeRanges(m *parleyv1.Create) error {
	if m.GetEra() < w.era {
		return param.Errorf(param.Stale, "ranges of era %d: this node has those of %d", m.GetEra(), w.era)
	}
	w.era = m.GetEra()
	specs, err := specsOf(m)
	if err != nil {
		return err
	}
	var ranges []*ps.Range
	if m.GetFrom() != nil && len(specs) > 0 {
		store, err := w.openStore(m.GetSpec())
		if err != nil {
			return err
		}
		if ranges, err = w.restore(store, m.GetFrom(), specs); err != nil {
			return err
		}
	} else {
		for _, spec := range specs {
			ranges = append(ranges, ps.NewRange(spec))
		}
		if err := w.begin(m, ranges); err != nil {
			return err
		}
	}
	for _, r := range ranges {
		r.SetTerms(param.Term(m.GetFloor()))
	}
	return w.agent.config.Ranges.Create(w.id, int(m.GetEra()), ranges)
}

// specsOf says what the ranges of an order are.
func specsOf(m *parleyv1.Create) ([]ps.Spec, error) {
	j, err := job.Decode(m.GetSpec())
	if err != nil {
		return nil, err
	}
	method, err := methodOf(j, param.Round(m.GetPerTally()))
	if err != nil {
		return nil, err
	}
	var specs []ps.Spec
	initial := drawingOf(j, m)
	for _, r := range m.GetRanges() {
		spec := ps.Spec{ID: param.RangeID(r.GetRange()), Span: param.Span{Lo: param.Key(r.GetLo()), Hi: param.Key(r.GetHi())},
			Workers: j.Run.Workers, Penalized: param.Key(m.GetPenalized()), PerTally: param.Round(m.GetPerTally()), Rule: method.rule, Program: method.program, Lanczos: method.lanczos,
			Dense: r.GetDense(), Initial: initial, Mode: modes[j.Run.Consistency], Staleness: param.Round(j.Run.Staleness)}
		if err := spec.Validate(); err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// modes are the modes of a range by run.consistency.
var modes = map[string]ps.Mode{"bsp": ps.BSP, "ssp": ps.SSP, "asp": ps.ASP}

// method is what makes a model: one of the three.
type method struct {
	rule    optim.Rule
	program optim.Program
	lanczos *optim.Lanczos
}

// methodOf returns the method of a job whose epochs have so many rounds.
func methodOf(j *job.Job, perEpoch param.Round) (m method, err error) {
	if model := j.Model; model.FindsTopics() {
		m.lanczos, err = optim.NewLanczos(optim.Lanczos{Topics: model.Topics, Block: model.Block, Tolerance: model.Tolerance, Passes: model.Passes, Seed: j.Run.Seed})
		return m, err
	}
	settings := settingsOf(j, perEpoch)
	if m.program, err = optim.NewProgram(settings); m.program != nil || err != nil {
		return m, err
	}
	m.rule, err = optim.New(settings)
	return m, err
}

// settingsOf says which update rule a job has.
func settingsOf(j *job.Job, perEpoch param.Round) optim.Settings {
	o, each := j.Optimizer, int64(perEpoch)
	schedule := optim.Schedule{Kind: o.Schedule, Warmup: o.Warmup * float64(each), Rounds: each * int64(j.Run.Epochs), Every: each * int64(o.StepEvery), Factor: o.StepFactor}
	return optim.Settings{Kind: o.Kind, Rate: o.Rate, L2: j.Model.L2, L1: j.Model.L1, Workers: j.Run.Workers, Tolerance: j.Run.Tolerance,
		Gradient: j.Model.IsDeep(), Decay: j.Model.WeightDecay, Schedule: schedule, Momentum: o.Momentum, Nesterov: o.Nesterov, Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Epsilon, Beta: o.Beta}
}

// yield hands a range over to another server.
func (w *work) yield(m *parleyv1.Yield) {
	w.group.Go(func() {
		id := param.RangeID(m.GetRange())
		err := w.handOver(m)
		if err != nil {
			w.agent.config.Ranges.Keep(w.id, id)
		} else {
			w.agent.config.Ranges.Forget(w.id, id)
		}
		w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Yielded{Yielded: &parleyv1.Yielded{Job: string(w.id), Range: m.GetRange(), Fault: rpc.Fault(err)}}})
	})
}

// handOverPiece is the number of bytes in one message of a handover.
const handOverPiece = 1 << 20

func (w *work) handOver(m *parleyv1.Yield) error {
	conn, err := w.dial(m.GetTo())
	if err != nil {
		return err
	}
	stream, err := parleyv1.NewHandoverClient(conn).Adopt(w.ctx)
	if err != nil {
		return rpc.FromError(err)
	}
	y, err := w.agent.config.Ranges.Yield(w.id, param.RangeID(m.GetRange()))
	if err != nil {
		return err
	}
	header, sections := y.Handover.Encode()
	var layers []uint64
	if d, ok := y.Spec.Initial.(drawing); ok {
		for _, n := range d.layers {
			layers = append(layers, uint64(n))
		}
	}
	first := &parleyv1.AdoptPiece{Header: header, Create: &parleyv1.Create{Job: string(w.id), Spec: m.GetSpec(), Era: uint64(y.Era),
		PerTally: uint64(y.Spec.PerTally), Penalized: uint64(y.Spec.Penalized), Layers: layers,
		Ranges: []*parleyv1.Range{{Range: m.GetRange(), Lo: uint64(y.Spec.Span.Lo), Hi: uint64(y.Spec.Span.Hi), Dense: y.Spec.Dense}}}}
	if err := sendSections(stream, first, sections); err != nil && !errors.Is(err, io.EOF) { // of which the answer tells more
		return rpc.FromError(err)
	}
	_, err = stream.CloseAndRecv()
	return rpc.FromError(err)
}

func sendSections(stream grpc.ClientStreamingClient[parleyv1.AdoptPiece, parleyv1.AdoptReply], first *parleyv1.AdoptPiece, sections []ps.Section) error {
	if err := stream.Send(first); err != nil {
		return err
	}
	for _, s := range sections {
		data := s.Data
		m := &parleyv1.AdoptPiece{Section: s.Name}
		for first := true; first || len(data) > 0; first = false {
			n := min(handOverPiece, len(data))
			m.Data = data[:n]
			if err := stream.Send(m); err != nil {
				return err
			}
			data, m = data[n:], &parleyv1.AdoptPiece{Section: s.Name}
		}
	}
	return nil
}

// Handovers takes ranges in that come from other servers.
type Handovers struct {
	parleyv1.UnimplementedHandoverServer
	ranges *psserver.Server
}

// Adopt takes in a range.
func (h *Handovers) Adopt(stream grpc.ClientStreamingServer[parleyv1.AdoptPiece, parleyv1.AdoptReply]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	specs, err := specsOf(first.GetCreate())
	if err != nil {
		return err
	}
	if len(specs) != 1 {
		return param.Errorf(param.Invalid, "a handover of %d ranges", len(specs))
	}
	sections, err := receiveSections(stream, sizeOf(specs[0]))
	if err != nil {
		return err
	}
	state, err := ps.DecodeHandover(first.GetHeader(), sections...)
	if err != nil {
		return err
	}
	r, err := ps.Adopt(specs[0], state)
	if err != nil {
		return err
	}
	if err := h.ranges.Adopt(param.JobID(first.GetCreate().GetJob()), int(first.GetCreate().GetEra()), r); err != nil {
		return err
	}
	return stream.SendAndClose(&parleyv1.AdoptReply{})
}

// sizeOf bounds the bytes of a range that is handed over: its keys' state, the undo,
// and a contribution of each worker.
func sizeOf(s ps.Spec) int {
	return 1<<20 + s.Span.Len()*(4*s.Slots()+8)*(2+s.Workers)
}

func receiveSections(stream grpc.ClientStreamingServer[parleyv1.AdoptPiece, parleyv1.AdoptReply], limit int) (sections []ps.Section, err error) {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return sections, nil
		}
		if err != nil {
			return nil, err
		}
		if limit -= len(m.GetData()) + len(m.GetSection()); limit < 0 {
			return nil, param.Errorf(param.Invalid, "a range of more bytes than it can have")
		}
		if n := len(sections); n == 0 || sections[n-1].Name != m.GetSection() {
			sections = append(sections, ps.Section{Name: m.GetSection()})
		}
		last := &sections[len(sections)-1]
		last.Data = append(last.Data, m.GetData()...)
	}
}
