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
	block   batch.Block

	epoch   int // of windows; -1 at first
	windows []plan.Window
	cached  int // number of the window below; -1 for none
	parts   []*batch.CSR
	order   []batch.Row
}

func newFeed(p *plan.Plan, shards Shards, w param.Worker) *feed {
	return &feed{plan: p, shards: shards, worker: w, epoch: -1, cached: -1}
}

// batch returns the batch of a round; the block is valid until the next call. It
// has no rows when the worker's epoch has ended before other workers' has.
func (f *feed) batch(ctx context.Context, round param.Round) (*batch.Block, error) {
	epoch, step := f.plan.Position(round)
	if epoch != f.epoch {
		f.epoch, f.windows, f.cached = epoch, f.plan.Stream(epoch, f.worker), -1
	}
	size := int64(f.plan.Job.Run.Batch)
	var parts []*batch.CSR
	var rows []batch.Row
	from, to := step*size, (step+1)*size
	for n, window := range f.windows {
		if to <= 0 {
			break
		}
		if from < window.Rows {
			if err := f.load(ctx, n); err != nil {
				return nil, err
			}
			for _, r := range f.order[max(from, 0):min(to, window.Rows)] {
				rows = append(rows, batch.Row{Part: r.Part + uint32(len(parts)), Row: r.Row})
			}
			parts = append(parts, f.parts...)
		}
		from, to = from-window.Rows, to-window.Rows
	}
	f.builder.Build(&f.block, parts, rows, uint32(f.plan.Bias()))
	return &f.block, nil
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

// provenance says which rows a round's batch was drawn from, for messages.
func (f *feed) provenance(round param.Round) string {
	epoch, step := f.plan.Position(round)
	size := int64(f.plan.Job.Run.Batch)
	from, to := step*size, (step+1)*size
	var ids []string
	for _, window := range f.plan.Stream(epoch, f.worker) {
		if from < window.Rows && to > 0 {
			for _, id := range window.Shards {
				s := f.plan.Train.Shards[id]
				ids = append(ids, fmt.Sprintf("%d (rows %d-%d)", id, s.FirstRow+1, s.FirstRow+s.Rows))
			}
		}
		from, to = from-window.Rows, to-window.Rows
	}
	return fmt.Sprintf("epoch %d, data shards %s", epoch+1, strings.Join(ids, ", "))
}
