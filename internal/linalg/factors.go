package linalg

// The kernels of this file are of factorization machines (Rendle, "Factorization
// machines", ICDM 2010): row i of the table, table[i*(1+K) : (i+1)*(1+K)], is the
// weight of column i and then its K factors.

// FactorSums sets sums and squares, of K elements, to what the factors of a sparse
// row's columns come to, nonzero by nonzero in float32, and returns the row's linear
// part, whose products are exact:
//
//	linear     += float64(values[j]) * float64(weight of index[j])
//	sums[k]    += values[j] * factor k of index[j]
//	squares[k] += (values[j] * factor k of index[j])²
func FactorSums(sums, squares []float32, index []uint32, values, table []float32) (linear float64) {
	if len(index) != len(values) || len(sums) != len(squares) {
		panic(badLength)
	}
	clear(sums)
	clear(squares)
	width := 1 + len(sums)
	done := wideFactorSums(sums, squares, index, values, table)
	for j, i := range index {
		x, row := values[j], rowOf(table, i, width)
		linear += product(x, row[0])
		for k, v := range row[1+done:] {
			y := float32(x * v)
			sums[done+k] += y
			squares[done+k] += float32(y * y)
		}
	}
	return linear
}

// Pairs returns the sum over all pairs of a row's nonzeros of the products of their
// values and the dot products of their factors (Rendle's lemma 3.1), in float64:
//
//	½ Σ (sums[k]² - squares[k])
func Pairs(sums, squares []float32) (pairs float64) {
	if len(sums) != len(squares) {
		panic(badLength)
	}
	for k, s := range sums {
		pairs += product(s, s) - float64(squares[k])
	}
	return pairs / 2
}

// FactorsSGD takes a step of gradient descent for a sparse row whose loss has the
// derivative gradient with respect to its margin, sums being those of FactorSums;
// with step = (rate * gradient) * values[j]:
//
//	weight of index[j]   -= step
//	factor k of index[j] -= step * (sums[k] - factor k * values[j])
func FactorsSGD(table []float32, index []uint32, values, sums []float32, gradient, rate float32) {
	if len(index) != len(values) {
		panic(badLength)
	}
	width, scale := 1+len(sums), float32(rate*gradient)
	done := wideFactorsSGD(table, index, values, sums, scale)
	for j, i := range index {
		x, row := values[j], rowOf(table, i, width)
		step := float32(scale * x)
		row[0] -= step
		for k, v := range row[1+done:] {
			row[1+done+k] = v - float32(step*(sums[done+k]-float32(v*x)))
		}
	}
}

// FactorsAdaGrad is FactorsSGD at AdaGrad's rates: with g the derivative with respect
// to the weight, gradient * values[j], or to factor k, that times
// (sums[k] - factor k * values[j]),
//
//	square of the key += g * g
//	key               -= rate * g / (sqrt(square of the key) + epsilon)
func FactorsAdaGrad(table, squares []float32, index []uint32, values, sums []float32, gradient, rate, epsilon float32) {
	if len(index) != len(values) || len(table) != len(squares) {
		panic(badLength)
	}
	width := 1 + len(sums)
	done := wideFactorsAdaGrad(table, squares, index, values, sums, gradient, rate, epsilon)
	for j, i := range index {
		x := values[j]
		row, squares := rowOf(table, i, width), rowOf(squares, i, width)
		slope := float32(gradient * x)
		adaGradKey(&row[0], &squares[0], slope, rate, epsilon)
		for k := done; k < len(sums); k++ {
			g := float32(slope * (sums[k] - float32(row[1+k]*x)))
			adaGradKey(&row[1+k], &squares[1+k], g, rate, epsilon)
		}
	}
}

func adaGradKey(w, square *float32, g, rate, epsilon float32) {
	s := *square + float32(g*g)
	*square = s
	*w -= float32(rate*g) / (sqrt(s) + epsilon)
}

// FactorsGradient adds the derivatives of a sparse row's loss to sum, which is laid
// out as the table and not changed by it:
//
//	sum of the weight of index[j]   += gradient * values[j]
//	sum of the factor k of index[j] += (gradient * values[j]) * (sums[k] - factor k * values[j])
func FactorsGradient(sum, table []float32, index []uint32, values, sums []float32, gradient float32) {
	if len(index) != len(values) || len(table) != len(sum) {
		panic(badLength)
	}
	width := 1 + len(sums)
	for j, i := range index {
		x := values[j]
		row, to := rowOf(table, i, width), rowOf(sum, i, width)
		slope := float32(gradient * x)
		to[0] += slope
		for k, s := range sums {
			to[1+k] += float32(slope * (s - float32(row[1+k]*x)))
		}
	}
}
