package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// symmetric returns a random symmetric matrix with the given eigenvalues.
func symmetric(rng *rand.Rand, values []float64) []float64 {
	n := len(values)
	a := make([]float64, n*n)
	for i, v := range values {
		a[i*n+i] = v
	}
	for range 3 {
		v := drawMatrix(rng, n)
		scale := 2 / Dot(v, v)
		for _, transposed := range []bool{false, true} {
			for i := range n {
				row := make([]float64, n)
				for j := range n {
					row[j] = a[i*n+j]
					if transposed {
						row[j] = a[j*n+i]
					}
				}
				AddScaled(row, v, -scale*Dot(row, v))
				for j := range n {
					if transposed {
						a[j*n+i] = row[j]
					} else {
						a[i*n+j] = row[j]
					}
				}
			}
		}
	}
	for i := range n {
		for j := range i {
			a[i*n+j] = a[j*n+i]
		}
	}
	return a
}

func TestEigen(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, values := range [][]float64{{3}, {2, 2}, {5, -1}, {4, 4, 4, 0, 0}, {9, 8, 7, 1e-9, 0, -3}, drawMatrix(rng, 40), drawMatrix(rng, 101)} {
		n := len(values)
		a := symmetric(rng, values)
		got, vectors := NewSpectrum(slices.Clone(a), n).Eigen(n)
		want := slices.Clone(values)
		slices.SortFunc(want, func(x, y float64) int { return int(math.Copysign(1, y-x)) })
		for i := range n {
			if math.Abs(got[i]-want[i]) > 1e-12*(1+math.Abs(want[0])) {
				t.Fatalf("eigenvalue %d of %d is %v, want %v", i, n, got[i], want[i])
			}
			for r := range n { // A·v = λ·v
				sum := 0.0
				for j := range n {
					sum += a[r*n+j] * vectors[j*n+i]
				}
				if math.Abs(sum-got[i]*vectors[r*n+i]) > 1e-12*(1+math.Abs(want[0]))*float64(n) {
					t.Fatalf("vector %d of %d is not of its eigenvalue", i, n)
				}
			}
		}
		rows := min(3, n)
		same, last := NewSpectrum(slices.Clone(a), n).Eigen(rows)
		if !slices.Equal(same, got) || !slices.Equal(last, vectors[(n-rows)*n:]) {
			t.Fatalf("the last rows of %d differ from those of all", n)
		}
		portably(func() {
			same, last := NewSpectrum(slices.Clone(a), n).Eigen(n)
			if !slices.Equal(same, got) || !slices.Equal(last, vectors) {
				t.Fatalf("n = %d: other bits than the portable kernels", n)
			}
		})
	}
}

func TestCholesky(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const n = 6
	x := drawMatrix(rng, 9*n)
	for r := range 9 {
		x[r*n+2] = 2*x[r*n] - x[r*n+1] // a column that depends on others
	}
	g := make([]float64, n*n)
	AddMulTransposed(g, x, n, n, x, n)
	r, s, rank := Cholesky(g, n, 0)
	if rank != n-1 || r[2*n+2] != 0 {
		t.Fatalf("rank %d, pivot %v", rank, r[2*n+2])
	}
	q := make([]float64, 9*n) // X·S is orthonormal, but for the zero column
	AddMul(q, x, n, n, s, n)
	one := make([]float64, n*n)
	AddMulTransposed(one, q, n, n, q, n)
	for i := range n {
		for j := range n {
			want := 0.0
			if i == j && i != 2 {
				want = 1
			}
			if math.Abs(one[i*n+j]-want) > 1e-12 {
				t.Errorf("(X·S)ᵀ(X·S) at %d, %d: %v", i, j, one[i*n+j])
			}
		}
	}
	if _, _, rank := Cholesky(g, n, 1e9); rank != 0 {
		t.Errorf("rank %d of what is below the least", rank)
	}
}

func BenchmarkEigen(b *testing.B) {
	for _, n := range []int{268, 800} {
		a := symmetric(rand.New(rand.NewPCG(1, 1)), drawMatrix(rand.New(rand.NewPCG(1, 2)), n))
		for _, rows := range []int{16, n} {
			b.Run(fmt.Sprintf("n=%d/rows=%d", n, rows), func(b *testing.B) {
				for b.Loop() {
					NewSpectrum(slices.Clone(a), n).Eigen(rows)
				}
			})
		}
	}
}
