package linalg

// SquareSum is the sum of squares of float32 values that come in pieces; it does
// not depend on how they are cut. The zero value is an empty sum.
type SquareSum struct{ sum float64 }

// Add adds x[0]², x[1]², … in that order.
func (s *SquareSum) Add(x []float32) {
	for _, v := range x {
		s.sum += square(v)
	}
}

// Sum returns the sum so far.
func (s *SquareSum) Sum() float64 { return s.sum }
