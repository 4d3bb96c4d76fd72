package linalg

import "math"

// Add sets dst to the sum of a and b; dst may be one of them:
//
//	dst[i] = a[i] + b[i]
func Add(dst, a, b []float32) {
	if len(dst) != len(a) || len(dst) != len(b) {
		panic(badLength)
	}
	for i := wideAdd(dst, a, b); i < len(dst); i++ {
		dst[i] = a[i] + b[i]
	}
}

// AddMean adds to each weight the mean of its changes over the touched[i] parts
// that they are the sum of; a count is below 2^31. Where nothing touched it, the weight keeps its bits.
// dst may be src:
//
//	dst[i] = src[i] + change[i] / touched[i]
func AddMean(dst, src, change []float32, touched []uint32) {
	if len(dst) != len(src) || len(dst) != len(change) || len(dst) != len(touched) {
		panic(badLength)
	}
	for i := wideAddMean(dst, src, change, touched); i < len(dst); i++ {
		v := src[i]
		if m := touched[i]; m > 0 {
			v += change[i] / float32(m)
		}
		dst[i] = v
	}
}

// Shrink takes an implicit step on the penalty w²/2, stable for any amount of
// at least 0. The size of the step depends on how many parts touched the weight:
// the last share holds for all counts beyond. In float64:
//
//	w[i] = w[i] / (1 + amount*shares[touched[i]])
func Shrink(w []float32, touched []uint32, amount float64, shares []float64) {
	if len(w) != len(touched) {
		panic(badLength)
	}
	for i := wideShrink(w, touched, amount, shares); i < len(w); i++ {
		w[i] = float32(float64(w[i]) / (1 + float64(amount*share(shares, touched[i]))))
	}
}

// ShrinkAdaGrad is Shrink at AdaGrad's rate for each weight; a weight that had
// no gradient yet has no rate and keeps its bits:
//
//	w[i] = w[i] / (1 + amount*shares[touched[i]]/(sqrt(squares[i])+epsilon))
func ShrinkAdaGrad(w, squares []float32, touched []uint32, amount, epsilon float64, shares []float64) {
	if len(w) != len(squares) || len(w) != len(touched) {
		panic(badLength)
	}
	for i := wideShrinkAdaGrad(w, squares, touched, amount, epsilon, shares); i < len(w); i++ {
		if s := squares[i]; s > 0 {
			step := float64(amount*share(shares, touched[i])) / (math.Sqrt(float64(s)) + epsilon)
			w[i] = float32(float64(w[i]) / (1 + step))
		}
	}
}

func share(shares []float64, touched uint32) float64 {
	return shares[min(int(touched), len(shares)-1)]
}
