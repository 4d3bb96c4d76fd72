package trainer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parley/internal/batch"
	"parley/internal/param"
	"parley/internal/plan"
)

// reference is a worker's rows of an epoch, by position, in the order in which
// they are learned from.
func reference(p *plan.Plan, epoch int, w param.Worker) (rows []int64) {
	for n, window := range p.Stream(epoch, w) {
		for _, r := range p.Order(epoch, w, n, window) {
			rows = append(rows, p.Train.Shards[window.Shards[r.Part]].FirstRow+int64(r.Row))
		}
	}
	return rows
}

// checkBlock compares a block with the rows that it should have.
func checkBlock(t *testing.T, p *plan.Plan, b *batch.Block, rows []int64) {
	t.Helper()
	if b.Rows() != len(rows) {
		t.Fatalf("%d rows, want %d", b.Rows(), len(rows))
	}
	if !slices.IsSorted(b.Columns) || len(slices.Compact(slices.Clone(b.Columns))) != len(b.Columns) {
		t.Fatalf("columns %v", b.Columns)
	}
	for i, row := range rows {
		columns, values := rowAt(row)
		columns, values = append(columns, uint32(p.Bias())), append(values, 1)
		var got []uint32
		for _, k := range b.Index[b.Offsets[i]:b.Offsets[i+1]] {
			got = append(got, b.Columns[k])
		}
		if b.Labels[i] != float32(row) || !slices.Equal(got, columns) || !slices.Equal(b.Values[b.Offsets[i]:b.Offsets[i+1]], values) {
			t.Fatalf("row %d: label %v, columns %v, values %v; want %d, %v, %v", i, b.Labels[i], got, b.Values[b.Offsets[i]:b.Offsets[i+1]], row, columns, values)
		}
	}
}

// built returns the batch of a round, in a block that held something else.
func built(ctx context.Context, f *feed, round param.Round) (*batch.Block, error) {
	b := &batch.Block{Columns: []uint32{7}, Labels: []float32{7}, Index: []uint32{7}, Values: []float32{7}}
	return b, f.batch(ctx, round, b)
}

// TestFeed compares the batches of all rounds with those that are cut from the
// whole stream, for plans of several shapes; over the workers of an epoch every
// row that is trained on comes once.
func TestFeed(t *testing.T) {
	for _, c := range []struct {
		rows      int64
		overrides []string
	}{
		{1, nil},
		{100, nil},
		{1000, []string{"run.batch=7"}},
		{1000, []string{"run.batch=1000"}},
		{1000, []string{"run.workers=1"}},
		{1000, []string{"run.workers=64"}}, // more workers than data for some
		{3000, []string{"data.holdout=0.3", "run.batch=50"}},
		{50000, []string{"run.batch=999", "run.workers=1"}}, // batches across windows
	} {
		t.Run(fmt.Sprint(c.rows, c.overrides), func(t *testing.T) {
			p := planOf(t, c.rows, c.overrides...)
			size := p.Job.Run.Batch
			for epoch := range p.Job.Run.Epochs {
				seen := map[int64]int{}
				for w := range param.Worker(p.Job.Run.Workers) {
					rows := reference(p, epoch, w)
					f := newFeed(p, made{plan: p}, w)
					for step := range int(p.PerEpoch) {
						b, err := built(t.Context(), f, param.Round(epoch)*p.PerEpoch+param.Round(step))
						if err != nil {
							t.Fatal(err)
						}
						checkBlock(t, p, b, rows[min(len(rows), step*size):min(len(rows), (step+1)*size)])
					}
					if len(rows) > size*int(p.PerEpoch) {
						t.Fatalf("worker %d has %d rows left", w, len(rows)-size*int(p.PerEpoch))
					}
					for _, r := range rows {
						seen[r]++
					}
				}
				for row := range p.Train.Rows {
					want := 1
					if plan.HeldOut(row, p.Job.Data.Holdout) {
						want = 0
					}
					if seen[row] != want {
						t.Fatalf("epoch %d: row %d comes %d times, want %d", epoch, row, seen[row], want)
					}
				}
			}
		})
	}
}

// TestFeedAnywhere: what a round's batch is does not depend on the rounds that
// were asked for before, so a worker may be started anywhere.
func TestFeedAnywhere(t *testing.T) {
	p := planOf(t, 40000, "run.batch=700", "run.workers=2", "run.epochs=3")
	g := rand.New(rand.NewPCG(1, 2))
	f := newFeed(p, made{plan: p}, 1)
	for range 100 {
		round := param.Round(g.IntN(int(p.Rounds)))
		b, err := built(t.Context(), f, round)
		if err != nil {
			t.Fatal(err)
		}
		epoch, step := p.Position(round)
		rows := reference(p, epoch, 1)
		checkBlock(t, p, b, rows[min(len(rows), int(step)*700):min(len(rows), int(step+1)*700)])
	}
}

// TestFeedFails names the shard, and can be asked again.
func TestFeedFails(t *testing.T) {
	p := planOf(t, 100)
	broke := errors.New("cable")
	f := newFeed(p, made{p, broke}, 0)
	if _, err := built(t.Context(), f, 0); !errors.Is(err, broke) || !strings.Contains(err.Error(), "data shard") {
		t.Errorf("got %v", err)
	}
	f.shards = made{plan: p}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := built(ctx, f, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	b, err := built(t.Context(), f, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkBlock(t, p, b, reference(p, 0, 0)[:16])
}

// TestProvenance names the rows of a round's windows.
func TestProvenance(t *testing.T) {
	p := planOf(t, 16, "run.workers=1")
	f := newFeed(p, made{plan: p}, 0)
	got := f.provenance(p.PerEpoch)
	for _, want := range []string{"epoch 2", "rows 1-"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

// TestProvenanceIsShort: a window may have thousands of data shards.
func TestProvenanceIsShort(t *testing.T) {
	p := planOf(t, 16*30, "run.workers=1")
	got := newFeed(p, made{plan: p}, 0).provenance(0)
	if strings.Count(got, "(rows") != namedShards || !strings.HasSuffix(got, "and 22 more") {
		t.Error(got)
	}
}
