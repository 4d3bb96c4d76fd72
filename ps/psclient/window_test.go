package psclient

import (
	"context"
	"testing"

	"parley/internal/wire"
	"parley/trainer"
)

// TestWindow: pushes beyond the window wait for answers, one alone never does, and
// what moves away makes room.
func TestWindow(t *testing.T) {
	l := newLink(New(Config{}), "x")
	for range 3 {
		l.put(&pending{ctx: t.Context(), request: &trainer.Request{Push: true}, reply: func(trainer.Reply) {}})
	}
	p := func(id uint64) *pending { return l.mu.pending[id] }
	if !l.reserve(1, p(1), 2*windowBytes) {
		t.Fatal("one alone has to wait")
	}
	if l.reserve(2, p(2), 1) {
		t.Fatal("a second one does not wait")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l.await(ctx, 2, p(2), 1) {
		t.Fatal("it went although nothing was answered")
	}
	two, three := p(2), p(3)
	waited := make(chan bool)
	go func() { waited <- l.await(t.Context(), 2, two, windowBytes-1) }()
	l.deliver(&wire.Reply{ID: 1})
	if !<-waited {
		t.Fatal("it did not go")
	}
	if l.reserve(3, three, 2) {
		t.Fatal("too much is under way")
	}
	l.mu.pending[2] = two
	l.deliver(&wire.Reply{ID: 2, Unknown: true}) // it will be sent again
	if !two.whole || !l.reserve(3, three, 2) {
		t.Fatal("what is not under way counts")
	}
	l.requeue()
	if l.mu.unacknowledged != 0 {
		t.Fatalf("%d bytes are under way on a new stream", l.mu.unacknowledged)
	}
}
