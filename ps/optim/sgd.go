package optim

import "parley/internal/linalg"

// sgd is stochastic gradient descent at a constant rate.
type sgd struct{ rate, l2 float64 }

func (sgd) Slots() int { return 1 }

// Step: w_j -= rate * gradient * x_j.
func (r sgd) Step(state []float32, n int, index []uint32, values []float32, gradient float32) {
	linalg.ScatterSGD(state[:n], index, values, gradient, float32(r.rate))
}

func (r sgd) Combine(dst, src, change []float32, touched []uint32, steps float64, penalized int) {
	linalg.AddMean(dst, src, change, touched)
	if r.l2 > 0 {
		linalg.Shrink(dst[:penalized], steps*r.l2*r.rate)
	}
}
