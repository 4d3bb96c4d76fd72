package psserver

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
)

// Exchange serves one trainer's stream of requests.
func (s *Server) Exchange(stream grpc.BidiStreamingServer[parleyv1.Requests, parleyv1.Replies]) error {
	out := rpc.NewQueue[*parleyv1.Reply]()
	defer out.Close()
	ctx, cancel := context.WithCancelCause(stream.Context())
	var sender sync.WaitGroup
	defer sender.Wait()
	defer cancel(nil)
	sender.Go(func() {
		cancel(out.Drain(ctx, func(items []*parleyv1.Reply) error { return pack(stream, items) }))
	})
	for {
		requests, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, r := range requests.GetItems() {
			s.handle(r, out)
		}
	}
}

// messageBytes bounds the values in one message, but for one reply that is larger.
const messageBytes = 1 << 20

// pack sends replies, several in one message as long as they are small.
func pack(stream grpc.BidiStreamingServer[parleyv1.Requests, parleyv1.Replies], items []*parleyv1.Reply) error {
	for len(items) > 0 {
		n, bytes := 0, 0
		for n < len(items) && (n == 0 || bytes < messageBytes) {
			bytes += 4 * len(items[n].GetValues())
			n++
		}
		if err := stream.Send(&parleyv1.Replies{Items: items[:n]}); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// handle steps a range with one request. Answers, also those that it sets free
// for others, go to the outboxes of those who asked.
func (s *Server) handle(r *parleyv1.Request, out *rpc.Queue[*parleyv1.Reply]) {
	h, err := s.hosted(param.JobID(r.GetJob()), param.RangeID(r.GetRange()))
	if err != nil {
		out.Put(&parleyv1.Reply{Id: r.GetId(), Fault: rpc.Fault(err)})
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.mu.away != nil:
		out.Put(&parleyv1.Reply{Id: r.GetId(), Fault: rpc.Fault(h.mu.away)})
	case r.GetPush() != nil:
		h.pushLocked(r, out)
	case r.GetPull() == nil:
		out.Put(&parleyv1.Reply{Id: r.GetId(), Fault: rpc.Fault(param.Errorf(param.Invalid, "a request that is neither a pull nor a push"))})
	default:
		ticket := ps.Ticket(s.ticket.Add(1))
		h.mu.waiting[ticket] = waiting{replies: out, id: r.GetId()}
		h.answerLocked(h.mu.r.Pull(ps.Pull{
			Worker: param.Worker(r.GetWorker()), Term: param.Term(r.GetTerm()), Round: param.Round(r.GetRound()),
			Offsets: r.GetPull().GetOffsets(),
		}, ticket))
	}
}

func (h *hosted) pushLocked(r *parleyv1.Request, out *rpc.Queue[*parleyv1.Reply]) {
	p := r.GetPush()
	answers, err := h.mu.r.Push(ps.Push{
		Worker: param.Worker(r.GetWorker()), Term: param.Term(r.GetTerm()), Round: param.Round(r.GetRound()),
		Offsets: p.GetOffsets(), Change: p.GetChange(), Rows: p.GetRows(), Loss: p.GetLoss(),
	})
	h.pushed.Add(4 * int64(len(p.GetChange())))
	out.Put(&parleyv1.Reply{Id: r.GetId(), Fault: rpc.Fault(err)})
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
			continue
		}
		h.pulled.Add(4 * int64(len(a.Values)))
		w.replies.Put(&parleyv1.Reply{Id: w.id, Values: a.Values, Fault: rpc.Fault(a.Err)})
	}
}

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
