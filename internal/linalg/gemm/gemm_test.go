package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// naive is the loop of the package's comment.
func naive[T element](opA, opB Op, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	at := func(op Op, x []T, stride, i, j int) T {
		if op == Transposed {
			i, j = j, i
		}
		return x[i*stride+j]
	}
	for i := range m {
		for j := range n {
			x := T(0)
			if beta != 0 {
				x = c[i*ldc+j] * beta
			}
			for p := range k {
				x += T(T(alpha*at(opA, a, lda, i, p)) * at(opB, b, ldb, p, j))
			}
			c[i*ldc+j] = x
		}
	}
}

// numbers are of all magnitudes, with some that overflow, vanish, or cancel.
func numbers[T element](r *rand.Rand, n int, wild bool) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
		if wild {
			x[i] = T(math.Ldexp(r.NormFloat64(), r.IntN(120)-60))
			if r.IntN(20) == 0 {
				x[i] = 0
			}
		}
	}
	return x
}

// same compares with ==, but for NaN.
func same[T element](a, b []T) bool {
	for i := range a {
		if a[i] != b[i] && (a[i] == a[i] || b[i] == b[i]) {
			return false
		}
	}
	return true
}

func testNaive[T element](t *testing.T, kernels map[string]kernel[T], pool *pool[T]) {
	sizes := []int{0, 1, 2, 3, 5, 6, 7, 12, 13, 16, 23, 24, 25, 31, 32, 33, 47, 64, 65, 100, 255, 256, 257, 300}
	for name, kernel := range kernels {
		r := rand.New(rand.NewPCG(1, 2))
		for trial := range 300 {
			m, n, k := sizes[r.IntN(20)], sizes[r.IntN(20)], sizes[r.IntN(len(sizes))]
			opA, opB := Op(r.IntN(2) == 1), Op(r.IntN(2) == 1)
			lda, ldb, ldc := k+r.IntN(3), n+r.IntN(3), n+r.IntN(3)
			if opA {
				lda = m + r.IntN(3)
			}
			if opB {
				ldb = k + r.IntN(3)
			}
			alpha, beta := []T{1, -1, 0.3}[r.IntN(3)], []T{0, 1, -0.7}[r.IntN(3)]
			wild := trial%3 == 0
			a, b := numbers[T](r, max(m, k)*lda+lda, wild), numbers[T](r, max(n, k)*ldb+ldb, wild)
			want := numbers[T](r, m*ldc+ldc, wild)
			got := append([]T(nil), want...)
			naive(opA, opB, m, n, k, alpha, a, lda, b, ldb, beta, want, ldc)
			multiply(&kernel, pool, opA, opB, m, n, k, alpha, a, lda, b, ldb, beta, got, ldc)
			if !same(want, got) {
				t.Fatalf("%s, trial %d: %v×%v, m=%d n=%d k=%d alpha=%v beta=%v differs from the naive loop", name, trial, opA, opB, m, n, k, alpha, beta)
			}
		}
	}
}

// TestNaive compares each kernel with the naive loop, to the bit.
func TestNaive(t *testing.T) {
	testNaive(t, singleKernels(), &singles)
	testNaive(t, doubleKernels(), &doubles)
}

// TestCores multiplies matrices of several blocks with one core and with more.
func TestCores(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	m, n, k := 130, 2100, 600
	a, b := numbers[float32](r, m*k, true), numbers[float32](r, k*n, true)
	var results [][]float32
	for _, cores := range []int{1, 2, 5} {
		before := runtime.GOMAXPROCS(cores)
		c := make([]float32, m*n)
		Float32(AsIs, AsIs, m, n, k, 1, a, k, b, n, 0, c, n)
		runtime.GOMAXPROCS(before)
		results = append(results, c)
	}
	if !same(results[0], results[1]) || !same(results[0], results[2]) {
		t.Error("the product hangs on the number of cores")
	}
}

// TestBetaZero looks for what c held in a product that must not.
func TestBetaZero(t *testing.T) {
	c := []float32{float32(math.NaN())}
	Float32(AsIs, AsIs, 1, 1, 1, 1, []float32{2}, 1, []float32{3}, 1, 0, c, 1)
	if c[0] != 6 {
		t.Error(c)
	}
}

func TestOutside(t *testing.T) {
	defer func() {
		if recover() != badLength {
			t.Error("a matrix that is larger than its slice passes")
		}
	}()
	Float32(AsIs, AsIs, 2, 2, 2, 1, make([]float32, 3), 2, make([]float32, 4), 2, 0, make([]float32, 4), 2)
}

// BenchmarkSquare and BenchmarkLayer report what each kernel does, on as many cores
// as -cpu says.
func BenchmarkSquare(b *testing.B) {
	for name, kernel := range singleKernels() {
		benchmark(b, fmt.Sprintf("float32/1024/%s", name), kernel, &singles, AsIs, AsIs, 1024, 1024, 1024)
	}
	for name, kernel := range doubleKernels() {
		benchmark(b, fmt.Sprintf("float64/1024/%s", name), kernel, &doubles, AsIs, AsIs, 1024, 1024, 1024)
	}
}

// BenchmarkLayer is the largest layer of a small net, forward and its gradient, and a
// tall matrix with few columns.
func BenchmarkLayer(b *testing.B) {
	for name, kernel := range singleKernels() {
		benchmark(b, "forward/128x784x128/"+name, kernel, &singles, AsIs, Transposed, 128, 128, 784)
		benchmark(b, "gradient/128x784x128/"+name, kernel, &singles, Transposed, AsIs, 128, 784, 128)
	}
	for name, kernel := range doubleKernels() {
		benchmark(b, "tall/100000x64x64/"+name, kernel, &doubles, AsIs, AsIs, 100000, 64, 64)
		benchmark(b, "gram/64x64x100000/"+name, kernel, &doubles, Transposed, AsIs, 64, 64, 100000)
	}
}

func benchmark[T element](b *testing.B, name string, kernel kernel[T], pool *pool[T], opA, opB Op, m, n, k int) {
	b.Run(name, func(b *testing.B) {
		r := rand.New(rand.NewPCG(5, 6))
		x, y, c := numbers[T](r, m*k, false), numbers[T](r, k*n, false), make([]T, m*n)
		lda, ldb := k, n
		if opA {
			lda = m
		}
		if opB {
			ldb = k
		}
		for b.Loop() {
			multiply(&kernel, pool, opA, opB, m, n, k, 1, x, lda, y, ldb, 0, c, n)
		}
		b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
	})
}
