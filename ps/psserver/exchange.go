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
	if frame.Size() >= together || s.programs.Load() {
		err = s.handleTogether(receiver, frame, n, out)
	} else {
		err = s.handleEach(receiver, frame, n, out)
	}
	if err == nil {
		frame.Release()
	}
	return err
}

// together is the bytes of a frame from which on its requests are worth a goroutine
// for each range.
const together = 1 << 16

func (s *Server) handleEach(receiver *wire.Receiver, frame *wire.Frame, n int, out *outbox) error {
	var x step
	for range n {
		if err := receiver.Request(frame, &x.r); err != nil {
			return err
		}
		if x.h = s.admit(receiver, &x.r, out); x.h != nil {
			s.handle(&x, out)
		}
	}
	return nil
}

// handleTogether steps the ranges at the same time, each with its requests in their
// order. The pushes of a worker come in one frame: so ranges that they complete a
// round of are applied on as many cores as there are.
func (s *Server) handleTogether(receiver *wire.Receiver, frame *wire.Frame, n int, out *outbox) error {
	byRange := map[*hosted][]*step{}
	var failed error
	for range n {
		x := new(step)
		if failed = receiver.Request(frame, &x.r); failed != nil {
			break
		}
		if x.h = s.admit(receiver, &x.r, out); x.h != nil {
			byRange[x.h] = append(byRange[x.h], x)
		}
	}
	var all sync.WaitGroup
	for _, steps := range byRange {
		all.Go(func() {
			for _, x := range steps {
				s.handle(x, out)
			}
		})
	}
	all.Wait()
	return failed
}

// step is a request and the range that it is for.
type step struct {
	h *hosted
	r wire.Request
}

// admit returns the range that a request is for, with the request's keys in place,
// or answers it.
func (s *Server) admit(receiver *wire.Receiver, r *wire.Request, out *outbox) *hosted {
	refuse := waiting{out: out, id: r.ID, hold: r.Hold()}.refuse
	h, err := s.hosted(r.Job, r.Range)
	if err != nil {
		refuse(err)
		return nil
	}
	unknown, err := receiver.Keys(r, h.keys)
	switch {
	case unknown:
		r.Hold().Release()
		out.put(wire.Reply{ID: r.ID, Unknown: true})
		return nil
	case err != nil:
		refuse(err)
		return nil
	}
	return h
}

// handle steps a range with one request. Answers, also those that it sets free
// for others, go to the outboxes of those who asked.
func (s *Server) handle(x *step, out *outbox) {
	h, r := x.h, &x.r
	h.mu.Lock()
	defer h.mu.Unlock()
	w := waiting{out: out, id: r.ID, encoding: r.Encoding, hold: r.Hold()}
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

// Read streams the weights of a range at its current version, or of some of its keys.
func (s *Server) Read(r *parleyv1.ReadRequest, stream grpc.ServerStreamingServer[parleyv1.ReadReply]) error {
	h, err := s.hosted(param.JobID(r.GetJob()), param.RangeID(r.GetRange()))
	if err != nil {
		return rpc.Error(err)
	}
	weights, version, err := h.read(r.GetOffsets())
	if err != nil {
		return rpc.Error(err)
	}
	for first := true; first || len(weights) > 0; first = false {
		n := min(readPiece, len(weights))
		if err := stream.Send(&parleyv1.ReadReply{Version: uint64(version), Weights: weights[:n]}); err != nil {
			return err
		}
		weights = weights[n:]
	}
	return nil
}

// read returns the weights of some keys, or of all.
func (h *hosted) read(offsets []uint32) (weights []float32, version param.Version, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(offsets) == 0 {
		return h.mu.r.Weights(nil), h.mu.r.Version(), nil
	}
	weights, err = h.mu.r.Values(offsets)
	return weights, h.mu.r.Version(), err
}
