package psserver

import (
	"testing"

	"parley/internal/param"
	"parley/ps"
)

// both are the ranges of the tests' job.
var both = []param.RangeID{0, 1}

// TestSnapshot: one of the version that is, one of a version to come, and none of
// one that is gone.
func TestSnapshot(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		taken := make(chan param.Version, 8)
		take := func(_ param.RangeID, x *ps.Frozen) { taken <- x.Snapshot().Version }
		if passed, err := s.Snapshot("j", both, 0, take); passed || err != nil {
			t.Fatalf("passed %v, %v", passed, err)
		}
		for range 2 {
			if v := <-taken; v != 0 {
				t.Errorf("version %d", v)
			}
		}
		if passed, err := s.Snapshot("j", both, 1, take); passed || err != nil {
			t.Errorf("passed %v, %v", passed, err)
		}
		a := open(t, c)
		a.send(push(1, 0, 0), push(2, 1, 0))
		for range 2 {
			a.next()
		}
		if v := <-taken; v != 1 || len(taken) > 0 {
			t.Errorf("version %d and %d more", v, len(taken))
		}
		if passed, err := s.Snapshot("j", both, 0, take); !passed || err != nil {
			t.Errorf("of before: passed %v, %v", passed, err)
		}
		if _, err := s.Snapshot("other", both, 0, take); param.KindOf(err) != param.NotOwner {
			t.Errorf("of another job: %v", err)
		}
		if _, err := s.Snapshot("j", []param.RangeID{0, 2}, 9, take); param.KindOf(err) != param.NotOwner {
			t.Errorf("of a range that is elsewhere: %v", err)
		}
	})
}

// TestBusy: a range that is at work for long is told of as it was.
func TestBusy(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		begun, end := make(chan bool), make(chan bool)
		if _, err := s.Snapshot("j", []param.RangeID{0}, 1, func(param.RangeID, *ps.Frozen) { // with the lock
			close(begun)
			<-end
		}); err != nil {
			t.Fatal(err)
		}
		a := open(t, c)
		a.send(push(1, 0, 0), push(2, 1, 0))
		<-begun
		versions := func() (all [2]param.Version) {
			for _, x := range s.Status() {
				all[x.Range] = x.Version
			}
			return all
		}
		if got := versions(); got != [2]param.Version{} {
			t.Errorf("versions %v while the first range is copied", got)
		}
		close(end)
		for range 2 {
			a.next()
		}
		if got := versions(); got != [2]param.Version{1, 0} {
			t.Errorf("versions %v", got)
		}
	})
}

// TestYield: a range that moves refuses what comes, is the same on its new server,
// and comes back when the move fails.
func TestYield(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		a := open(t, c)
		a.send(push(1, 0, 0))
		a.next()
		y, err := s.Yield("j", 0)
		if err != nil {
			t.Fatal(err)
		}
		a.send(push(2, 1, 0))
		if r := a.next(); param.KindOf(r.Refused) != param.NotOwner {
			t.Errorf("reply %v", r)
		}
		s.Keep("j", 0)
		a.send(push(3, 1, 0))
		if r := a.next(); r.Refused != nil {
			t.Errorf("then %v", r)
		}
		s.Forget("j", 0)
		if _, err := s.Yield("j", 0); param.KindOf(err) != param.NotOwner {
			t.Errorf("it is still here: %v", err)
		}
		r, err := ps.Adopt(y.Spec, y.Handover)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Adopt("j", y.Era-1, r); param.KindOf(err) != param.Stale {
			t.Errorf("of an era that is over: %v", err)
		}
		if err := s.Adopt("j", y.Era, r); err != nil {
			t.Fatal(err)
		}
		a.send(push(4, 1, 0), pull(5, 1, 1))
		for range 2 {
			if r := a.next(); r.Refused != nil {
				t.Errorf("adopted: %v", r)
			}
		}
	})
}
