package coordserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"parley/internal/job"
	"parley/internal/param"
	parleyv1 "parley/proto/parley/v1"
)

// Submit takes a job, unless its run was submitted before: it starts on the members of
// the cluster, or waits in the queue for others to end. When that is full the error
// is param.Full.
func (s *Server) Submit(_ context.Context, r *parleyv1.SubmitRequest) (*parleyv1.SubmitReply, error) {
	if bind, self := s.config.Leader(); !self {
		return nil, param.Errorf(param.NotOwner, "the coordinator of this cluster is at %s", bind)
	}
	j, err := job.Decode(r.GetSpec())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.submissionLocked()
	if rec := s.ofRunLocked(r.GetRun()); rec != nil {
		if !bytes.Equal(rec.spec, r.GetSpec()) {
			return nil, param.Errorf(param.Invalid, "run %q was submitted before with another job, which is %s: give this one another run id", rec.run, rec.id)
		}
		return &parleyv1.SubmitReply{Job: string(rec.id), Known: true}, nil
	}
	waits, err := s.roomLocked()
	if err != nil {
		return nil, err
	}
	rec := newRecord(s.newIDLocked(j.Name), j, s.config, now)
	rec.run = r.GetRun()
	rec.machine.Beside(s.besideLocked(rec))
	s.mu.jobs[rec.id] = rec
	s.mu.order = append(s.mu.order, rec.id)
	s.config.Logger.Info("job submitted", "job", rec.id)
	if r.GetResume() {
		rec.machine.Resume()
	}
	if waits {
		rec.machine.Hold()
	}
	for _, x := range s.sessionsLocked() {
		s.joinLocked(now, rec, x)
	}
	s.drainLocked(rec)
	s.forgetLocked()
	return &parleyv1.SubmitReply{Job: string(rec.id)}, nil
}

// ofRunLocked returns the job of a client's run that is remembered, or nil.
func (s *Server) ofRunLocked(run string) *record {
	for _, rec := range s.mu.jobs {
		if run != "" && rec.run == run {
			return rec
		}
	}
	return nil
}

func (s *Server) newIDLocked(name string) param.JobID {
	for {
		var b [3]byte
		rand.Read(b[:])
		id := param.JobID(name + "-" + hex.EncodeToString(b[:]))
		if s.mu.jobs[id] == nil {
			return id
		}
	}
}

// watchEvery is the longest time between two messages of Watch, so that silence
// means a dead coordinator.
const watchEvery = 500 * time.Millisecond

// news returns what there is to tell of a job, of whose events some were told, and what
// is closed when there is more: nil if there is more at once.
func (s *Server) news(job string, told int) (*parleyv1.WatchReply, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.mu.jobs[param.JobID(job)]
	if rec == nil {
		return nil, nil, s.unknownJob(job)
	}
	reply := &parleyv1.WatchReply{Events: rec.piece(told), Status: s.statusLocked(rec, time.Now(), false)}
	if told+len(reply.GetEvents()) < len(rec.events) {
		return reply, nil, nil
	}
	reply.Outcome = rec.outcome
	return reply, rec.changed, nil
}

// Watch tells a job's events from the first to the last, its status in between,
// and its outcome.
func (s *Server) Watch(r *parleyv1.WatchRequest, stream grpc.ServerStreamingServer[parleyv1.WatchReply]) error {
	told, pace := 0, min(time.Duration(r.GetPace())*time.Millisecond, watchEvery)
	timer := time.NewTicker(watchEvery)
	defer timer.Stop()
	for {
		reply, changed, err := s.news(r.GetJob(), told)
		if err != nil {
			return err
		}
		told += len(reply.GetEvents())
		if err := stream.Send(reply); err != nil || reply.GetOutcome() != nil {
			return err
		}
		if changed == nil {
			continue
		}
		select {
		case <-time.After(pace):
		case <-stream.Context().Done():
			return context.Cause(stream.Context())
		}
		select {
		case <-changed:
		case <-timer.C:
		case <-stream.Context().Done():
			return context.Cause(stream.Context())
		}
	}
}

func (s *Server) unknownJob(id string) error {
	return param.Errorf(param.Invalid, "no job %q here: parley status lists the jobs that this cluster remembers", id)
}

// statusEvents is how many of the last events Status tells of one job; epochs are
// not among them, they would crowd out what matters.
const statusEvents = 40

// Status tells members and jobs.
func (s *Server) Status(_ context.Context, r *parleyv1.StatusRequest) (*parleyv1.StatusReply, error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := &parleyv1.StatusReply{Coordinator: string(s.config.Node)}
	if id := param.JobID(r.GetJob()); id != "" {
		rec := s.mu.jobs[id]
		if rec == nil {
			return nil, s.unknownJob(r.GetJob())
		}
		reply.Jobs = append(reply.Jobs, s.statusLocked(rec, now, true))
	} else {
		for _, id := range s.mu.order {
			reply.Jobs = append(reply.Jobs, s.statusLocked(s.mu.jobs[id], now, false))
		}
	}
	for _, x := range s.sessionsLocked() {
		m := &parleyv1.MemberStatus{Node: string(x.member.Node), Bind: x.member.Bind, Roles: x.roles, Silent: now.Sub(x.heard).Seconds()}
		for _, id := range s.mu.order {
			if rec := s.mu.jobs[id]; !rec.over {
				workers, ranges := rec.machine.Holdings(x.member.Node)
				m.Workers, m.Ranges = append(m.Workers, qualify(id, workers)...), append(m.Ranges, qualify(id, ranges)...)
			}
		}
		reply.Members = append(reply.Members, m)
	}
	return reply, nil
}

func qualify[T param.Worker | param.RangeID](id param.JobID, numbers []T) (out []string) {
	for _, n := range numbers {
		out = append(out, fmt.Sprintf("%s/%d", id, n))
	}
	return out
}

func (s *Server) statusLocked(r *record, now time.Time, events bool) *parleyv1.JobStatus {
	x := r.machine.Status(now)
	m := &parleyv1.JobStatus{Job: string(r.id), Name: r.job.Name, Phase: string(x.Phase), Owner: x.Owner, Why: x.Why, Since: x.Since.Seconds(),
		Round: uint64(x.Version), Rounds: uint64(x.Rounds), Epoch: uint32(x.Epoch), Epochs: uint32(x.Epochs), Rows: x.Rows, Loss: x.Loss,
		Seconds: x.Elapsed.Seconds(), Restarts: uint32(x.Restarts), Cause: x.Cause, Warning: x.Warning, Pushed: x.Pushed, Pulled: x.Pulled,
		Unsaved: x.Unsaved.Seconds(), Interval: x.Interval.Seconds(), Quarantined: x.Quarantined}
	if place := s.placeLocked(r); place > 0 {
		running, _ := s.countLocked()
		m.Place, m.Owner, m.Why, m.Since = uint32(place), "queue", describeQueue(running, place), m.GetSeconds()
	}
	if events {
		m.Events, m.Spec, m.Timing = r.recent, r.spec, encodeTiming(r.machine.Timing())
	}
	return m
}

// maxScale bounds what Scale is asked for. It is beyond any cluster.
const maxScale = 1 << 16

// Scale bounds how many nodes of the cluster a job uses.
func (s *Server) Scale(_ context.Context, r *parleyv1.ScaleRequest) (*parleyv1.ScaleReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.mu.jobs[param.JobID(r.GetJob())]
	switch {
	case rec == nil:
		return nil, s.unknownJob(r.GetJob())
	case rec.over:
		return nil, param.Errorf(param.Invalid, "job %s is over (%s): there is nothing to scale", rec.id, rec.machine.Phase())
	case r.GetServers() == 0 && r.GetTrainers() == 0:
		return nil, param.Errorf(param.Invalid, "job %s: how many servers or trainers?", rec.id)
	}
	rec.machine.Scale(time.Now(), int(min(r.GetServers(), maxScale)), int(min(r.GetTrainers(), maxScale)))
	s.drainLocked(rec)
	return &parleyv1.ScaleReply{}, nil
}

// Stop ends a job on request. To stop one that has ended is no error.
func (s *Server) Stop(_ context.Context, r *parleyv1.StopRequest) (*parleyv1.StopReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.mu.jobs[param.JobID(r.GetJob())]
	if rec == nil {
		return nil, s.unknownJob(r.GetJob())
	}
	rec.machine.Stop(time.Now(), r.GetReason())
	s.drainLocked(rec)
	return &parleyv1.StopReply{}, nil
}
