package node

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// relay hands out models: the node's own, and those of other members to clients that
// reach this node alone, such as through the published port of a container.
type relay struct {
	parleyv1.UnimplementedModelsServer
	node *Node
}

// relaySilence bounds the wait for each piece of a model.
const relaySilence = 30 * time.Second

// Fetch sends a model, from the node that keeps it.
func (r *relay) Fetch(q *parleyv1.FetchRequest, stream grpc.ServerStreamingServer[parleyv1.FetchReply]) error {
	n, from := r.node, q.GetFrom()
	if from == "" || from == n.address {
		return n.agent.Models().Fetch(q, stream)
	}
	if !slices.ContainsFunc(n.members.Members(), func(m *parleyv1.Member) bool { return m.GetBind() == from }) {
		return param.Errorf(param.Invalid, "no node of the cluster is at %s", from) // else anybody could have this node dial anything
	}
	conn, err := n.config.Network.Dial(from, rpc.Data)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	silence := time.AfterFunc(relaySilence, cancel)
	defer silence.Stop()
	source, err := parleyv1.NewModelsClient(conn).Fetch(ctx, &parleyv1.FetchRequest{Job: q.GetJob()})
	for err == nil {
		var piece *parleyv1.FetchReply
		if piece, err = source.Recv(); err != nil {
			break
		}
		silence.Reset(relaySilence)
		if err = stream.Send(piece); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case ctx.Err() != nil && stream.Context().Err() == nil:
		return param.Errorf(param.Retryable, "node %s has sent nothing of the model for %v", from, relaySilence)
	}
	return err
}
