package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// session is one registration with a coordinator and all work that came of it.
type session struct {
	agent  *Agent
	ctx    context.Context // of the work
	stream grpc.BidiStreamingClient[parleyv1.AgentMessage, parleyv1.CoordinatorMessage]
	out    *rpc.Queue[*parleyv1.AgentMessage]
	poll   chan struct{} // capacity 1: a heartbeat is due now
	group  sync.WaitGroup
	jobs   map[param.JobID]*work // the receiver's alone, but for mu
	mu     sync.Mutex            // guards jobs, acked and news
	acked  time.Time
	news   []news              // refusals that the coordinator has not acknowledged
	told   map[param.JobID]int // the heartbeats' alone: tallies that were sent
}

// news is a refusal that was sent before the heartbeat of a sequence number.
type news struct {
	refused  *parleyv1.Refused
	sequence uint64
}

func newSession(ctx context.Context, a *Agent, stream grpc.BidiStreamingClient[parleyv1.AgentMessage, parleyv1.CoordinatorMessage]) *session {
	return &session{agent: a, ctx: ctx, stream: stream, out: rpc.NewQueue[*parleyv1.AgentMessage](), poll: make(chan struct{}, 1),
		jobs: map[param.JobID]*work{}, told: map[param.JobID]int{}, acked: time.Now()}
}

// close ends all work of the session and waits for it.
func (s *session) close(cancel context.CancelCauseFunc) {
	cancel(nil)
	s.mu.Lock()
	jobs := s.jobs
	s.jobs = map[param.JobID]*work{}
	s.mu.Unlock()
	for id, w := range jobs {
		s.agent.config.Logger.Error("job ended here: the session with the coordinator is over", "job", id)
		w.disown()
		w.end("the session with the coordinator is over")
	}
	s.group.Wait()
	s.keepNews()
	s.out.Close()
}

func (s *session) send(ctx context.Context) error {
	return s.out.Drain(ctx, func(items []*parleyv1.AgentMessage) error {
		for _, m := range items {
			if err := s.stream.Send(m); err != nil {
				return err
			}
		}
		return nil
	})
}

// heartbeats tells the coordinator that the node lives and how far its work is,
// and gives the session up when the coordinator does not answer any more.
func (s *session) heartbeats(ctx context.Context, address string) error {
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	last := time.Now()
	for sequence := uint64(1); ; sequence++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-s.poll:
		}
		now := time.Now()
		if err := s.checkLease(now, now.Sub(last), address); err != nil {
			return err
		}
		last = now
		s.tellRefusals(sequence)
		s.out.Put(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Heartbeat{Heartbeat: s.heartbeat(sequence)}})
	}
}

// checkLease ends the session with a coordinator that is silent, and one with a
// coordinator that is not the cluster's any more, unless there is work from it.
func (s *session) checkLease(now time.Time, passed time.Duration, address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if passed > 4*heartbeatEvery {
		s.acked = s.acked.Add(passed) // this process was stopped, not the coordinator
	}
	if silent := now.Sub(s.acked); silent > coordinatorAge {
		return param.Errorf(param.Retryable, "the coordinator has not answered for %v", silent.Round(time.Millisecond))
	}
	if a := s.agent.config.Coordinator(); len(s.jobs) == 0 && a != "" && a != address {
		return param.Errorf(param.NotOwner, "the coordinator is at %s now", a)
	}
	return nil
}

// tellRefusals sends the refusals that are waiting. They count as told when the
// heartbeat behind them is acknowledged: this session may be over and not know it.
func (s *session) tellRefusals(sequence uint64) {
	for {
		select {
		case r := <-s.agent.refusals:
			s.mu.Lock()
			s.news = append(s.news, news{r, sequence})
			s.mu.Unlock()
			s.out.Put(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Refused{Refused: r}})
		default:
			return
		}
	}
}

// acknowledge takes the coordinator's answer to a heartbeat.
func (s *session) acknowledge(sequence uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked = time.Now()
	s.news = slices.DeleteFunc(s.news, func(n news) bool { return n.sequence <= sequence })
}

// keepNews leaves what was not acknowledged to the next session.
func (s *session) keepNews() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.news {
		s.agent.tellLater(n.refused)
	}
}

// tellMissing bounds the workers that a heartbeat names as missing from a range's
// round: they are for people, and of all ranges and workers they would be many.
const tellMissing = 32

func (s *session) heartbeat(sequence uint64) *parleyv1.Heartbeat {
	h := &parleyv1.Heartbeat{Sequence: sequence}
	told := map[param.JobID]int{} // of the jobs that are here yet
	for _, x := range s.agent.config.Ranges.Status() {
		r := &parleyv1.RangeStatus{Job: string(x.Job), Range: uint32(x.Range), Version: uint64(x.Version), Rows: x.Total.Rows, Loss: x.Total.Loss,
			Pushed: x.Pushed, Pulled: x.Pulled}
		for _, w := range x.Missing[:min(len(x.Missing), tellMissing)] {
			r.Missing = append(r.Missing, uint32(w))
		}
		if x.Range == 0 { // one range's tallies are as good as all
			first := min(s.told[x.Job], len(x.Tallies))
			r.FirstTally = uint32(first)
			for _, t := range x.Tallies[first:] {
				r.Tallies = append(r.Tallies, &parleyv1.Tally{Rows: t.Rows, Loss: t.Loss})
			}
			told[x.Job] = len(x.Tallies)
		}
		h.Ranges = append(h.Ranges, r)
	}
	s.told = told
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, w := range s.jobs {
		for _, x := range w.status() {
			h.Workers = append(h.Workers, &parleyv1.WorkerStatus{Job: string(id), Worker: uint32(x.Worker), Term: uint64(x.Term), Round: uint64(x.Round), Waiting: x.Waiting, Ticks: x.Ticks})
		}
	}
	return h
}

// receive handles the coordinator's orders until the session ends.
func (s *session) receive(ctx context.Context, address string) error {
	for {
		m, err := s.stream.Recv()
		if err != nil {
			return lost(ctx, address, err)
		}
		s.handle(m)
	}
}

func (s *session) handle(m *parleyv1.CoordinatorMessage) {
	switch b := m.GetBody().(type) {
	case *parleyv1.CoordinatorMessage_Welcome:
		s.agent.config.Logger.Info("registered", "coordinator", b.Welcome.GetNode())
		s.agent.inSession.Store(true)
		s.agent.register.Do(func() { close(s.agent.registered) })
	case *parleyv1.CoordinatorMessage_Ack:
		s.acknowledge(b.Ack.GetSequence())
	case *parleyv1.CoordinatorMessage_Poll:
		select {
		case s.poll <- struct{}{}:
		default:
		}
	case *parleyv1.CoordinatorMessage_End:
		s.drop(param.JobID(b.End.GetJob()), b.End.GetReason())
	default:
		s.order(m)
	}
}

// order hands an order to the work on its job, which is made with the first.
func (s *session) order(m *parleyv1.CoordinatorMessage) {
	switch b := m.GetBody().(type) {
	case *parleyv1.CoordinatorMessage_Profile:
		s.work(b.Profile.GetJob()).profile(b.Profile)
	case *parleyv1.CoordinatorMessage_Fit:
		s.work(b.Fit.GetJob()).fit(b.Fit)
	case *parleyv1.CoordinatorMessage_Prepare:
		s.work(b.Prepare.GetJob()).prepare(b.Prepare)
	case *parleyv1.CoordinatorMessage_Create:
		s.work(b.Create.GetJob()).create(b.Create)
	case *parleyv1.CoordinatorMessage_Fence:
		s.work(b.Fence.GetJob()).fence(b.Fence)
	case *parleyv1.CoordinatorMessage_Assign:
		s.work(b.Assign.GetJob()).assign(b.Assign)
	case *parleyv1.CoordinatorMessage_Release:
		s.work(b.Release.GetJob()).release(b.Release)
	case *parleyv1.CoordinatorMessage_Evaluate:
		s.work(b.Evaluate.GetJob()).evaluate(b.Evaluate)
	case *parleyv1.CoordinatorMessage_Save:
		s.work(b.Save.GetJob()).save(b.Save)
	}
}

func (s *session) work(id string) *work {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.jobs[param.JobID(id)]
	if w == nil {
		w = newWork(s, param.JobID(id))
		s.jobs[w.id] = w
	}
	return w
}

func (s *session) drop(id param.JobID, reason string) {
	s.mu.Lock()
	w := s.jobs[id]
	delete(s.jobs, id)
	s.mu.Unlock()
	if w != nil {
		s.agent.config.Logger.Info("job ended", "job", id, "reason", reason)
		s.group.Go(func() { w.end(reason) }) // it may take a moment, and heartbeats may not
	}
}
