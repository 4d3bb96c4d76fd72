package coordinator

import (
	"testing"
	"time"

	"parley/internal/param"
)

// restarted is the same job under a coordinator that was restarted: nodes that are
// asked for by register come back with what they had.
func (f *fixture) restarted(register func(param.NodeID) bool) {
	f.t.Helper()
	state := f.State()
	old := f.Machine
	f.Machine = Recover("job", f.job, testLimits, f.now, state, f.train, f.test)
	for _, id := range f.names {
		n := f.rules[id]
		if n == nil || !register(id) {
			continue
		}
		n.inbox = nil
		h := Held{Any: true, Era: old.era, Ranges: old.rangesOf(id), Prepared: old.member(id).trainer == prepared}
		for w, term := range n.terms {
			h.Workers = append(h.Workers, WorkerStatus{Worker: w, Term: term})
		}
		x := old.member(id).Member
		f.Join(f.now, x)
		f.Holds(f.now, id, h)
		f.route()
	}
}

// TestTakeover: the nodes go on as they were, and workers that are on no node any
// more are placed under terms above all of before.
func TestTakeover(t *testing.T) {
	f := running(t)
	f.reach(5)
	before := f.workers[0].term
	f.restarted(func(id param.NodeID) bool { return id != "t2" })
	f.pass(testLimits.Takeover + time.Second)
	f.settle()
	if f.TakingOver() || f.Phase() != Training || f.era != 0 {
		t.Fatalf("phase %s, era %d", f.Phase(), f.era)
	}
	here, moved := 0, 0
	for _, w := range f.workers {
		switch {
		case w.standing != assigned || w.node != "t1":
			t.Errorf("worker %+v", w)
		case w.term == before:
			here++
		case w.term > 1<<termBits:
			moved++
		}
	}
	if here != 2 || moved != 2 {
		t.Errorf("%d workers have stayed and %d have moved", here, moved)
	}
	f.finish()
	f.done()
}

// TestTakeoverWithoutServer: when a server does not come back the ranges are
// restored.
func TestTakeoverWithoutServer(t *testing.T) {
	f := running(t)
	f.restarted(func(id param.NodeID) bool { return id != "s2" })
	if s := f.Status(f.now); !f.TakingOver() || s.Owner != "s2" {
		t.Errorf("status %+v", s)
	}
	f.pass(testLimits.Takeover + time.Second)
	f.run(Training)
	f.settle()
	if f.era != 1 || len(f.rangesOf("s1")) != 2 {
		t.Errorf("era %d, s1 has %v", f.era, f.rangesOf("s1"))
	}
	f.finish()
	f.done()
}

// TestTakeoverInEachPhase: before training the job starts over.
func TestTakeoverInEachPhase(t *testing.T) {
	for _, p := range phases {
		t.Run(string(p), func(t *testing.T) {
			f := at(t, p)
			f.restarted(func(param.NodeID) bool { return true })
			f.done()
		})
	}
}

// TestClusterRestarted: when nobody has anything of the job it is the user's to
// resume.
func TestClusterRestarted(t *testing.T) {
	f := running(t)
	f.restarted(func(param.NodeID) bool { return false })
	f.join("s9", false, true)
	f.Holds(f.now, "s9", Held{})
	f.pass(testLimits.Takeover + time.Second)
	f.failed("parley resume /none")
}
