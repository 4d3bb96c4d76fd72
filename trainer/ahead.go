package trainer

import (
	"context"

	"parley/internal/batch"
	"parley/internal/param"
)

// batches hands out a worker's batches, and builds each one round before it is
// asked for, while the worker waits for its servers: building is most of what a
// round costs a trainer. It holds two blocks. What is built for a round is a
// function of the round, so it changes no result; an error shows in the round that
// it belongs to, and one of a round that is not asked for never.
//
// One goroutine uses it at a time. The context of take must end before close is
// called.
type batches struct {
	host   *Host
	feed   *feed // of the build that goes on, else of the caller
	blocks [2]batch.Block
	open   bool // a build was started and its end not taken
	round  param.Round
	until  param.Round // no batch of it is built
	ended  chan error  // of the build; holds one, so that no build waits for a taker
}

func newBatches(h *Host, w param.Worker, until param.Round) *batches {
	return &batches{host: h, until: until, feed: newFeed(h.config.Plan, h.config.Train, w), ended: make(chan error, 1)}
}

// take returns the batch of a round and begins with the next. The block is valid
// until the next call.
func (b *batches) take(ctx context.Context, round param.Round) (*batch.Block, error) {
	if b.open && b.round != round {
		b.close()
	}
	if !b.open {
		b.start(ctx, round)
	}
	b.open = false
	if err := <-b.ended; err != nil {
		return nil, err
	}
	if round+1 < b.until {
		b.start(ctx, round+1)
	}
	return b.block(round), nil
}

func (b *batches) block(round param.Round) *batch.Block { return &b.blocks[round%2] }

// start builds the batch of a round in a goroutine, in the block that the round
// before it does not use.
func (b *batches) start(ctx context.Context, round param.Round) {
	b.open, b.round = true, round
	go func() { b.ended <- b.build(ctx, round) }()
}

// build takes its turn among the host's builders.
func (b *batches) build(ctx context.Context, round param.Round) (err error) {
	select {
	case b.host.builders <- struct{}{}:
		defer func() { <-b.host.builders }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	b.host.config.Slow(func() {
		err = b.feed.batch(ctx, round, b.block(round))
		if p, ok := b.host.config.Model.(Preparer); ok && err == nil {
			p.Prepare(b.block(round))
		}
	})
	return err
}

// close waits for the end of the build that goes on.
func (b *batches) close() {
	if b.open {
		b.open = false
		<-b.ended
	}
}
