package feature

import (
	"cmp"
	"math"
	"slices"
)

const (
	// maxExact is the number of distinct values up to which quantiles are exact.
	maxExact = 1 << 16
	// gridBits are the lower bits of a float64 that the grid drops: what is left is
	// 12 bits of mantissa.
	gridBits = 40
)

// quantiles counts numbers by value. Up to maxExact distinct values, all are
// kept. Beyond, numbers are rounded to 12 bits of mantissa, so that a quantile is
// off by a factor of 1 ± 2^-13 at most (numbers below 2^-126 count as 0). Which of
// the two it is follows from the set of numbers, not from their order.
type quantiles struct {
	coarse bool
	counts map[uint64]int64 // by bits
}

// add counts n numbers of the value x.
func (q *quantiles) add(x float64, n int64) {
	b := math.Float64bits(x + 0) // -0 is 0
	if q.coarse {
		b = onGrid(b)
	}
	if q.counts == nil {
		q.counts = map[uint64]int64{}
	}
	q.counts[b] += n
	if !q.coarse && len(q.counts) > maxExact {
		q.coarsen()
	}
}

func (q *quantiles) coarsen() {
	if q.coarse {
		return
	}
	fine := q.counts
	q.coarse, q.counts = true, make(map[uint64]int64, len(fine)/8)
	for b, n := range fine {
		q.counts[onGrid(b)] += n
	}
}

func (q *quantiles) merge(r *quantiles) {
	if r.coarse {
		q.coarsen()
	}
	for b, n := range r.counts {
		q.add(math.Float64frombits(b), n)
	}
}

// onGrid rounds the number with bits b to the nearest of the grid.
func onGrid(b uint64) uint64 {
	if b&^(1<<63) < 0x381<<52 { // 2^-126
		return 0
	}
	return (b + 1<<(gridBits-1)) >> gridBits << gridBits
}

// sorted returns the values, ascending, and how often each occurs.
func (q *quantiles) sorted() (values []float64, counts []int64) {
	values = make([]float64, 0, len(q.counts))
	for b := range q.counts {
		values = append(values, math.Float64frombits(b))
	}
	slices.SortFunc(values, cmp.Compare)
	counts = make([]int64, len(values))
	for i, v := range values {
		counts[i] = q.counts[math.Float64bits(v)]
	}
	return values, counts
}

// edges returns the bounds between which a number of bins lie, as
// KBinsDiscretizer of scikit-learn with strategy quantile: percentiles by linear
// interpolation, without those that are within 1e-8 of the one before. There is
// at least one value; fewer than two edges are one bin.
func (q *quantiles) edges(bins int) []float64 {
	values, counts := q.sorted()
	ends := make([]int64, len(counts)) // rows up to and with a value
	n := int64(0)
	for i, c := range counts {
		n += c
		ends[i] = n
	}
	at := func(rank int64) float64 {
		i, found := slices.BinarySearch(ends, rank)
		if found {
			i++
		}
		return values[i]
	}
	edges := make([]float64, 0, bins+1)
	before := math.Inf(-1)
	for i := range bins + 1 {
		edge := percentile(at, n, i, bins)
		if edge-before > 1e-8 {
			edges = append(edges, edge)
		}
		before = edge
	}
	return edges
}

// percentile returns the i-th of bins+1 equally spaced percentiles of n numbers
// in NumPy's arithmetic, rounding by rounding.
func percentile(at func(int64) float64, n int64, i, bins int) float64 {
	q := float64(float64(i)*(100/float64(bins))) / 100
	if i == bins {
		q = 1
	}
	position := float64(float64(n-1) * q)
	floor := math.Floor(position)
	t := position - floor
	rank := min(int64(floor), n-1)
	a, b := at(rank), at(min(rank+1, n-1))
	difference := b - a
	if t >= 0.5 {
		return b - float64(difference*(1-t))
	}
	return a + float64(difference*t)
}
