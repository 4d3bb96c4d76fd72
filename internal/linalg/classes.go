package linalg

import "math"

const badWidth = "linalg: rows of another width than the classes"

// The kernels of this file are of models with a weight for each of K classes in
// every column: row i of the weights is weights[i*K : (i+1)*K].

// AddRows adds the weighted rows of a sparse row's columns to its margins, the
// products exact, nonzero by nonzero:
//
//	margins[k] += float64(values[j]) * float64(weights[index[j]*K+k])
func AddRows(margins []float64, index []uint32, values, weights []float32) {
	if len(index) != len(values) {
		panic(badLength)
	}
	checkRows(index, len(margins), len(weights))
	done := wideAddRows(margins, index, values, weights)
	if done == len(margins) {
		return
	}
	for j, i := range index {
		x := values[j]
		w := rowOf(weights, i, len(margins))
		for k := done; k < len(margins); k++ {
			margins[k] += product(x, w[k])
		}
	}
}

// Largest returns the place of the largest element, the first of those that are equal.
func Largest[T float32 | float64](x []T) (at int) {
	for i, v := range x {
		if v > x[at] {
			at = i
		}
	}
	return at
}

// MulRow sets dst to the product of a sparse row and a table whose rows are as wide as
// dst, in float32, nonzero by nonzero:
//
//	dst[k] = 0
//	dst[k] += values[j] * table[index[j]*K+k]
func MulRow(dst []float32, index []uint32, values, table []float32) {
	if len(index) != len(values) {
		panic(badLength)
	}
	checkRows(index, len(dst), len(table))
	done := wideMulRow(dst, index, values, table)
	if done == len(dst) {
		return
	}
	clear(dst[done:])
	for j, i := range index {
		x, row := values[j], rowOf(table, i, len(dst))
		for k := done; k < len(dst); k++ {
			dst[k] += float32(x * row[k])
		}
	}
}

// checkRows panics when a row of a table of n elements is beyond its end.
func checkRows(index []uint32, width, n int) {
	most := uint32(0)
	for _, i := range index {
		most = max(most, i)
	}
	if len(index) > 0 && (int(most)+1)*width > n {
		panic(badLength)
	}
}

func rowOf(weights []float32, i uint32, width int) []float32 {
	at := int(i) * width
	return weights[:len(weights):len(weights)][at : at+width : at+width]
}

// ScatterRowsSGD is ScatterSGD for a row whose loss has the derivative
// gradients[k] with respect to the margin of class k:
//
//	weights[index[j]*K+k] -= (rate * gradients[k]) * values[j]
func ScatterRowsSGD(weights []float32, index []uint32, values, gradients []float32, rate float32) {
	if len(index) != len(values) {
		panic(badLength)
	}
	for j, i := range index {
		x := values[j]
		w := rowOf(weights, i, len(gradients))
		for k, g := range gradients {
			w[k] -= float32(float32(rate*g) * x)
		}
	}
}

// ScatterRowsAdaGrad is ScatterAdaGrad for a row whose loss has the derivative
// gradients[k] with respect to the margin of class k:
//
//	g := gradients[k] * values[j]
//	squares[index[j]*K+k] += g * g
//	weights[index[j]*K+k] -= rate * g / (sqrt(squares[index[j]*K+k]) + epsilon)
func ScatterRowsAdaGrad(weights, squares []float32, index []uint32, values, gradients []float32, rate, epsilon float32) {
	if len(index) != len(values) || len(weights) != len(squares) {
		panic(badLength)
	}
	for j, i := range index {
		x := values[j]
		w, squares := rowOf(weights, i, len(gradients)), rowOf(squares, i, len(gradients))
		for k, gradient := range gradients {
			g := float32(gradient * x)
			s := squares[k] + float32(g*g)
			squares[k] = s
			w[k] -= float32(rate*g) / (sqrt(s) + epsilon)
		}
	}
}

// ScatterRows adds a sparse row's gradient to a sum in float64:
//
//	sum[index[j]*K+k] += gradients[k] * float64(values[j])
func ScatterRows(sum []float64, index []uint32, values []float32, gradients []float64) {
	if len(index) != len(values) {
		panic(badLength)
	}
	checkRows(index, len(gradients), len(sum))
	done := wideScatterRows(sum, index, values, gradients)
	if done == len(gradients) {
		return
	}
	for j, i := range index {
		x, at := float64(values[j]), int(i)*len(gradients)
		row := sum[at : at+len(gradients)]
		for k := done; k < len(gradients); k++ {
			row[k] += float64(gradients[k] * x)
		}
	}
}

// Softmax sets p to the probabilities of K classes with the given margins, and
// returns the logarithm of what the exponentials of the margins sum to; p may be
// margins:
//
//	p[k] = exp(margins[k]) / Σ exp(margins)
//
// The largest margin is taken off before the exponentials, so none overflows. The
// sum is in class order.
func Softmax(p, margins []float64) (logSum float64) {
	if len(p) != len(margins) {
		panic(badWidth)
	}
	top := math.Inf(-1)
	for _, m := range margins {
		top = max(top, m)
	}
	sum := 0.0
	for k, m := range margins {
		p[k] = Exp(m - top)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return top + Log(sum)
}

// Transpose sets dst to the transpose of a matrix of so many rows, both
// row-major. They must not overlap.
func Transpose(dst, src []float32, rows int) {
	if len(dst) != len(src) || rows < 1 || len(src)%rows != 0 {
		panic(badLength)
	}
	columns := len(src) / rows
	for i := range rows {
		for j, v := range src[i*columns : (i+1)*columns] {
			dst[j*rows+i] = v
		}
	}
}

// ScatterRowsSquares adds a sparse row's curvatures to a dense sum:
//
//	sum[index[j]*K+k] += curvatures[k] * float64(values[j])²
func ScatterRowsSquares(sum []float64, index []uint32, values []float32, curvatures []float64) {
	if len(index) != len(values) {
		panic(badLength)
	}
	for j, i := range index {
		x := product(values[j], values[j])
		at := int(i) * len(curvatures)
		row := sum[at : at+len(curvatures) : at+len(curvatures)]
		for k, c := range curvatures {
			row[k] += float64(c * x)
		}
	}
}
