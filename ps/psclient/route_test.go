package psclient_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"parley/internal/param"
	"parley/internal/rpc"
	"parley/internal/wire"
	"parley/ps"
	"parley/ps/psclient"
	"parley/trainer"
)

// TestRoute moves ranges between servers in the middle of rounds: what is open to
// them follows, and nothing counts twice.
func TestRoute(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		j := newJob(t, network, 2, 3, 3)
		clients := []*psclient.Client{j.client(t), j.client(t)}
		servers := slices.Clone(j.servers)
		var mu sync.Mutex
		moves := 0
		got := j.train(t, clients, rounds, func(id param.Worker, r param.Round) {
			if id != 1 || r%4 != 1 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			k := moves % 3
			from, to := j.hosts[0], j.hosts[1]
			if servers[k] != from.address {
				from, to = to, from
			}
			moves++
			move(t, from, to, param.RangeID(k))
			servers[k] = to.address
			for _, c := range clients {
				c.Route(servers)
			}
		})
		if moves != rounds/4 {
			t.Errorf("%d moves", moves)
		}
		j.check(t, got)
	})
}

func move(t testing.TB, from, to *host, id param.RangeID) {
	y, err := from.ranges.Yield("j", id)
	if err != nil {
		t.Error(err)
		return
	}
	r, err := ps.Adopt(y.Spec, y.Handover)
	if err != nil {
		t.Error(err)
		return
	}
	if err := to.ranges.Adopt("j", y.Era, r); err != nil {
		t.Error(err)
	}
	from.ranges.Forget("j", id)
}

// TestAdrift: a range that comes to its server late is asked again although no
// route says so, and links that no range needs any more end.
func TestAdrift(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		j := newJob(t, network, 2, 2, 1)
		c, ctx := j.client(t), bounded(t)
		to := []string{j.hosts[1].address, j.hosts[1].address}
		c.Route(to) // range 0 is still elsewhere
		c.Route(to[:1])
		got := ask(ctx, c, trainer.Request{Term: 1, Offsets: []uint32{3}})
		arrives := time.AfterFunc(120*time.Millisecond, func() { move(t, j.hosts[0], j.hosts[1], 0) })
		defer arrives.Stop()
		if r := receive(t, ctx, got); r.Err != nil || len(r.Values) != slots {
			t.Errorf("got %v, %v", r.Values, r.Err)
		}
		j.hosts[0].stop() // nobody misses it
		if w, err := c.Weights(ctx); err != nil || len(w) != 20 {
			t.Errorf("%d weights, %v", len(w), err)
		}
	})
}

// TestEncodings: what is pushed and pulled loses what Round says, over each
// network, and the bytes on the wire become fewer.
func TestEncodings(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		const n = 1000
		for _, e := range []wire.Encoding{wire.F32, wire.F16, wire.BF16, wire.Int8} {
			j := newJob(t, network, 1, 1, 1)
			j.specs[0].Span.Hi = n
			j.create(t)
			c, ctx := j.encoded(t, e), bounded(t)
			offsets, change, want := make([]uint32, n), make([]float32, slots*n), make([]float32, slots*n)
			for i := range offsets {
				offsets[i], change[i], change[n+i] = uint32(i), 1/float32(i+1), 1
			}
			receive(t, ctx, ask(ctx, c, trainer.Request{Term: 1, Push: true, Offsets: offsets, Change: change}))
			r := receive(t, ctx, ask(ctx, c, trainer.Request{Term: 1, Round: 1, Offsets: offsets}))
			weights, err := c.Weights(ctx)
			if r.Err != nil || err != nil {
				t.Fatal(r.Err, err)
			}
			e.Round(want, append(slices.Clone(weights), r.Values[n:]...))
			if !slices.Equal(want[:n], r.Values[:n]) {
				t.Errorf("%v: other values than it is to give", e)
			}
			if s := c.Stats(); s.Pushed < int64(e.Size(slots*n)) || s.Pulled < int64(e.Size(slots*n)) {
				t.Errorf("%v: stats %+v", e, s)
			}
		}
	})
}

// TestTooLarge: a request that no message has room for fails, and its neighbours do
// not.
func TestTooLarge(t *testing.T) {
	everywhere(t, func(t *testing.T, network rpc.Network) {
		j := newJob(t, network, 1, 1, 1)
		c, ctx := j.client(t), bounded(t)
		large := ask(ctx, c, trainer.Request{Term: 1, Push: true, Offsets: []uint32{1}, Change: make([]float32, wire.MaxMessage/4)})
		if r := receive(t, ctx, large); param.KindOf(r.Err) != param.Invalid {
			t.Errorf("got %v", r.Err)
		}
		unsorted := ask(ctx, c, trainer.Request{Term: 1, Offsets: []uint32{5, 2, 1}})
		if r := receive(t, ctx, unsorted); param.KindOf(r.Err) != param.Invalid {
			t.Errorf("got %v", r.Err)
		}
		if r := receive(t, ctx, ask(ctx, c, trainer.Request{Term: 1, Offsets: []uint32{1}})); r.Err != nil {
			t.Errorf("got %v", r.Err)
		}
	})
}

// TestRouteOfNothingOpen: a client that asks for nothing follows ranges to servers
// that it has no link to, and on from there.
func TestRouteOfNothingOpen(t *testing.T) {
	c := psclient.New(psclient.Config{Job: "job", Servers: []string{"a", "a"}})
	for _, servers := range [][]string{{"a", "b"}, {"b", "b"}, {"c", "b"}, {"a", "a"}} {
		c.Route(servers)
	}
	if got := c.Stats(); got != (psclient.Stats{}) {
		t.Errorf("%+v has crossed the wire", got)
	}
}
