// Package optim holds the update rules: how a worker steps on its own copy of
// the parameters within a round, and how the server combines what the workers
// changed. A Rule is immutable; what it keeps a key (the weight, then
// accumulators) belongs to the caller. Trainer models call Step through an
// interface of their own, ps calls Combine; any number of goroutines may share
// a Rule.
//
// # Local rules
//
// In a round each of the job's W workers takes online steps on its own copy of
// the same state; m of them touch a key, and c is the sum of what they changed.
// As in Agarwal, Chapelle, Dudík, Langford, "A reliable effective terascale
// linear learning system" (JMLR 2014), section 2.3, but with each touching
// worker counting the same, the weight gets the mean of the changes and an
// accumulator their sum:
//
//	v = w + c/m        a = a + (sum of the changes of a)
//
// # Penalty
//
// The workers' steps follow the row losses alone. The penalty l2/2·w² is applied
// by the server once a round, as an implicit step, which is stable for any l2:
//
//	w = v / (1 + f(m) · N · eta · l2)
//
// N = W · steps is the number of rows of the round, and eta the key's rate: rate
// for sgd, rate/√a for adagrad. f(m) is what the mean makes of a row: a key that
// every row touches moves by the sum of the gradients over W, a rare key, which
// one worker meets now and then, by the whole of them. Penalised alike, the rare
// keys would come out as with l2/W. When a worker touches the key with
// probability q, independently, the mean moves it by
// P(m>0)/E(m) = (1 - (1-q)^W) / (W·q) of the sum of the gradients, and
//
//	f(0) = 1        f(m) = (1 + 1/W) / (1 + m)  for m > 0
//
// is the function of m whose expectation that is, for every q: the ratio is
// 1/W · Σ (1-q)^k over k < W, and C(W-m,k)/C(W,k) is the unbiased estimate of
// (1-q)^k. So gradient and penalty balance at the optimum of the objective. They
// do so exactly in the limit of small steps: a round's loss steps and its
// penalty step are one after the other, and a key that converges within a round
// is shrunk from there. AdaGrad's falling rates take that error away with time.
//
// # Gradient rules
//
// The workers of momentum, adam, ftrl, and of sgd and adagrad where the settings
// say so, push the sum of their rows' gradients at the weights that they pulled.
// The server takes one step with the mean over the rows of the round,
//
//	g = c / rows + l2·w
//
// the second term for penalised keys. Without l2 the step is of the keys that some
// worker touched; all others keep their bits, accumulators included, as in PyTorch's
// SparseAdam. With l2 every penalised key has a gradient in every round and steps.
// ftrl has penalties of its own, and steps on touched keys alone.
package optim

import "parley/internal/param"

// Rule is an update rule. State is slot-major: slot s of key i of n is at
// s*n+i; slot 0 is the weight.
type Rule interface {
	// Slots returns the number of floats that a server keeps a key: 1 for sgd, 2
	// for adagrad and momentum, 3 for adam and ftrl.
	Slots() int
	// Pulled returns how many of them, from the first on, a worker reads.
	Pulled() int
	// Pushed returns the floats a key of a contribution.
	Pushed() int
	// Local reports that workers take steps of their own and push what changed;
	// else they push the sum of their rows' gradients.
	Local() bool
	// Lazy reports that Combine keeps the bits of keys that nobody touched, so that
	// it need not see them. Of those that it sees, the leading ones are penalised.
	Lazy() bool
	// Step takes one online step on a worker's copy of n keys, for a sparse
	// row whose loss has the derivative gradient with respect to its margin.
	// The row's keys differ from one another. Only local rules step.
	Step(state []float32, n int, index []uint32, values []float32, gradient float32)
	// StepRows is Step on a copy of n/K columns with K keys each, those of column i from
	// i*K on, for a sparse row whose loss has the derivative gradients[k], k < K, with
	// respect to the margin of class k. The index is of columns.
	StepRows(state []float32, n int, index []uint32, values, gradients []float32)
	// StepFactors is Step on a copy of columns with 1+K keys each, a weight and K
	// factors, for a sparse row of a factorization machine, whose factors come to sums
	// (linalg.FactorSums).
	StepFactors(state []float32, n int, index []uint32, values, sums []float32, gradient float32)
	// Combine sets dst to the server's state after a round, src being the state
	// before it; dst may be src. All have len(touched) keys. change is the sum,
	// in worker order, of what the workers pushed; touched[i] is how many of
	// them touched key i. Keys below penalized are subject to l2 and l1.
	Combine(dst, src, change []float32, touched []uint32, round Round, penalized int)
}

// Round is what a rule has to know of the round that it applies.
type Round struct {
	Number int64   // of rounds applied before
	Rows   int64   // that the contributions are of
	Steps  float64 // mean number of rows of a worker, all workers counted
}

// New returns the rule that the settings ask for. Its errors are Invalid and name
// the setting.
func New(s Settings) (Rule, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Epsilon == 0 {
		s.Epsilon = Default(s.Kind).Epsilon
	}
	g := gradient{rate: s.Rate, l2: s.L2, decay: s.Decay, schedule: s.Schedule}
	switch s.Kind {
	case "sgd":
		if s.Gradient {
			return gradientSGD{g}, nil
		}
		return sgd{rate: s.Rate, penalty: newPenalty(s)}, nil
	case "adagrad":
		if s.Gradient {
			return gradientAdaGrad{g, s.Epsilon}, nil
		}
		return adagrad{rate: s.Rate, epsilon: s.Epsilon, penalty: newPenalty(s)}, nil
	case "momentum":
		return momentum{g, s.Momentum, s.Nesterov}, nil
	case "adam":
		return adam{g, s.Beta1, s.Beta2, s.Epsilon}, nil
	case "ftrl":
		return ftrl{g, s.L1, s.Beta}, nil
	}
	return nil, param.Errorf(param.Invalid, "optimizer %q: there are sgd, momentum, adagrad, adam and ftrl", s.Kind)
}

// penalty is the server's step on l2/2·w².
type penalty struct {
	rate   float64   // the rule's rate times l2
	shares []float64 // W·f(m), by m
}

func newPenalty(s Settings) penalty {
	p := penalty{rate: s.Rate * s.L2, shares: []float64{1}}
	if s.Workers == 0 {
		return p
	}
	p.shares[0] = float64(s.Workers)
	for m := 1; m <= s.Workers; m++ {
		p.shares = append(p.shares, float64(s.Workers+1)/float64(m+1))
	}
	return p
}
