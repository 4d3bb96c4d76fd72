package linalg

// A panel is a tall matrix with few columns, row-major. Of the products below, one
// operand is a panel in float64; the other is a stretch of rows of a matrix in
// float32 or float64 whose rows are stride elements apart.

const badPanel = "linalg: a panel of another shape"

// AddMulTransposed adds the product of a transposed matrix and a panel to sum, an
// m×n matrix:
//
//	sum[i*n+j] += Σ_r float64(a[r*stride+i]) * b[r*n+j]
//
// over len(b)/n rows r, one after the other.
func AddMulTransposed[T float32 | float64](sum []float64, a []T, stride, m int, b []float64, n int) {
	rows := checkPanel(a, stride, m, b, n)
	if len(sum) != m*n {
		panic(badPanel)
	}
	done := wideMulTransposed(sum, a, stride, m, b, n, rows)
	if done == n {
		return
	}
	for i := range m {
		to := sum[i*n+done : (i+1)*n]
		for r := range rows {
			x, row := float64(a[r*stride+i]), b[r*n+done:(r+1)*n]
			for j, y := range row {
				to[j] += float64(x * y)
			}
		}
	}
}

// AddMul adds the product of a matrix and the m×n matrix h to a panel:
//
//	b[r*n+j] += Σ_i float64(a[r*stride+i]) * h[i*n+j]
//
// over m columns i, one after the other, for len(b)/n rows r.
func AddMul[T float32 | float64](b []float64, a []T, stride, m int, h []float64, n int) {
	rows := checkPanel(a, stride, m, b, n)
	if len(h) != m*n {
		panic(badPanel)
	}
	done := wideMul(b, a, stride, m, h, n, rows)
	if done == n {
		return
	}
	for r := range rows {
		to := b[r*n+done : (r+1)*n]
		for i, x := range a[r*stride : r*stride+m] {
			row := h[i*n+done : (i+1)*n]
			for j, y := range row {
				to[j] += float64(float64(x) * y)
			}
		}
	}
}

// checkPanel returns the number of rows of a panel b that goes with a.
func checkPanel[T float32 | float64](a []T, stride, m int, b []float64, n int) (rows int) {
	if n < 1 || len(b)%n != 0 || m < 0 || stride < m {
		panic(badPanel)
	}
	rows = len(b) / n
	if rows > 0 && len(a) < (rows-1)*stride+m {
		panic(badPanel)
	}
	return rows
}

// Doubles returns float32s as float64s.
func Doubles(x []float32) []float64 {
	d := make([]float64, len(x))
	for i, v := range x {
		d[i] = float64(v)
	}
	return d
}

// AddSingles adds float32s to float64s.
func AddSingles(dst []float64, x []float32) {
	if len(x) != len(dst) {
		panic(badLength)
	}
	for i, v := range x {
		dst[i] += float64(v)
	}
}

// Singles returns float64s rounded to float32.
func Singles(x []float64) []float32 {
	s := make([]float32, len(x))
	for i, v := range x {
		s[i] = float32(v)
	}
	return s
}
