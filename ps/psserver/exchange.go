package psserver

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	"parley/internal/wire"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
)

// Register adds the services of parameter servers.
func Register(r grpc.ServiceRegistrar, s *Server) {
	parleyv1.RegisterParametersServer(r, s)
	rpc.RegisterExchange(r, s)
}

// Exchange serves one trainer's stream of requests (rpc.Exchanger). Replies come
// in the order in which they become available: a pull is held until its version
// exists. A request that cannot be served is refused and the stream goes on; a
// frame that is damaged ends it.
func (s *Server) Exchange(stream grpc.ServerStream) error {
	out := newOutbox()
	defer out.queue.Close()
	ctx, cancel := context.WithCancelCause(stream.Context())
	var sender sync.WaitGroup
	defer sender.Wait()
	defer cancel(nil)
	sender.Go(func() { cancel(out.drain(ctx, stream)) })

	receiver := wire.NewReceiver()
	defer receiver.Close()
	var frame wire.Frame
	defer frame.Release()
	for {
		out.wait(ctx)
		err := stream.RecvMsg(&frame)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.handleAll(receiver, &frame, out); err != nil {
			return err
		}
	}
}

func (s *Server) handleAll(receiver *wire.Receiver, frame *wire.Frame, out *outbox) error {
	n, err := receiver.Open(frame)
	if err != nil {
		return err
	}
	var r wire.Request
	for range n {
		if err := receiver.Request(frame, &r); err != nil {
			return err
		}
		s.handle(receiver, &r, out)
	}
	frame.Release()
	return nil
}

// handle steps a range with one request. Answers, also those that it sets free
// for others, go to the outboxes of those who asked.
func (s *Server) handle(receiver *wire.Receiver, r *wire.Request, out *outbox) {
	w := waiting{out: out, id: r.ID, encoding: r.Encoding, hold: r.Hold()}
	h, err := s.hosted(r.Job, r.Range)
	if err != nil {
		w.refuse(err)
		return
	}
	unknown, err := receiver.Keys(r, h.keys)
	switch {
	case unknown:
		w.hold.Release()
		out.put(wire.Reply{ID: r.ID, Unknown: true})
		return
	case err != nil:
		w.refuse(err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.mu.away != nil:
		w.refuse(h.mu.away)
	case r.Push:
		h.pushLocked(r, out)
	default:
		ticket := ps.Ticket(s.ticket.Add(1))
		h.mu.waiting[ticket] = w
		h.answerLocked(h.mu.r.Pull(ps.Pull{Worker: r.Worker, Term: r.Term, Round: r.Round, Offsets: r.Offsets,
			Checked: r.Checked(), Alloc: wire.Floats}, ticket))
	}
}

func (h *hosted) pushLocked(r *wire.Request, out *outbox) {
	p := ps.Push{Worker: r.Worker, Term: r.Term, Round: r.Round, Offsets: r.Offsets, Change: r.Values, Rows: r.Rows, Loss: r.Loss, Checked: r.Checked()}
	if hold := r.Hold(); hold != nil {
		p.Done = hold.Done
	}
	h.pushed.Add(4 * int64(len(r.Values)))
	answers, err := h.mu.r.Push(p)
	out.put(wire.Reply{ID: r.ID, Refused: err})
	h.answerLocked(answers)
	h.takeLocked()
}

// answerLocked sends answers on their way.
func (h *hosted) answerLocked(answers []ps.Answer) {
	for _, a := range answers {
		w, ok := h.mu.waiting[a.Ticket]
		if !ok {
			continue
		}
		delete(h.mu.waiting, a.Ticket)
		if a.Superseded {
			w.hold.Release()
			continue
		}
		h.pulled.Add(4 * int64(len(a.Values)))
		w.answer(a)
	}
}

func (w waiting) answer(a ps.Answer) {
	if a.Err != nil {
		w.refuse(a.Err)
		return
	}
	r := wire.Reply{ID: w.id, Encoding: w.encoding, Values: a.Values, Owned: true}
	if r.Bound() > largestReply {
		w.refuse(param.Errorf(param.Invalid, "a pull of %d values: more than a message has room for", len(a.Values)))
		wire.FreeFloats(a.Values)
		return
	}
	w.hold.Release()
	w.out.put(r)
}

// refuse answers with an error.
func (w waiting) refuse(err error) {
	w.hold.Release()
	w.out.put(wire.Reply{ID: w.id, Refused: err})
}

// largestReply leaves room for the header of its frame.
const largestReply = wire.MaxMessage - 1<<10

// readPiece is the number of weights in one message of Read: 1 MB.
const readPiece = 1 << 18

// Read streams the weights of a range at its current version.
func (s *Server) Read(r *parleyv1.ReadRequest, stream grpc.ServerStreamingServer[parleyv1.ReadReply]) error {
	h, err := s.hosted(param.JobID(r.GetJob()), param.RangeID(r.GetRange()))
	if err != nil {
		return rpc.Error(err)
	}
	h.mu.Lock()
	weights, version := h.mu.r.Weights(nil), h.mu.r.Version()
	h.mu.Unlock()
	for first := true; first || len(weights) > 0; first = false {
		n := min(readPiece, len(weights))
		if err := stream.Send(&parleyv1.ReadReply{Version: uint64(version), Weights: weights[:n]}); err != nil {
			return err
		}
		weights = weights[n:]
	}
	return nil
}
