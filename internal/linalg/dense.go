package linalg

import "math"

// AddTo adds src to dst, which must be as long:
//
//	dst[i] += src[i]
func AddTo(dst, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i := wideAdd(dst, dst, src); i < len(dst); i++ {
		dst[i] += src[i]
	}
}

// SubFrom replaces dst, the state after some steps, by what the steps changed:
//
//	dst[i] -= src[i]
func SubFrom(dst, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i := wideSub(dst, dst, src); i < len(dst); i++ {
		dst[i] -= src[i]
	}
}

// Scale multiplies x by a number.
func Scale(x []float32, by float32) {
	for i := range x {
		x[i] *= by
	}
}

// Finite reports whether x holds neither NaN nor an infinity.
func Finite(x []float32) bool {
	const exponent = 0x7f800000
	k, finite := wideFinite(x)
	bad := uint32(0)
	for _, v := range x[k:] {
		// The addition carries into the top bit if, and only if, all bits of
		// the exponent are set.
		bad |= math.Float32bits(v)&exponent + 1<<23
	}
	return finite && bad>>31 == 0
}

// Ascending reports whether each of x is above the one before, and all are below 2^30.
func Ascending(x []uint32) bool {
	if len(x) == 0 {
		return true
	}
	k, ok := wideAscending(x)
	last, falls, all := x[k], uint32(0), x[k]
	for _, v := range x[k+1:] {
		falls |= v - last - 1 // its top bit says so
		all |= v
		last = v
	}
	return ok && falls>>31 == 0 && all>>30 == 0
}

// FiniteScalar reports whether x is neither NaN nor an infinity.
func FiniteScalar(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

// SumSquares returns the sum of x[i]² in float64, in 8 lanes.
func SumSquares(x []float32) float64 {
	var s [8]float64
	x = x[wideSquares(x, &s):]
	s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	for len(x) >= 8 {
		s0 += square(x[0])
		s1 += square(x[1])
		s2 += square(x[2])
		s3 += square(x[3])
		s4 += square(x[4])
		s5 += square(x[5])
		s6 += square(x[6])
		s7 += square(x[7])
		x = x[8:]
	}
	rest := [8]float64{s0, s1, s2, s3, s4, s5, s6, s7}
	for j, v := range x {
		rest[j] += square(v)
	}
	return tree(rest[0], rest[1], rest[2], rest[3], rest[4], rest[5], rest[6], rest[7])
}

// square is exact: 48 bits of 53.
func square(x float32) float64 { return float64(float64(x) * float64(x)) }
