// Package coordserver drives the coordinator's machines: it owns the sessions
// with agents and their leases, the clock, the clients' calls, and what is
// remembered of jobs. It serves Control to agents and Jobs to clients.
//
// A Server is safe for concurrent use. One lock guards sessions and machines; no
// I/O happens under it.
package coordserver

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"parley/coordinator"
	"parley/internal/param"
	parleyv1 "parley/proto/parley/v1"
)

// Config says who the coordinator is and how patient.
type Config struct {
	Node    param.NodeID
	Label   string // of the cluster; sessions of another one are refused
	Version string // of Parley, for reports
	// Leader returns the address of the coordinator that jobs go to, and whether
	// that is this one. Others refuse jobs and name it.
	Leader func() (bind string, self bool)
	// Lease is how long a trainer may be silent. A short one makes recovery fast;
	// a false alarm costs a move of its workers, no result.
	Lease time.Duration
	// ServerLease is how long a parameter server may be silent. Its end rewinds jobs.
	ServerLease time.Duration
	Limits      coordinator.Limits
	// Room is how many jobs there may be; the zero value is DefaultRoom.
	Room Room
	// Dir is where jobs are written down, so that this coordinator takes them over
	// when it is started again; empty: they are not.
	Dir    string
	Logger *slog.Logger
}

// Leases of a cluster: heartbeats come four times a second.
const (
	DefaultLease       = 1500 * time.Millisecond
	DefaultServerLease = 5 * time.Second
)

// tickEvery is how often leases and limits are looked at.
const tickEvery = 100 * time.Millisecond

// keepJobs is how many ended jobs are remembered: more than the default queue is
// long, so that a batch of submissions can be looked at when the last has ended.
const keepJobs = 200

// Server is the coordinator of a cluster.
type Server struct {
	parleyv1.UnimplementedControlServer
	parleyv1.UnimplementedJobsServer
	config Config
	keeper keeper
	chores sync.WaitGroup // of jobs
	mu     struct {
		sync.Mutex
		sessions map[param.NodeID]*session
		jobs     map[param.JobID]*record
		order    []param.JobID // of submission
		// jobs whose folders are to be removed
		forgotten []param.JobID
		stopped   bool // no chores are begun any more
	}
}

// New returns a coordinator without members, with the jobs of before. Run makes it watch them.
func New(config Config) *Server {
	config.Room = cmp.Or(config.Room, DefaultRoom)
	s := &Server{config: config, keeper: keeper{dir: config.Dir, wake: make(chan struct{}, 1)}}
	s.mu.sessions, s.mu.jobs = map[param.NodeID]*session{}, map[param.JobID]*record{}
	if config.Dir != "" {
		s.load()
	}
	return s
}

// Run looks at leases and limits until ctx ends, and returns when the chores that
// are being done have ended.
func (s *Server) Run(ctx context.Context) error {
	var keeping sync.WaitGroup
	defer keeping.Wait()
	keeping.Go(func() { s.keep(ctx.Done()) })
	defer s.stopChores()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			now := time.Now()
			s.tick(now, now.Sub(last))
			last = now
		}
	}
}

// tick ends the leases that have run out. When the coordinator itself was held
// up, nobody could be heard: that time does not count against the members.
func (s *Server) tick(now time.Time, passed time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessionsLocked() {
		if passed > 4*tickEvery {
			x.heard = x.heard.Add(passed)
		}
		lease := s.config.Lease
		if x.member.Server {
			lease = s.config.ServerLease
		}
		if silent := now.Sub(x.heard); silent > lease {
			s.endSessionLocked(x, param.Errorf(param.Stale, "lease ended: nothing was heard for %v", silent.Round(10*time.Millisecond)))
		}
	}
	for _, id := range s.mu.order {
		r := s.mu.jobs[id]
		r.machine.Tick(now)
		s.drainLocked(r)
	}
	s.startLocked(now)
	s.releaseLocked()
}

// sessionsLocked returns the sessions in the order of their nodes.
func (s *Server) sessionsLocked() []*session {
	list := make([]*session, 0, len(s.mu.sessions))
	for _, x := range s.mu.sessions {
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b *session) int {
		if a.member.Node < b.member.Node {
			return -1
		}
		return 1
	})
	return list
}

// endSessionLocked takes a node out of the cluster: its jobs go on without it,
// and its stream ends with the cause.
func (s *Server) endSessionLocked(x *session, cause error) {
	if s.mu.sessions[x.member.Node] != x {
		return
	}
	delete(s.mu.sessions, x.member.Node)
	x.cancel(cause)
	s.config.Logger.Warn("node left", "member", x.member.Node, "cause", cause)
	now := time.Now()
	for _, id := range s.mu.order {
		r := s.mu.jobs[id]
		r.machine.Leave(now, x.member.Node, cause.Error())
		s.drainLocked(r)
	}
}

// drainLocked sends a machine's orders and records its events.
func (s *Server) drainLocked(r *record) {
	orders, events := r.machine.Take()
	for _, o := range orders {
		if x := s.mu.sessions[o.To]; x != nil {
			x.out.Put(r.encode(o))
		}
	}
	r.record(events)
	s.turnLocked()
	if over, _ := r.machine.Ended(); over && !r.over {
		r.finish(s.config)
		s.startLocked(time.Now())
	}
	if r.chores = append(r.chores, r.machine.TakeChores()...); len(r.chores) > 0 && !r.busy && !s.mu.stopped {
		r.busy = true
		s.chores.Go(func() { s.doChores(r) })
	}
}

// doChores does the chores of a job, one after the other, without the lock: to add
// up large dictionaries takes longer than a lease.
func (s *Server) doChores(r *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(r.chores) > 0 && !r.over && !s.mu.stopped {
		c := r.chores[0]
		r.chores = r.chores[1:]
		s.mu.Unlock()
		err := c.Do()
		s.mu.Lock()
		c.Then(time.Now(), err)
		s.drainLocked(r)
	}
	r.chores, r.busy = nil, false
}

// stopChores waits for the chores that are being done; no more are begun.
func (s *Server) stopChores() {
	s.mu.Lock()
	s.mu.stopped = true
	s.mu.Unlock()
	s.chores.Wait()
}

// forgetLocked drops the oldest ended jobs.
func (s *Server) forgetLocked() {
	ended := 0
	for _, id := range s.mu.order {
		if s.mu.jobs[id].over {
			ended++
		}
	}
	s.mu.order = slices.DeleteFunc(s.mu.order, func(id param.JobID) bool {
		if s.mu.jobs[id].over && ended > keepJobs {
			ended--
			s.mu.forgotten = append(s.mu.forgotten, id)
			delete(s.mu.jobs, id)
			return true
		}
		return false
	})
}
