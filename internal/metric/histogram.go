package metric

import (
	"math"
	"math/big"
	"math/bits"
	"slices"

	"parley/internal/param"
)

// Histogram counts the rows of each class by score. A score is kept as the
// order-preserving image of its float32 value: images compare as the scores do.
type Histogram struct {
	Images    []uint32 `json:"images,omitempty"` // ascending, each once
	Positives []int64  `json:"positives,omitempty"`
	Negatives []int64  `json:"negatives,omitempty"`
}

// image maps a score to an integer of the given number of bits, in order.
func image(score float64, keep int) uint32 {
	b := math.Float32bits(float32(score) + 0) // -0 is 0
	if b>>31 == 1 {
		b = ^b
	} else {
		b |= 1 << 31
	}
	return b >> (32 - keep)
}

// newHistogram sorts rows by score: the image above, the class below.
func newHistogram(scores []float64, positive []bool, keep int) Histogram {
	rows := make([]uint64, len(scores))
	for i, s := range scores {
		rows[i] = uint64(image(s, keep)) << 1
		if positive[i] {
			rows[i]++
		}
	}
	slices.Sort(rows)
	var h Histogram
	for _, r := range rows {
		h.add(uint32(r>>1), int64(r&1), 1-int64(r&1))
	}
	return h
}

// add counts rows whose image is not below the last one.
func (h *Histogram) add(image uint32, positives, negatives int64) {
	last := len(h.Images) - 1
	if last < 0 || h.Images[last] != image {
		h.Images = append(h.Images, image)
		h.Positives = append(h.Positives, positives)
		h.Negatives = append(h.Negatives, negatives)
		return
	}
	h.Positives[last] += positives
	h.Negatives[last] += negatives
}

func (h *Histogram) merge(o *Histogram) {
	if len(o.Images) == 0 {
		return
	}
	n := len(h.Images) + len(o.Images)
	sum := Histogram{make([]uint32, 0, n), make([]int64, 0, n), make([]int64, 0, n)}
	i, j := 0, 0
	for i < len(h.Images) || j < len(o.Images) {
		if j == len(o.Images) || i < len(h.Images) && h.Images[i] <= o.Images[j] {
			sum.add(h.Images[i], h.Positives[i], h.Negatives[i])
			i++
		} else {
			sum.add(o.Images[j], o.Positives[j], o.Negatives[j])
			j++
		}
	}
	*h = sum
}

// check refuses what no Summary holds, for histograms that came over a wire.
func (h *Histogram) check() error {
	n := len(h.Images)
	if len(h.Positives) != n || len(h.Negatives) != n {
		return param.Errorf(param.Invalid, "score histogram: %d scores with %d and %d counts", n, len(h.Positives), len(h.Negatives))
	}
	for i := range n {
		if i > 0 && h.Images[i-1] >= h.Images[i] || h.Positives[i] < 0 || h.Negatives[i] < 0 {
			return param.Errorf(param.Invalid, "score histogram: entry %d is out of order or negative", i)
		}
	}
	return nil
}

// AUC returns the probability that a positive row scores above a negative one,
// ties counting half (Mann and Whitney's U over the number of pairs). It is the
// exact ratio of integers, rounded once; not ok when a class has no rows.
func (h *Histogram) AUC() (auc float64, ok bool) {
	var high, low uint64 // twice the pairs in the right order
	var positives, negatives uint64
	for i := range h.Images {
		p, n := uint64(h.Positives[i]), uint64(h.Negatives[i])
		above, below := bits.Mul64(p, 2*negatives+n)
		var carry uint64
		low, carry = bits.Add64(low, below, 0)
		high, _ = bits.Add64(high, above, carry)
		positives += p
		negatives += n
	}
	if positives == 0 || negatives == 0 {
		return 0, false
	}
	right := new(big.Int).SetUint64(high)
	right.Lsh(right, 64).Add(right, new(big.Int).SetUint64(low))
	pairs := new(big.Int).SetUint64(positives)
	pairs.Mul(pairs, new(big.Int).SetUint64(negatives)).Lsh(pairs, 1)
	auc, _ = new(big.Rat).SetFrac(right, pairs).Float64()
	return auc, true
}

func root(x float64) float64 { return math.Sqrt(x) }
