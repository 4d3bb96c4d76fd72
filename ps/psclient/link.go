package psclient

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/internal/param"
	"parley/internal/rpc"
	"parley/internal/wire"
	"parley/trainer"
)

// link is the stream to one server and the requests that it owes answers to.
type link struct {
	client  *Client
	address string
	cancel  context.CancelFunc // of run; set under the client's lock
	room    chan struct{}      // capacity 1: unacknowledged has shrunk
	mu      struct {
		sync.Mutex
		last    uint64
		pending map[uint64]*pending
		queue   *rpc.Queue[uint64] // ids, for the current stream
		// unacknowledged is the bytes of pushes that were sent and not answered. Pulls
		// do not count: they may be held for long, by what only later pushes bring.
		unacknowledged int
	}
}

type pending struct {
	ctx     context.Context
	request *trainer.Request
	reply   func(trainer.Reply)
	bytes   int           // of unacknowledged
	whole   bool          // the server has asked for the key list
	pause   time.Duration // before it is sent again
}

// Pauses before a request is sent again whose range is not where it should be: it
// may be on its way there.
const (
	firstAdrift = 50 * time.Millisecond
	lastAdrift  = 500 * time.Millisecond
)

func newLink(c *Client, address string) *link {
	l := &link{client: c, address: address, room: make(chan struct{}, 1)}
	l.mu.pending, l.mu.queue = map[uint64]*pending{}, rpc.NewQueue[uint64]()
	return l
}

// put never blocks; what is open is bounded by the workers, who wait for their
// answers before they ask on.
func (l *link) put(p *pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.last++
	l.mu.pending[l.mu.last] = p
	l.mu.queue.Put(l.mu.last)
}

// take removes the requests to some ranges and returns them in their order.
func (l *link) take(of func(param.RangeID) bool) (out []*pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(l.mu.pending)) {
		if p := l.mu.pending[id]; of(p.request.Range) {
			delete(l.mu.pending, id)
			l.acknowledgeLocked(p)
			p.whole, p.pause = false, 0
			out = append(out, p)
		}
	}
	return out
}

// close ends the link, which nothing waits for any more.
func (l *link) close() {
	if l.cancel != nil {
		l.cancel()
	}
}

func (l *link) acknowledgeLocked(p *pending) {
	if p.bytes > 0 {
		l.mu.unacknowledged -= p.bytes
		p.bytes = 0
		select {
		case l.room <- struct{}{}:
		default:
		}
	}
}

// Pauses between attempts to open a stream. The job's coordinator decides how
// long it makes sense to go on: it ends the job when the server's lease has.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

// run keeps the stream open until ctx ends.
func (l *link) run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := l.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > lastPause {
			pause = firstPause
		}
		l.client.config.Logger.Warn("stream to parameter server broke; trying again", "job", l.client.config.Job, "server", l.address, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// stream opens one stream, sends all that is pending and goes on until it
// breaks.
func (l *link) stream(ctx context.Context) error {
	conn, err := l.client.config.Dial(l.address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, err := rpc.OpenExchange(ctx, conn)
	if err != nil {
		return rpc.FromError(err)
	}
	out := newOutgoing(l, s)
	queue := l.requeue()
	var sender sync.WaitGroup
	defer sender.Wait()
	defer cancel(nil)
	sender.Go(func() {
		cancel(queue.Drain(ctx, func(ids []uint64) error { return out.send(ctx, ids) }))
	})
	receiver := wire.NewReceiver()
	defer receiver.Close()
	var frame wire.Frame
	defer frame.Release()
	for {
		err := s.RecvMsg(&frame)
		if err == nil {
			err = l.receive(receiver, &frame)
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
				err = cause
			}
			return rpc.FromError(err)
		}
	}
}

// requeue makes a queue for a new stream, with all that is pending, in order; it
// forgets what nobody waits for any more.
func (l *link) requeue() *rpc.Queue[uint64] {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.queue.Close()
	l.mu.queue = rpc.NewQueue[uint64]()
	for _, id := range slices.Sorted(maps.Keys(l.mu.pending)) {
		p := l.mu.pending[id]
		l.acknowledgeLocked(p)
		if p.ctx.Err() != nil {
			delete(l.mu.pending, id)
			continue
		}
		l.mu.queue.Put(id)
	}
	return l.mu.queue
}

// receive delivers the replies of a frame.
func (l *link) receive(receiver *wire.Receiver, frame *wire.Frame) error {
	l.client.stats.pulled.Add(int64(frame.Size()))
	n, err := receiver.Open(frame)
	if err != nil {
		return err
	}
	var r wire.Reply
	for range n {
		if err := receiver.Reply(frame, &r); err != nil {
			return err
		}
		l.deliver(&r)
	}
	frame.Release()
	return nil
}

func (l *link) deliver(r *wire.Reply) {
	p := l.settle(r)
	if p == nil {
		r.Hold().Release()
		return
	}
	reply := trainer.Reply{Request: p.request, Values: r.Values, Err: r.Refused}
	switch hold := r.Hold(); {
	case hold == nil:
	case len(r.Values) == 0:
		hold.Release()
	default:
		reply.Done = hold.Done
	}
	p.reply(reply)
}

// settle returns the request that a reply ends, if it does: one that can be sent
// again is.
func (l *link) settle(r *wire.Reply) *pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.mu.pending[r.ID]
	if p == nil {
		return nil
	}
	l.acknowledgeLocked(p)
	switch {
	case r.Unknown:
		p.whole = true
		l.mu.queue.Put(r.ID)
		return nil
	case param.KindOf(r.Refused) == param.NotOwner:
		p.pause = min(max(2*p.pause, firstAdrift), lastAdrift)
		id := r.ID // the next reply is read into r
		time.AfterFunc(p.pause, func() { l.again(id, p) })
		return nil
	}
	delete(l.mu.pending, r.ID)
	return p
}

// again sends a request again that is still pending here.
func (l *link) again(id uint64, p *pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.mu.pending[id] != p:
	case p.ctx.Err() != nil:
		delete(l.mu.pending, id)
	default:
		l.mu.queue.Put(id)
	}
}
