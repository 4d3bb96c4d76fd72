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

// session is one registration with a coordinator.
type session struct {
	agent  *Agent
	stream grpc.BidiStreamingClient[parleyv1.AgentMessage, parleyv1.CoordinatorMessage]
	out    *rpc.Queue[*parleyv1.AgentMessage]
	poll   chan struct{} // capacity 1: a heartbeat is due now
	group  sync.WaitGroup
	mu     sync.Mutex // guards acked and news
	acked  time.Time
	news   []news              // refusals that the coordinator has not acknowledged
	told   map[param.JobID]int // the heartbeats' alone: tallies that were sent
}

// news is a refusal that was sent before the heartbeat of a sequence number.
type news struct {
	refused  *parleyv1.Refused
	sequence uint64
}

func newSession(a *Agent, stream grpc.BidiStreamingClient[parleyv1.AgentMessage, parleyv1.CoordinatorMessage]) *session {
	return &session{agent: a, stream: stream, out: rpc.NewQueue[*parleyv1.AgentMessage](), poll: make(chan struct{}, 1),
		told: map[param.JobID]int{}, acked: time.Now()}
}

// close ends the session. The work goes on: the next coordinator says what is to
// become of it.
func (s *session) close(cancel context.CancelCauseFunc) {
	cancel(nil)
	s.agent.orphan(s)
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
		case <-s.agent.draining:
			s.out.Put(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Drain{Drain: &parleyv1.Drain{}}})
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
	working := len(s.agent.works()) > 0
	s.mu.Lock()
	defer s.mu.Unlock()
	if passed > 4*heartbeatEvery {
		s.acked = s.acked.Add(passed) // this process was stopped, not the coordinator
	}
	if silent := now.Sub(s.acked); silent > coordinatorAge {
		return param.Errorf(param.Retryable, "the coordinator has not answered for %v", silent.Round(time.Millisecond))
	}
	if a := s.agent.config.Coordinator(); !working && a != "" && a != address {
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
		r := &parleyv1.RangeStatus{Job: string(x.Job), Range: uint32(x.Range), Era: uint64(x.Era), Version: uint64(x.Version), Rows: x.Total.Rows, Loss: x.Total.Loss,
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
	for _, w := range s.agent.works() {
		for _, x := range w.status() {
			h.Workers = append(h.Workers, &parleyv1.WorkerStatus{Job: string(w.id), Worker: uint32(x.Worker), Term: uint64(x.Term), Round: uint64(x.Round), Waiting: x.Waiting, Ticks: x.Ticks, Spent: rpc.Spent(x.Spent)})
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
		s.agent.drop(param.JobID(b.End.GetJob()), b.End.GetReason(), b.End.GetDisowned())
	case *parleyv1.CoordinatorMessage_Drained:
		s.agent.drained.Do(func() { close(s.agent.released) })
	default:
		s.order(m)
	}
}

// order hands an order to the work on its job, which is made with the first.
func (s *session) order(m *parleyv1.CoordinatorMessage) {
	switch b := m.GetBody().(type) {
	case *parleyv1.CoordinatorMessage_Profile:
		s.agent.work(b.Profile.GetJob()).profile(b.Profile)
	case *parleyv1.CoordinatorMessage_Fit:
		s.agent.work(b.Fit.GetJob()).fit(b.Fit)
	case *parleyv1.CoordinatorMessage_Prepare:
		s.agent.work(b.Prepare.GetJob()).prepare(b.Prepare)
	case *parleyv1.CoordinatorMessage_Create:
		s.agent.work(b.Create.GetJob()).create(b.Create)
	case *parleyv1.CoordinatorMessage_Probe:
		s.agent.work(b.Probe.GetJob()).probe(b.Probe)
	case *parleyv1.CoordinatorMessage_Route:
		s.agent.work(b.Route.GetJob()).route(b.Route)
	case *parleyv1.CoordinatorMessage_Yield:
		s.agent.work(b.Yield.GetJob()).yield(b.Yield)
	case *parleyv1.CoordinatorMessage_Snapshot:
		s.agent.work(b.Snapshot.GetJob()).snapshot(b.Snapshot)
	case *parleyv1.CoordinatorMessage_Commit:
		s.agent.work(b.Commit.GetJob()).commit(b.Commit)
	case *parleyv1.CoordinatorMessage_Fence:
		s.agent.work(b.Fence.GetJob()).fence(b.Fence)
	case *parleyv1.CoordinatorMessage_Assign:
		s.agent.work(b.Assign.GetJob()).assign(b.Assign)
	case *parleyv1.CoordinatorMessage_Release:
		s.agent.work(b.Release.GetJob()).release(b.Release)
	case *parleyv1.CoordinatorMessage_Evaluate:
		s.agent.work(b.Evaluate.GetJob()).evaluate(b.Evaluate)
	case *parleyv1.CoordinatorMessage_Save:
		s.agent.work(b.Save.GetJob()).save(b.Save)
	}
}
