package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a running member and what it has seen.
type node struct {
	*Cluster
	cancel context.CancelFunc
	done   chan error

	mu     sync.Mutex
	events []Event
	change chan struct{} // closed and replaced at each event
}

type option func(*Config)

func seeds(addrs ...string) option {
	return func(c *Config) { c.Seeds = func(context.Context) []string { return addrs } }
}

func launch(t *testing.T, name string, opts ...option) *node {
	t.Helper()
	n := &node{done: make(chan error, 1), change: make(chan struct{})}
	cfg := Config{
		Name: name, Label: "test", RejoinEvery: 200 * time.Millisecond, OnEvent: n.note,
		Meta: Meta{Roles: []string{"ps", "trainer"}, Bind: "127.0.0.1:1", Started: time.Now().UnixNano()},
	}
	for _, o := range opts {
		o(&cfg)
	}
	var err error
	if n.Cluster, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, n.cancel = context.WithCancel(t.Context())
	go func() { n.done <- n.Run(ctx) }()
	t.Cleanup(func() { n.cancel(); n.wait(t) })
	return n
}

func (n *node) note(e Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, e)
	close(n.change)
	n.change = make(chan struct{})
}

// wait returns Run's error; it may be called again.
func (n *node) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-n.done:
		n.done <- err
		return err
	case <-time.After(3 * time.Second):
		t.Fatal("Run does not return")
		return nil
	}
}

// until waits for a condition on the events and says how long it took.
func (n *node) until(t *testing.T, what string, limit time.Duration, ok func([]Event) bool) time.Duration {
	t.Helper()
	start, deadline := time.Now(), time.After(limit)
	for {
		n.mu.Lock()
		met, change := ok(n.events), n.change
		n.mu.Unlock()
		if met {
			return time.Since(start)
		}
		select {
		case <-change:
		case <-deadline:
			t.Fatalf("not within %v: %s; events %v", limit, what, n.events)
		}
	}
}

func (n *node) untilSees(t *testing.T, k Kind, name string) time.Duration {
	t.Helper()
	return n.until(t, fmt.Sprintf("%v %s", k, name), 3*time.Second, func(es []Event) bool {
		return slices.ContainsFunc(es, func(e Event) bool { return e.Kind == k && e.Member.Name == name })
	})
}

func names(c *Cluster) []string {
	var out []string
	for _, m := range c.Members() {
		out = append(out, m.Name)
	}
	return out
}

// five starts members a to e that all know each other.
func five(t *testing.T, opts ...option) []*node {
	t.Helper()
	ns := []*node{launch(t, "a", opts...)}
	for _, name := range []string{"b", "c", "d", "e"} {
		ns = append(ns, launch(t, name, append(slices.Clone(opts), seeds(ns[0].Addr()))...))
	}
	for _, n := range ns {
		for _, m := range ns {
			n.untilSees(t, Joined, m.cfg.Name)
		}
	}
	return ns
}

func TestFiveJoin(t *testing.T) {
	t.Parallel()
	ns := five(t)
	for _, n := range ns {
		ms := n.Members()
		if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, names(n.Cluster)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(ns[3].cfg.Meta, ms[3].Meta); diff != "" {
			t.Error(diff)
		}
		if ms[3].Gossip != ns[3].Addr() {
			t.Errorf("d gossips at %s, is said to at %s", ns[3].Addr(), ms[3].Gossip)
		}
		n.mu.Lock()
		if first := n.events[0]; first.Kind != Joined || first.Member.Name != n.cfg.Name {
			t.Errorf("first event is %v, not the own joined", first)
		}
		n.mu.Unlock()
	}
}

func TestDeathIsSeenByAll(t *testing.T) {
	t.Parallel()
	ns := five(t)
	died := time.Now()
	ns[2].Kill()
	if err := ns[2].wait(t); !errors.Is(err, ErrKilled) {
		t.Errorf("Run of a killed member returned %v", err)
	}
	for _, i := range []int{0, 1, 3, 4} {
		ns[i].untilSees(t, Left, "c")
	}
	took := time.Since(died)
	t.Logf("death known by all after %v", took)
	if took > 4*time.Second {
		t.Errorf("death known by all after %v", took)
	}
	if diff := cmp.Diff([]string{"a", "b", "d", "e"}, names(ns[0].Cluster)); diff != "" {
		t.Error(diff)
	}
}

func TestLeave(t *testing.T) {
	t.Parallel()
	var log lines
	ns := five(t, func(c *Config) { c.Logger = log.logger() })
	left := time.Now()
	ns[0].cancel()
	if err := ns[0].wait(t); err != nil {
		t.Error(err)
	}
	if took := time.Since(left); took > 3*time.Second {
		t.Errorf("leaving took %v", took)
	}
	for _, n := range ns[1:] {
		n.untilSees(t, Left, "a")
	}
	t.Logf("goodbye known by all after %v", time.Since(left))
	if text := log.text(); strings.Contains(text, "Marking a as failed") {
		t.Errorf("taken for dead:\n%s", text)
	}
	if got := ns[0].Members(); len(got) != 0 {
		t.Errorf("one that has left sees %v", got)
	}
}

// TestRestart brings a name back after a death and after a goodbye, on another
// port and on the same.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, death := range []bool{true, false} {
		for _, samePort := range []bool{true, false} {
			t.Run(fmt.Sprintf("death=%v/samePort=%v", death, samePort), func(t *testing.T) {
				t.Parallel()
				a := launch(t, "a")
				b := launch(t, "b", seeds(a.Addr()))
				a.untilSees(t, Joined, "b")
				stop(b, death)
				_ = b.wait(t)
				port := 0
				if samePort {
					port = b.transport.tcp.Addr().(*net.TCPAddr).Port
				}
				again := launch(t, "b", seeds(a.Addr()), func(c *Config) { c.BindPort = port })
				want := again.cfg.Meta.Started
				took := a.until(t, "b back", 5*time.Second, func(es []Event) bool {
					last := es[len(es)-1]
					return last.Kind == Joined && last.Member.Started == want
				})
				t.Logf("back after %v", took)
				again.untilSees(t, Joined, "a")
				checkAlternate(t, a, "b")
			})
		}
	}
}

func stop(n *node, death bool) {
	if death {
		n.Kill()
	} else {
		n.cancel()
	}
}

// checkAlternate checks that a name's events are Joined, Left, Joined, …
func checkAlternate(t *testing.T, n *node, name string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	in := false
	for _, e := range n.events {
		if e.Member.Name != name || e.Kind == Updated {
			continue
		}
		if in == (e.Kind == Joined) {
			t.Errorf("out of order: %v", n.events)
		}
		in = e.Kind == Joined
	}
}

// TestHeal starts a member whose seed comes up later.
func TestHeal(t *testing.T) {
	t.Parallel()
	later, err := New(Config{Name: "x", Label: "test"})
	if err != nil {
		t.Fatal(err)
	}
	port := later.transport.tcp.Addr().(*net.TCPAddr).Port
	addr := later.Addr()
	later.Kill()
	var log lines
	b := launch(t, "b", seeds(addr), func(c *Config) { c.Logger = log.logger() })
	log.until(t, "no seed answers")
	launch(t, "a", func(c *Config) { c.BindPort = port })
	b.untilSees(t, Joined, "a")
}

func TestOtherLabelNeverJoins(t *testing.T) {
	t.Parallel()
	var log lines
	a := launch(t, "a", func(c *Config) { c.Logger = log.logger() })
	b := launch(t, "b", seeds(a.Addr()), func(c *Config) { c.Label, c.RejoinEvery = "other", 20*time.Millisecond })
	b.untilSees(t, Joined, "b")
	log.until(t, "another cluster")
	// Some twenty more attempts, and a member that does join meanwhile.
	c := launch(t, "c", seeds(a.Addr()))
	c.untilSees(t, Joined, "a")
	time.Sleep(400 * time.Millisecond)
	if diff := cmp.Diff([]string{"a", "c"}, names(a.Cluster)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b"}, names(b.Cluster)); diff != "" {
		t.Error(diff)
	}
	if n := log.count("another cluster"); n != 1 {
		t.Errorf("warned %d times:\n%s", n, log.text())
	}
}

func TestSetMeta(t *testing.T) {
	t.Parallel()
	a := launch(t, "a")
	b := launch(t, "b", seeds(a.Addr()))
	a.untilSees(t, Joined, "b")
	m := b.cfg.Meta
	m.Roles = []string{"trainer"}
	if err := b.SetMeta(m); err != nil {
		t.Fatal(err)
	}
	a.untilSees(t, Updated, "b")
	if diff := cmp.Diff(m, a.Members()[1].Meta); diff != "" {
		t.Error(diff)
	}
}

func TestMetaTooLarge(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Name: "a", Meta: Meta{Bind: strings.Repeat("x", MaxMeta)}})
	if err == nil || !strings.Contains(err.Error(), "512") {
		t.Errorf("got %v", err)
	}
	a := launch(t, "a")
	if err := a.SetMeta(Meta{Version: strings.Repeat("x", MaxMeta)}); err == nil {
		t.Error("SetMeta accepts what is too large")
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "udp"} {
		port, release := take(t, network)
		_, err := New(Config{Name: "a", BindPort: port})
		if !errors.Is(err, ErrInUse) || !strings.Contains(fmt.Sprint(err), fmt.Sprintf("127.0.0.1:%d", port)) {
			t.Errorf("%s: got %v", network, err)
		}
		release()
	}
}

// take occupies a port.
func take(t *testing.T, network string) (int, func()) {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return c.LocalAddr().(*net.UDPAddr).Port, func() { _ = c.Close() }
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().(*net.TCPAddr).Port, func() { _ = l.Close() }
}

func TestFaultsTogether(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Label: strings.Repeat("x", 256), BindPort: 70000})
	for _, want := range []string{"no name", "255", "70000"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
}

func TestKillWithoutRun(t *testing.T) {
	t.Parallel()
	c, err := New(Config{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	c.Kill()
	if _, err := net.DialTimeout("tcp", c.Addr(), time.Second); err == nil {
		t.Error("the port is still open")
	}
	if err := c.SetMeta(Meta{}); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v", err)
	}
}

// lines collects log lines.
type lines struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) count(s string) int { return strings.Count(l.text(), s) }

func (l *lines) until(t *testing.T, s string) {
	t.Helper()
	for range 300 {
		if l.count(s) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no line with %q in\n%s", s, l.text())
}
