// Package linear is the linear family of models: a row's margin is the dot
// product of its values and the weights, plus the bias.
//
//   - logistic: the loss is log(1 + exp(-y·margin)) in nats, y being 1 for the
//     positive label and -1 for any other; the margin is a log-odds.
//   - linear: the loss is (margin - label)²/2; the margin is the mean. (So the
//     objective is half the metric mse, plus the penalty.)
//
// The objective is the mean of the row losses + l2/2·‖w‖²; the penalty is the
// servers' business. The trainer calls Model with blocks to learn from and with
// data shards to evaluate; prediction calls Predict. Margins are in float64,
// from float32 weights and values.
package linear

import (
	"sync"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/param"
)

// Stepper takes online steps: an update rule as a model sees it. State is
// slot-major, slot s of key i of n at s*n+i, and slot 0 is the weight.
type Stepper interface {
	// Slots returns the number of floats kept a key.
	Slots() int
	// Step takes one step for a sparse row whose loss has the derivative
	// gradient with respect to its margin.
	Step(state []float32, n int, index []uint32, values []float32, gradient float32)
}

// Model learns and predicts. It holds no parameters; any number of goroutines
// may use it at once.
type Model struct {
	loss    loss
	step    Stepper
	scratch sync.Pool // of *[]float32: the state before the steps
}

// New returns a model of the kind "logistic" or "linear". positive is the label
// of logistic's positive class; every other label is negative. The error is
// Invalid.
func New(kind string, positive float32, step Stepper) (*Model, error) {
	m := &Model{step: step}
	m.scratch.New = func() any { return new([]float32) }
	switch kind {
	case "logistic":
		m.loss = logistic{positive}
	case "linear":
		m.loss = squared{}
	default:
		return nil, param.Errorf(param.Invalid, "model %q is not of the linear family: logistic or linear", kind)
	}
	return m, nil
}

// Learn takes an online step a row, in the block's order. state is the state of
// the block's columns, slot-major; the change is what the steps changed in it (new
// minus old), in the same memory. The loss is progressive: the sum of the row
// losses, each times its weight and before the row's own step, in row order.
func (m *Model) Learn(b *batch.Block, state []float32) (change []float32, loss float64) {
	n := len(b.Columns)
	if len(state) != n*m.step.Slots() {
		panic("linear: the state does not fit the block")
	}
	before := m.scratch.Get().(*[]float32)
	*before = append((*before)[:0], state...)
	weights := state[:n:n]
	for i, label := range b.Labels {
		lo, hi := b.Offsets[i], b.Offsets[i+1]
		index, values := b.Index[lo:hi], b.Values[lo:hi]
		l, gradient := m.loss.at(linalg.GatherDot(index, values, weights), label)
		if b.Weights != nil {
			w := float64(b.Weights[i])
			l, gradient = float64(l*w), float64(gradient*w)
		}
		loss += l
		m.step.Step(state, n, index, values, float32(gradient))
	}
	linalg.SubFrom(state, *before)
	m.scratch.Put(before)
	return state, loss
}
