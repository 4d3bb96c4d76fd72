package optim

import "parley/internal/linalg"

// momentum is gradient descent with momentum as PyTorch's SGD has it, without
// dampening: slot 0 is the weight, slot 1 the buffer. A key's buffer decays in the
// rounds that touch the key, as its moments in PyTorch's SparseAdam.
type momentum struct {
	gradient
	momentum float64
	nesterov bool
}

func (momentum) Slots() int { return 2 }

// Combine: b = momentum·b + g; w -= rate·b, or rate·(g + momentum·b) with
// nesterov.
func (r momentum) Combine(dst, src, change []float32, touched []uint32, round Round, penalized int) {
	n := len(touched)
	r.update(dst, src, n, round, penalized, func(s span) {
		linalg.Momentum(s.two(dst, dst, n), s.two(s.weights, src, n), change[s.lo:s.hi], touched[s.lo:s.hi],
			linalg.MomentumStep{Mean: s.mean, Rate: float32(s.rate), Momentum: float32(r.momentum), Nesterov: r.nesterov})
	})
}
