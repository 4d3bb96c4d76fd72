package linear

import (
	"parley/internal/linalg"
	"parley/internal/metric"
)

// loss is what tells the models of the family apart.
type loss interface {
	// at returns a row's loss and its derivative with respect to the margin.
	at(margin float64, label float32) (loss, gradient float64)
	// curvature returns the loss's second derivative with respect to the margin.
	curvature(margin float64) float64
	// mean returns what a margin predicts.
	mean(margin float64) float64
	// observe adds rows to a summary.
	observe(into *metric.Summary, margins []float64, labels, weights []float32)
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

func (l logistic) observe(into *metric.Summary, margins []float64, labels, weights []float32) {
	losses, positive := make([]float64, len(margins)), make([]bool, len(margins))
	for i, m := range margins {
		losses[i], _ = l.at(m, labels[i])
		positive[i] = labels[i] == l.positive
	}
	into.AddClassified(margins, losses, positive, weights)
}

type squared struct{}

func (squared) at(margin float64, label float32) (loss, gradient float64) {
	return linalg.Squared(margin, float64(label))
}

func (squared) curvature(float64) float64 { return 1 }

func (squared) mean(margin float64) float64 { return margin }

func (squared) observe(into *metric.Summary, margins []float64, labels, weights []float32) {
	into.AddMeans(margins, labels, weights)
}
