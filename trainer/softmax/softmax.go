// Package softmax is multinomial logistic regression: each of K classes has a
// margin, the dot product of the row's values and the class's weights, plus its
// bias, and the loss of a row of class y is
//
//	log Σ exp(margin_k) − margin_y
//
// in nats, the negative logarithm of the probability that the model gives to y.
// All K classes have weights, as in scikit-learn's multinomial LogisticRegression.
//
// Weights are column-major: that of column j and class k is at j*K + k, and the
// biases come behind the last column. So a nonzero works on K neighbours. The
// trainer calls Model with blocks to learn from and with data shards to evaluate;
// prediction calls Predict and Probabilities; a full-batch method calls Accumulate.
// Margins are in float64, from float32 weights and values, summed nonzero by
// nonzero.
package softmax

import (
	"math"
	"slices"
	"sync"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/param"
)

// Stepper is an update rule as a model sees it. State is slot-major: slot s of
// key i of n is at s*n+i, and slot 0 is the weight.
type Stepper interface {
	// Local reports that workers take steps; else they contribute the gradient.
	Local() bool
	// Pulled returns the number of floats a key of the state that Learn is given:
	// 1, the weight, where steps are not local.
	Pulled() int
	// StepRows takes one step for a sparse row of columns with len(gradients) keys
	// each, whose loss has the derivatives gradients with respect to its margins.
	StepRows(state []float32, n int, index []uint32, values, gradients []float32)
}

// Model learns and predicts. It holds no parameters; any number of goroutines
// may use it at once.
type Model struct {
	labels  []float32 // of the classes, ascending
	step    Stepper   // nil where contributions are gradients
	scratch sync.Pool // of *scratch
}

// scratch is what a call needs.
type scratch struct {
	before    []float32 // the state as it was pulled
	margins   []float64 // then probabilities, then the loss's derivatives
	gradients []float32
}

// New returns a model of the classes with the given labels, which must be two or
// more and ascend. Learn takes the rule's local steps; with a rule that has none,
// or with nil, it computes gradients. The error is Invalid.
func New(labels []float32, rule Stepper) (*Model, error) {
	if len(labels) < 2 {
		return nil, param.Errorf(param.Invalid, "model softmax needs two classes or more, not %d", len(labels))
	}
	for i, l := range labels[1:] {
		if !(labels[i] < l) {
			return nil, param.Errorf(param.Invalid, "the labels of softmax's classes do not ascend: %g after %g", l, labels[i])
		}
	}
	m := &Model{labels: slices.Clone(labels)}
	if rule != nil && rule.Local() {
		m.step = rule
	} else if rule != nil && rule.Pulled() != 1 {
		return nil, param.Errorf(param.Invalid, "the update rule asks for %d floats a key and gradients at them: there must be 1, the weight", rule.Pulled())
	}
	m.scratch.New = func() any {
		return &scratch{margins: make([]float64, len(labels)), gradients: make([]float32, len(labels))}
	}
	return m, nil
}

// Classes returns K.
func (m *Model) Classes() int { return len(m.labels) }

// class returns the number of the class with a label. Jobs whose data has other
// labels are refused before training.
func (m *Model) class(label float32) int {
	k, ok := slices.BinarySearch(m.labels, label)
	if !ok {
		panic("softmax: a label that is not a class's")
	}
	return k
}

// Learn computes a block's contribution from the state of its columns' keys,
// slot-major, in the memory of the state.
//
// Where the rule's steps are local, it takes one a row, in the block's order, and
// the contribution is what they changed in the state (new minus old). Else the
// state is the weights, and the contribution is the gradient there of the sum of
// the row losses, in float32. The loss is progressive: the sum of the row losses,
// each times its weight and before the row's own step, in row order.
func (m *Model) Learn(b *batch.Block, state []float32) (contribution []float32, loss float64) {
	n, pulled := len(b.Columns)*len(m.labels), 1
	if m.step != nil {
		pulled = m.step.Pulled()
	}
	if len(state) != n*pulled {
		panic("softmax: the state does not fit the block")
	}
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	s.before = append(s.before[:0], state...)
	weights := s.before
	if m.step != nil {
		weights = state[:n]
	} else {
		clear(state)
	}
	for i, label := range b.Labels {
		lo, hi := b.Offsets[i], b.Offsets[i+1]
		index, values := b.Index[lo:hi], b.Values[lo:hi]
		clear(s.margins)
		linalg.AddRows(s.margins, index, values, weights)
		loss += m.derive(s, label, batch.Weight(b.Weights, i))
		if m.step != nil {
			m.step.StepRows(state, n, index, values, s.gradients)
		} else {
			linalg.ScatterRowsSGD(state, index, values, s.gradients, -1) // sum -= -gradient·x: it is added, to the bit
		}
	}
	if m.step != nil {
		linalg.SubFrom(state, s.before)
	}
	return state, loss
}

// derive makes the derivatives of a row's loss of its margins, p_k − [k = y], and
// returns the loss; both times the row's weight.
func (m *Model) derive(s *scratch, label float32, weight float64) (loss float64) {
	y := m.class(label)
	margin := s.margins[y]
	loss = linalg.Softmax(s.margins, s.margins) - margin
	s.margins[y]--
	for k, g := range s.margins {
		s.margins[k] = float64(g * weight)
		s.gradients[k] = float32(s.margins[k])
	}
	return float64(loss * weight)
}

// Accumulate adds the gradient of the sum of the row losses at the weights, each
// times its row's weight, to gradient, over the rows for which keep holds, in
// order; it returns their number and their loss. To the diagonal of the Hessian,
// unless it is nil, it adds weight · p·(1-p) · x² for the probability p of each
// class. All slices are of all keys, the biases' included; nonzeros in columns that
// the weights do not have are ignored.
func (m *Model) Accumulate(rows *batch.CSR, keep func(i int) bool, weights []float32, gradient, diagonal []float64) (n int64, loss float64) {
	if len(gradient) != len(weights) {
		panic("softmax: the gradient does not fit the weights")
	}
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	bias := len(weights) - len(m.labels)
	for i, label := range rows.Labels {
		if !keep(i) {
			continue
		}
		n++
		index, values, _ := m.margins(s.margins, rows, i, weights)
		weight := batch.Weight(rows.Weights, i)
		loss += m.derive(s, label, weight)
		linalg.ScatterRows(gradient, index, values, s.margins)
		for k, g := range s.margins {
			gradient[bias+k] += g
		}
		if diagonal != nil {
			curve(s.margins, weight)
			linalg.ScatterRowsSquares(diagonal, index, values, s.margins)
			for k, c := range s.margins {
				diagonal[bias+k] += c
			}
		}
	}
	return n, loss
}

// margins sets dst to the margins of a row and returns its nonzeros without those
// of unknown columns, which are the last ones, and the number of these.
func (m *Model) margins(dst []float64, rows *batch.CSR, i int, weights []float32) (index []uint32, values []float32, unknown int) {
	d := len(weights)/len(m.labels) - 1
	index, values, unknown = rows.Known(i, d)
	clear(dst)
	linalg.AddRows(dst, index, values, weights)
	for k, b := range weights[d*len(m.labels):] {
		dst[k] += float64(b)
	}
	return index, values, unknown
}

// curve makes second derivatives with respect to the margins of the first ones, of a
// row of some weight: weight·p·(1-p), and a first one is weight·p, or weight·(p-1) of
// the row's class.
func curve(derivatives []float64, weight float64) {
	for k, g := range derivatives {
		q := 0.0
		if weight > 0 {
			q = math.Abs(g) / weight
		}
		derivatives[k] = float64(weight * float64(q*(1-q)))
	}
}
