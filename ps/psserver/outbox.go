package psserver

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"

	"parley/internal/rpc"
	"parley/internal/wire"
)

// outboxBytes bounds what waits to be sent over a stream: beyond it no request of
// the stream is read. Answers that other streams set free still come in; they are
// bounded by the pulls that were read.
const outboxBytes = 64 << 20

// frameBytes is the size from which replies are not put into one frame.
const frameBytes = 1 << 20

// outbox holds the replies that are on their way to a stream. Putting never waits.
type outbox struct {
	queue *rpc.Queue[wire.Reply]
	bytes atomic.Int64  // in the queue
	room  chan struct{} // capacity 1: bytes has shrunk
}

func newOutbox() *outbox {
	return &outbox{queue: rpc.NewQueue[wire.Reply](), room: make(chan struct{}, 1)}
}

func (o *outbox) put(r wire.Reply) {
	o.bytes.Add(int64(r.Bound()))
	o.queue.Put(r)
}

// wait returns when the peer has read enough, or with ctx.
func (o *outbox) wait(ctx context.Context) {
	for o.bytes.Load() > outboxBytes {
		select {
		case <-o.room:
		case <-ctx.Done():
			return
		}
	}
}

// drain sends what is put until ctx ends or the stream breaks.
func (o *outbox) drain(ctx context.Context, stream grpc.ServerStream) error {
	frame := wire.Frame{Sender: wire.NewSender()}
	return o.queue.Drain(ctx, func(items []wire.Reply) error { return o.send(stream, &frame, items) })
}

// send sends replies, several in one frame as long as they are small.
func (o *outbox) send(stream grpc.ServerStream, frame *wire.Frame, items []wire.Reply) error {
	for len(items) > 0 {
		n, bytes := 1, items[0].Bound()
		for n < len(items) && bytes+items[n].Bound() <= frameBytes {
			bytes += items[n].Bound()
			n++
		}
		frame.Replies = items[:n]
		if err := stream.SendMsg(frame); err != nil {
			return err
		}
		items = items[n:]
		o.bytes.Add(-int64(bytes))
		select {
		case o.room <- struct{}{}:
		default:
		}
	}
	return nil
}
