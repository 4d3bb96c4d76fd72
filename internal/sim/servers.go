package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/coordinator"
	"parley/internal/param"
	"parley/ps"
	"parley/trainer"
)

// server is a node that holds ranges.
type server struct {
	world   *World
	name    param.NodeID
	alive   bool
	era     int
	ranges  map[param.RangeID]*ps.Range
	waiting map[ps.Ticket]func(ps.Answer)
	tickets ps.Ticket
	due     *coordinator.Checkpoint
	parts   map[param.RangeID][]byte // of it
}

func (w *World) addServer() {
	name := param.NodeID(fmt.Sprintf("ps-%d", len(w.hosts)))
	s := &server{world: w, name: name, alive: true, ranges: map[param.RangeID]*ps.Range{}, waiting: map[ps.Ticket]func(ps.Answer){}}
	w.hosts = append(w.hosts, name)
	w.servers[name] = s
	w.machine.Join(w.clock(), coordinator.Member{Node: name, Bind: string(name), Server: true})
	w.route()
	s.heartbeat()
}

// heartbeat tells where the ranges are, four times a second.
func (s *server) heartbeat() {
	if !s.alive {
		return
	}
	s.tell(func(now time.Time) { s.world.machine.Progress(now, s.name, nil, s.status()) })
	s.world.after(250*time.Millisecond, s.heartbeat)
}

// tell steps the machine with an answer, if the server lives to send it.
func (s *server) tell(step func(now time.Time)) {
	if s.alive {
		s.world.tell(step)
	}
}

// pickServer returns a random server that lives, nil when there is none.
func (w *World) pickServer() *server {
	var live []*server
	for _, n := range w.hosts {
		if w.servers[n].alive {
			live = append(live, w.servers[n])
		}
	}
	if len(live) == 0 {
		return nil
	}
	return live[w.random.IntN(len(live))]
}

// killServer ends a server; another one comes in its place in a while.
func (w *World) killServer() {
	s := w.pickServer()
	if s == nil {
		return
	}
	w.Faults.Servers++
	s.alive = false
	w.after(w.upTo(detection), func() {
		w.machine.Leave(w.clock(), s.name, "killed")
		w.route()
	})
	w.after(w.upTo(2*time.Second), w.addServer)
}

// drainServer has a server leave when it has given its ranges back.
func (w *World) drainServer() {
	s := w.pickServer()
	if s == nil {
		return
	}
	w.Faults.Drains++
	s.tell(func(now time.Time) { w.machine.Drain(now, s.name) })
	w.after(w.upTo(time.Second), w.addServer)
	var leave func()
	leave = func() {
		if !s.alive {
			return
		}
		if w.machine.Busy(s.name) {
			w.after(50*time.Millisecond, leave)
			return
		}
		s.alive = false
		w.machine.Leave(w.clock(), s.name, "drained")
		w.route()
	}
	w.after(100*time.Millisecond, leave)
}

func (s *server) order(o coordinator.Order) {
	w := s.world
	switch {
	case o.Probe != nil:
		s.tell(func(now time.Time) { w.machine.Probed(now, s.name, coordinator.Probed{}) })
	case o.Create != nil:
		err := s.create(o.Create)
		s.tell(func(now time.Time) { w.machine.Created(now, s.name, o.Create.Era, err) })
	case o.Fence != nil:
		answer := slices.Clone(o.Fence)
		for i, f := range answer {
			answer[i].Next = s.fence(f)
		}
		s.tell(func(now time.Time) { w.machine.Fenced(now, s.name, answer, nil) })
	case o.Snapshot != nil:
		s.snapshot(o.Snapshot.Checkpoint)
	case o.Commit != nil:
		w.done[o.Commit.Dir] = true
		s.tell(func(now time.Time) {
			w.machine.Committed(now, s.name, coordinator.Committed{Checkpoint: o.Commit.Checkpoint})
		})
	case o.Yield != nil:
		s.yield(o.Yield)
	case o.Poll:
		s.tell(func(now time.Time) { w.machine.Progress(now, s.name, nil, s.status()) })
	case o.Save != nil:
		w.result = w.weights(o.Save.Servers)
		s.tell(func(now time.Time) { w.machine.Saved(now, s.name, coordinator.Saved{SHA256: "simulated"}) })
	}
}

// create makes ranges, new or of a checkpoint.
func (s *server) create(o *coordinator.Create) error {
	w := s.world
	s.era, s.due = o.Era, nil
	s.ranges = map[param.RangeID]*ps.Range{}
	for _, id := range o.Ranges {
		r := ps.NewRange(w.spec(id))
		if o.From != nil {
			if w.chance(w.config.Damage) {
				return param.Errorf(param.Corrupt, "part %d of %s is damaged", id, o.From.Dir)
			}
			if !w.done[o.From.Dir] || w.disk[o.From.Dir][id] == nil {
				panic("a checkpoint that is not complete is to be read")
			}
			var err error
			if r, err = ps.Restore(w.spec(id), w.disk[o.From.Dir][id]); err != nil {
				panic(err)
			}
		}
		r.SetTerms(o.Floor)
		s.ranges[id] = r
		w.terms[id] = map[param.Worker]param.Term{}
		for worker := range w.config.Job.Run.Workers {
			w.terms[id][param.Worker(worker)] = o.Floor
		}
	}
	return nil
}

// fence raises a term on all ranges and returns the least round that one needs.
func (s *server) fence(f coordinator.Fence) param.Round {
	least := ^param.Round(0)
	for _, id := range s.ids() {
		next, refused, err := s.ranges[id].Fence(f.Worker, f.Term)
		if err != nil {
			panic(err) // the machine fences workers that exist
		}
		s.world.terms[id][f.Worker] = max(s.world.terms[id][f.Worker], f.Term)
		s.answer(refused)
		least = min(least, next)
	}
	return least
}

// snapshot takes what is at the version, or will, once it is.
func (s *server) snapshot(c coordinator.Checkpoint) {
	s.due, s.parts = &c, map[param.RangeID][]byte{}
	for _, id := range s.ids() {
		if s.ranges[id].Version() > c.Version {
			s.due = nil
			w := s.world
			s.tell(func(now time.Time) { w.machine.Snapped(now, s.name, coordinator.Snapped{Checkpoint: c, Passed: true}) })
			return
		}
	}
	s.take()
}

func (s *server) take() {
	w, c := s.world, s.due
	if c == nil {
		return
	}
	for _, id := range s.ids() {
		if s.parts[id] != nil || s.ranges[id].Version() != c.Version {
			continue
		}
		if w.disk[c.Dir] == nil {
			w.disk[c.Dir] = map[param.RangeID]*ps.Snapshot{}
		}
		w.disk[c.Dir][id] = s.ranges[id].Snapshot()
		s.parts[id] = []byte{1}
	}
	if len(s.parts) == len(s.ranges) {
		done := coordinator.Snapped{Checkpoint: *c, Parts: s.parts}
		s.due = nil
		s.tell(func(now time.Time) { w.machine.Snapped(now, s.name, done) })
	}
}

// yield hands a range over, in the middle of whatever round it is in.
func (s *server) yield(o *coordinator.Yield) {
	w, r := s.world, s.ranges[o.Range]
	if r == nil {
		s.tell(func(now time.Time) {
			w.machine.Yielded(now, s.name, o.Range, param.Errorf(param.NotOwner, "range %d is not here", o.Range))
		})
		return
	}
	s.due = nil
	h, era := r.Handover(), s.era
	delete(s.ranges, o.Range)
	w.after(w.upTo(w.config.Delay), func() {
		if !s.alive {
			return
		}
		to, err := w.servers[param.NodeID(o.To)], error(nil)
		switch {
		case to == nil || !to.alive:
			err = param.Errorf(param.Retryable, "nobody answers")
		case to.era > era:
			err = param.Errorf(param.Stale, "that era is over")
		default:
			if to.ranges[o.Range], err = ps.Adopt(w.spec(o.Range), h); err != nil {
				panic(err)
			}
			to.era = era
		}
		if err != nil && s.era == era {
			s.ranges[o.Range] = r
		}
		s.tell(func(now time.Time) { w.machine.Yielded(now, s.name, o.Range, err) })
	})
}

func (s *server) ids() []param.RangeID { return slices.Sorted(maps.Keys(s.ranges)) }

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
		x := coordinator.RangeStatus{Range: id, Era: s.era, Version: r.Version(), Missing: r.Missing(), Rows: r.Total().Rows, Loss: r.Total().Loss}
		for _, t := range r.Tallies() {
			x.Tallies = append(x.Tallies, coordinator.Tally(t))
		}
		out = append(out, x)
	}
	return out
}

// handle steps a range with a worker's request; reply may be called later. A range
// that is not here is on its way: the client asks again.
func (s *server) handle(r *trainer.Request, reply func(ps.Answer)) {
	x := s.ranges[r.Range]
	if x == nil {
		return
	}
	if r.Push {
		answers, err := x.Push(ps.Push{Worker: r.Worker, Term: r.Term, Round: r.Round, Offsets: r.Offsets, Change: slices.Clone(r.Change), Rows: r.Rows, Loss: r.Loss})
		reply(ps.Answer{Err: err})
		s.answer(answers)
		s.take()
		return
	}
	if r.Round+1 == param.Round(x.Version()) {
		s.world.Faults.Undone++
	}
	s.tickets++
	s.waiting[s.tickets] = reply
	s.answer(x.Pull(ps.Pull{Worker: r.Worker, Term: r.Term, Round: r.Round, Offsets: r.Offsets}, s.tickets))
}

// weights returns those of all ranges, in key order, from where the machine says
// that they are.
func (w *World) weights(servers []string) (all []float32) {
	for id, name := range servers {
		all = w.servers[param.NodeID(name)].ranges[param.RangeID(id)].Weights(all)
	}
	return all
}
