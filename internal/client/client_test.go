package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"parley/internal/artifact"
	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// coordinator plays a node: what it answers is set by the test.
type coordinator struct {
	parleyv1.UnimplementedClusterServer
	parleyv1.UnimplementedJobsServer
	name  string // of the coordinator that it knows
	watch func(n int, stream grpc.ServerStreamingServer[parleyv1.WatchReply]) error
	mu    sync.Mutex
	calls int
}

func (c *coordinator) Describe(context.Context, *parleyv1.DescribeRequest) (*parleyv1.DescribeReply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &parleyv1.DescribeReply{Coordinator: c.name}, nil
}

func (c *coordinator) Watch(_ *parleyv1.WatchRequest, stream grpc.ServerStreamingServer[parleyv1.WatchReply]) error {
	c.mu.Lock()
	c.calls++
	n := c.calls
	c.mu.Unlock()
	return c.watch(n, stream)
}

// inBubble runs a test with a coordinator at "c:1", under a clock of its own.
func inBubble(t *testing.T, c *coordinator, f func(t *testing.T, network rpc.Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := rpc.NewInProcess()
		listener, err := network.Listen("c:1")
		if err != nil {
			t.Fatal(err)
		}
		server := rpc.NewServer(rpc.ServerConfig{Listener: listener, Services: []func(grpc.ServiceRegistrar){func(r grpc.ServiceRegistrar) {
			parleyv1.RegisterClusterServer(r, c)
			parleyv1.RegisterJobsServer(r, c)
		}}})
		done := make(chan error, 1)
		go func() { done <- server.Run(context.Background()) }()
		defer func() {
			server.Kill()
			<-done
		}()
		f(t, network)
	})
}

func connect(t *testing.T, network rpc.Network) *Client {
	t.Helper()
	c, err := Connect(t.Context(), network, "c:1")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConnect(t *testing.T) {
	c := &coordinator{}
	inBubble(t, c, func(t *testing.T, network rpc.Network) {
		at := time.Now()
		if _, err := Connect(t.Context(), network, "nobody:1"); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "nobody:1") {
			t.Errorf("where nobody listens: %v", err)
		}
		if _, err := Connect(t.Context(), network, "c:1"); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "coordinator") {
			t.Errorf("where there is no coordinator: %v", err)
		}
		if took := time.Since(at); took > 2*connectWithin {
			t.Errorf("it took %v", took)
		}
		time.AfterFunc(time.Second, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.name = "c:1"
		})
		cl := connect(t, network) // it comes in time
		cl.Close()
	})
}

// followed is a Watcher that keeps messages.
type followed struct{ events []string }

func (f *followed) Event(e artifact.Event)     { f.events = append(f.events, e.Message) }
func (f *followed) Status(*parleyv1.JobStatus) {}

func lines(messages ...string) (out [][]byte) {
	for _, m := range messages {
		line, err := json.Marshal(artifact.Event{Kind: artifact.EventJoin, Message: m})
		if err != nil {
			panic(err)
		}
		out = append(out, line)
	}
	return out
}

// TestFollowResumes: the stream breaks, and is opened again; each event is told
// once, in order, and lines that are not understood are skipped.
func TestFollowResumes(t *testing.T) {
	c := &coordinator{name: "c:1", watch: func(n int, s grpc.ServerStreamingServer[parleyv1.WatchReply]) error {
		switch n {
		case 1:
			s.Send(&parleyv1.WatchReply{Events: lines("a")})
			s.Send(&parleyv1.WatchReply{Events: lines("b")})
			return param.Errorf(param.Retryable, "it broke")
		case 2:
			s.Send(&parleyv1.WatchReply{Events: lines("a", "b", "c")})
			return nil // an end without an outcome
		}
		return s.Send(&parleyv1.WatchReply{Events: append(lines("a", "b", "c"), []byte("{"), lines("d")[0]), Outcome: &parleyv1.Outcome{Model: "m"}})
	}}
	inBubble(t, c, func(t *testing.T, network rpc.Network) {
		cl, f := connect(t, network), &followed{}
		defer cl.Close()
		o, err := cl.Follow(t.Context(), "j", f)
		if err != nil || o.GetModel() != "m" || !slices.Equal(f.events, []string{"a", "b", "c", "d"}) {
			t.Errorf("outcome %v, %v, events %v", o, err, f.events)
		}
	})
}

// TestFollowEnds: a coordinator that stays silent, or is gone, or knows the job no
// more, ends the wait; so does the caller.
func TestFollowEnds(t *testing.T) {
	silent := func(n int, s grpc.ServerStreamingServer[parleyv1.WatchReply]) error {
		s.Send(&parleyv1.WatchReply{})
		<-s.Context().Done()
		return s.Context().Err()
	}
	for _, c := range []struct {
		name   string
		watch  func(int, grpc.ServerStreamingServer[parleyv1.WatchReply]) error
		within time.Duration
		words  string
	}{
		{"silent", silent, goneFor + silentFor + connectWithin + 3*time.Second, "was lost"},
		{"broken", func(int, grpc.ServerStreamingServer[parleyv1.WatchReply]) error {
			return param.Errorf(param.Retryable, "x")
		}, goneFor + 2*time.Second, "was lost"},
		{"forgotten", func(int, grpc.ServerStreamingServer[parleyv1.WatchReply]) error {
			return param.Errorf(param.Invalid, "no job")
		}, time.Second, "does not know the job any more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, &coordinator{name: "c:1", watch: c.watch}, func(t *testing.T, network rpc.Network) {
				cl, at := connect(t, network), time.Now()
				defer cl.Close()
				_, err := cl.Follow(t.Context(), "j", &followed{})
				if took := time.Since(at); err == nil || !strings.Contains(err.Error(), c.words) || took > c.within {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
	inBubble(t, &coordinator{name: "c:1", watch: silent}, func(t *testing.T, network rpc.Network) {
		cl := connect(t, network)
		defer cl.Close()
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		time.AfterFunc(time.Second, func() { cancel(enough) })
		if _, err := cl.Follow(ctx, "j", &followed{}); !errors.Is(err, enough) {
			t.Errorf("got %v", err)
		}
	})
}

// file keeps what is written to it.
type file struct {
	strings.Builder
	closed int
	fail   error // of Close
}

func (f *file) Close() error { f.closed++; return f.fail }

// TestReceive puts pieces together, a file after another, and closes each once.
func TestReceive(t *testing.T) {
	broke := errors.New("disk full")
	piece := func(name, data string) *parleyv1.FetchReply {
		return &parleyv1.FetchReply{Name: name, Data: []byte(data)}
	}
	for _, c := range []struct {
		name   string
		pieces []*parleyv1.FetchReply
		end    error
		fail   map[string]error // of closing a file
		refuse string           // file that cannot be made
		want   map[string]string
		err    error
	}{
		{name: "two files", pieces: []*parleyv1.FetchReply{piece("a", "1"), piece("a", "2"), piece("b", "3")}, end: io.EOF, want: map[string]string{"a": "12", "b": "3"}},
		{name: "nothing", end: io.EOF, want: map[string]string{}},
		{name: "no name", pieces: []*parleyv1.FetchReply{piece("", "1")}, end: io.EOF, want: map[string]string{"": "1"}},
		{name: "broken", pieces: []*parleyv1.FetchReply{piece("a", "1")}, end: broke, want: map[string]string{"a": "1"}, err: broke},
		{name: "the last cannot be closed", pieces: []*parleyv1.FetchReply{piece("a", "1")}, end: io.EOF, fail: map[string]error{"a": broke}, want: map[string]string{"a": "1"}, err: broke},
		{name: "the first cannot be closed", pieces: []*parleyv1.FetchReply{piece("a", "1"), piece("b", "2")}, end: io.EOF, fail: map[string]error{"a": broke}, want: map[string]string{"a": "1"}, err: broke},
		{name: "refused", pieces: []*parleyv1.FetchReply{piece("a", "1"), piece("b", "2")}, end: io.EOF, refuse: "b", want: map[string]string{"a": "1"}, err: broke},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]*file{}
			err := receive(func() (*parleyv1.FetchReply, error) {
				if len(c.pieces) == 0 {
					return nil, c.end
				}
				m := c.pieces[0]
				c.pieces = c.pieces[1:]
				return m, nil
			}, func(name string) (io.WriteCloser, error) {
				if c.refuse != "" && name == c.refuse {
					return nil, broke
				}
				files[name] = &file{fail: c.fail[name]}
				return files[name], nil
			})
			if !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			for name, f := range files {
				if f.closed != 1 || f.String() != c.want[name] {
					t.Errorf("file %q: %q, closed %d times", name, f.String(), f.closed)
				}
			}
			if len(files) != len(c.want) {
				t.Errorf("%d files, want %d", len(files), len(c.want))
			}
		})
	}
}
