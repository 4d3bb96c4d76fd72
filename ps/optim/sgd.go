package optim

import "parley/internal/linalg"

// sgd is stochastic gradient descent at a constant rate.
type sgd struct {
	rate    float64
	penalty penalty
}

func (sgd) Slots() int { return 1 }

func (sgd) Pulled() int { return 1 }

func (sgd) Pushed() int { return 1 }

func (sgd) Local() bool { return true }

func (r sgd) Lazy() bool { return r.penalty.rate == 0 }

// Step: w_j -= rate * gradient * x_j.
func (r sgd) Step(state []float32, n int, index []uint32, values []float32, gradient float32) {
	linalg.ScatterSGD(state[:n], index, values, gradient, float32(r.rate))
}

// StepRows: w_jk -= rate * gradient_k * x_j.
func (r sgd) StepRows(state []float32, n int, index []uint32, values, gradients []float32) {
	linalg.ScatterRowsSGD(state[:n], index, values, gradients, float32(r.rate))
}

// StepFactors: w_j -= rate * gradient * x_j; v_jk -= rate * gradient * x_j * (sum_k - v_jk * x_j).
func (r sgd) StepFactors(state []float32, n int, index []uint32, values, sums []float32, gradient float32) {
	linalg.FactorsSGD(state[:n], index, values, sums, gradient, float32(r.rate))
}

func (r sgd) Combine(dst, src, change []float32, touched []uint32, round Round, penalized int) {
	linalg.AddMean(dst, src, change, touched)
	if p := r.penalty; p.rate > 0 {
		linalg.Shrink(dst[:penalized], touched[:penalized], round.Steps*p.rate, p.shares)
	}
}

// gradientSGD is gradient descent with the round's mean gradient.
type gradientSGD struct{ gradient }

func (gradientSGD) Slots() int { return 1 }

// Combine: w -= rate · g.
func (r gradientSGD) Combine(dst, src, change []float32, touched []uint32, round Round, penalized int) {
	r.update(dst, src, len(touched), round, penalized, func(s span) {
		linalg.GradientDescent(dst[s.lo:s.hi], s.weights[s.lo:s.hi], change[s.lo:s.hi], touched[s.lo:s.hi], s.mean, float32(s.rate))
	})
}
