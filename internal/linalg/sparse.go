package linalg

import "math"

// GatherDot returns the dot product of a sparse row and dense weights in
// float64, in 8 lanes, the products exact:
//
//	sum += float64(values[j]) * float64(weights[index[j]])
//
// index and values must be as long as one another. There is no AVX2 twin: gather
// instructions were no faster than eight loads (Zen 3; on some processors they are
// much slower), and there are none that scatter.
func GatherDot(index []uint32, values, weights []float32) float64 {
	if len(index) != len(values) {
		panic(badLength)
	}
	var s0, s1, s2, s3, s4, s5, s6, s7 float64
	for len(index) >= 8 && len(values) >= 8 {
		s0 += product(values[0], weights[index[0]])
		s1 += product(values[1], weights[index[1]])
		s2 += product(values[2], weights[index[2]])
		s3 += product(values[3], weights[index[3]])
		s4 += product(values[4], weights[index[4]])
		s5 += product(values[5], weights[index[5]])
		s6 += product(values[6], weights[index[6]])
		s7 += product(values[7], weights[index[7]])
		index, values = index[8:], values[8:]
	}
	rest := [8]float64{s0, s1, s2, s3, s4, s5, s6, s7}
	for j, i := range index {
		rest[j] += product(values[j], weights[i])
	}
	return tree(rest[0], rest[1], rest[2], rest[3], rest[4], rest[5], rest[6], rest[7])
}

// product is exact: 48 bits of 53.
func product(x, y float32) float64 { return float64(float64(x) * float64(y)) }

// ScatterSGD takes a step of gradient descent for a sparse row whose loss has
// the derivative gradient with respect to its margin:
//
//	weights[index[j]] -= (rate * gradient) * values[j]
//
// The columns of index must differ from one another.
func ScatterSGD(weights []float32, index []uint32, values []float32, gradient, rate float32) {
	if len(index) != len(values) {
		panic(badLength)
	}
	scale := rate * gradient
	for j, i := range index {
		weights[i] -= float32(scale * values[j])
	}
}

// ScatterAdaGrad takes a step of AdaGrad (Duchi, Hazan, Singer 2011, diagonal
// form) for a sparse row whose loss has the derivative gradient with respect to
// its margin; squares holds the sum of squared gradients of each weight:
//
//	g := gradient * values[j]
//	squares[index[j]] += g * g
//	weights[index[j]] -= rate * g / (sqrt(squares[index[j]]) + epsilon)
//
// The columns of index must differ from one another.
func ScatterAdaGrad(weights, squares []float32, index []uint32, values []float32, gradient, rate, epsilon float32) {
	if len(index) != len(values) || len(weights) != len(squares) {
		panic(badLength)
	}
	for j, i := range index {
		g := gradient * values[j]
		s := squares[i] + float32(g*g)
		squares[i] = s
		weights[i] -= float32(rate*g) / (sqrt(s) + epsilon)
	}
}

// sqrt is the correctly rounded root: float64 has more than twice the bits.
func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// ScatterAxpy adds a multiple of a sparse row to a dense vector:
//
//	dst[index[j]] += scale * float64(values[j])
//
// index and values must be as long as one another.
func ScatterAxpy(dst []float64, index []uint32, values []float32, scale float64) {
	if len(index) != len(values) {
		panic(badLength)
	}
	for j, i := range index {
		dst[i] += float64(scale * float64(values[j]))
	}
}

// ScatterSquares adds a multiple of the squares of a sparse row to a dense vector:
//
//	dst[index[j]] += scale * float64(values[j])²
//
// index and values must be as long as one another.
func ScatterSquares(dst []float64, index []uint32, values []float32, scale float64) {
	if len(index) != len(values) {
		panic(badLength)
	}
	for j, i := range index {
		dst[i] += float64(scale * product(values[j], values[j]))
	}
}
