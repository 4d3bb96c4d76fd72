package linalg

// The functions below return the number of leading factors of each column that they
// have done.

// wideFactors returns how many of the factors that is. It holds the row's columns
// against the table, as the kernels look at no bounds.
func wideFactors(index []uint32, rank, table int) int {
	if !wide || len(index) == 0 || rank < 8 {
		return 0
	}
	checkRows(index, 1+rank, table)
	return rank &^ 7
}

func wideFactorSums(sums, squares []float32, index []uint32, values, table []float32) int {
	done, width := wideFactors(index, len(sums), len(table)), 1+len(sums)
	for k := 0; k < done; k += 8 {
		factorSumsAVX2(&sums[k], &squares[k], &table[1+k], &index[0], &values[0], width, len(index))
	}
	return done
}

func wideFactorsSGD(table []float32, index []uint32, values, sums []float32, scale float32) int {
	done, width := wideFactors(index, len(sums), len(table)), 1+len(sums)
	for k := 0; k < done; k += 8 {
		factorsSGDAVX2(&table[1+k], &sums[k], &scale, &index[0], &values[0], width, len(index))
	}
	return done
}

func wideFactorsAdaGrad(table, squares []float32, index []uint32, values, sums []float32, gradient, rate, epsilon float32) int {
	done, width := wideFactors(index, len(sums), len(table)), 1+len(sums)
	c := [3]float32{gradient, rate, epsilon}
	for k := 0; k < done; k += 8 {
		factorsAdaGradAVX2(&table[1+k], &squares[1+k], &sums[k], &c[0], &index[0], &values[0], width, len(index))
	}
	return done
}
