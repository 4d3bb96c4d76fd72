package optim

import "parley/internal/linalg"

// adagrad is AdaGrad with diagonal accumulators that start at 0 (Duchi, Hazan,
// Singer, JMLR 2011): slot 0 is the weight, slot 1 the sum of squared gradients
// of the loss, without those of the penalty, as in its composite form.
type adagrad struct {
	rate float64
	// epsilon is added to the accumulator's root. It only has to keep a zero
	// gradient from dividing by zero: at 1e-8 no key's rate depends on it. A large
	// one (1) makes a pass over dense or binary features better, but takes the
	// invariance to a feature's scale away: tf-idf learns many times slower then.
	epsilon float64
	penalty penalty
}

func (adagrad) Slots() int { return 2 }

func (adagrad) Pulled() int { return 2 }

func (adagrad) Pushed() int { return 2 }

func (adagrad) Local() bool { return true }

func (r adagrad) Lazy() bool { return r.penalty.rate == 0 }

// Step: g = gradient * x_j; a_j += g²; w_j -= rate * g / (√a_j + epsilon).
func (r adagrad) Step(state []float32, n int, index []uint32, values []float32, gradient float32) {
	linalg.ScatterAdaGrad(state[:n], state[n:2*n], index, values, gradient, float32(r.rate), float32(r.epsilon))
}

// StepRows is Step for each class: g = gradient_k * x_j.
func (r adagrad) StepRows(state []float32, n int, index []uint32, values, gradients []float32) {
	linalg.ScatterRowsAdaGrad(state[:n], state[n:2*n], index, values, gradients, float32(r.rate), float32(r.epsilon))
}

// StepFactors is Step with the derivatives of linalg.FactorsAdaGrad.
func (r adagrad) StepFactors(state []float32, n int, index []uint32, values, sums []float32, gradient float32) {
	linalg.FactorsAdaGrad(state[:n], state[n:2*n], index, values, sums, gradient, float32(r.rate), float32(r.epsilon))
}

func (r adagrad) Combine(dst, src, change []float32, touched []uint32, round Round, penalized int) {
	n := len(touched)
	linalg.AddMean(dst[:n], src[:n], change[:n], touched)
	linalg.Add(dst[n:2*n], src[n:2*n], change[n:2*n])
	if p := r.penalty; p.rate > 0 {
		linalg.ShrinkAdaGrad(dst[:penalized], dst[n:n+penalized], touched[:penalized], round.Steps*p.rate, r.epsilon, p.shares)
	}
}

// gradientAdaGrad is AdaGrad on the round's mean gradient, as PyTorch's Adagrad
// without decay of the rate; its accumulator has the penalty's gradient too.
type gradientAdaGrad struct {
	gradient
	epsilon float64
}

func (gradientAdaGrad) Slots() int { return 2 }

// Combine: a += g²; w -= rate · g / (√a + epsilon).
func (r gradientAdaGrad) Combine(dst, src, change []float32, touched []uint32, round Round, penalized int) {
	n := len(touched)
	r.update(dst, src, n, round, penalized, func(s span) {
		linalg.AdaGrad(s.two(dst, dst, n), s.two(s.weights, src, n), change[s.lo:s.hi], touched[s.lo:s.hi],
			linalg.AdaGradStep{Mean: s.mean, Rate: float32(s.rate), Epsilon: float32(r.epsilon)})
	})
}
