package coordserver

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"

	"parley/coordinator"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// session is a node's stream to the coordinator. The node is a member as long
// as it lasts.
type session struct {
	member coordinator.Member
	roles  []string
	heard  time.Time
	out    *rpc.Queue[*parleyv1.CoordinatorMessage]
	cancel context.CancelCauseFunc

	draining bool // it wants to leave
	released bool // it was told that it may
}

// Session serves one agent.
func (s *Server) Session(stream grpc.BidiStreamingServer[parleyv1.AgentMessage, parleyv1.CoordinatorMessage]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	hello := first.GetHello()
	if hello == nil {
		return param.Errorf(param.Invalid, "the first message of a session is a hello")
	}
	if hello.GetLabel() != s.config.Label {
		s.config.Logger.Warn("refused a node of another cluster", "member", hello.GetNode(), "its_label", hello.GetLabel(), "label", s.config.Label)
		return param.Errorf(param.Invalid, "this is cluster %q, not %q", s.config.Label, hello.GetLabel())
	}
	if hello.GetNode() == "" || hello.GetBind() == "" {
		return param.Errorf(param.Invalid, "a hello without a name and an address")
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	x := s.open(hello, cancel)
	defer x.out.Close()
	broke := make(chan error, 2) // one of the sender, one of the receiver
	go func() {
		broke <- x.out.Drain(ctx, func(items []*parleyv1.CoordinatorMessage) error {
			for _, m := range items {
				if err := stream.Send(m); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	go func() { broke <- s.receive(stream, x) }()
	select {
	case err = <-broke:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	s.mu.Lock()
	s.endSessionLocked(x, broken(err))
	s.mu.Unlock()
	if errors.Is(err, io.EOF) { // the agent has closed it
		return nil
	}
	return err
}

// broken says how a session ended. What gRPC tells of a process that died is of
// no use to anybody.
func broken(err error) error {
	if param.KindOf(err) == param.Unknown {
		return errors.New("its connection broke")
	}
	return err
}

// open makes a node a member. A node that has a session yet is back from where
// we could not see it: the old session ends first.
func (s *Server) open(hello *parleyv1.Hello, cancel context.CancelCauseFunc) *session {
	x := &session{roles: hello.GetRoles(), heard: time.Now(), cancel: cancel, out: rpc.NewQueue[*parleyv1.CoordinatorMessage]()}
	x.member = coordinator.Member{Node: param.NodeID(hello.GetNode()), Bind: hello.GetBind(),
		Trainer: slices.Contains(x.roles, "trainer"), Server: slices.Contains(x.roles, "ps")}
	x.out.Put(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Welcome{Welcome: &parleyv1.Welcome{Node: string(s.config.Node)}}})
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.mu.sessions[x.member.Node]; old != nil {
		s.endSessionLocked(old, param.Errorf(param.Stale, "the node has connected anew"))
	}
	s.mu.sessions[x.member.Node] = x
	s.config.Logger.Info("node joined", "member", x.member.Node, "bind", x.member.Bind, "roles", x.roles)
	held := s.sortLocked(x, hello.GetHolds())
	for _, id := range s.mu.order {
		r := s.mu.jobs[id]
		s.joinLocked(x.heard, r, x)
		if r.machine.TakingOver() {
			r.machine.Holds(x.heard, x.member.Node, held[id])
		}
		s.drainLocked(r)
	}
	return x
}

// sortLocked returns what a node has of jobs that this coordinator takes over, and
// ends its work on all others: they have gone on without it.
func (s *Server) sortLocked(x *session, list []*parleyv1.Holding) map[param.JobID]coordinator.Held {
	held := map[param.JobID]coordinator.Held{}
	for _, h := range list {
		id := param.JobID(h.GetJob())
		if r := s.mu.jobs[id]; r != nil && r.machine.TakingOver() {
			held[id] = decodeHeld(h)
			continue
		}
		x.out.Put(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_End{End: &parleyv1.End{
			Job: h.GetJob(), Reason: "the node's session had ended", Disowned: true}}})
	}
	return held
}

func decodeHeld(m *parleyv1.Holding) coordinator.Held {
	h := coordinator.Held{Any: true, Era: int(m.GetEra()), Prepared: m.GetPrepared()}
	for _, id := range m.GetRanges() {
		h.Ranges = append(h.Ranges, param.RangeID(id))
	}
	for _, w := range m.GetWorkers() {
		h.Workers = append(h.Workers, coordinator.WorkerStatus{Worker: param.Worker(w.GetWorker()), Term: param.Term(w.GetTerm()), Round: param.Round(w.GetRound())})
	}
	return h
}

func (s *Server) receive(stream grpc.BidiStreamingServer[parleyv1.AgentMessage, parleyv1.CoordinatorMessage], x *session) error {
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		if err := s.handle(x, m); err != nil {
			return err
		}
	}
}

// handle takes one message of an agent. Messages of a session that has ended are
// not a member's: they are dropped, and the stream is about to end.
func (s *Server) handle(x *session, m *parleyv1.AgentMessage) error {
	var answer input
	var err error
	if m.GetDrain() != nil {
		s.drain(x)
		return nil
	}
	if m.GetHeartbeat() == nil { // before the lock: it may be large
		answer, err = step(x.member.Node, m)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.sessions[x.member.Node] != x {
		return nil
	}
	now := time.Now()
	x.heard = now
	if h := m.GetHeartbeat(); h != nil {
		x.out.Put(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Ack{Ack: &parleyv1.HeartbeatAck{Sequence: h.GetSequence()}}})
		s.progressLocked(now, x, h)
		return nil
	}
	if err != nil {
		return err
	}
	if r := s.mu.jobs[answer.id]; r != nil {
		answer.step(now, r.machine)
		s.drainLocked(r)
		s.releaseLocked()
	}
	return nil
}

// progressLocked hands a heartbeat's news to the machines of the jobs that it
// speaks of.
func (s *Server) progressLocked(now time.Time, x *session, h *parleyv1.Heartbeat) {
	workers := map[param.JobID][]coordinator.WorkerStatus{}
	ranges := map[param.JobID][]coordinator.RangeStatus{}
	for _, w := range h.GetWorkers() {
		id := param.JobID(w.GetJob())
		workers[id] = append(workers[id], coordinator.WorkerStatus{Worker: param.Worker(w.GetWorker()), Term: param.Term(w.GetTerm()),
			Round: param.Round(w.GetRound()), Waiting: w.GetWaiting(), Ticks: w.GetTicks(), Spent: rpc.FromSpent(w.GetSpent())})
	}
	for _, r := range h.GetRanges() {
		id := param.JobID(r.GetJob())
		ranges[id] = append(ranges[id], decodeRange(r))
	}
	for _, id := range s.mu.order {
		if r := s.mu.jobs[id]; len(workers[id])+len(ranges[id]) > 0 {
			r.machine.Progress(now, x.member.Node, workers[id], ranges[id])
			s.drainLocked(r)
		}
	}
}

func decodeRange(r *parleyv1.RangeStatus) coordinator.RangeStatus {
	s := coordinator.RangeStatus{Range: param.RangeID(r.GetRange()), Era: int(r.GetEra()), Version: param.Version(r.GetVersion()), Rows: r.GetRows(), Loss: r.GetLoss(),
		FirstTally: int(r.GetFirstTally()), Pushed: r.GetPushed(), Pulled: r.GetPulled()}
	for _, w := range r.GetMissing() {
		s.Missing = append(s.Missing, param.Worker(w))
	}
	for _, t := range r.GetTallies() {
		s.Tallies = append(s.Tallies, coordinator.Tally{Rows: t.GetRows(), Loss: t.GetLoss()})
	}
	return s
}

// input is a decoded message: the job it belongs to and what it does to the
// job's machine.
type input struct {
	id   param.JobID
	step func(now time.Time, m *coordinator.Machine)
}

// step decodes an answer of an agent.
func step(node param.NodeID, m *parleyv1.AgentMessage) (input, error) {
	switch b := m.GetBody().(type) {
	case *parleyv1.AgentMessage_Profiled:
		p, err := decodeProfiled(b.Profiled)
		return input{param.JobID(b.Profiled.GetJob()), func(now time.Time, m *coordinator.Machine) { m.Profiled(now, node, p) }}, err
	case *parleyv1.AgentMessage_Fitted:
		f, err := decodeFitted(b.Fitted)
		return input{param.JobID(b.Fitted.GetJob()), func(now time.Time, m *coordinator.Machine) { m.Fitted(now, node, f) }}, err
	case *parleyv1.AgentMessage_Prepared:
		err := rpc.FromFault(b.Prepared.GetFault())
		return input{param.JobID(b.Prepared.GetJob()), func(now time.Time, m *coordinator.Machine) { m.Prepared(now, node, err) }}, nil
	case *parleyv1.AgentMessage_Created:
		err := rpc.FromFault(b.Created.GetFault())
		return input{param.JobID(b.Created.GetJob()), func(now time.Time, m *coordinator.Machine) {
			m.Created(now, node, int(b.Created.GetEra()), err)
		}}, nil
	case *parleyv1.AgentMessage_Probed:
		p := decodeProbed(b.Probed)
		return input{param.JobID(b.Probed.GetJob()), func(now time.Time, m *coordinator.Machine) { m.Probed(now, node, p) }}, nil
	case *parleyv1.AgentMessage_Yielded:
		err := rpc.FromFault(b.Yielded.GetFault())
		return input{param.JobID(b.Yielded.GetJob()), func(now time.Time, m *coordinator.Machine) {
			m.Yielded(now, node, param.RangeID(b.Yielded.GetRange()), err)
		}}, nil
	case *parleyv1.AgentMessage_Snapped:
		s := decodeSnapped(b.Snapped)
		return input{param.JobID(b.Snapped.GetJob()), func(now time.Time, m *coordinator.Machine) { m.Snapped(now, node, s) }}, nil
	case *parleyv1.AgentMessage_Committed:
		c := coordinator.Committed{Checkpoint: decodeName(b.Committed.GetName()), Err: rpc.FromFault(b.Committed.GetFault())}
		return input{param.JobID(b.Committed.GetJob()), func(now time.Time, m *coordinator.Machine) { m.Committed(now, node, c) }}, nil
	case *parleyv1.AgentMessage_Fenced:
		var fences []coordinator.Fence
		for _, f := range b.Fenced.GetFences() {
			fences = append(fences, coordinator.Fence{Worker: param.Worker(f.GetWorker()), Term: param.Term(f.GetTerm()), Next: param.Round(f.GetNext())})
		}
		err := rpc.FromFault(b.Fenced.GetFault())
		return input{param.JobID(b.Fenced.GetJob()), func(now time.Time, m *coordinator.Machine) { m.Fenced(now, node, fences, err) }}, nil
	case *parleyv1.AgentMessage_WorkerEnd:
		e := b.WorkerEnd
		end := coordinator.WorkerEnded{Worker: param.Worker(e.GetWorker()), Term: param.Term(e.GetTerm()), Round: param.Round(e.GetRound()),
			Released: e.GetReleased(), Spent: rpc.FromSpent(e.GetSpent()), Err: rpc.FromFault(e.GetFault())}
		return input{param.JobID(e.GetJob()), func(now time.Time, m *coordinator.Machine) { m.WorkerEnded(now, node, end) }}, nil
	case *parleyv1.AgentMessage_Evaluated:
		e, err := decodeEvaluated(b.Evaluated)
		return input{param.JobID(b.Evaluated.GetJob()), func(now time.Time, m *coordinator.Machine) { m.Evaluated(now, node, e) }}, err
	case *parleyv1.AgentMessage_Saved:
		saved := coordinator.Saved{SHA256: b.Saved.GetSha256(), SquaredNorm: b.Saved.GetSquaredNorm(), Measured: b.Saved.GetMeasured(), Err: rpc.FromFault(b.Saved.GetFault())}
		return input{param.JobID(b.Saved.GetJob()), func(now time.Time, m *coordinator.Machine) { m.Saved(now, node, saved) }}, nil
	case *parleyv1.AgentMessage_Refused:
		r := b.Refused
		return input{param.JobID(r.GetJob()), func(now time.Time, m *coordinator.Machine) {
			m.Refused(now, node, param.Worker(r.GetWorker()), param.Term(r.GetTerm()), r.GetMessage())
		}}, nil
	}
	return input{}, param.Errorf(param.Invalid, "a message that a coordinator does not know: %T", m.GetBody())
}

func decodeProfiled(m *parleyv1.Profiled) (p coordinator.Profiled, err error) {
	if p.Err = rpc.FromFault(m.GetFault()); p.Err != nil {
		return p, nil
	}
	p.Train, p.Fit = &plan.Manifest{}, m.GetFit()
	if err := rpc.Unpack(m.GetTrain(), p.Train); err != nil {
		return p, err
	}
	if len(m.GetTest()) > 0 {
		p.Test = &plan.Manifest{}
		return p, rpc.Unpack(m.GetTest(), p.Test)
	}
	return p, nil
}

func decodeProbed(m *parleyv1.Probed) coordinator.Probed {
	p := coordinator.Probed{Damaged: m.GetDamaged(), Err: rpc.FromFault(m.GetFault())}
	for _, f := range m.GetFound() {
		p.Found = append(p.Found, coordinator.Found{Checkpoint: decodeName(f.GetName()), PlanHash: f.GetPlanHash(), Scores: scoresOf(f.GetExtra())})
	}
	return p
}

func scoresOf(text []byte) []coordinator.Score {
	var x extra
	json.Unmarshal(text, &x) // a checkpoint without has none
	return x.Scores
}

func decodeSnapped(m *parleyv1.Snapped) coordinator.Snapped {
	s := coordinator.Snapped{Checkpoint: decodeName(m.GetName()), Parts: map[param.RangeID][]byte{}, Passed: m.GetPassed(), Err: rpc.FromFault(m.GetFault())}
	for id, text := range m.GetParts() {
		s.Parts[param.RangeID(id)] = text
	}
	return s
}

func decodeFitted(m *parleyv1.Fitted) (coordinator.Fitted, error) {
	f := coordinator.Fitted{Unit: decodeUnit(m.GetUnit()), Fit: m.GetFit(), Err: rpc.FromFault(m.GetFault())}
	if f.Err != nil {
		return f, nil
	}
	return f, rpc.Unpack(m.GetBad(), &f.Bad)
}

func decodeUnit(u *parleyv1.Unit) plan.Unit {
	return plan.Unit{Set: plan.Set(u.GetSet()), Number: int(u.GetNumber()), Term: param.Term(u.GetTerm())}
}

func decodeEvaluated(m *parleyv1.Evaluated) (coordinator.Evaluated, error) {
	e := coordinator.Evaluated{Unit: decodeUnit(m.GetUnit()), Err: rpc.FromFault(m.GetFault())}
	if e.Err != nil {
		return e, nil
	}
	var err error
	e.Summary, err = rpc.FromSummary(m.GetSummary())
	return e, err
}
