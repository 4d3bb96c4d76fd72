package linalg

import "math"

// ln2 in two parts: ln2High has 32 significant bits, so that its product with
// an exponent is exact.
const (
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
	log2E   = 1.44269504088896338700e+00
)

// Exp returns e**x. The error is below 1 ulp (2 for results that are
// subnormal); it overflows to +Inf above 709.78 and is 0 below -745.13.
//
// With x = k·ln 2 + r and |r| ≤ ln 2 / 2 it is 2**k times the Taylor polynomial
// of degree 13, whose remainder there is below 2⁻⁵⁷.
func Exp(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 709.782712893383973096:
		return math.Inf(1)
	case x < -745.14:
		return 0
	}
	k := math.Floor(float64(x*log2E) + 0.5)
	high := x - float64(k*ln2High)
	low := float64(k * ln2Low)
	r := high - low
	low = (high - r) - low // what r lost
	q := float64(float64(r*r) * expTail(r))
	return scale(1+(r+(low+q)), int(k))
}

// expTail returns (exp(r) - 1 - r) / r² in Estrin's scheme: pairs of
// coefficients, then pairs of pairs.
func expTail(r float64) float64 {
	const (
		c2, c3, c4, c5 = 1. / 2, 1. / 6, 1. / 24, 1. / 120
		c6, c7, c8, c9 = 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880
		c10, c11, c12  = 1. / 3628800, 1. / 39916800, 1. / 479001600
		c13            = 1. / 6227020800
	)
	r2 := float64(r * r)
	r4 := float64(r2 * r2)
	a := (c2 + float64(c3*r)) + float64((c4+float64(c5*r))*r2)
	b := (c6 + float64(c7*r)) + float64((c8+float64(c9*r))*r2)
	c := (c10 + float64(c11*r)) + float64((c12+float64(c13*r))*r2)
	return a + float64((b+float64(c*r4))*r4)
}

// scale returns x * 2**k for x in [0.5, 2) and k in [-1076, 1024].
func scale(x float64, k int) float64 {
	// In two steps, because 2**k alone may be no normal number.
	half := k >> 1
	return float64(x * power(half) * power(k-half))
}

func power(k int) float64 { return math.Float64frombits(uint64(k+1023) << 52) }

// Log returns the natural logarithm of x; the error is below 1 ulp. It is -Inf
// at 0 and NaN below.
func Log(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	m, k := split(x)
	return logOf(m-1, 0, k)
}

// Log1p returns the natural logarithm of 1 + x, accurate for x near 0 too; the
// error is below 1 ulp.
func Log1p(x float64) float64 {
	switch {
	case x != x || x > math.MaxFloat64:
		return x
	case x < -1:
		return math.NaN()
	case x == -1:
		return math.Inf(-1)
	case math.Abs(x) < 0x1p-54:
		return x
	case x > -0.29 && x < 0.41:
		return logOf(x, 0, 0)
	}
	u := 1 + x
	lost := x - (u - 1) // exact, as is the next line for large x
	if x > 1 {
		lost = 1 - (u - x)
	}
	m, k := split(u)
	return logOf(m-1, lost/u, k)
}

// split returns m in [√½, √2) and k with x = m * 2**k, for x > 0.
func split(x float64) (m float64, k float64) {
	const sqrtHalf = 0x3fe6a09e667f3bcd // bits of √½
	e := 0
	if x < 0x1p-1022 {
		x, e = x*0x1p54, -54
	}
	b := math.Float64bits(x) + (0x3ff0000000000000 - sqrtHalf)
	e += int(b>>52) - 1023
	m = math.Float64frombits(b&0x000fffffffffffff + sqrtHalf)
	return m, float64(e)
}

// logOf returns log(1+f) + c + k·ln 2 for 1+f in [√½, √2): with s = f/(2+f),
// log(1+f) = 2·atanh(s) = f - (f²/2 - s·(f²/2 + R)), R = Σ 2·s²ⁱ/(2i+1) from
// i = 1. Ten terms leave a remainder below 2⁻⁵⁸.
func logOf(f, c, k float64) float64 {
	s := f / (2 + f)
	h := float64(0.5 * float64(f*f))
	r := atanhTail(float64(s * s))
	low := float64(k*ln2Low) + c
	return float64(k*ln2High) - ((h - (float64(s*(h+r)) + low)) - f)
}

// atanhTail returns 2·(atanh(√z)/√z - 1).
func atanhTail(z float64) float64 {
	const (
		c1, c2, c3, c4, c5  = 2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11
		c6, c7, c8, c9, c10 = 2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21
	)
	z2 := float64(z * z)
	z4 := float64(z2 * z2)
	a := (c1 + float64(c2*z)) + float64((c3+float64(c4*z))*z2)
	b := (c5 + float64(c6*z)) + float64((c7+float64(c8*z))*z2)
	c := c9 + float64(c10*z)
	return float64(z * (a + float64((b+float64(c*z4))*z4)))
}

// CosPi returns cos(π·t) for t in [0, 1]. The error is below 1e-15.
func CosPi(t float64) float64 {
	switch {
	case t > 0.75:
		return -cosTaylor(math.Pi * (1 - t))
	case t > 0.25:
		return sinTaylor(math.Pi * (0.5 - t))
	}
	return cosTaylor(math.Pi * t)
}

// cosTaylor is the Taylor polynomial of degree 16 of cos, for |x| ≤ π/4.
func cosTaylor(x float64) float64 { return series(float64(x*x), 16) }

// sinTaylor is that of degree 17 of sin.
func sinTaylor(x float64) float64 { return float64(x * series(float64(x*x), 17)) }

// series is 1 - y/(d·(d-1))·(1 - …) for the even or odd d from 2 or 3 up to degree.
func series(y float64, degree int) float64 {
	s := 1.0
	for d := degree; d > 1; d -= 2 {
		s = 1 - float64(y*s)/float64(d*(d-1))
	}
	return s
}
