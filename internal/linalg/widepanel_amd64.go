package linalg

// The functions below return the number of leading columns of a panel or table that
// they have done.

// panelStrip is how many columns of a panel two registers hold.
const panelStrip = 8

func wideMulTransposed[T float32 | float64](sum []float64, a []T, stride, m int, b []float64, n, rows int) int {
	if !wide || rows == 0 {
		return 0
	}
	done := n &^ (panelStrip - 1)
	for j := 0; j < done; j += panelStrip {
		for i := 0; i < m; {
			switch a := any(&a[i]).(type) {
			case *float32:
				if m-i >= 4 {
					mulTransposed4F32AVX2(&sum[i*n+j], a, stride, &b[j], n, rows)
				} else {
					mulTransposed1F32AVX2(&sum[i*n+j], a, stride, &b[j], n, rows)
				}
			case *float64:
				if m-i >= 4 {
					mulTransposed4F64AVX2(&sum[i*n+j], a, stride, &b[j], n, rows)
				} else {
					mulTransposed1F64AVX2(&sum[i*n+j], a, stride, &b[j], n, rows)
				}
			}
			i += step4(m - i)
		}
	}
	return done
}

func wideMul[T float32 | float64](b []float64, a []T, stride, m int, h []float64, n, rows int) int {
	if !wide || m == 0 {
		return 0
	}
	done := n &^ (panelStrip - 1)
	for r := 0; r < rows; r += step4(rows - r) {
		for j := 0; j < done; j += panelStrip {
			switch a := any(&a[r*stride]).(type) {
			case *float32:
				if rows-r >= 4 {
					mul4F32AVX2(&b[r*n+j], a, stride, &h[j], n, m)
				} else {
					mul1F32AVX2(&b[r*n+j], a, stride, &h[j], n, m)
				}
			case *float64:
				if rows-r >= 4 {
					mul4F64AVX2(&b[r*n+j], a, stride, &h[j], n, m)
				} else {
					mul1F64AVX2(&b[r*n+j], a, stride, &h[j], n, m)
				}
			}
		}
	}
	return done
}

// step4 is 4, or 1 where fewer are left.
func step4(left int) int {
	if left >= 4 {
		return 4
	}
	return 1
}

func wideAddRows(sums []float64, index []uint32, values, table []float32) int {
	if !wide || len(index) == 0 {
		return 0
	}
	done, width := 0, len(sums)
	for ; width-done >= 16; done += 16 {
		addRows16AVX2(&sums[done], &table[done], &index[0], &values[0], width, len(index))
	}
	for ; width-done >= 4; done += 4 {
		addRows4AVX2(&sums[done], &table[done], &index[0], &values[0], width, len(index))
	}
	return done
}

func wideMulRow(dst []float32, index []uint32, values, table []float32) int {
	if !wide || len(index) == 0 {
		return 0
	}
	done, width := 0, len(dst)
	for ; width-done >= 64; done += 64 {
		mulRow64AVX2(&dst[done], &table[done], &index[0], &values[0], width, len(index))
	}
	for ; width-done >= 32; done += 32 {
		mulRow32AVX2(&dst[done], &table[done], &index[0], &values[0], width, len(index))
	}
	for ; width-done >= 8; done += 8 {
		mulRow8AVX2(&dst[done], &table[done], &index[0], &values[0], width, len(index))
	}
	return done
}

func wideScatterRows(table []float64, index []uint32, values []float32, row []float64) int {
	if !wide || len(index) == 0 {
		return 0
	}
	done, width := 0, len(row)
	for ; width-done >= 16; done += 16 {
		scatterRows16AVX2(&table[done], &row[done], &index[0], &values[0], width, len(index))
	}
	for ; width-done >= 4; done += 4 {
		scatterRows4AVX2(&table[done], &row[done], &index[0], &values[0], width, len(index))
	}
	return done
}

// The functions below return the number of leading elements that they have done.

func wideAddScaled(dst, x []float64, scale float64) int {
	if !wide || len(x) < 4 {
		return 0
	}
	k := len(x) &^ 3
	addScaledAVX2(&dst[0], &x[0], scale, k)
	return k
}

func wideRotate(x, y []float64, c, s float64) int {
	if !wide || len(x) < 4 {
		return 0
	}
	k := len(x) &^ 3
	rotateAVX2(&x[0], &y[0], c, s, k)
	return k
}

func wideDot(x, y []float64, lanes *[8]float64) int {
	k := whole(len(x))
	if k > 0 {
		dotAVX2(&x[0], &y[0], k, lanes)
	}
	return k
}
