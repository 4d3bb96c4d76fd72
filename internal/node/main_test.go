package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"parley/coordinator"
	"parley/coordinator/coordserver"
	"parley/internal/agent"
	"parley/internal/artifact"
	"parley/internal/client"
	"parley/internal/job"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dataset writes rows of libsvm text whose label follows from their columns, and
// returns the file.
func dataset(t testing.TB, rows int) string {
	t.Helper()
	g := rand.New(rand.NewPCG(11, 5))
	var b strings.Builder
	for range rows {
		margin := 0.3
		var row strings.Builder
		for id := 1; id <= 40; id++ {
			if g.IntN(4) == 0 {
				v := g.NormFloat64()
				fmt.Fprintf(&row, " %d:%.3f", id, v)
				margin += v * float64(id%5-2)
			}
		}
		label := "-1"
		if margin+g.NormFloat64() > 0 {
			label = "+1"
		}
		b.WriteString(label + row.String() + "\n")
	}
	path := filepath.Join(t.TempDir(), "train.svm")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func jobOf(t testing.TB, path string, overrides ...string) *job.Job {
	t.Helper()
	j, err := job.Parse(filepath.Join(filepath.Dir(path), "job.yaml"), []byte(`
name: test
data: {train: {path: `+path+`}}
model: {kind: logistic, l2: 0.0001}
run: {epochs: 3, batch: 16, workers: 6, ranges: 3}
output: `+t.TempDir()+`
`), overrides)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// testCluster is nodes of one process that come and go one by one.
type testCluster struct {
	t       *testing.T
	network rpc.Network
	address string // of the coordinator
	library *agent.Library
	http    string // address of the nodes' HTTP endpoints, empty for none
	room    coordserver.Room
	nodes   map[string]*running
}

type running struct {
	*Node
	cancel context.CancelFunc
	done   chan error
}

// startCluster runs nodes of the given roles, named by their order: "0", "1", ...
// The first has the coordinator.
func startCluster(t *testing.T, network rpc.Network, roles ...string) *testCluster {
	t.Helper()
	return startClusterWith(t, network, "", roles...)
}

// startClusterWith does it with HTTP endpoints at this address.
func startClusterWith(t *testing.T, network rpc.Network, http string, roles ...string) *testCluster {
	t.Helper()
	return (&testCluster{t: t, network: &gate{Network: network}, http: http}).start(roles...)
}

// start runs the nodes of a cluster.
func (c *testCluster) start(roles ...string) *testCluster {
	c.t.Helper()
	c.nodes, c.library = map[string]*running{}, agent.NewLibrary()
	for i, r := range roles {
		c.add(fmt.Sprint(i), r)
	}
	c.t.Cleanup(func() {
		for _, n := range c.nodes {
			n.cancel()
		}
		for name, n := range c.nodes {
			if err := <-n.done; err != nil {
				c.t.Errorf("node %s: %v", name, err)
			}
		}
	})
	return c
}

func (c *testCluster) add(name, roles string) {
	c.t.Helper()
	limits := coordinator.DefaultLimits
	limits.Release = time.Second
	n, err := New(Config{Network: c.network, Bind: "127.0.0.1:0", Roles: strings.Split(roles, ","), DataDir: c.t.TempDir(), Version: "test",
		Limits: limits, Room: c.room, Peer: c.address, HTTP: c.http, Library: c.library, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
	if c.address == "" {
		c.address = n.Address()
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Node: n, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- n.Run(ctx) }()
	c.nodes[name] = r
	select {
	case <-n.Registered():
	case <-time.After(10 * time.Second):
		c.t.Fatalf("node %s is not registered", name)
	}
}

// kill ends a node as the death of its process would: its calls break, nobody is
// told.
func (c *testCluster) kill(name string) {
	c.t.Helper()
	n := c.nodes[name]
	delete(c.nodes, name)
	n.server.Kill()
	n.cancel()
	select {
	case err := <-n.done:
		if err != nil && !errors.Is(err, rpc.ErrKilled) {
			c.t.Errorf("node %s: %v", name, err)
		}
	case <-time.After(10 * time.Second):
		c.t.Fatalf("node %s does not end", name)
	}
}

// gate is a network that lets a test act in the middle of training: before some
// message of a trainer to a server it runs do, and holds all such messages until
// that is done.
type gate struct {
	rpc.Network
	mu   sync.Mutex
	left int
	do   func()
	done chan struct{}
}

func (g *gate) Dial(address string, class rpc.Class) (rpc.Conn, error) {
	c, err := g.Network.Dial(address, class)
	if err != nil || class != rpc.Data {
		return c, err
	}
	return gatedConn{c, g}, nil
}

// set arms the gate.
func (g *gate) set(messages int, do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left, g.do, g.done = messages, do, make(chan struct{})
}

func (g *gate) pass(ctx context.Context) {
	g.mu.Lock()
	if g.do == nil {
		g.mu.Unlock()
		return
	}
	g.left--
	left, do, done := g.left, g.do, g.done
	g.mu.Unlock()
	if left > 0 {
		return
	}
	if left == 0 {
		go func() { defer close(done); do() }()
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

type gatedConn struct {
	rpc.Conn
	gate *gate
}

func (c gatedConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := c.Conn.NewStream(ctx, desc, method, opts...)
	if err != nil || method != "/parley.v1.Exchange/Exchange" {
		return s, err
	}
	return gatedStream{s, c.gate}, nil
}

type gatedStream struct {
	grpc.ClientStream
	gate *gate
}

func (s gatedStream) SendMsg(m any) error {
	s.gate.pass(s.Context())
	return s.ClientStream.SendMsg(m)
}

// watcher keeps the events and the last status.
type watcher struct {
	events []artifact.Event
	status *parleyv1.JobStatus
}

func (w *watcher) Event(e artifact.Event) { w.events = append(w.events, e) }

func (w *watcher) Status(s *parleyv1.JobStatus) { w.status = s }

// told returns the messages of the events of a kind.
func (w *watcher) told(kind artifact.EventKind) (messages []string) {
	for _, e := range w.events {
		if e.Kind == kind {
			messages = append(messages, e.Message)
		}
	}
	return messages
}

// follow runs a job and returns its outcome. When do is given, it is done in the
// middle of training.
func (c *testCluster) follow(j *job.Job, do func()) (*parleyv1.Outcome, *watcher) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cl, err := client.Connect(ctx, c.network, c.address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer cl.Close()
	g := c.network.(*gate)
	if do != nil {
		g.set(100, do)
	}
	id, err := cl.Submit(ctx, j, false)
	if err != nil {
		c.t.Fatal(err)
	}
	w := &watcher{}
	o, err := cl.Follow(ctx, id, w)
	if err != nil {
		for _, e := range w.events {
			c.t.Logf("%s %s", e.Kind, e.Message)
		}
		c.t.Fatalf("%v; the job was last seen as %v", err, w.status)
	}
	if do != nil {
		select {
		case <-g.done:
		case <-ctx.Done():
			c.t.Fatal("the job was over before it was disturbed")
		}
	}
	return o, w
}

// report runs a job to a good end.
func (c *testCluster) report(j *job.Job, do func()) (*artifact.Report, *watcher) {
	c.t.Helper()
	o, d := c.follow(j, do)
	if o.GetFault() != nil {
		c.t.Fatalf("the job failed: %s", o.GetFault().GetMessage())
	}
	r := &artifact.Report{}
	if err := json.Unmarshal(o.GetReport(), r); err != nil {
		c.t.Fatal(err)
	}
	return r, d
}
