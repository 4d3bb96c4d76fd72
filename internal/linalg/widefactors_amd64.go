package linalg

func wideFactorSums(sums, squares []float32, index []uint32, values, table []float32) int { return 0 }

func wideFactorsSGD(table []float32, index []uint32, values, sums []float32, scale float32) int {
	return 0
}

func wideFactorsAdaGrad(table, squares []float32, index []uint32, values, sums []float32, gradient, rate, epsilon float32) int {
	return 0
}
