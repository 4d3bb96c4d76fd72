package psclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/status"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// Weights implements trainer.Servers. It waits for servers that are not there and
// ranges that are on their way, until ctx ends.
func (c *Client) Weights(ctx context.Context) ([]float32, error) {
	var weights []float32
	for i := range c.config.Servers {
		err := c.Range(ctx, param.RangeID(i), func(piece []float32) error {
			weights = append(weights, piece...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return weights, nil
}

// Values implements trainer.Servers, and waits as Weights does.
func (c *Client) Values(ctx context.Context, offsets [][]uint32) ([]float32, error) {
	values := make([][]float32, len(offsets))
	group, ctx := errgroup.WithContext(ctx)
	for i, all := range offsets {
		group.Go(func() error {
			for some := range slices.Chunk(all, readKeys) {
				r := reading{client: c, id: param.RangeID(i), offsets: some, piece: func(piece []float32) error {
					values[i] = append(values[i], piece...)
					return nil
				}}
				if err := r.whole(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return slices.Concat(values...), err
}

// readKeys bounds the keys of a request of Values: 4 MB of them.
const readKeys = 1 << 20

// Range reads the weights of one range, of one version, in pieces, in key order.
// It goes on where it was when the server breaks off or the range moves, until
// ctx ends; then the error is that of the last attempt.
func (c *Client) Range(ctx context.Context, id param.RangeID, piece func([]float32) error) error {
	r := reading{client: c, id: id, piece: piece}
	return r.whole(ctx)
}

// whole reads all that there is to be read.
func (r *reading) whole(ctx context.Context) error {
	for pause := firstAdrift; ; pause = min(2*pause, lastAdrift) {
		err := r.attempt(ctx)
		switch kind := param.KindOf(err); {
		case err == nil || r.failed:
			return err
		case kind != param.NotOwner && kind != param.Retryable:
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return param.Errorf(param.KindOf(err), "%w (%w)", err, context.Cause(ctx))
		}
	}
}

// reading is how far the reading of a range has come.
type reading struct {
	client  *Client
	id      param.RangeID
	offsets []uint32 // empty: all keys
	piece   func([]float32) error
	read    int
	version uint64 // of what was read
	failed  bool   // piece has
}

func (r *reading) attempt(ctx context.Context) error {
	address := r.client.server(r.id)
	conn, err := r.client.config.Dial(address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx) // ends the stream also when piece fails
	defer cancel()
	stream, err := parleyv1.NewParametersClient(conn).Read(ctx, &parleyv1.ReadRequest{Job: string(r.client.config.Job), Range: uint32(r.id), Offsets: r.offsets})
	switch {
	case errors.Is(err, io.EOF) && ctx.Err() != nil: // it ended before the request was on its way
		return rpc.FromError(status.FromContextError(ctx.Err()).Err())
	case errors.Is(err, io.EOF):
		return param.Errorf(param.Retryable, "read range %d from %s: the stream ended at once", r.id, address)
	case err != nil:
		return rpc.FromError(err)
	}
	skip := r.read
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read range %d from %s: %w", r.id, address, rpc.FromError(err))
		}
		if r.read > 0 && m.GetVersion() != r.version {
			return param.Errorf(param.Stale, "range %d went on from version %d to %d while it was read", r.id, r.version, m.GetVersion())
		}
		r.version = m.GetVersion()
		n := min(skip, len(m.GetWeights()))
		skip -= n
		if err := r.take(m.GetWeights()[n:]); err != nil {
			return err
		}
	}
}

func (r *reading) take(weights []float32) error {
	if err := r.piece(weights); err != nil {
		r.failed = true
		return err
	}
	r.read += len(weights)
	return nil
}
