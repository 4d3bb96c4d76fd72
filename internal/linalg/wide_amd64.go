package linalg

import (
	"math"

	"golang.org/x/sys/cpu"
)

// FMA is not used by what is here, but comes with every processor that has AVX2.
var haveAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasF16C

// The functions below do the work of a kernel on as many leading elements as its
// AVX2 twin takes, and return their number. The lengths have been checked.

// whole returns how many of n elements are taken at a width of 8.
func whole(n int) int {
	if !wide {
		return 0
	}
	return n &^ 7
}

func wideAdd(dst, a, b []float32) int {
	k := whole(len(dst))
	if k > 0 {
		addAVX2(&dst[0], &a[0], &b[0], k)
	}
	return k
}

func wideSub(dst, a, b []float32) int {
	k := whole(len(dst))
	if k > 0 {
		subAVX2(&dst[0], &a[0], &b[0], k)
	}
	return k
}

func wideAddMean(dst, src, change []float32, touched []uint32) int {
	k := whole(len(touched))
	if k > 0 {
		addMeanAVX2(&dst[0], &src[0], &change[0], &touched[0], k)
	}
	return k
}

func wideShrink(w []float32, touched []uint32, amount float64, shares []float64) int {
	k := whole(len(touched))
	if k > 0 {
		shrinkAVX2(&w[0], &touched[0], k, &shares[0], uint32(len(shares)-1), &[3]float64{amount, 1})
	}
	return k
}

func wideShrinkAdaGrad(w, squares []float32, touched []uint32, amount, epsilon float64, shares []float64) int {
	k := whole(len(touched))
	if k > 0 {
		shrinkAdaGradAVX2(&w[0], &squares[0], &touched[0], k, &shares[0], uint32(len(shares)-1), &[3]float64{amount, 1, epsilon})
	}
	return k
}

// wideFinite also returns whether the elements are finite.
func wideFinite(x []float32) (int, bool) {
	k := whole(len(x))
	return k, k == 0 || finiteAVX2(&x[0], k) == 0
}

// wideAscending leaves one element at least.
func wideAscending(x []uint32) (int, bool) {
	k := whole(len(x) - 1)
	return k, k == 0 || ascendingAVX2(&x[0], k) == 0
}

// wideSquares sets the partial sums.
func wideSquares(x []float32, lanes *[8]float64) int {
	k := whole(len(x))
	if k > 0 {
		sumSquaresAVX2(&x[0], k, lanes)
	}
	return k
}

func wideGradientDescent(dst, src, sum []float32, touched []uint32, mean Mean, rate float32) int {
	k := whole(len(touched))
	if k > 0 {
		gradientDescentAVX2(&dst[0], &src[0], &sum[0], &touched[0], k, &[4]float32{mean.Scale, mean.L2, mean.restMask(), rate})
	}
	return k
}

func wideMomentum(dst, src [2][]float32, sum []float32, touched []uint32, s MomentumStep) int {
	k := whole(len(touched))
	if k == 0 {
		return 0
	}
	d, from := starts2(dst), starts2(src)
	c := [5]float32{s.Scale, s.L2, s.restMask(), s.Rate, s.Momentum}
	if s.Nesterov {
		nesterovAVX2(&d, &from, &sum[0], &touched[0], k, &c)
	} else {
		momentumAVX2(&d, &from, &sum[0], &touched[0], k, &c)
	}
	return k
}

func wideAdaGrad(dst, src [2][]float32, sum []float32, touched []uint32, s AdaGradStep) int {
	k := whole(len(touched))
	if k > 0 {
		d, from := starts2(dst), starts2(src)
		adaGradAVX2(&d, &from, &sum[0], &touched[0], k, &[5]float32{s.Scale, s.L2, s.restMask(), s.Rate, s.Epsilon})
	}
	return k
}

func wideAdam(dst, src [3][]float32, sum []float32, touched []uint32, s AdamStep) int {
	k := whole(len(touched))
	if k > 0 {
		d, from := starts3(dst), starts3(src)
		adamAVX2(&d, &from, &sum[0], &touched[0], k,
			&[10]float32{s.Scale, s.L2, s.restMask(), s.Keep1, s.Take1, s.Keep2, s.Take2, s.Rate, s.Root, s.Epsilon})
	}
	return k
}

func wideFTRL(dst, src [3][]float32, sum []float32, touched []uint32, s FTRLStep) int {
	k := whole(len(touched))
	if k > 0 {
		d, from := starts3(dst), starts3(src)
		ftrlAVX2(&d, &from, &sum[0], &touched[0], k, &[5]float32{s.Scale, s.PerAlpha, s.Beta, s.L1, s.L2})
	}
	return k
}

// restMask has all bits set where untouched keys rest, and none elsewhere.
func (m Mean) restMask() float32 {
	if m.rests(0) {
		return math.Float32frombits(math.MaxUint32)
	}
	return 0
}

func starts2(x [2][]float32) [2]*float32 { return [2]*float32{&x[0][0], &x[1][0]} }

func starts3(x [3][]float32) [3]*float32 { return [3]*float32{&x[0][0], &x[1][0], &x[2][0]} }

func widePack16(dst []uint16, src []float32) int {
	k := whole(len(src))
	if k > 0 {
		toFloat16AVX2(&dst[0], &src[0], k)
	}
	return k
}

func wideUnpack16(dst []float32, src []uint16) int {
	k := whole(len(src))
	if k > 0 {
		fromFloat16AVX2(&dst[0], &src[0], k)
	}
	return k
}

func widePackB16(dst []uint16, src []float32) int {
	k := whole(len(src))
	if k > 0 {
		toBFloat16AVX2(&dst[0], &src[0], k)
	}
	return k
}

func wideUnpackB16(dst []float32, src []uint16) int {
	k := whole(len(src))
	if k > 0 {
		fromBFloat16AVX2(&dst[0], &src[0], k)
	}
	return k
}
