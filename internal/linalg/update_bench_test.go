package linalg

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkUpdate measures dense updates of arrays that the second cache holds and
// of such that no cache does. Beside each stands "copy": the same bytes read and
// written, which is what memory allows in this run.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{1 << 13, 4 << 20} {
		benchmarkUpdate(b, n)
	}
}

func benchmarkUpdate(b *testing.B, n int) {
	rng := rand.New(rand.NewPCG(15, 16))
	var dst, src [3][]float32
	for s := range src {
		dst[s], src[s] = make([]float32, n), floats(rng, n)
	}
	for i := range src[1] {
		src[1][i], src[2][i] = rng.Float32(), rng.Float32()
	}
	sum, touched := floats(rng, n), make([]uint32, n)
	for i := range touched {
		touched[i] = rng.Uint32N(5)
	}
	two := func(x [3][]float32) [2][]float32 { return [2][]float32{x[0], x[1]} }
	for _, c := range []struct {
		name  string
		slots int
		step  func()
	}{
		{"sgd", 1, func() { GradientDescent(dst[0], src[0], sum, touched, mean, 0.1) }},
		{"momentum", 2, func() { Momentum(two(dst), two(src), sum, touched, MomentumStep{mean, 0.1, 0.9, false}) }},
		{"adagrad", 2, func() { AdaGrad(two(dst), two(src), sum, touched, AdaGradStep{mean, 0.1, 1e-8}) }},
		{"adam", 3, func() { Adam(dst, src, sum, touched, NewAdamStep(mean, 0.01, 0.9, 0.999, 1e-8, 3)) }},
		{"ftrl", 3, func() { FTRL(dst, src, sum, touched, FTRLStep{1. / 7, 10, 1, 0.1, 0.1}) }},
		{"addmean", 1, func() { AddMean(dst[0], src[0], sum, touched) }},
	} {
		b.Run(fmt.Sprintf("%s/n=%d", c.name, n), func(b *testing.B) { measure(b, n, c.step) })
		b.Run(fmt.Sprintf("%s/portable/n=%d", c.name, n), func(b *testing.B) {
			portably(func() { measure(b, n, c.step) })
		})
		b.Run(fmt.Sprintf("%s/copy/n=%d", c.name, n), func(b *testing.B) {
			measure(b, n, func() { stream(dst[:c.slots], src[:c.slots], sum, touched) })
		})
	}
}

// stream moves the bytes of an update: it copies the slots, and reads the sums
// and the counts.
func stream(dst, src [][]float32, sum []float32, touched []uint32) {
	const block = 1 << 11 // of bytes that the first cache holds
	var a [block]float32
	var c [block]uint32
	for lo := 0; lo < len(sum); lo += block {
		copy(a[:], sum[lo:])
		copy(c[:], touched[lo:])
		for s := range dst {
			copy(dst[s][lo:lo+block], src[s][lo:lo+block])
		}
	}
}

// measure reports the time of an element.
func measure(b *testing.B, n int, f func()) {
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
}

// BenchmarkVector measures kernels on what the second cache holds.
func BenchmarkVector(b *testing.B) {
	const n = 1 << 14
	rng := rand.New(rand.NewPCG(17, 18))
	x, y, z, h, touched := floats(rng, n), floats(rng, n), make([]float32, n), make([]uint16, n), make([]uint32, n)
	for i := range touched {
		touched[i], z[i] = rng.Uint32N(5), rng.Float32()
	}
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"add", func() { Add(y, x, y) }},
		{"sub", func() { SubFrom(y, x) }},
		{"finite", func() { Finite(x) }},
		{"squares", func() { sink += SumSquares(x) }},
		{"shrink", func() { Shrink(x, touched, 1e-9, shares) }},
		{"shrink-adagrad", func() { ShrinkAdaGrad(x, z, touched, 1e-9, 1e-8, shares) }},
		{"to-float16", func() { ToFloat16(h, x) }},
		{"from-float16", func() { FromFloat16(y, h) }},
		{"to-bfloat16", func() { ToBFloat16(h, x) }},
		{"from-bfloat16", func() { FromBFloat16(y, h) }},
	} {
		b.Run(fmt.Sprintf("%s/n=%d", c.name, n), func(b *testing.B) { measure(b, n, c.f) })
		b.Run(fmt.Sprintf("%s/portable/n=%d", c.name, n), func(b *testing.B) { portably(func() { measure(b, n, c.f) }) })
	}
}
