// Package linear is the linear family of models: a row's margin is the dot
// product of its values and the weights, plus the bias.
//
//   - logistic: the loss is log(1 + exp(-y·margin)) in nats, y being 1 for the
//     positive label and -1 for any other; the margin is a log-odds.
//   - hinge: the loss is max(0, 1 - y·margin), y as above; the sign of the margin is
//     the class, and it is no probability.
//   - poisson: the loss is exp(η) - label·η, with η = margin + log(exposure of the
//     row); exp(margin) is the rate of what labels count, exp(η) the row's mean.
//     (It is half the Poisson deviance, up to terms of the label alone.)
//   - linear: the loss is (margin - label)²/2; the margin is the mean. (So the
//     objective is half the metric mse, plus the penalty.)
//
// The objective is the mean of the row losses + l2/2·‖w‖² + l1·‖w‖₁; the
// penalties are the servers' business. The trainer calls Model with blocks to
// learn from and with data shards to evaluate; prediction calls Predict. Margins
// are in float64, from float32 weights and values.
package linear

import (
	"sync"

	"parley/internal/param"
)

// Stepper is an update rule as a model sees it. State is slot-major, slot s of
// key i of n at s*n+i, and slot 0 is the weight.
type Stepper interface {
	// Local reports that workers take steps; else they contribute the gradient.
	Local() bool
	// Pulled returns the number of floats a key of the state that Learn is given:
	// 1, the weight, where steps are not local.
	Pulled() int
	// Step takes one step for a sparse row whose loss has the derivative
	// gradient with respect to its margin.
	Step(state []float32, n int, index []uint32, values []float32, gradient float32)
}

// Model learns and predicts. It holds no parameters; any number of goroutines
// may use it at once.
type Model struct {
	loss    loss
	step    Stepper   // nil where contributions are gradients
	scratch sync.Pool // of *[]float32: the state as it was pulled
}

// New returns a model of the kind "logistic", "hinge", "poisson" or "linear".
// positive is the label of the positive class of logistic and hinge; every other label is negative. Learn takes the
// rule's local steps; with a rule that has none, or with nil, it computes
// gradients. The error is Invalid.
func New(kind string, positive float32, rule Stepper) (*Model, error) {
	m := new(Model)
	if rule != nil && rule.Local() {
		m.step = rule
	} else if rule != nil && rule.Pulled() != 1 {
		return nil, param.Errorf(param.Invalid, "the update rule asks for %d floats a key and gradients at them: there must be 1, the weight", rule.Pulled())
	}
	m.scratch.New = func() any { return new([]float32) }
	switch kind {
	case "logistic":
		m.loss = logistic{positive}
	case "hinge":
		m.loss = hinge{positive}
	case "poisson":
		m.loss = poisson{}
	case "linear":
		m.loss = squared{}
	default:
		return nil, param.Errorf(param.Invalid, "model %q is not of the linear family: logistic, hinge, poisson or linear", kind)
	}
	return m, nil
}
