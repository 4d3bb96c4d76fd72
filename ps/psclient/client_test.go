package psclient_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/internal/param"
	"parley/internal/rpc"
	"parley/ps/psclient"
	"parley/trainer"
)

const rounds = 24

// want is what the job of the tests below learns, on one server and undisturbed.
var want = sync.OnceValue(func() []float32 {
	var t silent
	j := newJob(&t, rpc.NewInProcess(), 1, 3, 3)
	w := j.train(&t, []*psclient.Client{j.client(&t)}, rounds, func(param.Worker, param.Round) {})
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
	if t.failed {
		panic("the undisturbed run failed")
	}
	return w
})

// silent is a testing.TB for work that many tests share.
type silent struct {
	testing.TB
	failed   bool
	cleanups []func()
}

func (*silent) Helper()                 {}
func (s *silent) Cleanup(f func())      { s.cleanups = append(s.cleanups, f) }
func (s *silent) Error(...any)          { s.failed = true }
func (s *silent) Fatal(a ...any)        { panic(a) }
func (s *silent) Errorf(string, ...any) { s.failed = true }

// check compares the weights, and that each row counts once on every range.
func (j *job) check(t *testing.T, got []float32) {
	t.Helper()
	if !slices.Equal(got, want()) {
		t.Error("other weights than those of an undisturbed run")
	}
	for _, h := range j.hosts {
		for _, x := range h.ranges.Status() {
			if n := int64(rounds * j.workers); x.Version != rounds || x.Total.Rows != 3*n || x.Total.Loss != 0.25*float64(n) || len(x.Tallies) != rounds/4 {
				t.Errorf("range %d: version %d, total %+v, %d tallies", x.Range, x.Version, x.Total, len(x.Tallies))
			}
		}
	}
}

// TestSameBits over several servers and clients.
func TestSameBits(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		j := newJob(t, network, 2, 3, 3)
		j.check(t, j.train(t, []*psclient.Client{j.client(t), j.client(t)}, rounds, func(param.Worker, param.Round) {}))
	})
}

// TestStreamsBreak kills the servers' listeners in the middle of rounds and starts
// them again: what was not answered is sent again, and nothing counts twice.
func TestStreamsBreak(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		j := newJob(t, network, 2, 3, 3)
		var mu sync.Mutex // one death at a time
		breaks := 0
		got := j.train(t, []*psclient.Client{j.client(t), j.client(t)}, rounds, func(id param.Worker, r param.Round) {
			if (int(r)+3*int(id))%8 != 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			h := j.hosts[breaks%2]
			breaks++
			h.stop()
			h.start()
		})
		if breaks < rounds/4 {
			t.Errorf("only %d breaks", breaks)
		}
		j.check(t, got)
	})
}

// TestServerComesLate: requests wait for a server that is not there yet.
func TestServerComesLate(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		j := newJob(t, network, 2, 3, 3)
		j.hosts[1].stop()
		var once sync.Once
		c := j.client(t)
		back := time.AfterFunc(100*time.Millisecond, func() { once.Do(j.hosts[1].start) })
		defer back.Stop()
		j.check(t, j.train(t, []*psclient.Client{c}, rounds, func(param.Worker, param.Round) {}))
	})
}

// ask sends one request and returns where its reply comes.
func ask(ctx context.Context, c *psclient.Client, r trainer.Request) <-chan trainer.Reply {
	got := make(chan trainer.Reply, 10)
	c.Send(ctx, []*trainer.Request{&r}, func(r trainer.Reply) { got <- r })
	return got
}

func receive(t *testing.T, ctx context.Context, c <-chan trainer.Reply) trainer.Reply {
	t.Helper()
	select {
	case r := <-c:
		return r
	case <-ctx.Done():
		t.Fatal("no reply")
		panic("unreachable")
	}
}

// TestDropped: a range that is not on its server is waited for, by requests and by
// readers, until their contexts end.
func TestDropped(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		j := newJob(t, network, 1, 1, 2)
		c, ctx := j.client(t), bounded(t)
		held := ask(ctx, c, trainer.Request{Worker: 0, Term: 1, Round: 1})
		receive(t, ctx, ask(ctx, c, trainer.Request{Worker: 1, Term: 1, Round: 0})) // it has been read
		j.hosts[0].ranges.Drop("j", "enough")
		short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		if _, err := c.Weights(short); param.KindOf(err) != param.NotOwner || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("weights: %v", err)
		}
		select {
		case r := <-held:
			t.Fatalf("got %v", r.Err)
		default:
		}
		j.create(t)
		receive(t, ctx, ask(ctx, c, trainer.Request{Worker: 0, Term: 1, Push: true}))
		receive(t, ctx, ask(ctx, c, trainer.Request{Worker: 1, Term: 1, Push: true}))
		if r := receive(t, ctx, held); r.Err != nil {
			t.Errorf("got %v", r.Err)
		}
	})
}

// TestCancelled: a request whose asker has gone is not sent again after a break,
// while its neighbours are.
func TestCancelled(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		j := newJob(t, network, 1, 1, 2)
		c, ctx := j.client(t), bounded(t)
		going, gone := context.WithCancel(ctx)
		left := ask(going, c, trainer.Request{Worker: 0, Term: 1, Round: 1})
		stays := ask(ctx, c, trainer.Request{Worker: 1, Term: 1, Round: 1, Offsets: []uint32{0}})
		receive(t, ctx, ask(ctx, c, trainer.Request{Worker: 1, Term: 1, Round: 0}))
		gone()
		j.hosts[0].stop()
		j.hosts[0].start()
		receive(t, ctx, ask(ctx, c, trainer.Request{Worker: 0, Term: 1, Round: 0, Push: true}))
		receive(t, ctx, ask(ctx, c, trainer.Request{Worker: 1, Term: 1, Round: 0, Push: true}))
		if r := receive(t, ctx, stays); r.Err != nil || len(r.Values) != slots {
			t.Errorf("got %v, %v", r.Values, r.Err)
		}
		select {
		case r := <-left:
			t.Errorf("a reply to nobody: %+v", r)
		default:
		}
	})
}

// TestRangeStops: who reads a range and fails, ends the stream.
func TestRangeStops(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		j := newJob(t, network, 1, 2, 1)
		c := j.client(t)
		broke := errors.New("disk full")
		if err := c.Range(bounded(t), 1, func([]float32) error { return broke }); !errors.Is(err, broke) {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Range(ctx, 1, func([]float32) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		j.hosts[0].stop()
		short, cancel := context.WithTimeout(bounded(t), 100*time.Millisecond)
		defer cancel()
		if _, err := c.Weights(short); param.KindOf(err) != param.Retryable {
			t.Errorf("from a server that is gone: %v", err)
		}
	})
}
