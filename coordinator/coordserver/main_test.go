package coordserver

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"parley/coordinator"
	"parley/internal/job"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a coordinator in a bubble with its own clock, over a network within the
// process.
type world struct {
	t      *testing.T
	server *Server
	conn   rpc.Conn
	leader bool // whether jobs go to this coordinator
}

// inBubble runs a test of a coordinator; all that it leaves behind has ended when
// it returns, or the test fails.
func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, leader: true}
		w.server = New(Config{Node: "c", Label: "red", Version: "test", Leader: func() (string, bool) { return "c:1", w.leader },
			Lease: DefaultLease, ServerLease: DefaultServerLease, Limits: coordinator.DefaultLimits, Logger: slog.New(slog.DiscardHandler)})
		network := rpc.NewInProcess()
		listener, err := network.Listen("c:1")
		if err != nil {
			t.Fatal(err)
		}
		server := rpc.NewServer(rpc.ServerConfig{Listener: listener, Services: []func(grpc.ServiceRegistrar){func(r grpc.ServiceRegistrar) {
			parleyv1.RegisterControlServer(r, w.server)
			parleyv1.RegisterJobsServer(r, w.server)
		}}})
		w.conn, err = network.Dial("c:1", rpc.Control)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() { w.server.Run(ctx) })
		group.Go(func() {
			if err := server.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		defer func() {
			w.conn.Close()
			cancel()
			group.Wait()
		}()
		f(t, w)
	})
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (w *world) jobs() parleyv1.JobsClient { return parleyv1.NewJobsClient(w.conn) }

// submit starts the job of the tests and returns its id.
func (w *world) submit() string {
	w.t.Helper()
	r, err := w.jobs().Submit(w.t.Context(), &parleyv1.SubmitRequest{Spec: testJob(w.t).Canonical()})
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return r.GetJob()
}

func testJob(t testing.TB) *job.Job {
	t.Helper()
	j, err := job.Parse("job.yaml", []byte(`
name: test
data: {train: {path: /none}}
model: {kind: logistic}
run: {epochs: 2, batch: 16, workers: 4, ranges: 2}
output: /none
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func testManifest() *plan.Manifest {
	m := &plan.Manifest{Rows: 100, Columns: 9, Files: []plan.File{{Path: "x"}}, Labels: []plan.Label{{Value: -1}, {Value: 1}}}
	for row := int64(0); row < m.Rows; row += plan.ShardRows(m.Rows) {
		m.Shards = append(m.Shards, plan.Shard{ID: param.ShardID(len(m.Shards)), FirstRow: row, Rows: min(plan.ShardRows(m.Rows), m.Rows-row)})
	}
	return m
}

func (w *world) status(id string) *parleyv1.StatusReply {
	w.t.Helper()
	s, err := w.jobs().Status(w.t.Context(), &parleyv1.StatusRequest{Job: id})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) members() (names []string) {
	for _, m := range w.status("").GetMembers() {
		names = append(names, m.GetNode())
	}
	return names
}

// agent is a node's end of a session.
type agent struct {
	t       *testing.T
	name    string
	stream  grpc.BidiStreamingClient[parleyv1.AgentMessage, parleyv1.CoordinatorMessage]
	cancel  context.CancelFunc
	beats   context.CancelFunc
	obey    func(*parleyv1.CoordinatorMessage) // called with each order
	writing sync.Mutex
	mu      sync.Mutex
	got     []*parleyv1.CoordinatorMessage
	err     error // of the session's end
}

// connect opens a session and registers.
func (w *world) connect(name string, roles ...string) *agent {
	w.t.Helper()
	a := w.dial(name)
	a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Hello{Hello: &parleyv1.Hello{Node: name, Label: "red", Roles: roles, Bind: name + ":1"}}})
	synctest.Wait()
	return a
}

// dial opens a session without a word.
func (w *world) dial(name string) *agent {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	stream, err := parleyv1.NewControlClient(w.conn).Session(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	a := &agent{t: w.t, name: name, stream: stream, cancel: cancel, beats: func() {}}
	go func() {
		for {
			m, err := stream.Recv()
			a.mu.Lock()
			if err != nil {
				a.err = err
				a.mu.Unlock()
				cancel()
				return
			}
			a.got = append(a.got, m)
			obey := a.obey
			a.mu.Unlock()
			if obey != nil {
				obey(m)
			}
		}
	}()
	return a
}

// lives sends heartbeats until the session ends or beats is called.
func (a *agent) lives() *agent {
	ctx, cancel := context.WithCancel(a.stream.Context())
	a.beats = cancel
	go func() {
		ticker := time.NewTicker(250 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				a.write(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Heartbeat{Heartbeat: &parleyv1.Heartbeat{}}})
			}
		}
	}()
	return a
}

func (a *agent) send(m *parleyv1.AgentMessage) {
	a.t.Helper()
	if err := a.write(m); err != nil {
		a.t.Errorf("agent %s: %v", a.name, err)
	}
}

func (a *agent) write(m *parleyv1.AgentMessage) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	return a.stream.Send(m)
}

// end returns how the session ended, nil while it lasts.
func (a *agent) end() error {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// orders returns what has come for which the condition holds.
func (a *agent) orders(which func(*parleyv1.CoordinatorMessage) bool) (out []*parleyv1.CoordinatorMessage) {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.got {
		if which(m) {
			out = append(out, m)
		}
	}
	return out
}

// works makes an agent do all that it is told at once and well, but for what skip
// says.
func (a *agent) works(skip ...func(*parleyv1.CoordinatorMessage) bool) *agent {
	var ranges []uint32
	obey := func(m *parleyv1.CoordinatorMessage) {
		for _, s := range skip {
			if s(m) {
				return
			}
		}
		switch b := m.GetBody().(type) {
		case *parleyv1.CoordinatorMessage_Profile:
			train := rpc.Pack(testManifest())
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Profiled{Profiled: &parleyv1.Profiled{Job: b.Profile.GetJob(), Train: train}}})
		case *parleyv1.CoordinatorMessage_Prepare:
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Prepared{Prepared: &parleyv1.Prepared{Job: b.Prepare.GetJob()}}})
		case *parleyv1.CoordinatorMessage_Probe:
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Probed{Probed: &parleyv1.Probed{Job: b.Probe.GetJob()}}})
		case *parleyv1.CoordinatorMessage_Create:
			for _, r := range b.Create.GetRanges() {
				ranges = append(ranges, r.GetRange())
			}
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Created{Created: &parleyv1.Created{Job: b.Create.GetJob(), Era: b.Create.GetEra()}}})
		case *parleyv1.CoordinatorMessage_Fence:
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Fenced{Fenced: &parleyv1.Fenced{Job: b.Fence.GetJob(), Fences: b.Fence.GetFences()}}})
		case *parleyv1.CoordinatorMessage_Assign:
			for _, x := range b.Assign.GetWorkers() {
				a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_WorkerEnd{WorkerEnd: &parleyv1.WorkerEnd{Job: b.Assign.GetJob(), Worker: x.GetWorker(), Term: x.GetTerm()}}})
			}
		case *parleyv1.CoordinatorMessage_Evaluate:
			for _, u := range b.Evaluate.GetUnits() {
				a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Evaluated{Evaluated: &parleyv1.Evaluated{Job: b.Evaluate.GetJob(), Unit: u, Summary: rpc.Summary(metric.NewSummary(100))}}})
			}
		case *parleyv1.CoordinatorMessage_Save:
			h := &parleyv1.Heartbeat{}
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Heartbeat{Heartbeat: h}})
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Saved{Saved: &parleyv1.Saved{Job: b.Save.GetJob(), Sha256: "abc"}}})
		case *parleyv1.CoordinatorMessage_Poll:
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Heartbeat{Heartbeat: finished(a, ranges)}})
		}
	}
	a.mu.Lock()
	told := slices.Clone(a.got)
	a.obey = obey
	a.mu.Unlock()
	for _, m := range told {
		obey(m)
	}
	return a
}

// finished is the heartbeat of a server whose ranges have seen all rounds, of the
// last job that it made ranges for.
func finished(a *agent, ranges []uint32) *parleyv1.Heartbeat {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := ""
	for _, m := range a.got {
		if c := m.GetCreate(); c != nil {
			id = c.GetJob()
		}
	}
	p := plan.New(testJob(a.t), testManifest())
	h := &parleyv1.Heartbeat{}
	for _, r := range slices.Compact(slices.Sorted(slices.Values(ranges))) {
		s := &parleyv1.RangeStatus{Job: id, Range: r, Version: uint64(p.Rounds), Rows: 200}
		if r == 0 {
			s.Tallies = []*parleyv1.Tally{{Rows: 100, Loss: 60}, {Rows: 200, Loss: 100}}
		}
		h.Ranges = append(h.Ranges, s)
	}
	return h
}

// watched is what a Watch has told.
type watched struct {
	events   []string // messages
	outcome  *parleyv1.Outcome
	messages int
	longest  time.Duration // between two messages
	shortest time.Duration
	err      error
	done     chan struct{}
}

func (w *world) watch(ctx context.Context, id string) *watched {
	w.t.Helper()
	return w.watchAt(ctx, id, 0)
}

// watchAt watches at a pace in milliseconds.
func (w *world) watchAt(ctx context.Context, id string, pace uint32) *watched {
	w.t.Helper()
	x := &watched{done: make(chan struct{}), shortest: time.Hour}
	stream, err := w.jobs().Watch(ctx, &parleyv1.WatchRequest{Job: id, Pace: pace})
	if err != nil {
		w.t.Fatal(err)
	}
	go func() {
		defer close(x.done)
		for last := time.Now(); ; last = time.Now() {
			m, err := stream.Recv()
			x.longest = max(x.longest, time.Since(last))
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				x.err = err
				return
			}
			if x.messages++; x.messages > 1 {
				x.shortest = min(x.shortest, time.Since(last))
			}
			for _, line := range m.GetEvents() {
				var e struct{ Kind, Message string }
				if err := json.Unmarshal(line, &e); err != nil {
					x.err = err
				}
				x.events = append(x.events, e.Kind+": "+e.Message)
			}
			if m.GetOutcome() != nil {
				x.outcome = m.GetOutcome()
			}
		}
	}()
	return x
}

// wait waits for the end of a watch, not for ever.
func (w *world) wait(x *watched) {
	w.t.Helper()
	select {
	case <-x.done:
	case <-time.After(10 * time.Minute):
		w.t.Fatalf("still watching: %v", w.status(""))
	}
}
