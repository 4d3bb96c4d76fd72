package plan

import (
	"parley/internal/linalg"
	"parley/internal/param"
)

// Random numbers of a plan come from (seed, purpose, position), never from a
// shared stream: two nodes that ask the same question get the same answer.

// generator is a SplitMix64 stream.
type generator uint64

// newGenerator returns the stream that belongs to the words, in their order.
func newGenerator(words ...uint64) generator {
	s := uint64(0)
	for _, w := range words {
		s = linalg.Mix(s ^ linalg.Mix(w))
	}
	return generator(s)
}

func (g *generator) next() uint64 {
	*g += 0x9E3779B97F4A7C15
	return linalg.Mix(uint64(*g))
}

// below returns a number in [0, n), uniform but for a bias of n / 2^64.
func (g *generator) below(n int) int {
	return int(g.next() % uint64(n))
}

// shuffle permutes n elements (Fisher and Yates).
func (g *generator) shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, g.below(i+1))
	}
}

// Purposes keep the streams of one seed apart.
const (
	forShards uint64 = 1 + iota
	forRows
	forHoldout
	forFactors
	forBatches
)

// Seed returns what a worker's draws in a round begin with.
func (p *Plan) Seed(round param.Round, w param.Worker) uint64 {
	return uint64(newGenerator(forBatches, p.Job.Run.Seed, uint64(round), uint64(w)))
}

// Factor returns what the factor at a key begins with: evenly drawn from -scale to
// scale, by seed and key alone.
func Factor(seed uint64, key param.Key, scale float64) float32 {
	h := linalg.Mix(linalg.Mix(linalg.Mix(forFactors)^linalg.Mix(seed)) ^ uint64(key))
	return float32(scale * (float64(float64(h>>11)*(1.0/(1<<52))) - 1))
}

// HeldOut reports whether the row at a position of the dataset belongs to the
// holdout of the given fraction. It depends on the position alone, so the same
// rows stay out whatever the job's seed, and a larger fraction holds all rows
// of a smaller one.
func HeldOut(row int64, fraction float64) bool {
	if fraction <= 0 {
		return false
	}
	h := linalg.Mix(linalg.Mix(forHoldout) ^ linalg.Mix(uint64(row)))
	return float64(h>>11)*(1.0/(1<<53)) < fraction
}
