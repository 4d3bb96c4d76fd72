package coordinator

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// running is a job of two servers and two trainers in training.
func running(t *testing.T, overrides ...string) *fixture {
	t.Helper()
	f := start(t, parse(t, overrides...), 2, 2)
	f.run(Training)
	f.settle()
	return f
}

// reach tells that all ranges are at a version.
func (f *fixture) reach(v param.Version) {
	for _, id := range f.names {
		var ranges []RangeStatus
		for _, r := range f.rangesOf(id) {
			ranges = append(ranges, RangeStatus{Range: r, Era: f.era, Version: v})
		}
		if f.rules[id] != nil {
			f.Progress(f.now, id, nil, ranges)
		}
	}
	f.route()
}

// snapped answers the snapshots that are asked for.
func (f *fixture) snapped(change func(*Snapped)) {
	f.settle()
	for _, id := range f.names {
		n := f.rules[id]
		if n == nil {
			continue
		}
		for _, c := range n.snapshots {
			s := Snapped{Checkpoint: c, Parts: map[param.RangeID][]byte{}}
			for _, r := range f.rangesOf(id) {
				s.Parts[r] = []byte{byte(r)}
			}
			if change != nil {
				change(&s)
			}
			f.Snapped(f.now, id, s)
			f.route()
		}
		n.snapshots = nil
	}
	f.settle()
}

// message returns the last event of a kind.
func (f *fixture) message(kind string) string {
	for _, e := range slices.Backward(f.events) {
		if e.Kind == kind {
			return e.Message
		}
	}
	return ""
}

// TestCheckpoint: one is due every ten seconds, at a version that no range is
// beyond, and complete when all servers have written their parts.
func TestCheckpoint(t *testing.T) {
	f := running(t)
	f.reach(3)
	f.pass(9 * time.Second)
	if f.snapped(nil); len(f.commits) != 0 {
		t.Fatalf("too early: %+v", f.commits)
	}
	f.pass(2 * time.Second)
	f.snapped(nil)
	want := []Commit{{Checkpoint: Checkpoint{Dir: "000000000003-job", Version: 3}, Parts: [][]byte{{0}, {1}}}}
	if diff := cmp.Diff(want, f.commits); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	f.pass(time.Minute)
	if f.snapped(nil); len(f.commits) != 1 {
		t.Errorf("again at the same version: %+v", f.commits)
	}
	f.reach(5)
	f.pass(time.Minute)
	if f.snapped(nil); len(f.commits) < 2 || f.Newest().Version < 5 {
		t.Errorf("no other one: %+v", f.commits)
	}
}

// TestUnsaved: what a job would lose grows until a checkpoint is complete, also while
// they fail, and is nothing when the job has gone back to one.
func TestUnsaved(t *testing.T) {
	f := running(t)
	unsaved := func(want time.Duration) {
		t.Helper()
		if s := f.Status(f.now); s.Unsaved != want || s.Interval != 10*time.Second {
			t.Errorf("unsaved %v of %v, want %v", s.Unsaved, s.Interval, want)
		}
	}
	f.reach(3)
	f.pass(10 * time.Second)
	f.snapped(func(s *Snapped) { s.Err = errors.New("no space left on device") })
	unsaved(10 * time.Second)
	f.pass(10 * time.Second)
	unsaved(20 * time.Second)
	f.snapped(nil) // which was begun now
	unsaved(0)
	f.pass(4 * time.Second)
	unsaved(4 * time.Second)
	f.pass(6 * time.Second) // the next is due, but no round is new
	unsaved(0)
	f.reach(5)
	f.pass(3 * time.Second)
	f.leave("s2")
	f.settle() // back at the checkpoint
	unsaved(0)
	f.pass(2 * time.Second)
	unsaved(2 * time.Second)
}

// TestCheckpointMissed: ranges that were faster than thought are asked for a later
// version.
func TestCheckpointMissed(t *testing.T) {
	f := running(t)
	f.reach(3)
	f.pass(11 * time.Second)
	f.snapped(func(s *Snapped) { s.Passed = true })
	var next []Checkpoint
	for _, n := range f.rules {
		for _, o := range n.inbox {
			if o.Snapshot != nil {
				next = append(next, o.Snapshot.Checkpoint)
			}
		}
		next = append(next, n.snapshots...)
	}
	if len(next) != 2 || next[0].Version != 4 {
		t.Errorf("then asked for %+v", next)
	}
}

// TestCheckpointFails: the job goes on, says so, and tries again when the next is
// due.
func TestCheckpointFails(t *testing.T) {
	f := running(t)
	f.reach(3)
	f.pass(11 * time.Second)
	f.snapped(func(s *Snapped) { s.Err = errors.New("no space left on device") })
	if m := f.message("failure"); !strings.Contains(m, "no space left on device; the job goes on, there is none yet") {
		t.Errorf("event %q", m)
	}
	f.reach(4)
	f.pass(11 * time.Second)
	if f.snapped(nil); f.Newest() == nil {
		t.Error("it was not tried again")
	}
	f.finish()
	f.done()
}

// TestCheckpointHangs: parts that are never written hold up no later checkpoint.
func TestCheckpointHangs(t *testing.T) {
	f := running(t)
	f.reach(3)
	f.pass(11 * time.Second)
	f.settle()
	f.pass(writeFactor*testLimits.Checkpoint + time.Second)
	if m := f.message("failure"); !strings.Contains(m, "not written within") {
		t.Errorf("event %q", m)
	}
	for _, n := range f.rules {
		n.snapshots = nil
	}
	f.pass(11 * time.Second)
	if f.snapped(nil); f.Newest() == nil {
		t.Error("it was not tried again")
	}
}

// TestRewind: the ranges of a server that dies are restored from the newest
// checkpoint, all workers begin anew under terms above all of before, and what was
// heard of before does not count.
func TestRewind(t *testing.T) {
	f := running(t)
	f.reach(6)
	f.pass(11 * time.Second)
	f.snapped(nil)
	f.reach(9)
	terms := f.workers[0].term
	f.leave("s2")
	var made []Create
	for _, o := range f.rules["s1"].inbox {
		if o.Create != nil {
			made = append(made, *o.Create)
		}
	}
	want := []Create{{Era: 1, Floor: terms + 1, Ranges: []param.RangeID{0, 1}, From: &Checkpoint{Dir: "000000000006-job", Version: 6}}}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
	f.Progress(f.now, "s1", nil, []RangeStatus{{Range: 0, Era: 0, Version: 9}})
	if s := f.Status(f.now); s.Phase != Recovering || s.Version != 6 || s.Owner != "s1" {
		t.Errorf("status %+v", s)
	}
	f.run(Training)
	f.settle()
	if diff := cmp.Diff([]string{"s1:1", "s1:1"}, f.rules["t1"].routes); diff != "" {
		t.Errorf("routes: %s", diff)
	}
	for w := range f.workers {
		if got := f.workers[w]; got.standing != assigned || got.term <= terms+1 {
			t.Errorf("worker %d: %+v", w, got)
		}
	}
	f.reach(10)
	if f.message("recovery") == "" {
		t.Error("no recovery was told")
	}
	f.finish()
	f.done()
}

// TestNoServerLeft: the job waits for one, says so, and gives up in the end.
func TestNoServerLeft(t *testing.T) {
	f := running(t)
	f.leave("s1")
	f.leave("s2")
	f.pass(time.Minute)
	if s := f.Status(f.now); s.Phase != Recovering || !strings.Contains(s.Why, "role ps") {
		t.Errorf("status %+v", s)
	}
	f.join("s3", false, true)
	f.run(Training)
	f.settle()
	f.leave("s3")
	f.pass(6 * time.Minute)
	f.failed("no parameter server")
}

// TestDamagedCheckpoint: the one before it is used, and the start when there is
// none.
func TestDamagedCheckpoint(t *testing.T) {
	f := running(t)
	for v := range param.Version(2) {
		f.reach(3 * (v + 1))
		f.pass(11 * time.Second)
		f.snapped(nil)
	}
	newest := f.Newest().Version
	f.leave("s2")
	f.rules["s1"].inbox = nil
	f.Created(f.now, "s1", f.era, param.Errorf(param.Corrupt, "part-0: block 3"))
	f.route()
	if m := f.message("failure"); !strings.Contains(m, "part-0: block 3") || f.Newest().Version >= newest {
		t.Errorf("event %q, newest %+v", m, f.Newest())
	}
	f.rules["s1"].inbox = nil
	f.Created(f.now, "s1", f.era, param.Errorf(param.Corrupt, "part-0: block 4"))
	f.route()
	if f.Newest() != nil {
		t.Fatalf("newest %+v", f.Newest())
	}
	f.run(Training)
	f.settle()
	f.finish()
	f.done()
}

// TestBlindServer: when a server does not see the checkpoints there are none, and
// the status names it; one that comes later gets no ranges.
func TestBlindServer(t *testing.T) {
	f := newFixture(t, parse(t), manifest(200, 1, 2))
	f.blind = map[param.NodeID]error{"s2": errors.New("not the same folder")}
	f.join("s1", false, true)
	f.join("s2", false, true)
	f.join("t1", true, false)
	f.run(Training)
	if w := f.Status(f.now).Warning; !strings.Contains(w, "s2") || !strings.Contains(w, "not the same folder") {
		t.Errorf("warning %q", w)
	}
	g := running(t)
	g.blind = map[param.NodeID]error{"s3": errors.New("not the same folder")}
	g.join("s3", false, true)
	g.settle()
	g.leave("s2")
	g.run(Training)
	if got := g.rangesOf("s3"); len(got) > 0 {
		t.Errorf("blind s3 has ranges %v", got)
	}
}

// TestResume: the ranges begin with the newest checkpoint of the same plan.
func TestResume(t *testing.T) {
	j := parse(t)
	probe := running(t)
	hash := probe.Plan().Hash()
	f := newFixture(t, j, manifest(200, 1, 2))
	f.Resume()
	f.found = []Found{{Checkpoint{"a", 3}, hash, nil}, {Checkpoint{"b", 5}, hash, nil}, {Checkpoint{"c", 7}, "another", nil}}
	f.join("s1", false, true)
	f.join("t1", true, false)
	f.run(Training)
	if f.version() != 5 {
		t.Errorf("begins at version %d", f.version())
	}
	g := newFixture(t, j, manifest(200, 1, 2))
	g.Resume()
	g.found = f.found[2:]
	g.join("s1", false, true)
	g.join("t1", true, false)
	g.settle()
	g.failed("no checkpoint to resume from", "1 there are of another plan")
}

// TestStopWithCheckpoint: a job that is stopped leaves a checkpoint of where it is,
// and does not wait for it for long.
func TestStopWithCheckpoint(t *testing.T) {
	f := running(t)
	f.reach(4)
	f.Stop(f.now, "enough")
	f.route()
	f.snapped(nil)
	if f.Phase() != Stopped || f.Newest() == nil || f.Newest().Version != 4 {
		t.Errorf("phase %s, newest %+v", f.Phase(), f.Newest())
	}
	g := running(t)
	g.reach(4)
	g.Stop(g.now, "enough")
	g.pass(16 * time.Second)
	if g.Phase() != Stopped || g.Newest() != nil {
		t.Errorf("without: phase %s, newest %+v", g.Phase(), g.Newest())
	}
	h := running(t)
	h.reach(4)
	h.Stop(h.now, "enough")
	h.Stop(h.now, "at once")
	if h.Phase() != Stopped {
		t.Errorf("twice: phase %s", h.Phase())
	}
}

// TestServerJoins: it takes ranges, one at a time, and nobody is rewound.
func TestServerJoins(t *testing.T) {
	f := start(t, parse(t, "run.ranges=4"), 1, 2)
	f.run(Training)
	f.settle()
	f.join("s2", false, true)
	f.settle()
	if got := f.rangesOf("s2"); len(got) != 2 || f.era != 0 {
		t.Errorf("s2 has %v, era %d", got, f.era)
	}
	if diff := cmp.Diff(f.addresses(), f.rules["t1"].routes); diff != "" {
		t.Errorf("routes: %s", diff)
	}
	f.finish()
	f.done()
}

// TestServerDrains: its ranges go elsewhere, and then it may leave.
func TestServerDrains(t *testing.T) {
	f := running(t)
	f.Drain(f.now, "s2")
	if !f.Busy("s2") {
		t.Error("s2 is not busy although it has ranges")
	}
	f.route()
	f.settle()
	if f.Busy("s2") || len(f.rangesOf("s2")) > 0 {
		t.Errorf("s2 has %v", f.rangesOf("s2"))
	}
	f.leave("s2")
	if f.Phase() != Training || f.Status(f.now).Restarts != 0 {
		t.Errorf("phase %s, %d restarts", f.Phase(), f.Status(f.now).Restarts)
	}
	f.finish()
	f.done()
}

// TestTrainerDrains: its workers leave at a round boundary.
func TestTrainerDrains(t *testing.T) {
	f := running(t)
	f.Drain(f.now, "t1")
	f.route()
	f.settle()
	if f.Busy("t1") || len(f.hosts("t1")) > 0 || len(f.hosts("t2")) != 4 {
		t.Errorf("t1 hosts %v, t2 %v", f.hosts("t1"), f.hosts("t2"))
	}
	f.leave("t1")
	f.finish()
	f.done()
}

// TestMoveFails: the range stays where it is, and is tried again in a while.
func TestMoveFails(t *testing.T) {
	f := running(t)
	f.stuck = errFlaky
	f.Drain(f.now, "s2")
	f.route()
	f.settle()
	if m := f.message("failure"); !strings.Contains(m, "stays on node s2") {
		t.Errorf("event %q", m)
	}
	f.stuck = nil
	f.pass(2 * time.Second)
	f.settle()
	if f.Busy("s2") {
		t.Error("s2 is still busy")
	}
}

// TestMoveHangs: a server that does not hand its range over is taken for lost.
func TestMoveHangs(t *testing.T) {
	f := running(t)
	f.Drain(f.now, "s2")
	f.route()
	f.rules["s2"].inbox = nil
	f.pass(31 * time.Second)
	if f.run(Training); f.era != 1 {
		t.Errorf("era %d", f.era)
	}
	f.settle()
	f.finish()
	f.done()
}
