package psclient

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/trainer"
)

// link is the stream to one server and the requests that it owes answers to.
type link struct {
	config  Config
	address string
	mu      struct {
		sync.Mutex
		last    uint64
		pending map[uint64]*pending
		queue   *rpc.Queue[uint64] // ids, for the current stream
	}
}

type pending struct {
	ctx     context.Context
	request *trainer.Request
	reply   func(trainer.Reply)
}

func newLink(config Config, address string) *link {
	l := &link{config: config, address: address}
	l.mu.pending, l.mu.queue = map[uint64]*pending{}, rpc.NewQueue[uint64]()
	return l
}

// enqueue never blocks; what is open is bounded by the workers, who wait for
// their answers before they ask on.
func (l *link) enqueue(ctx context.Context, r *trainer.Request, reply func(trainer.Reply)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.last++
	l.mu.pending[l.mu.last] = &pending{ctx: ctx, request: r, reply: reply}
	l.mu.queue.Put(l.mu.last)
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
		l.config.Logger.Warn("stream to parameter server broke; trying again", "job", l.config.Job, "server", l.address, "error", err)
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
	conn, err := l.config.Dial(l.address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, err := parleyv1.NewParametersClient(conn).Exchange(ctx)
	if err != nil {
		return rpc.FromError(err)
	}
	queue := l.requeue()
	var sender sync.WaitGroup
	defer sender.Wait()
	defer cancel(nil)
	sender.Go(func() {
		cancel(queue.Drain(ctx, func(ids []uint64) error { return l.send(s, ids) }))
	})
	for {
		replies, err := s.Recv()
		if err != nil {
			if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
				err = cause
			}
			return rpc.FromError(err)
		}
		for _, r := range replies.GetItems() {
			l.deliver(r)
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
		if l.mu.pending[id].ctx.Err() != nil {
			delete(l.mu.pending, id)
			continue
		}
		l.mu.queue.Put(id)
	}
	return l.mu.queue
}

// messageBytes bounds the values in one message, but for one request that is
// larger.
const messageBytes = 1 << 20

// send sends the requests of the given ids, several in one message as long as
// they are small.
func (l *link) send(s grpc.BidiStreamingClient[parleyv1.Requests, parleyv1.Replies], ids []uint64) error {
	var items []*parleyv1.Request
	bytes := 0
	for i, id := range ids {
		if p := l.lookup(id); p != nil {
			items = append(items, l.encode(id, p.request))
			bytes += 4 * (len(p.request.Offsets) + len(p.request.Change))
		}
		if bytes < messageBytes && i+1 < len(ids) || len(items) == 0 {
			continue
		}
		if err := s.Send(&parleyv1.Requests{Items: items}); err != nil {
			return err
		}
		items, bytes = nil, 0
	}
	return nil
}

func (l *link) lookup(id uint64) *pending {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.pending[id]
}

func (l *link) encode(id uint64, r *trainer.Request) *parleyv1.Request {
	m := &parleyv1.Request{Id: id, Job: string(l.config.Job), Range: uint32(r.Range), Worker: uint32(r.Worker), Term: uint64(r.Term), Round: uint64(r.Round)}
	if r.Push {
		m.Body = &parleyv1.Request_Push{Push: &parleyv1.Push{Offsets: r.Offsets, Change: r.Change, Rows: r.Rows, Loss: r.Loss}}
	} else {
		m.Body = &parleyv1.Request_Pull{Pull: &parleyv1.Pull{Offsets: r.Offsets}}
	}
	return m
}

func (l *link) deliver(r *parleyv1.Reply) {
	l.mu.Lock()
	p := l.mu.pending[r.GetId()]
	delete(l.mu.pending, r.GetId())
	l.mu.Unlock()
	if p == nil {
		return
	}
	p.reply(trainer.Reply{Request: p.request, Values: r.GetValues(), Err: rpc.FromFault(r.GetFault())})
}
