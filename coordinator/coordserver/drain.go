package coordserver

import (
	"time"

	parleyv1 "parley/proto/parley/v1"
)

// drain takes a node's wish to leave: it gets no more work, and what it has goes
// elsewhere.
func (s *Server) drain(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.sessions[x.member.Node] != x {
		return
	}
	x.draining = true
	now := time.Now()
	x.heard = now
	for _, id := range s.mu.order {
		r := s.mu.jobs[id]
		r.machine.Drain(now, x.member.Node)
		s.drainLocked(r)
	}
	s.releaseLocked()
}

// joinLocked tells a job of a member.
func (s *Server) joinLocked(now time.Time, r *record, x *session) {
	r.machine.Join(now, x.member)
	if x.draining {
		r.machine.Drain(now, x.member.Node)
	}
}

// releaseLocked tells the draining nodes that have no work any more that they may
// go. The coordinator's own node may at once: what it has ends with it anyway.
func (s *Server) releaseLocked() {
	for _, x := range s.mu.sessions {
		if x.draining && !x.released && (x.member.Node == s.config.Node || !s.busyLocked(x)) {
			x.released = true
			x.out.Put(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Drained{Drained: &parleyv1.Drained{}}})
		}
	}
}

func (s *Server) busyLocked(x *session) bool {
	for _, id := range s.mu.order {
		if s.mu.jobs[id].machine.Busy(x.member.Node) {
			return true
		}
	}
	return false
}
