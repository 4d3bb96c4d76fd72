package trainer

import (
	"context"
	"fmt"

	"parley/internal/linalg"
	"parley/internal/param"
	"parley/internal/plan"
)

// panels goes through the rounds of a method on panels. It ends as passes does.
func (s *session) panels(ctx context.Context) (released bool, err error) {
	p := panelWork{session: s, solver: s.host.config.Solver, shards: s.host.config.Plan.Pass(s.worker.ID), none: s.worker.Cut(nil)}
	return s.untilOver(ctx, p.none, p.round)
}

// panelWork is a worker's part of a method on panels.
type panelWork struct {
	*session
	solver Solver
	shards []param.ShardID
	none   *Cut
}

// headWords is what each range's answer begins with: whether the method is over, its
// stage, the columns of its basis, and how many of these are near, as words.
const headWords = 2 * 4

// round does the round that the worker is in, unless the method is over.
func (p *panelWork) round(ctx context.Context) (over bool, err error) {
	if err := p.pull(ctx, p.none); err != nil {
		return false, err
	}
	for id := range p.worker.spans {
		if len(p.worker.Tail(param.RangeID(id))) < headWords {
			return false, param.Errorf(param.Invalid, "range %d has answered without the stage of the method", id)
		}
	}
	head := linalg.FromWords(nil, p.worker.Tail(0)[:headWords])
	if head[0] != 0 {
		return true, nil
	}
	stage, columns, near := int(head[1]), int(head[2]), int(head[3])
	phase := int(p.worker.Round()) % p.solver.PhaseRounds()
	if phase == 0 {
		return false, p.multiply(ctx, p.solver.Width(stage))
	}
	parts, loss := make([][]float32, len(p.worker.spans)), 0.0
	if p.worker.ID == 0 {
		answer, residual, err := p.answer(stage, phase, columns, near)
		if err != nil {
			return false, err
		}
		words := linalg.AppendWords(nil, answer)
		for id := range parts {
			parts[id] = words
		}
		loss = float64(residual * float64(p.host.config.Plan.TrainRows)) // a mean over rows is shown
	}
	p.push(ctx, p.worker.PushParts(parts, 0, loss))
	return false, nil
}

// answer is worker 0's to what all ranges have said.
func (p *panelWork) answer(stage, phase, columns, near int) ([]float64, float64, error) {
	sum := linalg.NewTreeSum(p.solver.Terms(stage, phase, columns, near))
	var kept []float64
	for id := range p.worker.spans {
		said := linalg.FromWords(nil, p.worker.Tail(param.RangeID(id))[headWords:])
		if len(said) == 0 { // nothing is summed in this phase
			continue
		}
		n := int(said[0])
		if n < 0 || n > len(said)-1 {
			return nil, 0, param.Errorf(param.Invalid, "range %d has answered with too few sums", id)
		}
		if err := sum.Merge(said[1 : 1+n]); err != nil {
			return nil, 0, param.Errorf(param.Invalid, "range %d: %w", id, err)
		}
		if id == 0 {
			kept = said[1+n:]
		}
	}
	epoch := int(p.worker.Round()) / p.solver.PhaseRounds()
	var answer []float64
	var residual float64
	var err error
	p.host.config.Slow(func() { answer, residual, err = p.solver.Answer(stage, phase, columns, epoch, sum.Total(), kept) })
	return answer, residual, err
}

// multiply contributes AᵀA·P of the worker's rows. Panels may be large, so no more
// workers of a host have theirs at a time than there are cores, and none keeps it.
func (p *panelWork) multiply(ctx context.Context, width int) error {
	select {
	case p.host.builders <- struct{}{}:
		defer func() { <-p.host.builders }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var panel []float32
	for id := range p.worker.spans {
		panel = append(panel, p.worker.Tail(param.RangeID(id))[headWords:]...)
	}
	p.worker.DropTails()
	keys := p.host.config.Plan.Keys / param.Key(p.host.config.Plan.Width)
	if param.Key(len(panel)) != keys*param.Key(width) {
		return param.Errorf(param.Invalid, "the ranges have answered with %d values of a panel of %d rows and %d columns", len(panel), keys, width)
	}
	sum := make([]float64, len(panel))
	rows := int64(0)
	for _, id := range p.shards {
		data, err := p.host.config.Train.Load(ctx, id)
		if err != nil {
			return fmt.Errorf("load data shard %d: %w", id, err)
		}
		p.run.clock.lap(reading)
		p.host.config.Slow(func() {
			rows += p.host.config.Model.(Multiplier).Multiply(data, p.host.keep(plan.SetTrain, data.FirstRow), panel, width, sum)
		})
		p.run.clock.lap(computing)
		p.run.ticks.Add(1)
	}
	parts := make([][]float32, len(p.worker.spans))
	for id, span := range p.worker.spans {
		n := span.Len() / p.host.config.Plan.Width * width
		parts[id] = linalg.Singles(sum[:n])
		sum = sum[n:]
	}
	p.push(ctx, p.worker.PushParts(parts, rows, 0))
	return nil
}
