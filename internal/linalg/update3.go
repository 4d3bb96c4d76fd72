package linalg

import "math"

// AdamStep holds the constants of Adam, of which two change with the step t, as
// NewAdamStep makes them.
type AdamStep struct {
	Mean
	Keep1, Take1 float32 // β1 and 1-β1
	Keep2, Take2 float32 // β2 and 1-β2
	Rate         float32 // rate / (1-β1^t)
	Root         float32 // 1 / sqrt(1-β2^t)
	Epsilon      float32
}

// NewAdamStep returns the constants of step t, which counts from 1. They are
// computed in float64 and rounded once.
func NewAdamStep(mean Mean, rate, beta1, beta2, epsilon float64, t int64) AdamStep {
	return AdamStep{
		Mean:  mean,
		Keep1: float32(beta1), Take1: float32(1 - beta1),
		Keep2: float32(beta2), Take2: float32(1 - beta2),
		Rate:    float32(rate / (1 - wholePower(beta1, t))),
		Root:    float32(1 / math.Sqrt(1-wholePower(beta2, t))),
		Epsilon: float32(epsilon),
	}
}

// wholePower returns x^n by squaring.
func wholePower(x float64, n int64) float64 {
	p := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			p = float64(p * x)
		}
		x = float64(x * x)
	}
	return p
}

// Adam takes a step of Adam (Kingma, Ba, ICLR 2015, algorithm 1), epsilon
// where PyTorch's Adam has it. The slots of dst and src, which may be the same,
// are weights and the two moments; all slices are as long as one another. In
// float32:
//
//	m[i] = keep1*m[i] + take1*g
//	v[i] = keep2*v[i] + take2*(g*g)
//	w[i] -= rate*m[i] / (root*sqrt(v[i]) + epsilon)
func Adam(dst, src [3][]float32, sum []float32, touched []uint32, s AdamStep) {
	n := len(touched)
	checkSlots(n, sum, dst[:], src[:])
	for i := wideAdam(dst, src, sum, touched, s); i < n; i++ {
		w, m, v := src[0][i], src[1][i], src[2][i]
		if !s.rests(touched[i]) {
			g := s.of(sum[i], w)
			m = float32(s.Keep1*m) + float32(s.Take1*g)
			v = float32(s.Keep2*v) + float32(s.Take2*float32(g*g))
			w -= float32(s.Rate*m) / (float32(s.Root*sqrt(v)) + s.Epsilon)
		}
		dst[0][i], dst[1][i], dst[2][i] = w, m, v
	}
}

// FTRLStep holds the constants of FTRL.
type FTRLStep struct {
	Scale    float32 // 1 over the number of rows
	PerAlpha float32 // 1/α
	Beta     float32
	L1, L2   float32
}

// FTRL takes a step of FTRL-Proximal with rates per coordinate (McMahan et al.,
// "Ad click prediction: a view from the trenches", KDD 2013, algorithm 1). The
// slots of dst and src, which may be the same, are w, z and n; all slices are as
// long as one another. Where nothing touched a key, its state keeps its bits. In
// float32, the sign of 0 counting as its sign bit says:
//
//	g = sum[i] * scale
//	a = n[i] + g*g
//	z[i] = (z[i] + g) - ((sqrt(a)-sqrt(n[i])) / α) * w[i]
//	n[i] = a
//	w[i] = (sign(z[i])*l1 - z[i]) / ((beta+sqrt(a))/α + l2) if |z[i]| > l1, else 0
func FTRL(dst, src [3][]float32, sum []float32, touched []uint32, s FTRLStep) {
	n := len(touched)
	checkSlots(n, sum, dst[:], src[:])
	for i := wideFTRL(dst, src, sum, touched, s); i < n; i++ {
		w, z, a := src[0][i], src[1][i], src[2][i]
		if touched[i] > 0 {
			g := float32(sum[i] * s.Scale)
			before := sqrt(a)
			a += float32(g * g)
			root := sqrt(a)
			z = (z + g) - float32(float32((root-before)*s.PerAlpha)*w)
			w = s.weight(z, root)
		}
		dst[0][i], dst[1][i], dst[2][i] = w, z, a
	}
}

func (s FTRLStep) weight(z, root float32) float32 {
	const sign = 1 << 31
	if !(math.Float32frombits(math.Float32bits(z)&^sign) > s.L1) {
		return 0
	}
	l1 := math.Float32frombits(math.Float32bits(s.L1) | math.Float32bits(z)&sign)
	return (l1 - z) / (float32((s.Beta+root)*s.PerAlpha) + s.L2)
}
