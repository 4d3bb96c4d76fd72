package agent

import (
	"context"
	"runtime"
	"time"
)

// Slow makes all that the node's trainer computes take so many times as long, for
// experiments with nodes that fall behind; a factor of 1 changes nothing. It is
// called before Run.
func (a *Agent) Slow(factor float64) { a.slow = factor }

// slowdown returns what trainer.Config.Slow is to be: it waits after a computation
// for as long as that would have gone on, and holds a core meanwhile, as a slow
// processor would. After ctx nothing is waited for.
func slowdown(ctx context.Context, factor float64) func(compute func()) {
	cores := make(chan struct{}, runtime.GOMAXPROCS(0))
	return func(compute func()) {
		select {
		case cores <- struct{}{}:
			defer func() { <-cores }()
		case <-ctx.Done():
		}
		begin := time.Now()
		compute()
		more := time.NewTimer(time.Duration((factor - 1) * float64(time.Since(begin))))
		defer more.Stop()
		select {
		case <-more.C:
		case <-ctx.Done():
		}
	}
}
