// Package parallel shares work that was cut into parts among the cores. The parts are
// the caller's, so that what they compute does not hang on the number of cores, and
// each writes what no other part reads.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// worthwhile is the work, in nanoseconds or so, below which another goroutine costs
// more than it takes over.
const worthwhile = 20_000

// Do calls part with each number below n, from several goroutines if there is enough
// work, which is about as many simple operations as it says, and returns when all
// calls have.
func Do(n, work int, part func(i int)) {
	goroutines := min(n, runtime.GOMAXPROCS(0), 1+work/worthwhile)
	if goroutines <= 1 {
		for i := range n {
			part(i)
		}
		return
	}
	var next atomic.Int64
	take := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			part(i)
		}
	}
	var group sync.WaitGroup
	for range goroutines - 1 {
		group.Go(take)
	}
	take()
	group.Wait()
}
