package coordserver

import (
	"fmt"
	"time"

	"parley/coordinator"
	"parley/internal/param"
)

// Room is how many jobs a coordinator takes at a time.
type Room struct {
	Jobs   int // that run, at least 1: all share the nodes' cores and memory
	Queued int // that wait for those to end; what is submitted beyond is refused
}

// DefaultRoom is that of an agent that is not told otherwise.
var DefaultRoom = Room{Jobs: 4, Queued: 100}

// countLocked returns how many jobs run and how many wait in the queue.
func (s *Server) countLocked() (running, queued int) {
	for _, r := range s.mu.jobs {
		switch {
		case r.machine.Phase() == coordinator.Queued:
			queued++
		case !r.over:
			running++
		}
	}
	return running, queued
}

// roomLocked reports whether a job that is submitted now has to wait, and refuses it
// when there is no room for that either.
func (s *Server) roomLocked() (waits bool, err error) {
	running, queued := s.countLocked()
	waits = running >= s.config.Room.Jobs || queued > 0
	if !waits || queued < s.config.Room.Queued {
		return waits, nil
	}
	return true, param.Errorf(param.Full, "the cluster has no room for another job: %s, and %d wait, which is all that the queue takes: submit it again when one has ended, stop one (parley status lists them), or start the coordinator with larger --max-jobs or --max-queued",
		runs(running), queued)
}

func runs(n int) string {
	if n == 1 {
		return "1 job runs"
	}
	return fmt.Sprintf("%d jobs run", n)
}

// startLocked starts the jobs of the queue that there is room for, in the order of
// their submission.
func (s *Server) startLocked(now time.Time) {
	for _, id := range s.mu.order {
		r := s.mu.jobs[id]
		if r.machine.Phase() != coordinator.Queued {
			continue
		}
		if running, _ := s.countLocked(); running >= s.config.Room.Jobs {
			return
		}
		r.machine.Start(now)
		s.drainLocked(r)
	}
}

// placeLocked returns a job's place in the queue, from 1, and 0 when it is not there.
func (s *Server) placeLocked(r *record) (place int) {
	if r.machine.Phase() != coordinator.Queued {
		return 0
	}
	for _, id := range s.mu.order {
		other := s.mu.jobs[id]
		if other.machine.Phase() == coordinator.Queued {
			place++
		}
		if other == r {
			break
		}
	}
	return place
}

// describeQueue says what the job at a place of the queue waits for.
func describeQueue(running, place int) string {
	why := fmt.Sprintf("waits for one of %d running jobs to end", running)
	if running == 1 {
		why = "waits for the running job to end"
	}
	switch before := place - 1; before {
	case 0:
		return why
	case 1:
		return why + "; 1 is before it"
	default:
		return fmt.Sprintf("%s; %d are before it", why, before)
	}
}

// submissionLocked returns the time of a submission, which is after that of all
// before, so that the order outlives a restart.
func (s *Server) submissionLocked() time.Time {
	now := time.Now()
	if n := len(s.mu.order); n > 0 {
		if last := s.mu.jobs[s.mu.order[n-1]].submitted; !now.After(last) {
			return last.Add(1)
		}
	}
	return now
}

// besideLocked returns what tells a job of the others; it is called with the lock.
func (s *Server) besideLocked(r *record) func(param.NodeID) coordinator.Load {
	return func(node param.NodeID) (sum coordinator.Load) {
		for _, other := range s.mu.jobs {
			if other != r {
				l := other.machine.Load(node)
				sum.Workers, sum.Ranges = sum.Workers+l.Workers, sum.Ranges+l.Ranges
			}
		}
		return sum
	}
}
