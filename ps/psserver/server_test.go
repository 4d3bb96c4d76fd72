package psserver

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"parley/internal/param"
	"parley/internal/rpc"
	"parley/internal/wire"
	parleyv1 "parley/proto/parley/v1"
)

// TestHeld: a pull is answered when the last worker's push has made its version,
// over whatever stream that comes.
func TestHeld(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		a, b := open(t, c), open(t, c)
		a.send(push(1, 0, 0), pull(2, 0, 1))
		if r := a.next(); r.ID != 1 || r.Refused != nil {
			t.Fatalf("reply %v", r)
		}
		b.send(pull(7, 1, 0)) // passes while the other waits
		if r := b.next(); r.ID != 7 || r.Values[0] != 0 {
			t.Fatalf("reply %v", r)
		}
		b.send(push(8, 1, 0))
		if r := b.next(); r.ID != 8 || r.Refused != nil {
			t.Fatalf("reply %v", r)
		}
		if r := a.next(); r.ID != 2 || len(r.Values) != 1 || r.Values[0] != 1 {
			t.Fatalf("reply %v", r)
		}
	})
}

// TestOldStreamReadLast: what was sent over a stream that broke is read after
// what was sent again over the new one. The new one is answered all the same.
func TestOldStreamReadLast(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		old, fresh := open(t, c), open(t, c)
		fresh.send(push(1, 0, 0), pull(2, 0, 1))
		fresh.next()
		old.send(push(1, 0, 0), pull(2, 0, 1), push(3, 0, 0))
		old.next()
		old.next() // the server has read it all
		old.cancel()
		fresh.send(push(4, 1, 0))
		fresh.next()
		if r := fresh.next(); r.ID != 2 || r.Values[0] != 1 {
			t.Fatalf("reply %v", r)
		}
	})
}

// TestRefused: a request that is malformed, or of what is not here, is refused,
// and the stream goes on.
func TestRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		a := open(t, c)
		with := func(r *wire.Request, change func(*wire.Request)) *wire.Request { change(r); return r }
		requests := []*wire.Request{
			with(pull(1, 0, 0), func(r *wire.Request) { r.Job = "other" }),
			with(push(2, 0, 0), func(r *wire.Request) { r.Range = 9 }),
			with(push(3, 0, 0), func(r *wire.Request) { r.Worker = 2 }),
			with(pull(4, 0, 0), func(r *wire.Request) { r.Worker = math.MaxUint32 }),
			with(pull(5, 0, 0), func(r *wire.Request) { r.Offsets = []uint32{8} }),
			with(push(6, 0, 0), func(r *wire.Request) { r.Offsets = []uint32{math.MaxUint32} }),
			with(push(7, 0, 0), func(r *wire.Request) { r.Values = nil }),
			with(push(8, 0, 0), func(r *wire.Request) { r.Values[0] = float32(math.NaN()) }),
			{},
		}
		want := []param.Kind{param.NotOwner, param.NotOwner, param.Invalid, param.Invalid, param.Invalid, param.Invalid, param.Invalid, param.Diverged, param.NotOwner}
		a.send(requests...)
		for i, k := range want {
			if id, kind := a.kind(); kind != k || id != requests[i].ID {
				t.Errorf("request %d: reply to %d of kind %v, want %v", requests[i].ID, id, kind, k)
			}
		}
		a.send(pull(20, 0, 0))
		if r := a.next(); r.ID != 20 || r.Refused != nil {
			t.Errorf("then %v", r)
		}
	})
}

// TestFence refuses what waits under an older term, and tells the least round
// over the ranges.
func TestFence(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		a := open(t, c)
		a.send(push(1, 0, 0), pull(2, 0, 1))
		a.next()
		next, err := s.Fence("j", both, []param.Worker{0, 1}, []param.Term{2, 2})
		if err != nil || !slices.Equal(next, []param.Round{0, 0}) { // range 1 has nothing of worker 0
			t.Fatalf("next %v, %v", next, err)
		}
		if id, kind := a.kind(); id != 2 || kind != param.Stale {
			t.Fatalf("reply to %d of kind %v", id, kind)
		}
		a.send(push(3, 1, 0))
		if id, kind := a.kind(); id != 3 || kind != param.Stale {
			t.Fatalf("reply to %d of kind %v", id, kind)
		}
		if _, err := s.Fence("j", both, []param.Worker{7}, []param.Term{2}); param.KindOf(err) != param.Invalid {
			t.Errorf("fence of a worker that is not: %v", err)
		}
		if _, err := s.Fence("other", both, nil, nil); param.KindOf(err) != param.NotOwner {
			t.Errorf("fence of another job: %v", err)
		}
	})
}

// TestDrop refuses what waits, and what comes later.
func TestDrop(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		a := open(t, c)
		a.send(push(1, 0, 0), pull(2, 0, 1))
		a.next()
		s.Drop("j", "enough")
		if id, kind := a.kind(); id != 2 || kind != param.NotOwner {
			t.Fatalf("reply to %d of kind %v", id, kind)
		}
		a.send(push(3, 1, 0))
		if id, kind := a.kind(); id != 3 || kind != param.NotOwner {
			t.Fatalf("reply to %d of kind %v", id, kind)
		}
		s.Drop("j", "again")
		if len(s.Status()) != 0 {
			t.Errorf("status %v", s.Status())
		}
		if err := s.Create("j", 0, ranges(spec(t, 0, 1))); err != nil {
			t.Errorf("create after drop: %v", err)
		}
	})
}

// TestRead streams a range of several messages.
func TestRead(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		big := spec(t, 0, 1)
		big.Span.Hi = 2*readPiece + 5
		if err := s.Create("big", 0, ranges(big)); err != nil {
			t.Fatal(err)
		}
		a := open(t, c)
		r := push(1, 0, 0)
		r.Job, r.Offsets = "big", []uint32{2*readPiece + 4}
		a.send(r)
		a.next()
		stream, err := c.Read(t.Context(), &parleyv1.ReadRequest{Job: "big"})
		if err != nil {
			t.Fatal(err)
		}
		var weights []float32
		messages := 0
		for {
			m, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if messages++; m.GetVersion() != 1 {
				t.Errorf("version %d", m.GetVersion())
			}
			weights = append(weights, m.GetWeights()...)
		}
		if messages != 3 || len(weights) != 2*readPiece+5 || weights[2*readPiece+4] != 1 || weights[0] != 0 {
			t.Errorf("%d messages, %d weights", messages, len(weights))
		}
		for _, r := range []*parleyv1.ReadRequest{{Job: "other"}, {Job: "j", Range: 9}} {
			stream, err := c.Read(t.Context(), r)
			if err == nil {
				_, err = stream.Recv()
			}
			if param.KindOf(rpc.FromError(err)) != param.NotOwner {
				t.Errorf("read %v: %v", r, err)
			}
		}
	})
}

// TestAbandonedStreams: pulls of streams that have gone keep nobody from going on
// and nothing in memory once their version exists.
func TestAbandonedStreams(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		live := open(t, c)
		live.send(push(1, 0, 0))
		live.next()
		for range 20 {
			gone := open(t, c)
			gone.send(pull(2, 0, 1), push(3, 0, 0))
			gone.next() // both were read
			gone.cancel()
		}
		h, err := s.hosted("j", 0)
		if err != nil {
			t.Fatal(err)
		}
		count := func() int {
			h.mu.Lock()
			defer h.mu.Unlock()
			return len(h.mu.waiting)
		}
		if n := count(); n == 0 || n > 4 {
			t.Errorf("%d pulls are held", n)
		}
		live.send(push(4, 1, 0), pull(5, 0, 1))
		live.next()
		if r := live.next(); r.ID != 5 || r.Refused != nil {
			t.Errorf("reply %v", r)
		}
		if n := count(); n != 0 {
			t.Errorf("%d pulls are held at the end", n)
		}
	})
}

// TestCreate: new ranges take the place of those of an earlier era, whose pulls are
// refused; those of a later one stay.
func TestCreate(t *testing.T) {
	good := spec(t, 0, 2)
	s := New()
	if err := s.Create("j", 0, ranges(good, good)); param.KindOf(err) != param.Invalid || len(s.Status()) != 0 {
		t.Errorf("a range twice: %v, %v", err, s.Status())
	}
	if err := s.Create("j", 2, ranges(good)); err != nil {
		t.Fatal(err)
	}
	h, err := s.hosted("j", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create("j", 1, ranges(good)); param.KindOf(err) != param.Stale {
		t.Errorf("an earlier era: %v", err)
	}
	if err := s.Create("j", 3, ranges(good)); err != nil {
		t.Error(err)
	}
	if h.mu.away == nil || s.Status()[0].Era != 3 {
		t.Errorf("the old range is %v, status %+v", h.mu.away, s.Status())
	}
}

func TestStatus(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		a := open(t, c)
		a.send(push(1, 0, 0), push(2, 0, 0), push(3, 1, 0), pull(4, 1, 1), push(5, 1, 1))
		for range 5 {
			a.next()
		}
		for _, x := range s.Status() {
			if x.Range != 0 {
				continue
			}
			if x.Job != "j" || x.Version != 1 || !slices.Equal(x.Missing, []param.Worker{0}) || x.Total.Rows != 2 || len(x.Tallies) != 1 || x.Pulled != 4 {
				t.Errorf("status %+v", x)
			}
		}
	})
}

// TestStreamEnds: the handler returns when its caller has closed or gone.
func TestStreamEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		a := open(t, c)
		a.send(pull(1, 0, 1))
		if err := a.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := a.RecvMsg(&a.frame); !errors.Is(err, io.EOF) {
			t.Errorf("after CloseSend: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		b, err := rpc.OpenExchange(ctx, c.conn)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := b.RecvMsg(&wire.Frame{}); !errors.Is(rpc.FromError(err), context.Canceled) {
			t.Errorf("after cancel: %v", err)
		}
	})
}
