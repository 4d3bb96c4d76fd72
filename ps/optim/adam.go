package optim

import "parley/internal/linalg"

// adam is Adam (Kingma, Ba, ICLR 2015) as PyTorch has it: slot 0 is the weight,
// slots 1 and 2 the moments. As in PyTorch's SparseAdam the moments of a key
// decay in the rounds that touch it, while the step t of the bias correction
// counts all rounds.
type adam struct {
	gradient
	beta1, beta2, epsilon float64
}

func (adam) Slots() int { return 3 }

// Combine: m = β1·m + (1-β1)·g; v = β2·v + (1-β2)·g²;
// w -= rate · m/(1-β1^t) / (√(v/(1-β2^t)) + epsilon).
func (r adam) Combine(dst, src, change []float32, touched []uint32, round Round, penalized int) {
	n := len(touched)
	r.update(dst, src, n, round, penalized, func(s span) {
		linalg.Adam(s.three(dst, dst, n), s.three(s.weights, src, n), change[s.lo:s.hi], touched[s.lo:s.hi],
			linalg.NewAdamStep(s.mean, s.rate, r.beta1, r.beta2, r.epsilon, round.Number+1))
	})
}
