package psclient

import (
	"context"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/wire"
	"parley/trainer"
)

const (
	// frameBytes is the size from which requests are not put into one frame.
	frameBytes = 1 << 20
	// windowBytes bounds the pushes that are under way: a server that is slow to
	// read does not make this process grow, nor its own.
	windowBytes = 64 << 20
)

// outgoing is the sending half of a stream.
type outgoing struct {
	link   *link
	stream grpc.ClientStream
	frame  wire.Frame
	bytes  int // of the frame, at most
}

func newOutgoing(l *link, s grpc.ClientStream) *outgoing {
	return &outgoing{link: l, stream: s, frame: wire.Frame{Sender: wire.NewSender()}}
}

// send sends the requests of the given ids, several in one frame as long as they
// are small.
func (o *outgoing) send(ctx context.Context, ids []uint64) error {
	for _, id := range ids {
		p, whole := o.link.lookup(id)
		if p == nil {
			continue
		}
		r := o.encode(id, p.request)
		r.Whole = whole
		if r.Bound() > wire.MaxMessage-1<<10 {
			o.link.fail(id, param.Errorf(param.Invalid, "a request of %d keys and %d values: more than a message has room for", len(r.Offsets), len(r.Values)))
			continue
		}
		if r.Push && !o.link.reserve(id, p, r.Bound()) {
			if err := o.flush(); err != nil {
				return err
			}
			if !o.link.await(ctx, id, p, r.Bound()) {
				return nil
			}
		}
		if o.bytes > 0 && o.bytes+r.Bound() > frameBytes {
			if err := o.flush(); err != nil {
				return err
			}
		}
		o.frame.Requests = append(o.frame.Requests, r)
		o.bytes += r.Bound()
	}
	return o.flush()
}

func (o *outgoing) encode(id uint64, r *trainer.Request) wire.Request {
	encoding := o.link.client.config.Encoding
	if !r.Push {
		encoding = encoding.Pulled()
	}
	return wire.Request{ID: id, Job: o.link.client.config.Job, Range: r.Range, Worker: r.Worker, Term: r.Term, Round: r.Round, Push: r.Push,
		Encoding: encoding, Offsets: r.Offsets, Values: r.Change, Rows: r.Rows, Loss: r.Loss}
}

// flush sends the frame, if there is anything in it.
func (o *outgoing) flush() error {
	if len(o.frame.Requests) == 0 {
		return nil
	}
	err := o.stream.SendMsg(&o.frame)
	o.link.client.stats.pushed.Add(int64(o.frame.Size()))
	for i := range o.frame.Requests {
		if r := &o.frame.Requests[i]; r.Failed != nil {
			o.link.fail(r.ID, r.Failed)
		}
	}
	clear(o.frame.Requests)
	o.frame.Requests, o.bytes = o.frame.Requests[:0], 0
	return err
}

// lookup returns a request that is still pending here, and whether its key list has
// to be sent.
func (l *link) lookup(id uint64) (p *pending, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p = l.mu.pending[id]
	return p, p != nil && p.whole
}

// reserve counts a push as under way, unless there is too much already.
func (l *link) reserve(id uint64, p *pending, bytes int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.mu.pending[id] != p: // it moved: send it or not
		return true
	case l.mu.unacknowledged > 0 && l.mu.unacknowledged+bytes > windowBytes:
		return false
	}
	l.mu.unacknowledged += bytes - p.bytes
	p.bytes = bytes
	return true
}

// await waits for the servers' answers until reserve succeeds, or ctx ends.
func (l *link) await(ctx context.Context, id uint64, p *pending, bytes int) bool {
	for !l.reserve(id, p, bytes) {
		select {
		case <-l.room:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// fail ends a request that cannot be sent.
func (l *link) fail(id uint64, err error) {
	l.mu.Lock()
	p := l.mu.pending[id]
	delete(l.mu.pending, id)
	if p != nil {
		l.acknowledgeLocked(p)
	}
	l.mu.Unlock()
	if p != nil {
		p.reply(trainer.Reply{Request: p.request, Err: err})
	}
}
