package sim

import (
	"fmt"
	"slices"
	"time"

	"parley/coordinator"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/ps"
	"parley/ps/optim"
	"parley/trainer"
)

// server is a node that holds ranges.
type server struct {
	world   *World
	name    param.NodeID
	ranges  map[param.RangeID]*ps.Range
	waiting map[ps.Ticket]func(ps.Answer)
	tickets ps.Ticket
}

func (w *World) addServer(name param.NodeID) {
	w.servers[name] = &server{world: w, name: name, ranges: map[param.RangeID]*ps.Range{}, waiting: map[ps.Ticket]func(ps.Answer){}}
	w.machine.Join(w.clock(), coordinator.Member{Node: name, Bind: string(name), Server: true})
	w.route()
}

func (s *server) order(o coordinator.Order) {
	w := s.world
	switch {
	case o.Create != nil:
		for _, id := range o.Create.Ranges {
			s.ranges[id] = ps.NewRange(w.spec(id))
		}
		w.tell(func(now time.Time) { w.machine.Created(now, s.name, nil) })
	case o.Fence != nil:
		answer := slices.Clone(o.Fence)
		for i, f := range answer {
			answer[i].Next = s.fence(f)
			w.fenced[fence{f.Worker, f.Term}]++
		}
		w.tell(func(now time.Time) { w.machine.Fenced(now, s.name, answer, nil) })
	case o.Poll:
		w.tell(func(now time.Time) { w.machine.Progress(now, s.name, nil, s.status()) })
	case o.Save != nil:
		w.result = w.weights()
		w.tell(func(now time.Time) { w.machine.Saved(now, s.name, coordinator.Saved{SHA256: "simulated"}) })
	}
}

// fence raises a term on all ranges and returns the least round that one needs.
func (s *server) fence(f coordinator.Fence) param.Round {
	least := ^param.Round(0)
	for _, id := range s.ids() {
		next, refused, err := s.ranges[id].Fence(f.Worker, f.Term)
		if err != nil {
			panic(err) // the machine fences workers that exist
		}
		s.answer(refused)
		least = min(least, next)
	}
	return least
}

func (s *server) ids() (ids []param.RangeID) {
	for id := range s.ranges {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (s *server) answer(answers []ps.Answer) {
	for _, a := range answers {
		if reply := s.waiting[a.Ticket]; reply != nil {
			delete(s.waiting, a.Ticket)
			if !a.Superseded {
				reply(a)
			}
		}
	}
}

func (s *server) status() (out []coordinator.RangeStatus) {
	for _, id := range s.ids() {
		r := s.ranges[id]
		x := coordinator.RangeStatus{Range: id, Version: r.Version(), Missing: r.Missing(), Rows: r.Total().Rows, Loss: r.Total().Loss}
		for _, t := range r.Tallies() {
			x.Tallies = append(x.Tallies, coordinator.Tally(t))
		}
		out = append(out, x)
	}
	return out
}

// handle steps a range with a worker's request; reply may be called later.
func (s *server) handle(r *trainer.Request, reply func(ps.Answer)) {
	x := s.ranges[r.Range]
	if r.Push {
		answers, err := x.Push(ps.Push{Worker: r.Worker, Term: r.Term, Round: r.Round, Offsets: r.Offsets, Change: slices.Clone(r.Change), Rows: r.Rows, Loss: r.Loss})
		reply(ps.Answer{Err: err})
		s.answer(answers)
		return
	}
	if r.Round+1 == param.Round(x.Version()) {
		s.world.Faults.Undone++
	}
	s.tickets++
	s.waiting[s.tickets] = reply
	s.answer(x.Pull(ps.Pull{Worker: r.Worker, Term: r.Term, Round: r.Round, Offsets: r.Offsets}, s.tickets))
}

func (w *World) plan() *plan.Plan { return w.machine.Plan() }

func (w *World) rule() optim.Rule {
	j := w.config.Job
	rule, err := optim.New(optim.Settings{Kind: j.Optimizer.Kind, Rate: j.Optimizer.Rate, L2: j.Model.L2, Workers: j.Run.Workers})
	if err != nil {
		panic(err) // the tests' jobs are valid
	}
	return rule
}

func (w *World) spec(id param.RangeID) ps.Spec {
	p := w.plan()
	return ps.Spec{ID: id, Span: p.Ranges[id], Workers: w.config.Job.Run.Workers, Penalized: p.Bias(), PerTally: p.PerEpoch, Rule: w.rule()}
}

// weights returns those of all ranges, in key order.
func (w *World) weights() (all []float32) {
	for id := range w.plan().Ranges {
		for _, s := range w.servers {
			if r := s.ranges[param.RangeID(id)]; r != nil {
				all = r.Weights(all)
			}
		}
	}
	return all
}

// holder returns the server of a range.
func (w *World) holder(id param.RangeID) *server {
	for _, s := range w.servers {
		if s.ranges[id] != nil {
			return s
		}
	}
	panic(fmt.Sprintf("range %d is nowhere", id))
}

// trainerNode is a node that hosts workers.
type trainerNode struct {
	world   *World
	name    param.NodeID
	alive   bool
	cut     bool // off from the coordinator
	session int
	workers map[param.Worker]*hosting
}

func (w *World) addTrainer() *trainerNode {
	t := &trainerNode{world: w, name: param.NodeID(fmt.Sprintf("trainer-%d", len(w.names))), alive: true, workers: map[param.Worker]*hosting{}}
	w.names = append(w.names, t.name)
	w.trainers[t.name] = t
	t.join()
	t.heartbeat()
	return t
}

func (t *trainerNode) join() {
	t.world.machine.Join(t.world.clock(), coordinator.Member{Node: t.name, Bind: string(t.name), Trainer: true})
	t.world.route()
}

// rejoin is what happens when a node hears that its lease is over: all of its
// work is dropped, and it registers anew.
func (t *trainerNode) rejoin() {
	t.cut = false
	t.session++
	clear(t.workers)
	t.join()
}

// heartbeat tells where workers and ranges are, four times a second.
func (t *trainerNode) heartbeat() {
	if !t.alive {
		return
	}
	w := t.world
	t.tell(func(now time.Time) { w.machine.Progress(now, t.name, t.status(), nil) })
	if t.name == w.names[0] { // one of them also beats for the servers
		w.serverBeats()
	}
	w.after(250*time.Millisecond, t.heartbeat)
}

func (w *World) serverBeats() {
	for i := range w.config.Servers {
		s := w.servers[param.NodeID(fmt.Sprintf("ps-%d", i))]
		w.tell(func(now time.Time) { w.machine.Progress(now, s.name, nil, s.status()) })
	}
}

func (t *trainerNode) status() (out []coordinator.WorkerStatus) {
	var ids []param.Worker
	for id := range t.workers {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		h := t.workers[id]
		out = append(out, coordinator.WorkerStatus{Worker: id, Term: h.worker.Term, Round: h.worker.Round(), Waiting: !h.worker.Complete(), Ticks: h.ticks})
	}
	return out
}

// tell sends an answer to the coordinator, unless the way there is cut.
func (t *trainerNode) tell(step func(now time.Time)) {
	if !t.cut {
		session := t.session
		t.world.tell(func(now time.Time) {
			if t.session == session {
				step(now)
			}
		})
	}
}

func (t *trainerNode) order(o coordinator.Order) {
	w := t.world
	if t.cut {
		return
	}
	switch {
	case o.Profile != nil:
		t.tell(func(now time.Time) { w.machine.Profiled(now, t.name, coordinator.Profiled{Train: w.config.Manifest}) })
	case o.Prepare != nil:
		t.tell(func(now time.Time) { w.machine.Prepared(now, t.name, nil) })
	case o.Assign != nil:
		for _, a := range o.Assign {
			h := &hosting{node: t, worker: trainer.NewWorker(a.Worker, a.Term, a.Round, w.plan().Ranges, w.rule().Pulled(), w.rule().Pushed())}
			t.workers[a.Worker] = h
			h.begin()
		}
	case o.Release != nil:
		for _, a := range o.Release {
			if h := t.workers[a.Worker]; h != nil && h.worker.Term == a.Term {
				h.release = true
			}
		}
	case o.Evaluate != nil:
		for _, u := range o.Evaluate {
			t.tell(func(now time.Time) {
				w.machine.Evaluated(now, t.name, coordinator.Evaluated{Unit: u, Summary: metric.NewSummary(1)})
			})
		}
	}
}
