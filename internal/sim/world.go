// Package sim runs a whole cluster in one goroutine: the coordinator's machine,
// the ranges and the workers' step machines, under one event heap with a virtual
// network and clock. A seed fixes every delay, loss, duplicate and death, so a
// run that fails can be run again, step by step.
//
// Everything that decides is the real code; what the simulation replaces is the
// drivers: sockets, streams, goroutines, clocks, files. Data is not read: the
// workers "learn" a fixed function of worker, round, key and the state that they
// pulled, which is what makes every bit of the result depend on exactly which
// versions were read and which contributions were applied.
package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"parley/coordinator"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/ps"
)

// Config says what goes wrong in a run. The zero value is a run without faults.
type Config struct {
	Seed     uint64
	Trainers int
	Servers  int
	Job      *job.Job
	Manifest *plan.Manifest
	Drop     float64       // of messages between workers and ranges, each way
	Repeat   float64       // of those messages that arrive twice
	Delay    time.Duration // longest of a message
	Kills    int           // trainers that die at random moments
	Stops    int           // trainers that are cut off from the coordinator for a while, and work on meanwhile
	Joins    int           // trainers that come at random moments
	// ServerKills are servers that die at random moments, each with another one that
	// comes a while later; ServerJoins are more that come, Drains such that leave in
	// good order.
	ServerKills, ServerJoins, Drains int
	// Damage is the chance of a checkpoint to be damaged when it is read.
	Damage float64
	Span   time.Duration // the random moments lie in it
}

// World is one run.
type World struct {
	config   Config
	random   *rand.Rand
	now      time.Duration
	sequence uint64
	events   eventHeap
	machine  *coordinator.Machine
	servers  map[param.NodeID]*server
	trainers map[param.NodeID]*trainerNode
	names    []param.NodeID // of trainers, in order of birth
	hosts    []param.NodeID // of servers, in order of birth
	// terms is by range and worker the term that the range asks for.
	terms map[param.RangeID]map[param.Worker]param.Term
	// disk has the parts of checkpoints by their folder, and done those that are
	// complete.
	disk   map[string]map[param.RangeID]*ps.Snapshot
	done   map[string]bool
	result []float32
	Faults Faults
}

// Faults counts what has happened, so that a test can tell that it did.
type Faults struct {
	Kills, Stops, Joins int
	Servers, Drains     int
	Rewinds, Moves      int // that the machine has told of
	Checkpoints         int
	Dropped, Repeated   int
	Undone              int // pulls that were answered from a range's undo
	Refused             int // messages that were refused by their term
}

type event struct {
	at       time.Duration
	sequence uint64
	do       func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].sequence < h[j].sequence
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// after lets do happen in d.
func (w *World) after(d time.Duration, do func()) {
	w.sequence++
	heap.Push(&w.events, event{at: w.now + d, sequence: w.sequence, do: do})
}

func (w *World) chance(p float64) bool { return p > 0 && w.random.Float64() < p }

func (w *World) upTo(d time.Duration) time.Duration {
	return time.Duration(w.random.Float64() * float64(d))
}

// clock is the virtual time as the machine is told it.
func (w *World) clock() time.Time { return time.Unix(0, 0).Add(w.now) }

// horizon is when a run is given up: no run of the tests needs a tenth of it.
const horizon = 10 * time.Minute

// limits are those of a cluster with shorter patience.
var limits = coordinator.Limits{Start: 30 * time.Second, Trainer: 5 * time.Minute, Release: time.Second, Stall: 5 * time.Second, Tries: 4,
	Checkpoint: 5 * time.Second, Move: 5 * time.Second, Takeover: 5 * time.Second}

// Run runs a job to its end and returns the weights of all keys. The error says
// how the job failed, or that it hung and for whom it waited.
func Run(config Config) ([]float32, Faults, error) {
	w := &World{config: config, random: rand.New(rand.NewPCG(config.Seed, 7)), servers: map[param.NodeID]*server{},
		trainers: map[param.NodeID]*trainerNode{}, terms: map[param.RangeID]map[param.Worker]param.Term{},
		disk: map[string]map[param.RangeID]*ps.Snapshot{}, done: map[string]bool{}}
	w.machine = coordinator.New("job", config.Job, limits, w.clock())
	for range config.Servers {
		w.addServer()
	}
	for range config.Trainers {
		w.addTrainer()
	}
	w.plotFaults()
	w.tick()
	for len(w.events) > 0 && w.now < horizon {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
		if over, err := w.machine.Ended(); over {
			return w.result, w.Faults, err
		}
	}
	s := w.machine.Status(w.clock())
	return nil, w.Faults, fmt.Errorf("hung after %v in phase %s at version %d of %d: waits for %s: %s", w.now, s.Phase, s.Version, s.Rounds, s.Owner, s.Why)
}

// plotFaults draws the moments of deaths, stops and births.
func (w *World) plotFaults() {
	for range w.config.Kills {
		w.after(w.upTo(w.config.Span), w.kill)
	}
	for range w.config.Stops {
		w.after(w.upTo(w.config.Span), w.cutOff)
	}
	for range w.config.ServerKills {
		w.after(w.upTo(w.config.Span), w.killServer)
	}
	for range w.config.ServerJoins {
		w.after(w.upTo(w.config.Span), func() { w.Faults.Servers++; w.addServer() })
	}
	for range w.config.Drains {
		w.after(w.upTo(w.config.Span), w.drainServer)
	}
	for range w.config.Joins {
		w.after(w.upTo(w.config.Span), func() { w.Faults.Joins++; w.addTrainer() })
	}
}

// tick tells the machine the time.
func (w *World) tick() {
	w.machine.Tick(w.clock())
	w.route()
	w.after(100*time.Millisecond, w.tick)
}

// route sends the machine's orders on their way.
func (w *World) route() {
	orders, events := w.machine.Take()
	for _, e := range events {
		switch {
		case e.Kind == "restore":
			w.Faults.Rewinds++
		case e.Kind == "checkpoint":
			w.Faults.Checkpoints++
		case strings.Contains(e.Message, "moved from node"):
			w.Faults.Moves++
		}
	}
	for _, o := range orders {
		w.order(o)
	}
}

// order delivers an order over the session of its node: in order, and not at all
// when the session has ended.
func (w *World) order(o coordinator.Order) {
	if s := w.servers[o.To]; s != nil {
		w.after(time.Millisecond, func() {
			if s.alive {
				s.order(o)
			}
		})
		return
	}
	if t := w.trainers[o.To]; t != nil {
		session := t.session
		w.after(time.Millisecond, func() {
			if t.alive && t.session == session {
				t.order(o)
			}
		})
	}
}

// tell steps the machine with an answer of a node.
func (w *World) tell(step func(now time.Time)) {
	w.after(time.Millisecond, func() {
		step(w.clock())
		w.route()
	})
}

// pick returns a random trainer that lives.
func (w *World) pick() *trainerNode {
	var live []*trainerNode
	for _, n := range w.names {
		if w.trainers[n].alive {
			live = append(live, w.trainers[n])
		}
	}
	if len(live) == 0 {
		return nil
	}
	return live[w.random.IntN(len(live))]
}

// detection is how long a death stays unseen, at most.
const detection = 300 * time.Millisecond

// kill ends a trainer: what it has sent is still on its way, and it sends no
// more. Another one comes in its place in a while.
func (w *World) kill() {
	t := w.pick()
	if t == nil {
		return
	}
	w.Faults.Kills++
	t.alive = false
	w.after(w.upTo(detection), func() { w.leave(t, "killed") })
	w.after(w.upTo(2*time.Second), func() { w.addTrainer() })
}

// cutOff separates a trainer from the coordinator, but not from the servers: it
// works on with what it believes to hold, until it hears that its lease has
// ended, and comes back.
func (w *World) cutOff() {
	t := w.pick()
	if t == nil || t.cut {
		return
	}
	w.Faults.Stops++
	t.cut = true
	w.after(w.upTo(detection), func() { w.leave(t, "lease ended") })
	w.after(detection+w.upTo(2*time.Second), func() {
		if t.alive {
			t.rejoin()
		}
	})
}

func (w *World) leave(t *trainerNode, reason string) {
	w.machine.Leave(w.clock(), t.name, reason)
	w.route()
}
