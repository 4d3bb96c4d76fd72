package psclient_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	"parley/internal/wire"
	"parley/ps"
	"parley/ps/optim"
	"parley/ps/psclient"
	"parley/ps/psserver"
	"parley/trainer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// networks are what the suite runs over.
func networks() map[string]rpc.Network {
	return map[string]rpc.Network{"inprocess": rpc.NewInProcess(), "tcp": rpc.TCP{}}
}

func everywhere(t *testing.T, f func(*testing.T, rpc.Network)) {
	t.Parallel()
	for name, network := range networks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, network)
		})
	}
}

// host is a parameter server whose listener can be killed and started again: the
// ranges live on, as they do when a connection breaks.
type host struct {
	t       testing.TB
	network rpc.Network
	ranges  *psserver.Server
	address string
	server  *rpc.Server
	done    chan error
}

func newHost(t testing.TB, network rpc.Network) *host {
	h := &host{t: t, network: network, ranges: psserver.New(), address: "127.0.0.1:0"}
	h.start()
	t.Cleanup(h.stop)
	return h
}

func (h *host) start() {
	h.t.Helper()
	var listener rpc.Listener
	var err error
	for range 100 { // another process may have the port for a moment
		if listener, err = h.network.Listen(h.address); !errors.Is(err, rpc.ErrInUse) {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.address = listener.Addr()
	h.server = rpc.NewServer(rpc.ServerConfig{Listener: listener, Services: []func(grpc.ServiceRegistrar){
		func(r grpc.ServiceRegistrar) { psserver.Register(r, h.ranges) }}})
	h.done = make(chan error, 1)
	server, done := h.server, h.done
	go func() { done <- server.Run(context.Background()) }()
}

func (h *host) stop() {
	h.server.Kill()
	if err := <-h.done; !errors.Is(err, rpc.ErrKilled) {
		h.t.Error(err)
	}
	h.done <- rpc.ErrKilled // stop may be called again
}

const slots = 2

// job is the ranges of a job on some hosts, in turn.
type job struct {
	hosts   []*host
	spans   []param.Span
	workers int
	servers []string
	specs   []ps.Spec
}

func newJob(t testing.TB, network rpc.Network, hosts, ranges, workers int) *job {
	t.Helper()
	j := &job{workers: workers}
	for range hosts {
		j.hosts = append(j.hosts, newHost(t, network))
	}
	rule, err := optim.New(optim.Settings{Kind: "adagrad", Rate: 0.5, L2: 0.01, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	for i := range ranges {
		span := param.Span{Lo: param.Key(10 * i), Hi: param.Key(10*i + 10)}
		j.spans = append(j.spans, span)
		j.servers = append(j.servers, j.hosts[i%hosts].address)
		j.specs = append(j.specs, ps.Spec{ID: param.RangeID(i), Span: span, Workers: workers, Penalized: 1000, PerTally: 4, Rule: rule})
	}
	j.create(t)
	return j
}

// create makes the job's ranges anew.
func (j *job) create(t testing.TB) {
	t.Helper()
	for i, h := range j.hosts {
		var made []*ps.Range
		for k := i; k < len(j.specs); k += len(j.hosts) {
			made = append(made, ps.NewRange(j.specs[k]))
		}
		if err := h.ranges.Create("j", 0, made); err != nil {
			t.Fatal(err)
		}
	}
}

// client returns a client that runs until the test ends.
func (j *job) client(t testing.TB) *psclient.Client {
	t.Helper()
	return j.encoded(t, wire.F32)
}

func (j *job) encoded(t testing.TB, e wire.Encoding) *psclient.Client {
	t.Helper()
	var mu sync.Mutex
	conns := map[string]rpc.Conn{}
	c := psclient.New(psclient.Config{Job: "j", Servers: j.servers, Encoding: e, Logger: slog.New(slog.DiscardHandler),
		Dial: func(address string) (grpc.ClientConnInterface, error) {
			mu.Lock()
			defer mu.Unlock()
			if conns[address] == nil {
				conn, err := j.hosts[0].network.Dial(address, rpc.Data)
				if err != nil {
					return nil, err
				}
				conns[address] = conn
			}
			return conns[address], nil
		}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		for _, conn := range conns {
			conn.Close()
		}
	})
	return c
}

// bounded is a context for one test: nothing hangs for longer.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// drive takes a worker through rounds: it pulls every third key or so and pushes a
// function of worker, round, key and what it read. before is called at the start
// of each round.
func (j *job) drive(ctx context.Context, c *psclient.Client, id param.Worker, rounds int, before func(round param.Round)) error {
	w := trainer.NewWorker(id, 1, 0, j.spans, slots)
	replies := make(chan trainer.Reply, 4*len(j.spans))
	send := func(requests []*trainer.Request) {
		c.Send(ctx, requests, func(r trainer.Reply) { replies <- r })
	}
	await := func(until func() bool) error {
		for !until() {
			select {
			case r := <-replies:
				switch {
				case r.Err != nil:
					return r.Err
				case r.Request.Push:
					w.Pushed(r.Request.Range, r.Request.Round)
				default:
					w.Pulled(r.Request.Range, r.Request.Round, r.Values)
					if r.Done != nil {
						clear(r.Values) // nobody reads them after this
						r.Done()
					}
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
	for range rounds {
		round := w.Round()
		before(round)
		var keys []uint32
		for k := range uint32(10 * len(j.spans)) {
			if (k*7+uint32(id)*3+uint32(round))%3 == 0 {
				keys = append(keys, k)
			}
		}
		send(w.Pull(w.Cut(keys)))
		if err := await(w.Complete); err != nil {
			return err
		}
		state := w.State()
		for i := range state {
			noise := float32((uint32(i)*31+uint32(id)*17+uint32(round)*101)%997) / 997
			if i < len(keys) {
				state[i] = noise - 0.3*state[i]
			} else {
				state[i] = noise * noise
			}
		}
		send(w.Push(state, 3, 0.25, nil))
	}
	send(w.Pull(w.Cut(nil)))
	return await(func() bool { return w.Complete() && w.Settled() })
}

// train drives all workers at once, over one client each or a shared one.
func (j *job) train(t testing.TB, clients []*psclient.Client, rounds int, before func(id param.Worker, round param.Round)) []float32 {
	t.Helper()
	ctx := bounded(t)
	var group sync.WaitGroup
	for id := range param.Worker(j.workers) {
		group.Go(func() {
			err := j.drive(ctx, clients[int(id)%len(clients)], id, rounds, func(r param.Round) { before(id, r) })
			if err != nil {
				t.Errorf("worker %d: %v", id, err)
			}
		})
	}
	group.Wait()
	weights, err := clients[0].Weights(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var offsets [][]uint32
	var want []float32
	at := 0
	for _, s := range j.specs { // each third key of a range, but for the first range
		some := []uint32{}
		for o := 0; o < s.Span.Len() && s.ID > 0; o += 3 {
			some, want = append(some, uint32(o)), append(want, weights[at+o])
		}
		offsets, at = append(offsets, some), at+s.Span.Len()
	}
	if got, err := clients[0].Values(ctx, offsets); err != nil || !slices.Equal(got, want) {
		t.Errorf("some keys: %v, %v, not %v", got, err, want)
	}
	return weights
}
