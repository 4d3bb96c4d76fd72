package coordinator

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

func TestStraggler(t *testing.T) {
	ms := time.Millisecond
	spent := func(rounds uint64, read, compute, wait time.Duration) param.Spent {
		n := time.Duration(rounds)
		return param.Spent{Rounds: rounds, Read: n * read, Compute: n * compute, Push: n * ms, Wait: n * wait, Pull: n * ms}
	}
	for name, c := range map[string]struct {
		workers []param.Spent
		want    *Straggler // without Worker and Spent
		worker  param.Worker
	}{
		"nobody":              {nil, nil, 0},
		"alone":               {[]param.Spent{spent(10, ms, 9*ms, 0)}, nil, 0},
		"alike":               {[]param.Spent{spent(10, ms, 9*ms, 2*ms), spent(10, ms, 9*ms, 2*ms)}, nil, 0},
		"a little":            {[]param.Spent{spent(10, ms, 97*ms, 2*ms), spent(10, ms, 95*ms, 4*ms)}, nil, 0},
		"computes long":       {[]param.Spent{spent(10, ms, 4*ms, 8*ms), spent(20, ms, 12*ms, 0), spent(10, ms, 6*ms, 6*ms)}, &Straggler{Waited: 7 * ms, Share: 7.0 / 15, Excess: "compute"}, 1},
		"reads long":          {[]param.Spent{spent(10, 9*ms, ms, 0), spent(10, ms, ms, 8*ms)}, &Straggler{Waited: 8 * ms, Share: 8.0 / 12, Excess: "read"}, 0},
		"one has not begun":   {[]param.Spent{{}, spent(10, ms, 4*ms, 8*ms), spent(10, ms, 12*ms, 0)}, &Straggler{Waited: 8 * ms, Share: 8.0 / 15, Excess: "compute"}, 2},
		"only one has worked": {[]param.Spent{{}, spent(10, ms, 4*ms, 8*ms)}, nil, 0},
	} {
		var x Timing
		for i, s := range c.workers {
			x.Workers = append(x.Workers, WorkerTiming{param.Worker(i), "n", s})
		}
		if c.want != nil {
			c.want.WorkerTiming = x.Workers[c.worker]
		}
		if d := cmp.Diff(c.want, x.Straggler()); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}

// TestTiming: what a worker spends counts over its assignments and over a rewind, once;
// news of it alone are no progress; and it is there after the job, and after a restart.
func TestTiming(t *testing.T) {
	f := start(t, parse(t), 2, 2)
	f.run(Training)
	f.settle()
	at := func(rounds uint64) param.Spent {
		return param.Spent{Rounds: rounds, Compute: time.Duration(rounds) * time.Second}
	}
	told := func(spent param.Spent) {
		w := f.workers[1]
		f.Progress(f.now, w.node, []WorkerStatus{{Worker: 1, Term: w.term, Round: w.status.Round, Spent: spent}}, nil)
	}
	moved := f.workers[1].moved
	f.now = f.now.Add(time.Second)
	told(at(2))
	told(at(3)) // the last counts
	if f.workers[1].moved != moved {
		t.Error("time that goes by is taken for progress")
	}
	f.ended(f.workers[1].node, 1, WorkerEnded{Round: 4, Spent: at(4), Err: param.Errorf(param.Retryable, "a disk")})
	f.settle()
	told(at(1))
	f.leave("s1")
	f.settle()
	told(at(2))
	if f.Phase() != Training || f.workers[1].standing != assigned {
		t.Fatalf("phase %s, worker %+v", f.Phase(), f.workers[1])
	}
	node := f.workers[1].node
	check := func(m *Machine) {
		t.Helper()
		if got := m.Timing(); got.PerEpoch == 0 || len(got.Workers) != 4 || got.Workers[1] != (WorkerTiming{1, node, at(7)}) {
			t.Errorf("got %+v", got)
		}
	}
	check(f.Machine)
	if f.State().Timing != nil {
		t.Error("the state of a job that runs would be written all the time")
	}
	f.Stop(f.now, "enough")
	f.Stop(f.now, "enough")
	f.Forget()
	check(f.Machine)
	text, err := json.Marshal(f.State())
	if err != nil {
		t.Fatal(err)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	check(Ended("j", f.job, f.limits, s))
}
