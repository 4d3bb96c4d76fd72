package trainer

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"parley/internal/batch"
	"parley/internal/param"
)

// gated gives rows once the test says so, and counts who waits. From the load
// number failFrom on, if that is not 0, it fails.
type gated struct {
	made
	gate     chan struct{} // nil: open
	failFrom int64
	broke    error
	loads    atomic.Int64
	inside   atomic.Int64
}

func (g *gated) Load(ctx context.Context, id param.ShardID) (*batch.CSR, error) {
	if n := g.loads.Add(1); g.failFrom > 0 && n >= g.failFrom {
		return nil, g.broke
	}
	g.inside.Add(1)
	defer g.inside.Add(-1)
	if g.gate != nil {
		select {
		case <-g.gate:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return g.made.Load(ctx, id)
}

// TestBatchesEqualTheFeeds: the batch that was built ahead is that of its round,
// also when rounds are asked for out of order, and the next one does not spoil it.
func TestBatchesEqualTheFeeds(t *testing.T) {
	p := planOf(t, 1000, "run.batch=50")
	b := newBatches(NewHost(Config{Plan: p, Train: made{plan: p}}), 1, p.Rounds)
	defer b.close()
	f := newFeed(p, made{plan: p}, 1)
	rounds := []param.Round{5, 2, 2}
	for r := range p.Rounds {
		rounds = append(rounds, r)
	}
	for _, round := range rounds {
		got, err := b.take(t.Context(), round)
		if err != nil {
			t.Fatal(err)
		}
		if b.open { // let it end, so that it would be seen in the block
			b.ended <- <-b.ended
		}
		want, err := built(t.Context(), f, round)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d: (-want +got)\n%s", round, diff)
		}
	}
	if b.open {
		t.Error("a batch is built for a round behind the last")
	}
}

// TestNextBatchIsBuiltWhileServersAreAwaited: when the pulls of a round are open,
// the next round's rows are loaded.
func TestNextBatchIsBuiltWhileServersAreAwaited(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		g := &gated{made: made{plan: b.plan}}
		b.host.config.Train = g
		b.host.Assign(t.Context(), 0, 1, b.plan.PerEpoch-1, b.plan.Rounds) // the next round is of another epoch: another load
		synctest.Wait()
		if window := int64(len(b.plan.Stream(0, 0)[0].Shards)); g.loads.Load() <= window {
			t.Errorf("%d loads; the first round needs %d, and the next was to begin", g.loads.Load(), window)
		}
	})
}

// TestErrorsOfTheNextBatch show when its round comes, and not when the worker
// leaves before.
func TestErrorsOfTheNextBatch(t *testing.T) {
	for _, released := range []bool{false, true} {
		inBubble(t, func(t *testing.T, b *bench) {
			window := len(b.plan.Stream(0, 0)[0].Shards)
			g := &gated{made: made{plan: b.plan}, failFrom: int64(window) + 1, broke: errors.New("cable")}
			b.host.config.Train = g
			last := b.plan.PerEpoch - 1
			b.host.Assign(t.Context(), 0, 1, last, b.plan.Rounds)
			synctest.Wait()
			if got := b.told(); got != nil || g.loads.Load() != int64(window)+1 {
				t.Fatalf("after %d loads: reports %+v", g.loads.Load(), got)
			}
			if released {
				b.host.Release(0, 1)
			}
			b.answer(pulls)
			b.answer(pushes)
			got := b.told()
			if len(got) != 1 || got[0].Round != last+1 || got[0].Released != released || errors.Is(got[0].Err, g.broke) == released {
				t.Errorf("released %v: reports %+v", released, got)
			}
		})
	}
}

// TestCloseInABuild ends a worker whose rows do not come, at once.
func TestCloseInABuild(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.host.config.Train = &gated{made: made{plan: b.plan}, gate: make(chan struct{})}
		for w := range param.Worker(3) {
			b.host.Assign(t.Context(), w, 1, 0, b.plan.Rounds)
		}
		synctest.Wait()
		b.host.Close()
		if got := b.told(); got != nil {
			t.Errorf("reports %+v", got)
		}
	})
}

// TestBuildersAreBounded: workers beyond the builders wait for their turn.
func TestBuildersAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		g := &gated{made: made{plan: b.plan}, gate: make(chan struct{})}
		b.host.config.Train, b.host.builders = g, make(chan struct{}, 1)
		loads := 0
		for w := range param.Worker(3) {
			b.host.Assign(t.Context(), w, 1, 0, b.plan.Rounds)
			loads += len(b.plan.Stream(0, w)[0].Shards)
		}
		for range loads {
			synctest.Wait()
			if n := g.inside.Load(); n != 1 {
				t.Fatalf("%d builds at once", n)
			}
			g.gate <- struct{}{}
		}
	})
}

// TestSlow: a batch and what is learned from it go through the hook.
func TestSlow(t *testing.T) {
	var calls atomic.Int64
	inBubble(t, func(t *testing.T, b *bench) {
		b.host.config.Slow = func(compute func()) {
			calls.Add(1)
			compute()
		}
		b.host.Assign(t.Context(), 0, 1, b.plan.Rounds-2, b.plan.Rounds)
		for _, want := range []int64{2, 3, 4} { // two batches, then a contribution a round
			synctest.Wait()
			if got := calls.Load(); got != want {
				t.Errorf("%d calls, want %d", got, want)
			}
			b.answer(all)
			b.answer(pushes)
		}
	})
}
