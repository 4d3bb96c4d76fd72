// Package optim holds the update rules: how a worker steps on its own copy of
// the parameters within a round, and how the server combines what the workers
// changed. A Rule is stateless; what it keeps a key (the weight, then
// accumulators) belongs to the caller. trainer models call Step through an
// interface of their own, ps calls Combine; any number of goroutines may share
// a Rule.
//
// # Combination
//
// In a round M workers take online steps, each on its own copy of the same
// state; m_i of them touch key i, and c_i is the sum of what they changed. As in
// Agarwal, Chapelle, Dudík, Langford, "A reliable effective terascale linear
// learning system" (JMLR 2014), section 2.3, but with each touching worker
// counting the same, the weight gets the mean of the changes and an accumulator
// the sum:
//
//	v_i = w_i + c_i / m_i        a_i = a_i + (sum of the changes of a_i)
//
// Untouched keys keep their bits.
package optim

import "parley/internal/param"

// Settings choose a rule.
type Settings struct {
	Kind string  // "sgd" or "adagrad"
	Rate float64 // of a step, above 0; for adagrad the size of a key's first step
	L2   float64 // of the penalty L2/2 · ‖w‖², at least 0; the objective has the mean of the row losses beside it
}

// Rule is an update rule. State is slot-major: slot s of key i of n is at
// s*n+i; slot 0 is the weight.
type Rule interface {
	// Slots returns the number of floats kept a key: 1 for sgd, 2 for adagrad.
	Slots() int
	// Step takes one online step on a worker's copy of n keys, for a sparse
	// row whose loss has the derivative gradient with respect to its margin.
	// The row's keys differ from one another.
	Step(state []float32, n int, index []uint32, values []float32, gradient float32)
	// Combine sets dst to the server's state after a round, src being the state
	// before it; dst may be src. All have len(touched) keys. change is the sum,
	// in worker order, of what the workers changed; touched[i] is how many of
	// them touched key i. steps is the mean number of online steps of the
	// workers that took any. Keys below penalized are subject to l2.
	Combine(dst, src, change []float32, touched []uint32, steps float64, penalized int)
}

// New returns the rule that the settings ask for. Its errors are Invalid.
func New(s Settings) (Rule, error) {
	if !(s.Rate > 0) || float64(float32(s.Rate)) > 1e30 || float32(s.Rate) == 0 {
		return nil, param.Errorf(param.Invalid, "optimizer rate %v: must be above 0 and finite", s.Rate)
	}
	if !(s.L2 >= 0) || s.L2 > 1e30 {
		return nil, param.Errorf(param.Invalid, "l2 %v: must be at least 0 and finite", s.L2)
	}
	switch s.Kind {
	case "sgd":
		return sgd{rate: s.Rate, l2: s.L2}, nil
	case "adagrad":
		return adagrad{rate: s.Rate, l2: s.L2}, nil
	}
	return nil, param.Errorf(param.Invalid, "optimizer %q: there are sgd and adagrad", s.Kind)
}
