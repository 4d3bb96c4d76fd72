package parallel

import (
	"sync/atomic"
	"testing"
)

// TestDo: each part is done once, and all of them before Do returns, whatever the work.
func TestDo(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 100, 1000} {
		for _, work := range []int{0, 1, worthwhile, 100 * worthwhile} {
			done := make([]atomic.Int32, n)
			Do(n, work, func(i int) { done[i].Add(1) })
			for i := range done {
				if got := done[i].Load(); got != 1 {
					t.Fatalf("%d parts of the work %d: part %d was done %d times", n, work, i, got)
				}
			}
		}
	}
}

// TestNested: a part may share work too.
func TestNested(t *testing.T) {
	var sum atomic.Int64
	Do(10, 1<<30, func(i int) {
		Do(10, 1<<30, func(j int) { sum.Add(int64(10*i + j)) })
	})
	if sum.Load() != 99*100/2 {
		t.Errorf("%d", sum.Load())
	}
}
