package trainer

import (
	"context"
	"fmt"
	"strings"

	"parley/internal/batch"
	"parley/internal/param"
	"parley/internal/plan"
)

// feed cuts a worker's stream of rows into batches. What it returns for a round
// is a function of plan, worker and round; what it keeps between calls is a
// cache of the window that was read last.
type feed struct {
	plan    *plan.Plan
	shards  Shards
	worker  param.Worker
	builder batch.Builder

	epoch   int // of windows; -1 at first
	windows []plan.Window
	cached  int // number of the window below; -1 for none
	parts   []*batch.CSR
	order   []batch.Row
}

func newFeed(p *plan.Plan, shards Shards, w param.Worker) *feed {
	return &feed{plan: p, shards: shards, worker: w, epoch: -1, cached: -1}
}

// batch fills dst with the batch of a round. It has no rows when the worker's
// epoch has ended before other workers' has.
func (f *feed) batch(ctx context.Context, round param.Round, dst *batch.Block) error {
	epoch, step := f.plan.Position(round)
	if epoch != f.epoch {
		f.epoch, f.windows, f.cached = epoch, f.plan.Stream(epoch, f.worker), -1
	}
	var parts []*batch.CSR
	var rows []batch.Row
	err := f.cut(step, func(n int, from, to int64) error {
		if err := f.load(ctx, n); err != nil {
			return err
		}
		for _, r := range f.order[from:to] {
			rows = append(rows, batch.Row{Part: r.Part + uint32(len(parts)), Row: r.Row})
		}
		parts = append(parts, f.parts...)
		return nil
	})
	if err != nil {
		return err
	}
	if bias := uint32(f.plan.Train.Columns); f.plan.Whole {
		f.builder.Gather(dst, parts, rows, bias)
	} else {
		f.builder.Build(dst, parts, rows, bias)
	}
	dst.Seed = f.plan.Seed(round, f.worker)
	return nil
}

// cut calls each for the windows that a step's batch has rows of, with the part
// of a window's rows that it has.
func (f *feed) cut(step int64, each func(n int, from, to int64) error) error {
	size := int64(f.plan.Job.Run.Batch)
	from, to := step*size, (step+1)*size
	for n, window := range f.windows {
		if to <= 0 {
			return nil
		}
		if from < window.Rows {
			if err := each(n, max(from, 0), min(to, window.Rows)); err != nil {
				return err
			}
		}
		from, to = from-window.Rows, to-window.Rows
	}
	return nil
}

// load makes window n the cached one.
func (f *feed) load(ctx context.Context, n int) error {
	if n == f.cached {
		return nil
	}
	window := f.windows[n]
	parts := make([]*batch.CSR, len(window.Shards))
	for i, id := range window.Shards {
		rows, err := f.shards.Load(ctx, id)
		if err != nil {
			return fmt.Errorf("load data shard %d: %w", id, err)
		}
		parts[i] = rows
	}
	f.cached, f.parts, f.order = n, parts, f.plan.Order(f.epoch, f.worker, n, window)
	return nil
}

// namedShards bounds the data shards that a message names: a window may have
// thousands.
const namedShards = 8

// provenance says which rows a round's batch was drawn from, for messages.
func (f *feed) provenance(round param.Round) string {
	epoch, step := f.plan.Position(round)
	at := feed{plan: f.plan, windows: f.plan.Stream(epoch, f.worker)}
	var ids []string
	more := 0
	at.cut(step, func(n int, _, _ int64) error { // which has no error of its own
		for _, id := range at.windows[n].Shards {
			if len(ids) == namedShards {
				more++
				continue
			}
			s := f.plan.Train.Shards[id]
			ids = append(ids, fmt.Sprintf("%d (rows %d-%d)", id, s.FirstRow+1, s.FirstRow+s.Rows))
		}
		return nil
	})
	text := fmt.Sprintf("epoch %d, data shards %s", epoch+1, strings.Join(ids, ", "))
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
