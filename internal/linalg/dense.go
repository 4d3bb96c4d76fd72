package linalg

import "math"

// AddTo adds src to dst, which must be as long:
//
//	dst[i] += src[i]
func AddTo(dst, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i, v := range src {
		dst[i] += v
	}
}

// SubFrom replaces dst, the state after some steps, by what the steps changed:
//
//	dst[i] -= src[i]
func SubFrom(dst, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i, v := range src {
		dst[i] -= v
	}
}

// Finite reports whether x holds neither NaN nor an infinity.
func Finite(x []float32) bool {
	const exponent = 0x7f800000
	bad := uint32(0)
	for _, v := range x {
		// The addition carries into the top bit if, and only if, all bits of
		// the exponent are set.
		bad |= math.Float32bits(v)&exponent + 1<<23
	}
	return bad>>31 == 0
}

// FiniteScalar reports whether x is neither NaN nor an infinity.
func FiniteScalar(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

// SumSquares returns the sum of x[i]² in float64, in 8 lanes.
func SumSquares(x []float32) float64 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float64
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
