// Package fm is factorization machines of degree two (Rendle, "Factorization
// machines", ICDM 2010): beside its weight every column has a vector of k factors,
// and a row's margin is
//
//	bias + Σ w_j·x_j + Σ over pairs i < j of ⟨v_i, v_j⟩·x_i·x_j
//
// which takes k·n operations for n nonzeros (linalg.Pairs). The loss is squared, as
// of the linear family's model linear, or logistic; the objective is the mean of the
// row losses + l2/2·(‖w‖² + ‖V‖²). It is not convex: where training ends hangs on
// the factors that it begins with, which the servers draw.
//
// A column has 1+k neighbouring keys: its weight, then its factors. The bias is the
// weight of the column behind the last one, whose factors are 0 and stay so. The
// trainer calls Model with blocks to learn from and with data shards to evaluate;
// prediction calls Predict. Sums of factors are in float32, the rest of a margin in
// float64.
package fm

import (
	"sync"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/internal/param"
)

// Stepper is an update rule as a model sees it. State is slot-major: slot s of
// key i of n is at s*n+i, and slot 0 is the parameter.
type Stepper interface {
	// Local reports that workers take steps; else they contribute the gradient.
	Local() bool
	// Pulled returns the number of floats a key of the state that Learn is given: 1,
	// the parameter, where steps are not local.
	Pulled() int
	// Step takes one step for keys whose derivatives are gradient * values.
	Step(state []float32, n int, index []uint32, values []float32, gradient float32)
	// StepFactors takes one for the weights and factors of a row's columns.
	StepFactors(state []float32, n int, index []uint32, values, sums []float32, gradient float32)
}

// Settings are what models differ in.
type Settings struct {
	Loss     string  // squared or logistic
	Rank     int     // k
	Positive float32 // label of the positive class, for logistic; every other is negative
	// Clip is the least and the greatest prediction of the squared loss, nil for no
	// bounds. Learning does not look at it.
	Clip []float32
}

// Model learns and predicts. It holds no parameters; any number of goroutines
// may use it at once.
type Model struct {
	settings Settings
	step     Stepper   // nil where contributions are gradients
	scratch  sync.Pool // of *scratch
}

// scratch is what a call needs.
type scratch struct {
	before        []float32 // the state as it was pulled
	sums, squares []float32
}

// New returns a model. Learn takes the rule's local steps; with a rule that has
// none, or with nil, it computes gradients. The error is Invalid.
func New(s Settings, rule Stepper) (*Model, error) {
	switch {
	case s.Loss != "squared" && s.Loss != "logistic":
		return nil, param.Errorf(param.Invalid, "model fm has no loss %q: squared or logistic", s.Loss)
	case s.Rank < 1:
		return nil, param.Errorf(param.Invalid, "model fm needs a rank of 1 or more, not %d", s.Rank)
	case len(s.Clip) != 0 && (len(s.Clip) != 2 || s.Loss != "squared"):
		return nil, param.Errorf(param.Invalid, "predictions of model fm with the %s loss cannot be clipped to %v", s.Loss, s.Clip)
	}
	m := &Model{settings: s}
	if rule != nil && rule.Local() {
		m.step = rule
	} else if rule != nil && rule.Pulled() != 1 {
		return nil, param.Errorf(param.Invalid, "the update rule asks for %d floats a key and gradients at them: there must be 1, the parameter", rule.Pulled())
	}
	m.scratch.New = func() any {
		return &scratch{sums: make([]float32, s.Rank), squares: make([]float32, s.Rank)}
	}
	return m, nil
}

// Learn computes a block's contribution from the state of its columns' keys,
// slot-major, in the memory of the state.
//
// Where the rule's steps are local, it takes one a row, in the block's order, and
// the contribution is what they changed in the state (new minus old). Else the state
// is the parameters, and the contribution is the gradient there of the sum of the
// row losses, in float32. The loss is progressive: the sum of the row losses, each
// times its weight and before the row's own step, in row order.
func (m *Model) Learn(b *batch.Block, state []float32) (contribution []float32, loss float64) {
	n, pulled := len(b.Columns)*(1+m.settings.Rank), 1
	if m.step != nil {
		pulled = m.step.Pulled()
	}
	if len(state) != n*pulled {
		panic("fm: the state does not fit the block")
	}
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	s.before = append(s.before[:0], state...)
	if m.step == nil {
		clear(state)
	}
	for i := range b.Labels {
		loss += m.learn(b, i, state, n, s)
	}
	if m.step != nil {
		linalg.SubFrom(state, s.before)
	}
	return state, loss
}

// one is the value that each row has in the column of the bias.
var one = []float32{1}

// learn takes the step of a row, or adds its gradient to the state.
func (m *Model) learn(b *batch.Block, i int, state []float32, n int, s *scratch) (loss float64) {
	lo, hi := b.Offsets[i], b.Offsets[i+1]-1 // the last nonzero is the bias's
	index, values := b.Index[lo:hi], b.Values[lo:hi]
	bias := [1]uint32{b.Index[hi] * uint32(1+m.settings.Rank)}
	parameters := s.before
	if m.step != nil {
		parameters = state[:n]
	}
	margin := linalg.FactorSums(s.sums, s.squares, index, values, parameters) + float64(parameters[bias[0]])
	loss, slope := m.at(margin+linalg.Pairs(s.sums, s.squares), b.Labels[i])
	if b.Weights != nil {
		w := float64(b.Weights[i])
		loss, slope = float64(loss*w), float64(slope*w)
	}
	gradient := float32(slope)
	if m.step != nil {
		m.step.StepFactors(state, n, index, values, s.sums, gradient)
		m.step.Step(state, n, bias[:], one, gradient)
	} else {
		linalg.FactorsGradient(state, parameters, index, values, s.sums, gradient)
		state[bias[0]] += gradient
	}
	return loss
}

// at returns a row's loss and its derivative with respect to the margin.
func (m *Model) at(margin float64, label float32) (loss, slope float64) {
	if m.settings.Loss == "logistic" {
		return linalg.Logistic(margin, label == m.settings.Positive)
	}
	return linalg.Squared(margin, float64(label))
}

// Evaluate adds the rows for which keep holds to a summary. Parameters are of all
// keys; nonzeros in columns that they do not have are ignored, and counted as
// Unknown.
func (m *Model) Evaluate(rows *batch.CSR, keep func(i int) bool, parameters []float32, into *metric.Summary) {
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	var margins, losses []float64
	var labels, weights []float32
	var positive []bool
	for i, label := range rows.Labels {
		if !keep(i) {
			continue
		}
		margin, unknown := m.margin(s, rows, i, parameters)
		into.Unknown += int64(unknown)
		if m.settings.Loss == "logistic" {
			loss, _ := m.at(margin, label)
			losses, positive = append(losses, loss), append(positive, label == m.settings.Positive)
		} else {
			margin = m.clip(margin)
		}
		margins, labels = append(margins, margin), append(labels, label)
		if rows.Weights != nil {
			weights = append(weights, rows.Weights[i])
		}
	}
	if m.settings.Loss == "logistic" {
		into.AddClassified(margins, losses, positive, weights)
		return
	}
	into.AddMeans(margins, labels, weights)
}

// Predict appends a prediction a row to dst: the probability of the positive class,
// or the mean, clipped. Parameters are as in Evaluate.
func (m *Model) Predict(dst []float32, rows *batch.CSR, parameters []float32) []float32 {
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	for i := range rows.Rows() {
		margin, _ := m.margin(s, rows, i, parameters)
		if m.settings.Loss == "logistic" {
			margin = linalg.Sigmoid(margin)
		}
		dst = append(dst, float32(m.clip(margin)))
	}
	return dst
}

func (m *Model) clip(mean float64) float64 {
	if c := m.settings.Clip; len(c) == 2 {
		return min(max(mean, float64(c[0])), float64(c[1]))
	}
	return mean
}

// margin returns a row's margin and the number of its unknown columns, which are
// the last ones.
func (m *Model) margin(s *scratch, rows *batch.CSR, i int, parameters []float32) (margin float64, unknown int) {
	width := 1 + m.settings.Rank
	d := len(parameters)/width - 1
	index, values, unknown := rows.Known(i, d)
	margin = linalg.FactorSums(s.sums, s.squares, index, values, parameters) + float64(parameters[d*width])
	return margin + linalg.Pairs(s.sums, s.squares), unknown
}
