package trainer

import (
	"context"
	"fmt"
	"math"

	"parley/internal/linalg"
	"parley/internal/param"
	"parley/internal/plan"
)

// passes goes through the rounds of a full-batch method, in pairs: one that takes
// the worker's rows at the point that all ranges hold, and one that carries what
// each range has summed up of its keys to all the others. It ends early, with the
// worker's round before the last, when the ranges say that the method has ended.
func (s *session) passes(ctx context.Context) (released bool, err error) {
	p := pass{session: s, shards: s.host.config.Plan.Pass(s.worker.ID), all: s.host.all(), none: s.worker.Cut(nil)}
	return s.untilOver(ctx, p.none, p.round)
}

// untilOver goes through the rounds of a method that says itself when it is over.
func (s *session) untilOver(ctx context.Context, none *Cut, round func(context.Context) (over bool, err error)) (released bool, err error) {
	for s.worker.Round() < s.until {
		if s.run.release.Load() {
			return true, s.await(ctx, s.worker.Settled)
		}
		over, err := round(ctx)
		if over || err != nil {
			return false, err
		}
		s.run.round.Store(uint64(s.worker.Round()))
		s.run.ticks.Add(1)
	}
	return false, s.pull(ctx, none)
}

// cutAll divides all keys among the ranges.
func (h *Host) cutAll() *Cut {
	keys := make([]uint32, h.config.Plan.Keys)
	for k := range keys {
		keys[k] = uint32(k)
	}
	return newCut(h.config.Plan.Ranges, keys)
}

// pass is a worker's part of a full-batch method.
type pass struct {
	*session
	shards    []param.ShardID
	all, none *Cut
	sums      []float64 // the gradient, then the diagonal
	change    []float32
}

// round does the round that the worker is in, unless the method is over.
func (p *pass) round(ctx context.Context) (over bool, err error) {
	gathers := p.worker.Round()%2 == 0
	keys := p.none
	if gathers {
		keys = p.all
	}
	if err := p.pull(ctx, keys); err != nil {
		return false, err
	}
	totals, over, err := p.totals()
	switch {
	case over || err != nil:
		return over, err
	case gathers:
		return false, p.learn(ctx)
	case p.worker.ID != 0: // the totals are everybody's: one worker brings them
		totals = nil
	}
	p.push(ctx, p.worker.Push(nil, 0, 0, totals))
	return false, nil
}

// totals adds up what the ranges have answered behind the keys.
func (p *pass) totals() (totals []float64, over bool, err error) {
	sum := linalg.NewTreeSum(p.host.config.Terms)
	for id := range p.worker.spans {
		tail := linalg.FromWords(nil, p.worker.Tail(param.RangeID(id)))
		if len(tail) == 0 {
			return nil, false, param.Errorf(param.Invalid, "range %d has answered without its part of the sums", id)
		}
		over = over || tail[0] != 0
		if err := sum.Merge(tail[1:]); err != nil {
			return nil, false, param.Errorf(param.Invalid, "range %d: %w", id, err)
		}
	}
	return sum.Total(), over, nil
}

// beyond stands for the loss at a point that the numbers cannot hold, small enough
// for those of all workers to be added up.
const beyond = math.MaxFloat64 / (1 << 20)

// learn contributes the gradient of the worker's rows. Where it is beyond what a
// float32 holds, or the loss is, the contribution is a loss that no method takes for
// a better one, so that it tries a point nearer by.
func (p *pass) learn(ctx context.Context) error {
	weights := p.worker.State()
	first, d := p.worker.Round() == 0, len(weights)
	p.sums = append(p.sums[:0], make([]float64, d)...)
	var diagonal []float64
	if first {
		p.sums = append(p.sums, make([]float64, d)...)
		diagonal = p.sums[d:]
	}
	rows, loss, weight := int64(0), 0.0, 0.0
	for _, id := range p.shards {
		data, err := p.host.config.Train.Load(ctx, id)
		if err != nil {
			return fmt.Errorf("load data shard %d: %w", id, err)
		}
		p.run.clock.lap(reading)
		p.host.config.Slow(func() {
			keep := p.host.keep(plan.SetTrain, data.FirstRow)
			n, l := p.host.config.Model.(Accumulator).Accumulate(data, keep, weights, p.sums[:d], diagonal)
			rows, loss, weight = rows+n, loss+l, weight+weightOf(data.Weights, n, keep)
		})
		p.run.clock.lap(computing)
		p.run.ticks.Add(1)
	}
	p.change = p.change[:0]
	for _, g := range p.sums {
		p.change = append(p.change, float32(g))
	}
	if !linalg.Finite(p.change) || !(math.Abs(loss) < beyond) {
		clear(p.change)
		loss = beyond
	}
	p.push(ctx, p.worker.Push(p.change, rows, loss, []float64{loss, weight}))
	return nil
}

// weightOf is the sum of the weights of the rows that are kept, n of them.
func weightOf(weights []float32, n int64, keep func(i int) bool) (sum float64) {
	if weights == nil {
		return float64(n)
	}
	for i, w := range weights {
		if keep(i) {
			sum += float64(w)
		}
	}
	return sum
}
