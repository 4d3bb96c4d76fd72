package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"parley/datashard"
	"parley/internal/artifact"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps/psserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// coordinator is the other end of an agent's session, as the test plays it.
type coordinator struct {
	parleyv1.UnimplementedControlServer
	mu       sync.Mutex
	deaf     bool // acknowledges nothing
	sessions []*seen
}

// seen is one session, seen by the coordinator.
type seen struct {
	stream grpc.BidiStreamingServer[parleyv1.AgentMessage, parleyv1.CoordinatorMessage]
	hang   chan struct{} // closed to end it
	got    []*parleyv1.AgentMessage
}

func (c *coordinator) Session(stream grpc.BidiStreamingServer[parleyv1.AgentMessage, parleyv1.CoordinatorMessage]) error {
	s := &seen{stream: stream, hang: make(chan struct{})}
	c.mu.Lock()
	c.sessions = append(c.sessions, s)
	c.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		for {
			m, err := stream.Recv()
			if err != nil {
				ended <- err
				return
			}
			c.mu.Lock()
			s.got = append(s.got, m)
			deaf := c.deaf
			c.mu.Unlock()
			if h := m.GetHeartbeat(); h != nil && !deaf {
				stream.Send(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Ack{Ack: &parleyv1.HeartbeatAck{Sequence: h.GetSequence()}}})
			}
		}
	}()
	stream.Send(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Welcome{Welcome: &parleyv1.Welcome{Node: "c"}}})
	select {
	case err := <-ended:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	case <-s.hang:
		return param.Errorf(param.Stale, "lease ended")
	}
}

// count returns how many sessions there were.
func (c *coordinator) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sessions)
}

// world is an agent in a bubble with its coordinator.
type world struct {
	t      *testing.T
	coord  *coordinator
	agent  *Agent
	ranges *psserver.Server
}

func inBubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := rpc.NewInProcess()
		listener, err := network.Listen("c:1")
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, coord: &coordinator{}, ranges: psserver.New()}
		server := rpc.NewServer(rpc.ServerConfig{Listener: listener, Services: []func(grpc.ServiceRegistrar){
			func(r grpc.ServiceRegistrar) { parleyv1.RegisterControlServer(r, w.coord) }}})
		w.agent = New(Config{Node: "a", Label: "red", Roles: []string{"ps", "trainer"}, Bind: "a:1", DataDir: t.TempDir(), Network: network,
			Ranges: w.ranges, Library: NewLibrary(), Coordinator: func() string { return "c:1" }, Logger: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() { server.Run(ctx) })
		group.Go(func() { w.agent.Run(ctx) })
		defer group.Wait()
		defer cancel()
		<-w.agent.Registered()
		synctest.Wait()
		f(t, w)
	})
}

func (w *world) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// session returns the one that lasts.
func (w *world) session() *seen {
	w.coord.mu.Lock()
	defer w.coord.mu.Unlock()
	return w.coord.sessions[len(w.coord.sessions)-1]
}

// order sends an order and returns what is told for it at once, but for
// heartbeats.
func (w *world) order(m *parleyv1.CoordinatorMessage) (told []*parleyv1.AgentMessage) {
	w.t.Helper()
	s := w.session()
	w.coord.mu.Lock()
	before := len(s.got)
	w.coord.mu.Unlock()
	if err := s.stream.Send(m); err != nil {
		w.t.Fatal(err)
	}
	w.pass(10 * time.Millisecond)
	w.coord.mu.Lock()
	defer w.coord.mu.Unlock()
	for _, m := range s.got[before:] {
		if m.GetHeartbeat() == nil {
			told = append(told, m)
		}
	}
	return told
}

// refuses checks that an order is answered once, with a fault of the kind.
func (w *world) refuses(name string, kind param.Kind, m *parleyv1.CoordinatorMessage) {
	w.t.Helper()
	told := w.order(m)
	if len(told) != 1 {
		w.t.Errorf("%s: answers %v", name, told)
		return
	}
	var f *parleyv1.Fault
	switch b := told[0].GetBody().(type) {
	case *parleyv1.AgentMessage_Profiled:
		f = b.Profiled.GetFault()
	case *parleyv1.AgentMessage_Prepared:
		f = b.Prepared.GetFault()
	case *parleyv1.AgentMessage_Created:
		f = b.Created.GetFault()
	case *parleyv1.AgentMessage_Fenced:
		f = b.Fenced.GetFault()
	case *parleyv1.AgentMessage_WorkerEnd:
		f = b.WorkerEnd.GetFault()
	case *parleyv1.AgentMessage_Evaluated:
		f = b.Evaluated.GetFault()
	case *parleyv1.AgentMessage_Saved:
		f = b.Saved.GetFault()
	}
	if f == nil || param.Kind(f.GetKind()) != kind {
		w.t.Errorf("%s: answer %v, want a fault of kind %v", name, told[0], kind)
	}
}

func create(id string, ranges ...*parleyv1.Range) *parleyv1.CoordinatorMessage {
	j, err := job.Parse("job.yaml", []byte("name: x\ndata: {train: {path: /none}}\nmodel: {kind: linear}\nrun: {workers: 2}\noutput: /none\n"), nil)
	if err != nil {
		panic(err)
	}
	return &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Create{Create: &parleyv1.Create{Job: id, Spec: j.Canonical(), PerTally: 1, Ranges: ranges}}}
}

// TestSession registers, beats, and is heard.
func TestSession(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.pass(time.Minute)
		if n := w.coord.count(); n != 1 || !w.agent.InSession() {
			t.Fatalf("%d sessions", n)
		}
		s := w.session()
		w.coord.mu.Lock()
		defer w.coord.mu.Unlock()
		if h := s.got[0].GetHello(); h.GetNode() != "a" || h.GetLabel() != "red" || h.GetBind() != "a:1" || len(h.GetRoles()) != 2 {
			t.Errorf("first message %v", s.got[0])
		}
		if n := len(s.got); n < 230 || n > 250 {
			t.Errorf("%d messages in a minute", n)
		}
	})
}

// TestRanges makes, fences and drops ranges, and tells of them.
func TestRanges(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if told := w.order(create("j", &parleyv1.Range{Range: 0, Lo: 0, Hi: 5}, &parleyv1.Range{Range: 2, Lo: 9, Hi: 12})); len(told) != 1 || told[0].GetCreated() == nil || told[0].GetCreated().GetFault() != nil {
			t.Fatalf("answers %v", told)
		}
		told := w.order(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Fence{Fence: &parleyv1.FenceOrder{Job: "j", Ranges: []uint32{0, 2}, Fences: []*parleyv1.Fence{{Worker: 1, Term: 3}}}}})
		if len(told) != 1 || len(told[0].GetFenced().GetFences()) != 1 || told[0].GetFenced().GetFences()[0].GetTerm() != 3 {
			t.Errorf("answers %v", told)
		}
		s := w.session()
		w.coord.mu.Lock()
		before := len(s.got)
		w.coord.mu.Unlock()
		w.order(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Poll{Poll: &parleyv1.Poll{}}})
		w.coord.mu.Lock()
		if beats := s.got[before:]; len(beats) == 0 || len(beats[0].GetHeartbeat().GetRanges()) != 2 || len(beats[0].GetHeartbeat().GetRanges()[0].GetMissing()) != 2 {
			t.Errorf("after Poll: %v", beats)
		}
		w.coord.mu.Unlock()
		w.order(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_End{End: &parleyv1.End{Job: "j", Reason: "done"}}})
		if n := len(w.ranges.Status()); n != 0 {
			t.Errorf("%d ranges after the end", n)
		}
		w.order(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_End{End: &parleyv1.End{Job: "j"}}}) // again
	})
}

// TestRefusals: what cannot be done is answered, and takes nobody down.
func TestRefusals(t *testing.T) {
	path := t.TempDir() + "/none"
	inBubble(t, func(t *testing.T, w *world) {
		j, err := job.Parse("job.yaml", []byte("name: x\ndata: {train: {path: "+path+"}}\nmodel: {kind: linear}\noutput: /none\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		w.refuses("no span", param.Invalid, create("j", &parleyv1.Range{Range: 0, Lo: 5, Hi: 5}))
		w.refuses("turned span", param.Invalid, create("j", &parleyv1.Range{Range: 0, Lo: 6, Hi: 5}))
		w.refuses("huge span", param.Invalid, create("j", &parleyv1.Range{Range: 0, Lo: 0, Hi: math.MaxUint64}))
		w.refuses("twice", param.Invalid, create("j", &parleyv1.Range{Hi: 5}, &parleyv1.Range{Hi: 5}))
		never := create("j", &parleyv1.Range{Hi: 5})
		never.GetCreate().PerTally = 0
		w.refuses("no tallies", param.Invalid, never)
		odd := create("j", &parleyv1.Range{Hi: 5})
		odd.GetCreate().Spec = []byte("{")
		w.refuses("no job", param.Invalid, odd)
		w.refuses("fence of nothing", param.NotOwner, &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Fence{Fence: &parleyv1.FenceOrder{Job: "j", Ranges: []uint32{0}, Fences: []*parleyv1.Fence{{}}}}})
		w.refuses("assign before prepare", param.NotOwner, &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Assign{Assign: &parleyv1.Assign{Job: "j", Workers: []*parleyv1.Assignment{{Worker: 1, Term: 1}}}}})
		w.refuses("evaluate before prepare", param.NotOwner, &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Evaluate{Evaluate: &parleyv1.Evaluate{Job: "j", Units: []*parleyv1.Unit{{Set: "train"}}}}})
		w.refuses("save of no model", param.Invalid, &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Save{Save: &parleyv1.Save{Job: "j", Model: []byte("{")}}})
		model, _ := json.Marshal(artifact.Model{Kind: "linear", Job: j.Canonical()})
		w.refuses("save without ranges", param.Invalid, &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Save{Save: &parleyv1.Save{Job: "j", Model: model}}})
		w.refuses("profile of no job", param.Invalid, &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Profile{Profile: &parleyv1.Profile{Job: "j", Spec: []byte("{}")}}})
		w.refuses("profile of no file", param.Invalid, &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Profile{Profile: &parleyv1.Profile{Job: "j", Spec: j.Canonical()}}})
		w.refuses("prepare of no job", param.Invalid, &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Prepare{Prepare: &parleyv1.Prepare{Job: "j"}}})
		w.refuses("prepare of no file", param.Invalid, &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Prepare{Prepare: &parleyv1.Prepare{Job: "j", Spec: j.Canonical()}}})
		for name, m := range map[string]*parleyv1.CoordinatorMessage{
			"nothing": {},
			"release": {Body: &parleyv1.CoordinatorMessage_Release{Release: &parleyv1.Release{Job: "j", Workers: []*parleyv1.Assignment{{Worker: 1}}}}},
			"end":     {Body: &parleyv1.CoordinatorMessage_End{End: &parleyv1.End{Job: "unknown"}}},
		} {
			if told := w.order(m); len(told) != 0 {
				t.Errorf("%s: answers %v", name, told)
			}
		}
		if n := w.coord.count(); n != 1 || len(w.ranges.Status()) != 0 {
			t.Errorf("%d sessions, ranges %v", n, w.ranges.Status())
		}
	})
}

// TestPrepare checks the servers against the plan.
func TestPrepare(t *testing.T) {
	path := writeRows(t)
	inBubble(t, func(t *testing.T, w *world) {
		j, err := job.Parse("job.yaml", []byte("name: x\ndata: {train: {path: "+path+"}}\nmodel: {kind: linear}\nrun: {ranges: 2}\noutput: /none\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		told := w.order(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Profile{Profile: &parleyv1.Profile{Job: "j", Spec: j.Canonical()}}})
		for range 50 { // files are read by the real clock
			if len(told) > 0 {
				break
			}
			told = w.order(&parleyv1.CoordinatorMessage{})
		}
		if len(told) != 1 || told[0].GetProfiled().GetFault() != nil {
			t.Fatalf("answers %v", told)
		}
		var m plan.Manifest
		if err := rpc.Unpack(told[0].GetProfiled().GetTrain(), &m); err != nil {
			t.Fatal(err)
		}
		m.Columns = 3 // as the fit finds
		train := rpc.Pack(m)
		prepare := func(train []byte, ranges ...string) *parleyv1.CoordinatorMessage {
			return &parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Prepare{Prepare: &parleyv1.Prepare{Job: "j", Spec: j.Canonical(), Train: train, Ranges: ranges}}}
		}
		w.refuses("no servers", param.Invalid, prepare(train))
		w.refuses("one server", param.Invalid, prepare(train, "a:1"))
		w.refuses("no manifest", param.Invalid, prepare(nil, "a:1", "a:1"))
		m.SHA256, m.Shards[0].Pieces[0].File = "", 9
		wrong := rpc.Pack(m)
		w.refuses("another's manifest", param.Invalid, prepare(wrong, "a:1", "a:1"))
		if told := w.order(prepare(train, "a:1", "a:1")); len(told) != 1 || told[0].GetPrepared().GetFault() != nil {
			t.Errorf("answers %v", told)
		}
		// Nobody serves at a:1: an evaluation and a worker wait for it to come back, or
		// for another server.
		if told := w.order(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Evaluate{Evaluate: &parleyv1.Evaluate{Job: "j", Units: []*parleyv1.Unit{{Set: "train"}}}}}); len(told) != 0 {
			t.Errorf("answers %v", told)
		}
		if told := w.order(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_Assign{Assign: &parleyv1.Assign{Job: "j", Workers: []*parleyv1.Assignment{{Worker: 1, Term: 1}}}}}); len(told) != 0 {
			t.Errorf("answers %v", told)
		}
		if told := w.order(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_End{End: &parleyv1.End{Job: "j"}}}); len(told) != 0 {
			t.Errorf("answers %v", told)
		}
		l := w.agent.config.Library
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.mu.books) != 0 {
			t.Error("the data is open after the end")
		}
	})
}

// TestSessionEnds: when the coordinator takes the lease, is silent or is gone, the
// agent registers anew and says what it has; the work ends when the coordinator says
// so, or when there is none for long.
func TestSessionEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    func(w *world)
		within time.Duration
	}{
		{"its lease", func(w *world) { close(w.session().hang) }, time.Second},
		{"silence", func(w *world) { w.coord.mu.Lock(); w.coord.deaf = true; w.coord.mu.Unlock() }, coordinatorAge + time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.order(create("j", &parleyv1.Range{Hi: 5}))
				if len(w.ranges.Status()) != 1 {
					t.Fatal("no range")
				}
				w.agent.tellLater(&parleyv1.Refused{Job: "j", Message: "later"})
				c.end(w)
				w.pass(c.within)
				if n := w.coord.count(); n != 2 || len(w.ranges.Status()) != 1 {
					t.Fatalf("%d sessions, %d ranges", n, len(w.ranges.Status()))
				}
				s := w.session()
				w.coord.mu.Lock()
				holds := s.got[0].GetHello().GetHolds()
				w.coord.mu.Unlock()
				if len(holds) != 1 || holds[0].GetJob() != "j" || len(holds[0].GetRanges()) != 1 {
					t.Errorf("the agent says that it has %v", holds)
				}
				w.order(&parleyv1.CoordinatorMessage{Body: &parleyv1.CoordinatorMessage_End{End: &parleyv1.End{Job: "j", Disowned: true}}})
				if len(w.ranges.Status()) != 0 {
					t.Error("the range is still there")
				}
			})
		})
	}
}

// TestStoppedProcess: when the agent itself was stopped for a while, the
// coordinator's silence in that time does not count.
func TestStoppedProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := &session{agent: w.agent, acked: time.Now()}
		now := time.Now().Add(time.Minute)
		if err := s.checkLease(now, time.Minute, "c:1"); err != nil {
			t.Errorf("after a stop: %v", err)
		}
		if err := s.checkLease(now.Add(coordinatorAge+time.Second), heartbeatEvery, "c:1"); param.KindOf(err) != param.Retryable {
			t.Errorf("after silence: %v", err)
		}
		s.acked = now
		if err := s.checkLease(now, heartbeatEvery, "other:1"); param.KindOf(err) != param.NotOwner {
			t.Errorf("another coordinator: %v", err)
		}
		w.order(create("j", &parleyv1.Range{Hi: 5}))
		if err := s.checkLease(now, heartbeatEvery, "other:1"); err != nil {
			t.Errorf("another coordinator while there is work: %v", err)
		}
	})
}

// TestLibrary opens a dataset once for all, and closes it after the last.
func TestLibrary(t *testing.T) {
	path := writeRows(t)
	l := NewLibrary()
	opened := 0
	open := func() (*datashard.Dataset, error) {
		opened++
		return datashard.Open(context.Background(), datashard.Source{Path: path, Format: "libsvm"}, datashard.Options{})
	}
	broke := errors.New("disk")
	if _, err := l.borrow("x", func() (*datashard.Dataset, error) { return nil, broke }); !errors.Is(err, broke) || len(l.mu.books) != 0 {
		t.Errorf("got %v, %d books", err, len(l.mu.books))
	}
	var first *datashard.Dataset
	for range 3 {
		d, err := l.borrow("x", open)
		if err != nil || first != nil && d != first {
			t.Fatalf("another one: %v", err)
		}
		first = d
	}
	for range 3 {
		if len(l.mu.books) != 1 {
			t.Error("closed too early")
		}
		l.giveBack("x")
	}
	if opened != 1 || len(l.mu.books) != 0 {
		t.Errorf("opened %d times, %d books", opened, len(l.mu.books))
	}
}

// writeRows writes a few rows and returns the file.
func writeRows(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "train.svm")
	if err := os.WriteFile(path, []byte("1 1:1 4:2\n2 2:1\n3 3:1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
