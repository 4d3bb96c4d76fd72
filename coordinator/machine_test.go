package coordinator

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

var phases = []Phase{Profiling, Preparing, Training, Evaluating, Saving}

// at is a job over two servers and two trainers in the given phase, all workers
// placed.
func at(t testing.TB, p Phase) *fixture {
	t.Helper()
	f := start(t, parse(t), 2, 2)
	f.to(p)
	return f
}

func (f *fixture) to(p Phase) {
	f.t.Helper()
	if p == Evaluating || p == Saving {
		f.run(Training)
		f.settle()
		f.finish()
	}
	f.run(p)
	if p == Training {
		f.settle()
	}
}

func TestUndisturbed(t *testing.T) {
	f := at(t, Training)
	if a, b := f.hosts("t1"), f.hosts("t2"); len(a) != 2 || len(b) != 2 {
		t.Errorf("workers %v and %v, want two each", a, b)
	}
	f.done()
	if f.Result().SHA256 != "abc" || f.restarts != 0 || f.ModelAt() != string(f.servers[0])+":1" {
		t.Errorf("result %+v, %d restarts, model at %q", f.Result(), f.restarts, f.ModelAt())
	}
	for _, n := range f.rules {
		if len(n.inbox) != 0 {
			t.Errorf("orders left: %+v", n.inbox)
		}
	}
	if end := f.events[len(f.events)-1]; end.Kind != "end" || end.Message != "done" {
		t.Errorf("the last event is %+v", end)
	}
}

// TestTrainerDies in each phase, with its orders unanswered; what it still sends
// is from no member; the other one does the work.
func TestTrainerDies(t *testing.T) {
	for _, p := range phases {
		for _, victim := range []string{"t1", "t2"} {
			t.Run(fmt.Sprintf("%s/%s", p, victim), func(t *testing.T) {
				f := at(t, p)
				terms := f.rules[param.NodeID(victim)].terms
				f.leave(victim)
				for w, term := range terms { // too late
					f.WorkerEnded(f.now, param.NodeID(victim), WorkerEnded{Worker: w, Term: term, Round: f.Plan().Rounds})
				}
				f.Prepared(f.now, param.NodeID(victim), errFlaky)
				f.Profiled(f.now, param.NodeID(victim), Profiled{Err: errFlaky})
				f.Evaluated(f.now, param.NodeID(victim), Evaluated{Unit: plan.Unit{Set: plan.SetTrain, Term: 1}, Err: errFlaky})
				if p == Training {
					f.settle()
					other := map[string]string{"t1": "t2", "t2": "t1"}[victim]
					if got := f.hosts(other); len(got) != 4 {
						t.Errorf("%s hosts %v, want all four", other, got)
					}
					if f.restarts != 1 || !slices.Contains(f.kinds(), "failure") {
						t.Errorf("%d restarts, events %v", f.restarts, f.kinds())
					}
				}
				f.done()
			})
		}
	}
}

// TestLastTrainerDies in each phase that needs one: nothing hangs. When another
// comes the job goes on; when none does it fails in time and says what it waited
// for.
func TestLastTrainerDies(t *testing.T) {
	for _, p := range phases[:4] {
		for _, comes := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", p, comes), func(t *testing.T) {
				f := at(t, p)
				f.leave("t1")
				f.leave("t2")
				f.settle()
				f.pass(25 * time.Second)
				if s := f.Status(f.now); s.Owner != "cluster" || !strings.Contains(s.Why, "trainer") {
					t.Errorf("waits for %q: %q", s.Owner, s.Why)
				}
				if comes {
					f.join("t3", true, false)
					f.done()
					return
				}
				f.pass(5*time.Minute + time.Second)
				f.failed("trainer")
			})
		}
	}
}

// TestTrainersComeAndGo does not count what went before another one came.
func TestTrainersComeAndGo(t *testing.T) {
	f := at(t, Training)
	f.leave("t1")
	f.leave("t2")
	for i := range 4 {
		f.pass(3 * time.Minute)
		f.join(fmt.Sprintf("t%d", i+3), true, false)
		f.settle()
		f.pass(time.Second)
		if i < 3 {
			f.leave(fmt.Sprintf("t%d", i+3))
		}
	}
	f.done()
}

// TestSlowToOpen: a trainer that opens the data for longer than the limit is one.
func TestSlowToOpen(t *testing.T) {
	f := at(t, Training)
	f.leave("t1")
	f.leave("t2")
	f.join("t3", true, false)
	f.pass(time.Hour)
	f.done()
}

// TestServerDies in each phase: the job goes on with the other server, from the
// start when there is no checkpoint.
func TestServerDies(t *testing.T) {
	for _, p := range phases {
		t.Run(string(p), func(t *testing.T) {
			f := at(t, p)
			f.leave("s2")
			if f.run(Training); p != Profiling && p != Preparing && f.Status(f.now).Restarts != 1 {
				t.Errorf("%d restarts", f.Status(f.now).Restarts)
			}
			f.settle()
			f.finish()
			f.done()
		})
	}
}

// TestAllServersDieWhileProfiling: the answer comes when there is nobody to hold
// the ranges.
func TestAllServersDieWhileProfiling(t *testing.T) {
	for _, comes := range []bool{true, false} {
		t.Run(fmt.Sprint(comes), func(t *testing.T) {
			f := at(t, Profiling)
			f.leave("s1")
			f.leave("s2")
			for f.one("t1") || f.one("t2") {
			}
			f.pass(10 * time.Second)
			if s := f.Status(f.now); s.Phase != Waiting || !strings.Contains(s.Why, "role ps") {
				t.Errorf("phase %s, waits for %q: %q", s.Phase, s.Owner, s.Why)
			}
			if comes {
				f.join("s3", false, true)
				f.done()
				return
			}
			f.pass(31 * time.Second)
			f.failed("gave up", "role ps")
		})
	}
}

// TestSpareServerDies: one without ranges is nobody's loss.
func TestSpareServerDies(t *testing.T) {
	f := start(t, parse(t, "run.ranges=1"), 3, 1)
	f.to(Training)
	for _, s := range []string{"s1", "s2", "s3"} {
		if param.NodeID(s) != f.servers[0] {
			f.leave(s)
		}
	}
	f.done()
}

func TestNobodyComes(t *testing.T) {
	f := newFixture(t, parse(t), manifest(200, 1, 2))
	f.join("s1", false, true)
	f.pass(31 * time.Second)
	f.failed("gave up", "role trainer")
}

// TestStop in each phase: every node is told, late answers change nothing.
func TestStop(t *testing.T) {
	for _, p := range append([]Phase{Waiting}, phases...) {
		t.Run(string(p), func(t *testing.T) {
			f := newFixture(t, parse(t), manifest(200, 1, 2))
			f.join("s1", false, true)
			if p != Waiting {
				f.join("t1", true, false)
				f.to(p)
			}
			f.Stop(f.now, "enough")
			f.route()
			over, err := f.Ended()
			if !over || f.Phase() != Stopped || !strings.Contains(err.Error(), "enough") {
				t.Errorf("phase %s, error %v", f.Phase(), err)
			}
			for name, n := range f.rules {
				if last := n.inbox[len(n.inbox)-1]; last.End == nil {
					t.Errorf("node %s was not told: %+v", name, last)
				}
			}
			f.settle()
			f.join("t9", true, true)
			f.leave("s1")
			f.pass(time.Hour)
			if f.Phase() != Stopped || len(f.rules["t9"].inbox) > 0 {
				t.Errorf("then phase %s, orders %+v", f.Phase(), f.rules["t9"].inbox)
			}
			f.Stop(f.now, "again")
			if _, again := f.Ended(); again != err {
				t.Errorf("stopped again: %v", again)
			}
		})
	}
}

// TestJoins in each phase: a trainer that joins takes over workers at a round
// boundary, and each worker is where the coordinator says, once.
func TestJoins(t *testing.T) {
	for _, p := range phases {
		t.Run(string(p), func(t *testing.T) {
			f := start(t, parse(t), 1, 1)
			f.to(p)
			f.join("t2", true, false)
			if p == Training {
				f.one("t2") // Prepare
				released := f.rules["t1"].inbox
				if len(released) != 2 || len(f.rules["s1"].inbox) != 0 {
					t.Fatalf("orders %+v; no server is fenced before the boundary: %+v", released, f.rules["s1"].inbox)
				}
				f.settle()
				if a, b := f.hosts("t1"), f.hosts("t2"); len(a) != 2 || len(b) != 2 {
					t.Errorf("workers %v and %v", a, b)
				}
				if f.restarts != 0 {
					t.Errorf("%d restarts", f.restarts)
				}
			}
			f.done()
		})
	}
}

// TestJoinerCannotRead gets no workers; before training it ends the job.
func TestJoinerCannotRead(t *testing.T) {
	unreadable := param.Errorf(param.Invalid, "no such file")
	f := at(t, Training)
	f.join("t3", true, false)
	f.Prepared(f.now, "t3", unreadable)
	f.route()
	f.leave("t1")
	f.settle()
	if got := f.hosts("t3"); len(got) > 0 || len(f.hosts("t2")) != 4 {
		t.Errorf("it hosts %v", got)
	}
	f.done()
	f = at(t, Preparing)
	for f.one("s1") || f.one("s2") {
	}
	f.Prepared(f.now, "t2", unreadable)
	f.failed("t2", "no such file")
	if !f.FaultOfInput() {
		t.Error("it is a fault of the input")
	}
}

// TestMoves plays deaths while a worker is on its way from t1 to t2.
func TestMoves(t *testing.T) {
	for _, c := range []struct {
		name    string
		play    func(f *fixture)
		lonely  string // where all are in the end
		restart int
	}{
		{"the old trainer dies before the boundary", func(f *fixture) { f.leave("t1") }, "t2", 1},
		{"the new trainer dies before the boundary", func(f *fixture) { f.leave("t2") }, "t1", 0},
		{"the new trainer dies while the servers are fenced", func(f *fixture) { f.releases(); f.leave("t2") }, "t1", 0},
		{"the old trainer dies while the servers are fenced", func(f *fixture) { f.releases(); f.leave("t1") }, "t2", 1},
		{"the old trainer is too slow", func(f *fixture) { f.rules["t1"].inbox = nil; f.pass(12 * time.Second) }, "", 2},
		{"both die", func(f *fixture) { f.leave("t2"); f.leave("t1"); f.join("t3", true, false) }, "t3", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, parse(t), 2, 1)
			f.to(Training)
			f.join("t2", true, false)
			f.one("t2")
			c.play(f)
			f.settle()
			if f.restarts != c.restart {
				t.Errorf("%d restarts, want %d", f.restarts, c.restart)
			}
			if c.lonely != "" && len(f.hosts(c.lonely)) != 4 {
				t.Errorf("%s hosts %v", c.lonely, f.hosts(c.lonely))
			}
			for _, w := range f.workers {
				if w.standing != assigned || w.target != "" || f.rules[w.node].terms[w.id] != w.term {
					t.Errorf("worker %+v", w)
				}
			}
			f.done()
		})
	}
}

// releases lets t1 release what it was asked for, and nobody else act.
func (f *fixture) releases() {
	for f.one("t1") {
	}
}

// TestFenceFirst: nobody hears of a worker before every server has raised its
// term, and it begins with the earliest round that some range needs.
func TestFenceFirst(t *testing.T) {
	f := at(t, Training)
	victim := f.workers[0].node
	term := f.workers[0].term
	f.leave(string(victim))
	survivor := f.workers[0].target
	fence := func(server param.NodeID, term param.Term, next param.Round) {
		f.Fenced(f.now, server, []Fence{{Worker: 0, Term: term, Next: next}}, nil)
		f.route()
	}
	fence("s1", term, 3)   // of the term before
	fence("s1", term+1, 3) // counts
	fence("s1", term+1, 1) // again
	fence("t9", term+1, 1) // who is that?
	fence("s2", term+2, 1) // of a term to come
	if n := f.rules[survivor]; len(n.inbox) > 0 {
		t.Fatalf("assigned before all servers know: %+v", n.inbox)
	}
	fence("s2", term+1, 2)
	inbox := f.rules[survivor].inbox
	want := Assignment{Worker: 0, Term: term + 1, Round: 2, Until: f.target()}
	if len(inbox) != 1 || len(inbox[0].Assign) != 1 || inbox[0].Assign[0] != want {
		t.Fatalf("orders %+v, want %+v", inbox, want)
	}
	f.done()
}

// TestLateEnd: what a trainer tells of an assignment that is over changes nothing.
func TestLateEnd(t *testing.T) {
	f := at(t, Training)
	w := f.workers[0]
	for _, e := range []WorkerEnded{{Released: true}, {Err: param.Errorf(param.Invalid, "late")}, {Round: f.Plan().Rounds}} {
		e.Term = w.term - 1
		f.WorkerEnded(f.now, w.node, e)
	}
	if w.standing != assigned {
		t.Errorf("worker %+v", w)
	}
	f.done()
}

// TestFenceFails: the ranges are made anew, and not for ever.
func TestFenceFails(t *testing.T) {
	f := at(t, Training)
	for range testLimits.Tries {
		f.run(Training)
		f.leave("t1")
		f.Fenced(f.now, "s1", nil, param.Errorf(param.NotOwner, "no ranges of the job"))
		f.join("t1", true, false)
	}
	f.failed("s1", "no ranges")
}

// TestWorkerFails is tried again, elsewhere; three times in a row for one round
// end the job, and so does an error that would come back at once.
func TestWorkerFails(t *testing.T) {
	fail := func(f *fixture, round param.Round, err error) {
		f.settle()
		f.ended(f.workers[1].node, 1, WorkerEnded{Round: round, Err: err})
	}
	t.Run("once", func(t *testing.T) {
		f := at(t, Training)
		node := f.workers[1].node
		fail(f, 1, errFlaky)
		f.settle()
		if f.workers[1].node == node {
			t.Errorf("it is on %s again", node)
		}
		f.pass(time.Minute)
		f.settle()
		f.done()
	})
	t.Run("in three rounds", func(t *testing.T) {
		f := at(t, Training)
		for r := range param.Round(3) {
			fail(f, r, errFlaky)
		}
		f.done()
	})
	t.Run("three times", func(t *testing.T) {
		f := at(t, Training)
		for range 3 {
			fail(f, 1, errFlaky)
		}
		f.failed("worker 1", "round 1", "3 times", errFlaky.Error())
	})
	for _, kind := range []param.Kind{param.Invalid, param.Corrupt, param.Diverged} {
		t.Run(kind.String(), func(t *testing.T) {
			f := at(t, Training)
			fail(f, 1, param.Errorf(kind, "a bad row"))
			f.failed("worker 1", "a bad row")
			if f.FaultOfInput() {
				t.Error("training had begun")
			}
		})
	}
}

// TestUnitFails is the same for evaluations.
func TestUnitFails(t *testing.T) {
	fail := func(f *fixture, err error) {
		for u := f.units[0]; ; {
			id := u.node
			f.Evaluated(f.now, id, Evaluated{Unit: u.Unit, Err: err})
			f.route()
			return
		}
	}
	f := at(t, Evaluating)
	fail(f, errFlaky)
	fail(f, errFlaky)
	f.done()
	f = at(t, Evaluating)
	for range 3 {
		fail(f, errFlaky)
	}
	f.failed("evaluate", errFlaky.Error())
	f = at(t, Evaluating)
	fail(f, param.Errorf(param.Corrupt, "the file changed"))
	f.failed("the file changed")
}

// TestUnitOnce: a unit counts once, for who holds it under its term.
func TestUnitOnce(t *testing.T) {
	f := at(t, Evaluating)
	u := f.units[0]
	other := param.NodeID("t1")
	if u.node == other {
		other = "t2"
	}
	sum := metric.NewSummary(1)
	late := u.Unit
	late.Term--
	for _, e := range []struct {
		node param.NodeID
		unit plan.Unit
	}{{other, u.Unit}, {u.node, late}, {u.node, plan.Unit{Set: plan.SetTrain, Number: 99, Term: 1}}, {u.node, plan.Unit{Set: "x", Term: 1}}} {
		f.Evaluated(f.now, e.node, Evaluated{Unit: e.unit, Summary: sum})
		if u.summary != nil {
			t.Fatalf("took %+v of %s", e.unit, e.node)
		}
	}
	f.Evaluated(f.now, u.node, Evaluated{Unit: u.Unit, Summary: sum})
	f.Evaluated(f.now, u.node, Evaluated{Unit: u.Unit, Summary: metric.NewSummary(2)})
	if u.summary != sum {
		t.Error("a second summary replaced the first")
	}
	f.done()
}

// TestStall: a worker whose node lives and that holds the others up goes
// elsewhere; one that waits for a version does not; patience doubles.
func TestStall(t *testing.T) {
	f := at(t, Training)
	f.tell(0)
	f.pass(19 * time.Second)
	if f.restarts != 0 {
		t.Fatal("moved too early")
	}
	f.tell(0) // they wait for worker 0 now
	f.pass(3 * time.Second)
	if f.restarts != 1 || f.workers[0].standing != fencing {
		t.Fatalf("%d restarts, worker %+v", f.restarts, f.workers[0])
	}
	node := f.workers[0].avoid
	f.settle()
	if f.workers[0].node == node {
		t.Error("it is where it was")
	}
	f.tell(0)
	f.pass(35 * time.Second)
	if f.restarts != 1 {
		t.Errorf("%d restarts: a batch may take long", f.restarts)
	}
	f.pass(10 * time.Second)
	if f.restarts != 2 {
		t.Errorf("%d restarts", f.restarts)
	}
	f.settle()
	f.done()
}

// tell sends heartbeats of all workers: all wait but the one.
func (f *fixture) tell(slow param.Worker) {
	for _, w := range f.workers {
		f.Progress(f.now, w.node, []WorkerStatus{{Worker: w.id, Term: w.term, Round: 1, Waiting: w.id != slow}}, nil)
	}
	f.route()
}

// TestStallAlone: where there is no other trainer, there is nobody better.
func TestStallAlone(t *testing.T) {
	f := start(t, parse(t), 1, 1)
	f.to(Training)
	f.pass(time.Hour)
	if f.restarts != 0 {
		t.Errorf("%d restarts", f.restarts)
	}
	f.done()
}

// TestAvoidingRests: a worker that shuns a node makes no moves without end.
func TestAvoidingRests(t *testing.T) {
	for w := range param.Worker(6) {
		f := start(t, parse(t, "run.workers=6"), 1, 3)
		f.to(Training)
		f.ended(f.workers[w].node, w, WorkerEnded{Round: 1, Err: errFlaky})
		f.settle()
		before := len(f.events)
		f.pass(15 * time.Second) // they are not stalled yet
		f.settle()
		if len(f.events) != before {
			t.Errorf("worker %d: then %v", w, f.kinds()[before:])
		}
		f.done()
	}
}

func TestRowsMustMatch(t *testing.T) {
	f := at(t, Evaluating)
	f.Progress(f.now, f.servers[0], nil, []RangeStatus{{Range: 0, Version: param.Version(f.Plan().Rounds), Rows: 1}})
	for f.one("t1") || f.one("t2") {
	}
	for range 2 {
		f.pass(time.Second)
	}
	if f.Phase() == Done {
		t.Fatal("done")
	}
	other := f.servers[1]
	f.Progress(f.now, other, nil, []RangeStatus{{Range: 1, Version: param.Version(f.Plan().Rounds), Rows: 1}})
	f.failed("counted 1 rows")
}

func TestDivergedAtTheEnd(t *testing.T) {
	f := at(t, Evaluating)
	for _, u := range f.units {
		sum := metric.NewSummary(1)
		sum.Loss = math.Inf(1)
		f.Evaluated(f.now, u.node, Evaluated{Unit: u.Unit, Summary: sum})
	}
	f.settle()
	f.failed("diverged")
}

func TestSaveFails(t *testing.T) {
	f := at(t, Saving)
	f.Saved(f.now, "t1", Saved{}) // who asked you?
	f.Saved(f.now, f.servers[0], Saved{Err: errFlaky})
	f.failed("write the model", errFlaky.Error())
}

// TestMalformed: what no node sends changes nothing, and panics nobody.
func TestMalformed(t *testing.T) {
	for _, p := range append([]Phase{Waiting, Done}, phases...) {
		f := newFixture(t, parse(t), manifest(200, 1, 2))
		f.join("s1", false, true)
		if p != Waiting {
			f.join("t1", true, false)
			if p == Done {
				f.done()
			} else {
				f.to(p)
			}
		}
		for _, node := range []param.NodeID{"s1", "t1", "", "nobody"} {
			f.Progress(f.now, node, []WorkerStatus{{Worker: math.MaxUint32}}, []RangeStatus{{Range: math.MaxUint32}, {Range: 99}})
			f.Fenced(f.now, node, []Fence{{Worker: math.MaxUint32, Term: 1}, {Worker: 3, Term: 99}}, nil)
			f.WorkerEnded(f.now, node, WorkerEnded{Worker: math.MaxUint32})
			f.WorkerEnded(f.now, node, WorkerEnded{Worker: 1, Term: 99})
			f.Evaluated(f.now, node, Evaluated{Unit: plan.Unit{Set: "x", Number: -1}})
			f.Refused(f.now, node, math.MaxUint32, 1, "")
			f.Join(f.now, Member{Node: "s1", Trainer: true})
			f.Leave(f.now, "nobody", "")
			f.Tick(f.now)
			f.Status(f.now)
			f.Holdings(node)
		}
		if f.Phase() != p {
			t.Errorf("phase %s became %s", p, f.Phase())
		}
		f.route()
		if p != Waiting && p != Done {
			f.done()
		}
		if p == Done { // the time of a job that is over stands still
			then := f.Status(f.now).Elapsed
			f.now = f.now.Add(time.Hour)
			f.Tick(f.now)
			if now := f.Status(f.now).Elapsed; now != then {
				t.Errorf("after an hour %v have elapsed, not %v", now, then)
			}
		}
	}
}

// TestWaitsSinceTheVersion: a worker that is always the last one is waited for since
// the round began, not since the first.
func TestWaitsSinceTheVersion(t *testing.T) {
	f := start(t, parse(t), 1, 1)
	f.run(Training)
	f.settle()
	last := param.Worker(0)
	tell := func(version param.Version) {
		f.now = f.now.Add(700 * time.Millisecond)
		var ranges []RangeStatus
		for _, r := range f.rangesOf("s1") {
			ranges = append(ranges, RangeStatus{Range: r, Era: f.era, Version: version, Missing: []param.Worker{last}})
		}
		f.Progress(f.now, "s1", nil, ranges)
	}
	for version := range param.Version(5) {
		tell(version + 1)
		if s := f.Status(f.now); s.Since != 0 || !strings.Contains(s.Why, "worker 0") {
			t.Fatalf("waits %v for %q", s.Since, s.Why)
		}
	}
	tell(5)
	if s := f.Status(f.now); s.Since != 700*time.Millisecond {
		t.Errorf("waits %v for %q in the same round", s.Since, s.Why)
	}
}
