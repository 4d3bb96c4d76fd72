package linear

import (
	"math"

	"parley/internal/linalg"
	"parley/internal/metric"
)

// loss is what tells the models of the family apart.
type loss interface {
	// at returns a row's loss and its derivative with respect to the margin.
	at(margin float64, label float32) (loss, gradient float64)
	// curvature returns the loss's second derivative with respect to the margin.
	curvature(margin float64) float64
	// mean returns the mean that a margin stands for; of hinge, which has none, the
	// margin.
	mean(margin float64) float64
	// observe adds rows to a summary; weights and exposure may be nil, for ones.
	observe(into *metric.Summary, margins []float64, labels, weights, exposure []float32)
}

type logistic struct{ positive float32 }

func (l logistic) at(margin float64, label float32) (loss, gradient float64) {
	return linalg.Logistic(margin, label == l.positive)
}

func (logistic) curvature(margin float64) float64 {
	p := linalg.Sigmoid(margin)
	return float64(p * (1 - p))
}

func (logistic) mean(margin float64) float64 { return linalg.Sigmoid(margin) }

func (l logistic) observe(into *metric.Summary, margins []float64, labels, weights, _ []float32) {
	losses, positive := twoClasses(l, margins, labels, l.positive)
	into.AddClassified(margins, losses, positive, weights)
}

// twoClasses returns the losses of rows and which of them are positive.
func twoClasses(l loss, margins []float64, labels []float32, label float32) (losses []float64, positive []bool) {
	losses, positive = make([]float64, len(margins)), make([]bool, len(margins))
	for i, m := range margins {
		losses[i], _ = l.at(m, labels[i])
		positive[i] = labels[i] == label
	}
	return losses, positive
}

type hinge struct{ positive float32 }

func (h hinge) at(margin float64, label float32) (loss, gradient float64) {
	return linalg.Hinge(margin, label == h.positive)
}

func (hinge) curvature(float64) float64 { return 0 }

func (hinge) mean(margin float64) float64 { return margin }

func (h hinge) observe(into *metric.Summary, margins []float64, labels, weights, _ []float32) {
	losses, positive := twoClasses(h, margins, labels, h.positive)
	into.AddSeparated(margins, losses, positive, weights)
}

type poisson struct{}

func (poisson) at(margin float64, label float32) (loss, gradient float64) {
	return linalg.Poisson(margin, float64(label))
}

func (poisson) curvature(margin float64) float64 { return linalg.Exp(margin) }

// mean stays finite in 32 bits: a row far from those of training has a mean that is
// absurd, and can be seen to be.
func (poisson) mean(margin float64) float64 { return min(linalg.Exp(margin), math.MaxFloat32) }

func (p poisson) observe(into *metric.Summary, margins []float64, labels, weights, exposure []float32) {
	means := make([]float64, len(margins))
	for i, m := range margins {
		means[i] = p.mean(m)
	}
	into.AddCounts(margins, means, labels, weights, exposure)
}

type squared struct{}

func (squared) at(margin float64, label float32) (loss, gradient float64) {
	return linalg.Squared(margin, float64(label))
}

func (squared) curvature(float64) float64 { return 1 }

func (squared) mean(margin float64) float64 { return margin }

func (squared) observe(into *metric.Summary, margins []float64, labels, weights, _ []float32) {
	into.AddMeans(margins, labels, weights)
}
