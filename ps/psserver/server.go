// Package psserver is the gRPC service around the ranges of package ps: it owns
// their locks, their streams and what waits for them. Agents create, fence and
// drop ranges as the coordinator says; trainers pull from them and push to them
// through the Parameters service.
//
// A Server is safe for concurrent use. Each range has a lock of its own, never
// held during I/O.
package psserver

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/internal/param"
	"parley/internal/wire"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
)

// Server holds the ranges of this node, of any number of jobs.
type Server struct {
	parleyv1.UnimplementedParametersServer
	ticket atomic.Uint64
	// programs says that there is or was a range under a program, which small
	// messages set long work going in.
	programs atomic.Bool
	mu       struct {
		sync.Mutex
		jobs map[param.JobID]map[param.RangeID]*hosted
		eras map[param.JobID]int // of the last Create
	}
}

// New returns a server without ranges.
func New() *Server {
	s := &Server{}
	s.mu.jobs, s.mu.eras = map[param.JobID]map[param.RangeID]*hosted{}, map[param.JobID]int{}
	return s
}

// hosted is a range with its lock and the streams that wait for its answers.
type hosted struct {
	era            int          // of Create
	keys           int64        // of the span
	pushed, pulled atomic.Int64 // bytes of values
	told           atomic.Pointer[Status]

	mu struct {
		sync.Mutex
		r       *ps.Range
		waiting map[ps.Ticket]waiting
		away    error // set when the range is no more, or on its way to another server
		due     *due  // a snapshot that is to be taken
	}
}

// waiting is where an answer goes.
type waiting struct {
	out      *outbox
	id       uint64
	encoding wire.Encoding // that the answer is to have
	hold     *wire.Hold    // on the pull's keys
}

// Create takes the ranges of a job in, which belong to an era, in place of those
// that are here. The error is Invalid when a range comes twice, Stale when those that are here
// are of a later era.
func (s *Server) Create(job param.JobID, era int, ranges []*ps.Range) error {
	made := map[param.RangeID]*hosted{}
	for _, r := range ranges {
		id := r.Spec().ID
		if made[id] != nil {
			return param.Errorf(param.Invalid, "range %d of job %s comes twice", id, job)
		}
		made[id] = newHosted(job, era, r)
		s.note(r)
	}
	s.mu.Lock()
	if err := s.passedLocked(job, era); err != nil {
		s.mu.Unlock()
		return err
	}
	old := s.mu.jobs[job]
	s.mu.jobs[job], s.mu.eras[job] = made, era
	s.mu.Unlock()
	for _, h := range old {
		h.leave(param.Errorf(param.NotOwner, "the ranges of job %s were made anew", job))
	}
	return nil
}

// note takes notice of a range's method.
func (s *Server) note(r *ps.Range) {
	if r.Spec().Rule == nil {
		s.programs.Store(true)
	}
}

// passedLocked refuses ranges of an era that is over.
func (s *Server) passedLocked(job param.JobID, era int) error {
	if now := s.mu.eras[job]; era < now {
		return param.Errorf(param.Stale, "ranges of era %d: job %s is in era %d", era, job, now)
	}
	return nil
}

func newHosted(job param.JobID, era int, r *ps.Range) *hosted {
	h := &hosted{era: era, keys: int64(r.Spec().Span.Len())}
	h.mu.r, h.mu.waiting = r, map[ps.Ticket]waiting{}
	s := h.statusLocked(job, r.Spec().ID)
	h.told.Store(&s)
	return h
}

// Drop forgets a job. What waits for its ranges is refused with the reason.
func (s *Server) Drop(job param.JobID, reason string) {
	s.mu.Lock()
	ranges := s.mu.jobs[job]
	delete(s.mu.jobs, job)
	delete(s.mu.eras, job)
	s.mu.Unlock()
	for _, h := range ranges {
		h.leave(param.Errorf(param.NotOwner, "job %s is over: %s", job, reason))
	}
}

// Jobs returns the jobs that have ranges here, in no particular order.
func (s *Server) Jobs() []param.JobID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.mu.jobs))
}

// leave refuses what waits and what comes.
func (h *hosted) leave(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.away, h.mu.due = err, nil
	for ticket, w := range h.mu.waiting {
		w.refuse(err)
		delete(h.mu.waiting, ticket)
	}
}

// Fence raises the terms of workers on some ranges of a job. It returns for each
// worker the round that it has to contribute to next, the least over the ranges.
func (s *Server) Fence(job param.JobID, ids []param.RangeID, workers []param.Worker, terms []param.Term) ([]param.Round, error) {
	ranges, err := s.some(job, ids)
	if err != nil {
		return nil, err
	}
	next := make([]param.Round, len(workers))
	for i, w := range workers {
		next[i] = ^param.Round(0)
		for _, h := range ranges {
			n, err := h.fence(w, terms[i])
			if err != nil {
				return nil, err
			}
			next[i] = min(next[i], n)
		}
	}
	return next, nil
}

func (h *hosted) fence(w param.Worker, term param.Term) (param.Round, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next, refused, err := h.mu.r.Fence(w, term)
	h.answerLocked(refused)
	return next, err
}

// Status is where a range is.
type Status struct {
	Job            param.JobID
	Range          param.RangeID
	Era            int
	Version        param.Version
	Missing        []param.Worker
	Total          ps.Tally
	Tallies        []ps.Tally
	Pushed, Pulled int64
}

// Status returns where each range is, in no particular order.
func (s *Server) Status() []Status {
	type named struct {
		job param.JobID
		id  param.RangeID
		h   *hosted
	}
	var all []named
	s.mu.Lock()
	for job, ranges := range s.mu.jobs {
		for id, h := range ranges {
			all = append(all, named{job, id, h})
		}
	}
	s.mu.Unlock() // a range that applies a round must not hold up the others' requests
	out := make([]Status, len(all))
	until := time.Now().Add(busyFor)
	for i, n := range all {
		out[i] = n.h.status(n.job, n.id, until)
	}
	return out
}

// busyFor bounds the time that Status waits for ranges that are at work: a lease must
// not be lost by it. A large one is copied for seconds.
const busyFor = 200 * time.Millisecond

// status returns how a range stands or, when it is at work for longer, stood.
func (h *hosted) status(job param.JobID, id param.RangeID, until time.Time) Status {
	for !h.mu.TryLock() {
		if time.Now().After(until) {
			return *h.told.Load()
		}
		time.Sleep(time.Millisecond)
	}
	defer h.mu.Unlock()
	s := h.statusLocked(job, id)
	h.told.Store(&s)
	return s
}

func (h *hosted) statusLocked(job param.JobID, id param.RangeID) Status {
	r := h.mu.r
	return Status{Job: job, Range: id, Era: h.era, Version: r.Version(), Missing: r.Missing(), Total: r.Total(), Tallies: r.Tallies(),
		Pushed: h.pushed.Load(), Pulled: h.pulled.Load()}
}

func (s *Server) hosted(job param.JobID, id param.RangeID) (*hosted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ranges := s.mu.jobs[job]
	if ranges == nil {
		return nil, s.unknown(job)
	}
	if ranges[id] == nil {
		return nil, param.Errorf(param.NotOwner, "range %d of job %s is not on this node", id, job)
	}
	return ranges[id], nil
}

func (s *Server) unknown(job param.JobID) error {
	return param.Errorf(param.NotOwner, "no ranges of job %s are on this node", job)
}
