package linalg

import (
	"cmp"
	"math"
	"slices"
)

// Small symmetric matrices, row-major. Every operation is rounded by itself and
// done in a fixed order: the bits do not hang on the machine.

const badMatrix = "linalg: a matrix of another shape"

// Spectrum is a symmetric matrix A = Q·T·Qᵀ with T tridiagonal, which eigenvalues
// and eigenvectors are found from.
type Spectrum struct {
	n           int
	diagonal    []float64
	off         []float64 // off[i] is T[i][i+1]
	reflections []float64 // n×n; row k has the vector of the k-th, from element k+1 on
	scales      []float64 // the k-th is 1 - scales[k]·v·vᵀ
}

// NewSpectrum makes an n×n matrix tridiagonal by reflections (Householder; Golub,
// Van Loan, "Matrix Computations", 8.3.1). The matrix is overwritten.
func NewSpectrum(a []float64, n int) *Spectrum {
	if len(a) != n*n {
		panic(badMatrix)
	}
	s := &Spectrum{n: n, diagonal: make([]float64, n), off: make([]float64, n), reflections: make([]float64, n*n), scales: make([]float64, n)}
	p := make([]float64, n)
	for k := range n {
		s.diagonal[k] = a[k*n+k]
		if k+1 == n {
			break
		}
		v := s.reflections[k*n+k+1 : (k+1)*n]
		copy(v, a[k*n+k+1:(k+1)*n])
		s.off[k], s.scales[k] = reflect(v)
		if s.scales[k] == 0 {
			continue
		}
		// A ← A - v·wᵀ - w·vᵀ with w = p - (scale/2·pᵀv)·v and p = scale·A·v
		w := p[:len(v)]
		for i := range w {
			w[i] = float64(s.scales[k] * Dot(a[(k+1+i)*n+k+1:(k+2+i)*n], v))
		}
		AddScaled(w, v, -float64(float64(s.scales[k]*0.5)*Dot(w, v)))
		for i, x := range v {
			row := a[(k+1+i)*n+k+1 : (k+2+i)*n]
			AddScaled(row, w, -x)
			AddScaled(row, v, -w[i])
		}
	}
	return s
}

// reflect replaces x by the vector v of the reflection 1 - scale·v·vᵀ that takes x
// to (image, 0, …, 0).
func reflect(x []float64) (image, scale float64) {
	rest := Dot(x[1:], x[1:])
	if rest == 0 {
		image = x[0]
		clear(x)
		return image, 0
	}
	norm := math.Sqrt(float64(x[0]*x[0]) + rest)
	if x[0] > 0 {
		norm = -norm
	}
	x[0] -= norm
	return norm, 2 / (float64(x[0]*x[0]) + rest)
}

// Eigen returns the eigenvalues in descending order, and the last rows of the
// matrix whose columns are the eigenvectors, row-major: of n rows, all.
func (s *Spectrum) Eigen(rows int) (values, vectors []float64) {
	if rows < 0 || rows > s.n {
		panic(badMatrix)
	}
	columns := s.lastRows(rows)
	values = slices.Clone(s.diagonal)
	implicitQL(values, slices.Clone(s.off), columns, rows)
	order := make([]int, s.n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[j], values[i]) })
	sorted, vectors := make([]float64, s.n), make([]float64, rows*s.n)
	for to, from := range order {
		sorted[to] = values[from]
		for i := range rows {
			vectors[i*s.n+to] = columns[from*rows+i]
		}
	}
	return sorted, vectors
}

// lastRows returns the last rows of Q, transposed.
func (s *Spectrum) lastRows(rows int) []float64 {
	n, first := s.n, s.n-rows
	q := make([]float64, rows*n) // row i is the (first+i)-th unit vector times the reflections
	for i := range rows {
		row := q[i*n : (i+1)*n]
		row[first+i] = 1
		for k, scale := range s.scales {
			if scale == 0 {
				continue
			}
			v, part := s.reflections[k*n+k+1:(k+1)*n], row[k+1:]
			AddScaled(part, v, -float64(scale*Dot(part, v)))
		}
	}
	t := make([]float64, rows*n)
	for i := range rows {
		for j := range n {
			t[j*rows+i] = q[i*n+j]
		}
	}
	return t
}

// implicitQL turns the diagonal of a tridiagonal matrix into its eigenvalues, and
// applies the rotations to the n vectors of so many elements (EISPACK's tql2; Bowdler,
// Martin, Reinsch, Wilkinson, "The QR and QL algorithms for symmetric matrices",
// 1968). off is overwritten.
func implicitQL(d, off, vectors []float64, size int) {
	n, shift, largest := len(d), 0.0, 0.0
	for l := range n {
		largest = max(largest, math.Abs(d[l])+math.Abs(off[l]))
		small := float64(largest * 0x1p-52)
		for math.Abs(off[l]) > small {
			m := l + 1
			for m < n-1 && math.Abs(off[m]) > small {
				m++
			}
			shift += wilkinson(d, off, l)
			chase(d, off, l, m, vectors, size)
		}
		d[l] += shift
		off[l] = 0
	}
}

// wilkinson takes the shift off the diagonal from l on, and returns it.
func wilkinson(d, off []float64, l int) float64 {
	g := d[l]
	p := (d[l+1] - g) / float64(2*off[l])
	r := math.Sqrt(float64(p*p) + 1)
	if math.Abs(p) > 1e150 {
		r = math.Abs(p)
	}
	if p < 0 {
		r = -r
	}
	d[l], d[l+1] = off[l]/(p+r), float64(off[l]*(p+r))
	h := g - d[l]
	for i := l + 2; i < len(d); i++ {
		d[i] -= h
	}
	return h
}

// chase rotates the block of rows l to m once.
func chase(d, off []float64, l, m int, vectors []float64, size int) {
	p, next, first := d[m], off[l+1], d[l+1]
	c, c2, c3, s, s2 := 1.0, 1.0, 1.0, 0.0, 0.0
	for i := m - 1; i >= l; i-- {
		c3, c2, s2 = c2, c, s
		g, h := float64(c*off[i]), float64(c*p)
		r := math.Sqrt(float64(p*p) + float64(off[i]*off[i]))
		off[i+1] = float64(s * r)
		s, c = off[i]/r, p/r
		p = float64(c*d[i]) - float64(s*g)
		d[i+1] = h + float64(s*(float64(c*g)+float64(s*d[i])))
		Rotate(vectors[i*size:(i+1)*size], vectors[(i+1)*size:(i+2)*size], c, s)
	}
	p = -float64(float64(float64(float64(s*s2)*c3)*next)*off[l]) / first
	off[l], d[l] = float64(s*p), float64(c*p)
}

// Rotate turns two vectors in their plane:
//
//	x[i], y[i] = c*x[i] - s*y[i], s*x[i] + c*y[i]
func Rotate(x, y []float64, c, s float64) {
	if len(x) != len(y) {
		panic(badLength)
	}
	done := wideRotate(x, y, c, s)
	x, y = x[done:], y[done:]
	for i, v := range x {
		w := y[i]
		x[i], y[i] = float64(c*v)-float64(s*w), float64(s*v)+float64(c*w)
	}
}

// AddScaled adds a multiple of a vector: dst[i] += scale * x[i].
func AddScaled(dst, x []float64, scale float64) {
	if len(x) != len(dst) {
		panic(badLength)
	}
	done := wideAddScaled(dst, x, scale)
	dst, x = dst[done:], x[done:]
	for i, v := range x {
		dst[i] += float64(scale * v)
	}
}

// Dot returns the dot product of two vectors, in 8 lanes.
func Dot(x, y []float64) float64 {
	if len(x) != len(y) {
		panic(badLength)
	}
	var lanes [8]float64
	done := wideDot(x, y, &lanes)
	x, y = x[done:], y[done:]
	for len(x) >= 8 && len(y) >= 8 {
		for i := range 8 {
			lanes[i] += float64(x[i] * y[i])
		}
		x, y = x[8:], y[8:]
	}
	for i, v := range x {
		lanes[i] += float64(v * y[i])
	}
	return tree(lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5], lanes[6], lanes[7])
}

// Cholesky finds the upper triangular R with Rᵀ·R = g, an n×n matrix, and its inverse
// S. Where a column depends on those before it, or its square in g is at most least,
// the row in R and the column in S are zero. It returns the number of columns that
// are not.
func Cholesky(g []float64, n int, least float64) (r, s []float64, rank int) {
	if len(g) != n*n {
		panic(badMatrix)
	}
	r, s = make([]float64, n*n), make([]float64, n*n)
	for j := range n {
		row := r[j*n : (j+1)*n]
		copy(row[j:], g[j*n+j:(j+1)*n])
		for i := range j {
			above := r[i*n : (i+1)*n]
			AddScaled(row[j:], above[j:], -above[j])
		}
		pivot := row[j]
		if !(pivot > max(least, float64(g[j*n+j]*dependent))) {
			clear(row)
			continue
		}
		rank++
		root := math.Sqrt(pivot)
		for i := j; i < n; i++ {
			row[i] /= root
		}
	}
	for j := range n { // column j of S from R·S = 1
		if r[j*n+j] == 0 {
			continue
		}
		s[j*n+j] = 1 / r[j*n+j]
		for i := j - 1; i >= 0; i-- {
			if r[i*n+i] == 0 {
				continue
			}
			sum := 0.0
			for l := i + 1; l <= j; l++ {
				sum += float64(r[i*n+l] * s[l*n+j])
			}
			s[i*n+j] = -sum / r[i*n+i]
		}
	}
	return r, s, rank
}

// dependent is the square of a column, by its square before the columns in front of
// it were taken out, at which nothing but rounding is left of it.
const dependent = 1e-14
