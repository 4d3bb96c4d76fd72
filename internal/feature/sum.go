package feature

import (
	"math"
	"math/big"
	"math/bits"
)

// chunks are the words of a sum: enough for 2^60 of the largest float64.
const chunks = 67

// sumUnit is the weight of bit 0 of chunk 0: 2^-1075.
const sumUnit = 1075

// sum adds float64 without any rounding, so that the order of adding and the way
// in which sums are merged do not matter: the small superaccumulator of Neal,
// "Fast exact summation using small and large superaccumulators", 2015. It stands
// for Σ chunk[i] · 2^(32i-1075); chunks overlap by 32 bits, and carries wait.
type sum struct {
	chunk [chunks]int64
	added int // since carries were last propagated
}

// spare is how often an addition of less than 2^53 fits before carries must be
// propagated.
const spare = 1<<10 - 2

// add adds x, which is finite.
func (s *sum) add(x float64) {
	b := math.Float64bits(x)
	exponent := int(b >> 52 & 0x7FF)
	mantissa := b & (1<<52 - 1)
	if exponent == 0 {
		exponent = 1
	} else {
		mantissa |= 1 << 52
	}
	shift, i := uint(exponent&31), exponent>>5
	low := int64(mantissa << shift & 0xFFFFFFFF)
	high := int64(mantissa >> (32 - shift))
	if b>>63 != 0 {
		low, high = -low, -high
	}
	s.chunk[i] += low
	s.chunk[i+1] += high
	if s.added++; s.added > spare {
		s.propagate()
	}
}

// addSquare adds x². The square is split exactly into its rounding and the rest,
// which math.FMA gives on all machines; where x² is below 2^-969 the rest is
// rounded, alike everywhere.
func (s *sum) addSquare(x float64) {
	high := float64(x * x)
	s.add(high)
	s.add(math.FMA(x, x, -high))
}

// merge adds what t holds.
func (s *sum) merge(t *sum) {
	s.propagate()
	t.propagate()
	for i, c := range t.chunk {
		s.chunk[i] += c
	}
	s.propagate()
}

// propagate brings s to its only form where all chunks but the last, which has
// the sign, are in [0, 2^32).
func (s *sum) propagate() {
	for i := range chunks - 1 {
		s.chunk[i+1] += s.chunk[i] >> 32
		s.chunk[i] &= 0xFFFFFFFF
	}
	s.added = 0
}

// units returns the sum in units of 2^-1075.
func (s *sum) units() *big.Int {
	s.propagate()
	total := big.NewInt(s.chunk[chunks-1])
	for i := chunks - 2; i >= 0; i-- {
		total.Lsh(total, 32)
		total.Add(total, big.NewInt(s.chunk[i]))
	}
	return total
}

// setUnits makes s stand for a number of units, and reports whether it can.
func (s *sum) setUnits(units *big.Int) bool {
	if units.BitLen() > 32*(chunks-1)+60 {
		return false
	}
	*s = sum{}
	const perWord = bits.UintSize / 32
	for i, word := range units.Bits() {
		for j := range perWord {
			if at := perWord*i + j; at < chunks {
				s.chunk[at] = int64(uint64(word) >> (32 * j) & 0xFFFFFFFF)
			} else {
				s.chunk[chunks-1] += int64(uint64(word)>>(32*j)&0xFFFFFFFF) << 32
			}
		}
	}
	if units.Sign() < 0 {
		for i := range s.chunk {
			s.chunk[i] = -s.chunk[i]
		}
	}
	s.propagate()
	return true
}

// moments returns the mean and the population standard deviation of n > 0
// numbers of the given sum and sum of squares, each rounded from its exact value
// (the deviation from its rounded square).
func moments(total, squares *sum, n int64) (mean, deviation float64) {
	s, count := total.units(), big.NewInt(n)
	one := new(big.Int).Lsh(big.NewInt(1), sumUnit)
	mean, _ = new(big.Rat).SetFrac(s, new(big.Int).Mul(count, one)).Float64()
	// n·Σx² - (Σx)², in units of 2^-2150.
	d := new(big.Int).Mul(squares.units(), one)
	d.Mul(d, count)
	d.Sub(d, new(big.Int).Mul(s, s))
	if d.Sign() <= 0 { // below 0 only where squares were rounded
		return mean, 0
	}
	scale := new(big.Int).Mul(one, one)
	scale.Mul(scale, new(big.Int).Mul(count, count))
	variance, _ := new(big.Rat).SetFrac(d, scale).Float64()
	return mean, math.Sqrt(variance)
}
