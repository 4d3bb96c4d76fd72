package coordinator

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// scale bounds the job's nodes and lets everything settle.
func (f *fixture) scale(servers, trainers int) {
	f.Scale(f.now, servers, trainers)
	f.route()
	f.settle()
}

// spread returns how many ranges and workers each node has, of those that have some.
func (f *fixture) spread() map[param.NodeID]int {
	got := map[param.NodeID]int{}
	for _, n := range f.servers {
		got[n]++
	}
	for _, w := range f.workers {
		got[w.node]++
	}
	return got
}

// TestScale: ranges and workers go to the nodes that are left, and come back, and
// nobody is rewound.
func TestScale(t *testing.T) {
	f := start(t, parse(t, "run.ranges=6"), 3, 2)
	f.run(Training)
	f.settle()
	for _, c := range []struct {
		servers, trainers int
		want              map[param.NodeID]int
	}{
		{0, 0, map[param.NodeID]int{"s1": 2, "s2": 2, "s3": 2, "t1": 2, "t2": 2}},
		{1, 0, map[param.NodeID]int{"s1": 6, "t1": 2, "t2": 2}},
		{0, 1, map[param.NodeID]int{"s1": 6, "t1": 4}},
		{2, 0, map[param.NodeID]int{"s1": 3, "s2": 3, "t1": 4}},
		{99, 2, map[param.NodeID]int{"s1": 2, "s2": 2, "s3": 2, "t1": 2, "t2": 2}},
	} {
		f.scale(c.servers, c.trainers)
		if diff := cmp.Diff(c.want, f.spread()); diff != "" {
			t.Errorf("at most %d and %d: -want +got\n%s", c.servers, c.trainers, diff)
		}
		if diff := cmp.Diff(f.addresses(), f.rules["t1"].routes); f.rules["t1"].routes != nil && diff != "" {
			t.Errorf("routes: %s", diff)
		}
	}
	if f.era != 0 || f.Status(f.now).Restarts != 0 || f.Phase() != Training {
		t.Errorf("era %d, %d restarts, phase %s", f.era, f.Status(f.now).Restarts, f.Phase())
	}
	if got := f.message("scale"); got != "the job uses at most 99 servers and at most 2 trainers" {
		t.Errorf("event %q", got)
	}
	f.join("s4", false, true)
	f.join("t3", true, false)
	f.settle()
	if got := f.spread(); got["s4"] != 1 || got["t3"] != 0 {
		t.Errorf("with those that came: %v", got)
	}
	f.finish()
	f.done()
}

// TestScaleKeepsTheFullest: those that hold the most stay, so that little moves.
func TestScaleKeepsTheFullest(t *testing.T) {
	f := start(t, parse(t, "run.ranges=3", "run.workers=3"), 2, 2)
	f.run(Training)
	f.settle()
	most := map[param.NodeID]bool{}
	for node, n := range f.spread() {
		if n == 2 {
			most[node] = true
		}
	}
	f.scale(1, 1)
	for node, n := range f.spread() {
		if !most[node] || n != 3 {
			t.Errorf("%d on %s, and of %v were kept %v", n, node, most, f.spread())
		}
	}
	moved := 0
	for _, e := range f.events {
		if strings.Contains(e.Message, "moved from node") {
			moved++
		}
	}
	if moved != 1 {
		t.Errorf("%d moves", moved)
	}
}

// TestScaleBeforeTraining: a job that has not begun places what it has on so many.
func TestScaleBeforeTraining(t *testing.T) {
	f := newFixture(t, parse(t), manifest(200, 1, 2))
	f.Scale(f.now, 1, 1)
	for _, name := range []string{"s2", "s1"} {
		f.join(name, false, true)
	}
	for _, name := range []string{"t2", "t1"} {
		f.join(name, true, false)
	}
	f.run(Training)
	f.settle()
	if got := f.spread(); got["s1"] != 2 || got["t1"] != 4 {
		t.Errorf("spread %v", got)
	}
	f.finish()
	f.done()
}

// TestScaledServerLost: another one takes its place.
func TestScaledServerLost(t *testing.T) {
	f := running(t)
	f.scale(1, 1)
	f.leave("s1")
	f.leave("t1")
	f.pass(time.Second)
	f.settle()
	if got := f.spread(); got["s2"] != 2 || got["t2"] != 4 {
		t.Errorf("spread %v", got)
	}
	f.finish()
	f.done()
}

// TestScaleOutlivesTheCoordinator: the bounds are remembered.
func TestScaleOutlivesTheCoordinator(t *testing.T) {
	f := running(t)
	f.scale(1, 1)
	f.restarted(func(param.NodeID) bool { return true })
	f.pass(testLimits.Takeover + time.Second)
	f.settle()
	if got := f.spread(); f.TakingOver() || got["s1"] != 2 || got["t1"] != 4 {
		t.Errorf("spread %v", got)
	}
	f.finish()
	f.done()
}

// TestScaleOfWhatIsOver, and to what it is already, changes nothing.
func TestScaleOfWhatIsOver(t *testing.T) {
	f := running(t)
	f.scale(9, 9)
	f.scale(9, 0)
	if n := len(slices.DeleteFunc(f.kinds(), func(k string) bool { return k != "scale" })); n != 1 {
		t.Errorf("%d events", n)
	}
	f.finish()
	f.done()
	f.scale(1, 1)
	if f.bounds != (Bounds{9, 9}) {
		t.Errorf("bounds %+v", f.bounds)
	}
}

// TestNoModelWhileARangeMoves: who writes the model is told where the ranges are, so a
// range that moves when all rows are evaluated has to arrive first.
func TestNoModelWhileARangeMoves(t *testing.T) {
	f := start(t, parse(t), 1, 2)
	f.run(Training)
	f.settle()
	f.finish()
	f.join("s2", false, true)
	for f.one("s2") {
	}
	var from param.NodeID
	var yield *Yield
	for busy := true; busy; {
		busy = false
		for _, id := range f.names {
			n := f.rules[id]
			n.inbox = slices.DeleteFunc(n.inbox, func(o Order) bool {
				if o.Yield != nil {
					from, yield = id, o.Yield
				}
				return o.Yield != nil
			})
			busy = f.one(id) || busy
		}
	}
	if yield == nil || f.Phase() != Evaluating {
		t.Fatalf("phase %s, with the move %v", f.Phase(), yield)
	}
	f.Yielded(f.now, from, yield.Range, nil)
	f.route()
	f.done()
}

// TestBounds: a job file bounds what the job uses, and of the nodes that are there
// the job takes those that have the least of others.
func TestBounds(t *testing.T) {
	f := newFixture(t, parse(t, "run.ranges=6", "run.max_servers=2", "run.max_trainers=1"), manifest(200, 1, 2))
	f.Beside(func(n param.NodeID) Load {
		return map[param.NodeID]Load{"s1": {Ranges: 3}, "s2": {Workers: 9}, "t1": {Workers: 1}}[n]
	})
	for _, s := range []string{"s1", "s2", "s3"} {
		f.join(s, false, true)
	}
	f.join("t1", true, false)
	f.join("t2", true, false)
	f.run(Training)
	f.settle()
	want := map[param.NodeID]int{"s2": 3, "s3": 3, "t2": 4}
	if diff := cmp.Diff(want, f.spread()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	f.others = func(n param.NodeID) Load { return map[param.NodeID]Load{"s2": {Ranges: 9}, "t2": {Workers: 9}}[n] }
	f.pass(5 * time.Second) // it stays where it is
	f.settle()
	if diff := cmp.Diff(want, f.spread()); diff != "" {
		t.Errorf("others have moved: -want +got\n%s", diff)
	}
	if got := f.Load("s3"); got != (Load{Ranges: 3}) {
		t.Errorf("load %+v", got)
	}
	f.Stop(f.now, "enough")
	f.Stop(f.now, "enough")
	if got := f.Load("s3"); got != (Load{}) {
		t.Errorf("load of a job that is over: %+v", got)
	}
}
