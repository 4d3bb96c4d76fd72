package coordinator

import (
	"time"

	"parley/internal/param"
)

// Timing is where the time of a job's workers goes.
type Timing struct {
	PerEpoch param.Round    // rounds
	Workers  []WorkerTiming // in order
}

// WorkerTiming is what a worker's time went into, wherever it was.
type WorkerTiming struct {
	Worker param.Worker
	Node   param.NodeID // where it is, or was last
	Spent  param.Spent
}

// Timing returns where the time of the workers has gone, as last heard: to the end
// of a job that is over, and from the coordinator's restart on if there was one.
func (m *Machine) Timing() Timing {
	if m.timed != nil {
		return *m.timed
	}
	t := Timing{}
	if m.plan != nil {
		t.PerEpoch = m.plan.PerEpoch
	}
	for _, w := range m.workers {
		t.Workers = append(t.Workers, WorkerTiming{w.id, w.host, w.total()})
	}
	return t
}

// total is what a worker has spent under all of its assignments.
func (w *worker) total() param.Spent {
	s := w.spent
	s.Add(w.status.Spent)
	return s
}

// Straggler is a worker that the others wait for.
type Straggler struct {
	WorkerTiming
	Waited time.Duration // by each of the others for it, in a round, on average
	Share  float64       // of a round
	Excess string        // what it spends more on than the others do: read, compute, push or pull
}

// stragglerShare is the share of a round from which on a wait is worth a name.
const stragglerShare = 0.05

// Straggler returns the worker that the others wait for most: the one that itself
// waits least. It is nil if they lose less than 5 % of a round by it. When
// a round is as slow as now this worker, now that, there is none.
func (t Timing) Straggler() *Straggler {
	var x *WorkerTiming
	for i := range t.Workers {
		if w := &t.Workers[i]; w.Spent.Rounds > 0 && (x == nil || w.wait() < x.wait()) {
			x = w
		}
	}
	var others param.Spent
	for i := range t.Workers {
		if w := &t.Workers[i]; w != x {
			others.Add(w.Spent)
		}
	}
	if x == nil || others.Rounds == 0 {
		return nil
	}
	round := func(d time.Duration) float64 { return float64(d) / float64(others.Rounds) }
	s := &Straggler{WorkerTiming: *x, Waited: time.Duration(round(others.Wait) - x.wait())}
	s.Share = float64(s.Waited) / max(1, round(others.Total()))
	if s.Share < stragglerShare {
		return nil
	}
	most := 0.0
	for _, c := range []struct {
		name       string
		of, others time.Duration
	}{{"read", x.Spent.Read, others.Read}, {"compute", x.Spent.Compute, others.Compute}, {"push", x.Spent.Push, others.Push}, {"pull", x.Spent.Pull, others.Pull}} {
		if more := float64(c.of)/float64(x.Spent.Rounds) - round(c.others); more > most {
			s.Excess, most = c.name, more
		}
	}
	return s
}

// wait is how long a worker waits in a round, in nanoseconds.
func (w *WorkerTiming) wait() float64 { return float64(w.Spent.Wait) / float64(w.Spent.Rounds) }
