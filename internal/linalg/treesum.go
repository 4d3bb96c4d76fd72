package linalg

import (
	"errors"
	"math"
)

// TreeSum adds up vectors along a binary tree whose shape hangs on their number
// alone: part (l, i) of level l is the sum of the parts (l-1, 2i) and (l-1, 2i+1).
// So whoever holds some neighbouring leaves may add up what it can, and the whole
// has the same bits however the leaves were shared out (pairwise summation; Higham,
// "The accuracy of floating point summation", 1993).
type TreeSum struct {
	width int
	parts []part // no two that make a larger one are next to each other
	spare [][]float64
}

type part struct {
	level, index int
	sum          []float64
}

// NewTreeSum returns the empty sum of vectors of so many elements.
func NewTreeSum(width int) *TreeSum { return &TreeSum{width: width} }

// Reset makes the sum empty.
func (t *TreeSum) Reset() {
	for _, p := range t.parts {
		t.spare = append(t.spare, p.sum)
	}
	t.parts = t.parts[:0]
}

// Add adds the leaf of an index, the one behind the leaf or part added before.
func (t *TreeSum) Add(index int, leaf []float64) { t.add(0, index, leaf) }

func (t *TreeSum) add(level, index int, sum []float64) {
	p := part{level, index, t.room()}
	copy(p.sum, sum)
	for n := len(t.parts); n > 0; n-- {
		left := t.parts[n-1]
		if left.level != p.level || left.index%2 != 0 || left.index+1 != p.index {
			break
		}
		for i, x := range p.sum {
			left.sum[i] += x
		}
		t.spare, t.parts = append(t.spare, p.sum), t.parts[:n-1]
		p = part{p.level + 1, p.index / 2, left.sum}
	}
	t.parts = append(t.parts, p)
}

func (t *TreeSum) room() []float64 {
	n := len(t.spare)
	if n == 0 {
		return make([]float64, t.width)
	}
	last := t.spare[n-1]
	t.spare = t.spare[:n-1]
	return last
}

// Append appends the parts that there are: for each its level, its index and its
// elements. There are no more than two a level.
func (t *TreeSum) Append(dst []float64) []float64 {
	for _, p := range t.parts {
		dst = append(append(dst, float64(p.level), float64(p.index)), p.sum...)
	}
	return dst
}

// maxIndex bounds the leaves of a sum.
const maxIndex = 1 << 40

var errParts = errors.New("malformed parts of a sum")

// Merge adds what Append has written of the leaves behind those that were added.
func (t *TreeSum) Merge(parts []float64) error {
	size := 2 + t.width
	if len(parts)%size != 0 {
		return errParts
	}
	for ; len(parts) > 0; parts = parts[size:] {
		level, index := parts[0], parts[1]
		if !(level >= 0 && level <= 40 && index >= 0 && index < maxIndex) || level != math.Trunc(level) || index != math.Trunc(index) {
			return errParts
		}
		t.add(int(level), int(index), parts[2:size])
	}
	return nil
}

// Total returns the sum of all leaves, from the last part to the first. It is valid
// until the next call.
func (t *TreeSum) Total() []float64 {
	total := t.room()
	clear(total)
	for n := len(t.parts) - 1; n >= 0; n-- {
		for i, x := range t.parts[n].sum {
			total[i] += x
		}
	}
	t.spare = append(t.spare, total)
	return total
}
