package linalg

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sparseRow returns n distinct ascending columns below width, and values.
func sparseRow(rng *rand.Rand, n, width int) (index []uint32, values []float32) {
	for i := range n {
		step := width / n
		index = append(index, uint32(i*step+rng.IntN(step)))
		values = append(values, rng.Float32()*4-2)
	}
	return index, values
}

func floats(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = rng.Float32()*2 - 1
	}
	return x
}

// lanes adds products as the package comment says, with no unrolling.
func lanes(products []float64) float64 {
	var s [8]float64
	for j, p := range products {
		s[j%8] += p
	}
	for half := 4; half > 0; half /= 2 {
		for i := range half {
			s[i] += s[i+half]
		}
	}
	return s[0]
}

func TestGatherDotAndSumSquaresKeepTheirLanes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	weights := floats(rng, 512)
	for n := range 70 {
		index, values := sparseRow(rng, max(n, 1), 512)
		index, values = index[:n], values[:n]
		var products, squares []float64
		for j, i := range index {
			products = append(products, float64(values[j])*float64(weights[i]))
			squares = append(squares, float64(values[j])*float64(values[j]))
		}
		if got, want := GatherDot(index, values, weights), lanes(products); got != want {
			t.Errorf("dot product of %d: %v, want %v", n, got, want)
		}
		if got, want := SumSquares(values), lanes(squares); got != want {
			t.Errorf("squares of %d: %v, want %v", n, got, want)
		}
	}
}

func TestFinite(t *testing.T) {
	bad := []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), -float32(math.NaN())}
	x := []float32{0, 1, -math.MaxFloat32, math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Copysign(0, -1))}
	if !Finite(x) || !Finite(nil) {
		t.Error("finite numbers were refused")
	}
	for _, v := range bad {
		for i := range x {
			y := append([]float32{}, x...)
			y[i] = v
			if Finite(y) || FiniteScalar(float64(v)) {
				t.Errorf("%v at %d was accepted", v, i)
			}
		}
	}
	if !FiniteScalar(-math.MaxFloat64) {
		t.Error("a finite number was refused")
	}
}

// TestAscending breaks the order at each place.
func TestAscending(t *testing.T) {
	for n := range 40 {
		x := make([]uint32, n)
		for i := range x {
			x[i] = uint32(3 * i)
		}
		check := func(what string, want bool) {
			t.Helper()
			if Ascending(x) != want {
				t.Errorf("%d elements, %s: %v", n, what, !want)
			}
			portably(func() {
				if Ascending(x) != want {
					t.Errorf("%d elements, %s, portable: %v", n, what, !want)
				}
			})
		}
		check("ascending", true)
		for i := range x {
			old := x[i]
			if i > 0 {
				x[i] = x[i-1]
				check("equal", false)
				x[i] = x[i-1] - 1
				check("falling", false)
			}
			for _, large := range []uint32{1 << 30, 1 << 31, 1<<32 - 1} {
				x[i] = large
				check("large", false)
			}
			x[i] = old
		}
	}
}

func TestSteps(t *testing.T) {
	w := []float32{1, 2, 3}
	ScatterSGD(w, []uint32{0, 2}, []float32{2, -1}, 0.5, 0.25)
	if diff := cmp.Diff([]float32{0.75, 2, 3.125}, w); diff != "" {
		t.Errorf("sgd: %s", diff)
	}
	w, squares := []float32{1, 2, 3}, []float32{3, 7, 0}
	ScatterAdaGrad(w, squares, []uint32{0, 2}, []float32{2, 0}, 0.5, 0.5, 1e-8)
	if diff := cmp.Diff([]float32{0.75, 2, 3}, w); diff != "" {
		t.Errorf("adagrad's weights: %s", diff)
	}
	if diff := cmp.Diff([]float32{4, 7, 0}, squares); diff != "" {
		t.Errorf("adagrad's squares: %s", diff)
	}
	for _, g := range []float32{1e-30, 1e-20, 0} { // the square may be 0
		w, squares = []float32{0}, []float32{0}
		ScatterAdaGrad(w, squares, []uint32{0}, []float32{1}, g, 0.5, 1e-8)
		if !Finite(w) {
			t.Errorf("a gradient of %v makes %v", g, w)
		}
	}
}

func TestMovesAndSums(t *testing.T) {
	a, b := []float32{1, 2, 4}, []float32{10, 20, 30}
	AddTo(a, b)
	SubFrom(b, []float32{1, 1, 1})
	c := make([]float32, 3)
	Add(c, a, b)
	ScatterAdd(c, []uint32{2, 0}, []float32{100, 200})
	if diff := cmp.Diff([]float32{220, 41, 163}, c); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float32{7, 163, 220}, Gather([]float32{7}, c, []uint32{2, 0})); diff != "" {
		t.Error(diff)
	}
	AddMean(c, c, []float32{9, 9, 9}, []uint32{0, 1, 2})
	if diff := cmp.Diff([]float32{220, 50, 167.5}, c); diff != "" {
		t.Error(diff)
	}
}

func TestLengthsAreChecked(t *testing.T) {
	one, two, i := []float32{1}, []float32{1, 2}, []uint32{0}
	for name, f := range map[string]func(){
		"AddTo":           func() { AddTo(one, two) },
		"SubFrom":         func() { SubFrom(one, two) },
		"Add":             func() { Add(one, two, one) },
		"AddMean":         func() { AddMean(one, one, two, i) },
		"Shrink":          func() { Shrink(two, i, 1, []float64{1}) },
		"ShrinkAdaGrad":   func() { ShrinkAdaGrad(one, two, i, 1, 1, []float64{1}) },
		"GatherDot":       func() { GatherDot(i, two, two) },
		"ScatterAdd":      func() { ScatterAdd(one, i, two) },
		"ScatterSGD":      func() { ScatterSGD(one, i, two, 1, 1) },
		"ScatterAdaGrad":  func() { ScatterAdaGrad(one, two, i, one, 1, 1, 1) },
		"GradientDescent": func() { GradientDescent(one, one, two, i, mean, 1) },
		"Momentum":        func() { Momentum([2][]float32{one, one}, [2][]float32{one, two}, one, i, MomentumStep{}) },
		"AdaGrad":         func() { AdaGrad([2][]float32{two, one}, [2][]float32{one, one}, one, i, AdaGradStep{}) },
		"Adam":            func() { Adam([3][]float32{one, one, one}, [3][]float32{one, one, two}, one, i, AdamStep{}) },
		"FTRL":            func() { FTRL([3][]float32{one, one, one}, [3][]float32{one, one, one}, two, i, FTRLStep{}) },
		"ToFloat16":       func() { ToFloat16(make([]uint16, 2), one) },
		"FromFloat16":     func() { FromFloat16(two, make([]uint16, 1)) },
		"ToBFloat16":      func() { ToBFloat16(make([]uint16, 2), one) },
		"FromBFloat16":    func() { FromBFloat16(two, make([]uint16, 1)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took slices of different lengths", name)
				}
			}()
			f()
		}()
	}
}

// golden is the SHA-256 of what the kernels make of fixed input. It must be the
// same on every architecture and at every level of it.
const golden = "e3f9499006c91e941e24825ad1791d1e045db2bdb491892ad0809285f89c1693"

func TestGolden(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	h := sha256.New()
	weights, squares := floats(rng, 256), make([]float32, 256)
	touched := make([]uint32, 256)
	for n := range 2000 {
		index, values := sparseRow(rng, 1+n%40, 256)
		loss, gradient := Logistic(GatherDot(index, values, weights), rng.IntN(2) == 0)
		ScatterAdaGrad(weights, squares, index, values, float32(gradient), 0.5, 1e-8)
		ScatterSGD(weights, index, values, float32(gradient), 0.01)
		touched[n%256] = uint32(n % 5)
		Shrink(weights, touched, 1e-5, []float64{4, 2.5, 1.7})
		ShrinkAdaGrad(weights, squares, touched, 1e-4, 1e-8, []float64{4, 2.5, 1.7})
		AddMean(weights, weights, squares, touched)
		AddMean(weights, weights, floats(rng, 256), touched)
		SubFrom(weights, squares)
		x := (rng.Float64() - 0.5) * 100
		fmt.Fprintln(h, n, math.Float64bits(loss), math.Float64bits(gradient), math.Float64bits(SumSquares(weights)),
			math.Float64bits(Exp(x)), math.Float64bits(Log(math.Abs(x))), math.Float64bits(Log1p(math.Abs(x))), math.Float64bits(Softplus(x)))
		if n%50 == 0 {
			for i := range weights {
				weights[i], squares[i] = rng.Float32()-0.5, 0
			}
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != golden {
		t.Errorf("the kernels' bits have changed: %s", got)
	}
}

func BenchmarkGatherDot(b *testing.B) {
	for _, n := range []int{14, 64} {
		b.Run(fmt.Sprintf("nonzeros=%d", n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(7, 8))
			index, values := sparseRow(rng, n, 1<<14)
			weights := floats(rng, 1<<14)
			for b.Loop() {
				sink += GatherDot(index, values, weights)
			}
		})
	}
}

func BenchmarkScatterAdaGrad(b *testing.B) {
	for _, n := range []int{14, 64} {
		b.Run(fmt.Sprintf("nonzeros=%d", n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(7, 8))
			index, values := sparseRow(rng, n, 1<<14)
			weights, squares := floats(rng, 1<<14), make([]float32, 1<<14)
			for b.Loop() {
				ScatterAdaGrad(weights, squares, index, values, 0.3, 0.5, 1e-8)
			}
		})
	}
}
