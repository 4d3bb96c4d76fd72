package linalg

// Mean says how the update kernels make a gradient of a sum of the gradients of
// rows:
//
//	g = sum[i]*Scale + L2*w[i]
//
// Where nothing touched a key, its state keeps its bits, unless L2 is above 0:
// then all keys step.
type Mean struct {
	Scale float32 // 1 over the number of rows
	L2    float32 // of the penalty L2/2 · w², at least 0
}

// of returns the gradient of a weight.
func (m Mean) of(sum, w float32) float32 {
	return float32(sum*m.Scale) + float32(m.L2*w)
}

// rests reports that a key which that many parts touched does not step.
func (m Mean) rests(touched uint32) bool { return touched == 0 && !(m.L2 > 0) }

// GradientDescent takes a step of gradient descent. dst may be src; all slices
// are as long as one another. In float32, g as in Mean:
//
//	dst[i] = src[i] - rate*g
func GradientDescent(dst, src, sum []float32, touched []uint32, mean Mean, rate float32) {
	n := len(touched)
	if len(dst) != n || len(src) != n || len(sum) != n {
		panic(badLength)
	}
	for i := wideGradientDescent(dst, src, sum, touched, mean, rate); i < n; i++ {
		w := src[i]
		if !mean.rests(touched[i]) {
			w -= float32(rate * mean.of(sum[i], w))
		}
		dst[i] = w
	}
}

// MomentumStep holds the constants of Momentum.
type MomentumStep struct {
	Mean
	Rate, Momentum float32
	Nesterov       bool
}

// Momentum takes a step of gradient descent with momentum, as PyTorch's SGD
// without dampening does. The slots of dst and src, which may be the same, are
// weights and buffers; all slices are as long as one another. In float32:
//
//	b[i] = momentum*b[i] + g
//	w[i] -= rate * b[i]               without Nesterov
//	w[i] -= rate * (g + momentum*b[i])   with it
func Momentum(dst, src [2][]float32, sum []float32, touched []uint32, s MomentumStep) {
	n := len(touched)
	checkSlots(n, sum, dst[:], src[:])
	for i := wideMomentum(dst, src, sum, touched, s); i < n; i++ {
		w, b := src[0][i], src[1][i]
		if !s.rests(touched[i]) {
			g := s.of(sum[i], w)
			b = float32(s.Momentum*b) + g
			d := b
			if s.Nesterov {
				d = g + float32(s.Momentum*b)
			}
			w -= float32(s.Rate * d)
		}
		dst[0][i], dst[1][i] = w, b
	}
}

// AdaGradStep holds the constants of AdaGrad.
type AdaGradStep struct {
	Mean
	Rate, Epsilon float32
}

// AdaGrad takes a step of AdaGrad (Duchi, Hazan, Singer 2011, diagonal form). The
// slots of dst and src, which may be the same, are weights and sums of squares;
// all slices are as long as one another. In float32:
//
//	a[i] += g * g
//	w[i] -= rate * g / (sqrt(a[i]) + epsilon)
func AdaGrad(dst, src [2][]float32, sum []float32, touched []uint32, s AdaGradStep) {
	n := len(touched)
	checkSlots(n, sum, dst[:], src[:])
	for i := wideAdaGrad(dst, src, sum, touched, s); i < n; i++ {
		w, a := src[0][i], src[1][i]
		if !s.rests(touched[i]) {
			g := s.of(sum[i], w)
			a += float32(g * g)
			w -= float32(s.Rate*g) / (sqrt(a) + s.Epsilon)
		}
		dst[0][i], dst[1][i] = w, a
	}
}

// checkSlots panics unless all slices have n elements.
func checkSlots(n int, sum []float32, dst, src [][]float32) {
	bad := len(sum) != n
	for s := range dst {
		bad = bad || len(dst[s]) != n || len(src[s]) != n
	}
	if bad {
		panic(badLength)
	}
}
