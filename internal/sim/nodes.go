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

// trainerNode is a node that hosts workers.
type trainerNode struct {
	world   *World
	name    param.NodeID
	alive   bool
	cut     bool // off from the coordinator
	session int
	workers map[param.Worker]*hosting
	routes  []string // by range
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
	w.after(250*time.Millisecond, t.heartbeat)
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
		t.routes = o.Prepare.Servers
		t.tell(func(now time.Time) { w.machine.Prepared(now, t.name, nil) })
	case o.Route != nil:
		t.routes = o.Route.Servers
		for id, h := range t.workers {
			if h.worker.Term < o.Route.Floor {
				delete(t.workers, id)
			}
		}
	case o.Assign != nil:
		for _, a := range o.Assign {
			h := &hosting{node: t, until: a.Until, worker: trainer.NewWorker(a.Worker, a.Term, a.Round, w.plan().Ranges, w.rule().Pulled())}
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
