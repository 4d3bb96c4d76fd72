// Package metric holds the sufficient statistics of evaluation: each data shard
// is summarised on its own, summaries are merged in shard order, and metrics
// follow from the whole. So they do not depend on who evaluated which shard.
//
// Models add rows to a Summary, trainers send it, the coordinator merges.
// A Summary is plain data that can be sent in any encoding; one goroutine
// changes it at a time.
package metric

import (
	"parley/internal/linalg"
	"parley/internal/param"
)

// Kind says what a summary's rows were predicted as.
type Kind string

const (
	// Classification is two classes, predicted by a margin (a log-odds).
	Classification Kind = "classification"
	// Separation is two classes, predicted by a margin that is no log-odds.
	Separation Kind = "separation"
	// Counts is a number of events, predicted by a mean.
	Counts Kind = "counts"
	// Regression is a number, predicted by a mean.
	Regression Kind = "regression"
	// Projection is a row, by what of it lies in the space of the topics.
	Projection Kind = "projection"
)

// Summary is the sufficient statistics of some rows. Which fields count depends
// on Kind; a Summary without rows has none yet. Sums are over rows, in their
// order within a shard, then over shards.
type Summary struct {
	Kind    Kind    `json:"kind,omitempty"`
	Bits    int     `json:"bits"`    // of a score that are kept, from the top
	Rows    int64   `json:"rows"`    // evaluated
	Unknown int64   `json:"unknown"` // nonzeros in columns that the model does not have
	Weight  float64 `json:"weight"`  // sum of the rows' weights
	Loss    float64 `json:"loss"`    // sum of the objective's row losses, each times its weight

	// Classification and Separation.
	TruePositive  int64     `json:"true_positive,omitempty"` // at the threshold 0.5: margin above 0
	FalsePositive int64     `json:"false_positive,omitempty"`
	TrueNegative  int64     `json:"true_negative,omitempty"`
	FalseNegative int64     `json:"false_negative,omitempty"`
	Scores        Histogram `json:"scores"`
	// Classification: Bins of them, or none where there are no rows.
	Calibration []Bin `json:"calibration,omitempty"`

	// Multiclass: rows by their class and the one predicted, K×K, row-major.
	Confusion []int64 `json:"confusion,omitempty"`

	// Regression: mean of the labels and sum of their squared distances from
	// it; sums of the squared and absolute errors.
	Mean float64 `json:"mean,omitempty"`
	M2   float64 `json:"m2,omitempty"`
	// Projection: M2 is the sum of the squared lengths of the rows, SquaredError that
	// of what is not in the space.
	SquaredError  float64 `json:"squared_error,omitempty"`
	AbsoluteError float64 `json:"absolute_error,omitempty"` // of Counts too

	// Counts: sums of the deviance of the rows and of their exposure, each times its
	// weight.
	Deviance float64 `json:"deviance,omitempty"`
	Exposure float64 `json:"exposure,omitempty"`
	// And sums of the labels y and of y·ln(y/exposure).
	Counted    float64 `json:"counted,omitempty"`
	CountedLog float64 `json:"counted_log,omitempty"`
}

// exactRows is the number of rows up to which scores are kept whole.
const exactRows = 1 << 20

// NewSummary returns an empty summary for a part of a dataset of so many rows.
// A summary keeps the distinct scores of its rows: whole up to 2²⁰ rows of the
// dataset, and the AUC is exact; beyond that their top 20 bits (sign, exponent
// and 11 bits of the fraction), of which there are at most 2²⁰, and margins
// closer than 1 part in 2048 count as ties.
func NewSummary(total int64) *Summary {
	if total > exactRows {
		return &Summary{Bits: 20}
	}
	return &Summary{Bits: 32}
}

// AddClassified adds rows with the given margins and their losses; positive
// tells each row's class. weights may be nil, for ones. Losses count by weight;
// confusion, calibration and scores count rows. It does not keep the slices.
func (s *Summary) AddClassified(margins, losses []float64, positive []bool, weights []float32) {
	s.become(Classification)
	s.separate(margins, losses, positive, weights)
	s.calibrate(margins, positive)
}

// AddSeparated is AddClassified for margins that are no log-odds, and have no
// calibration.
func (s *Summary) AddSeparated(margins, losses []float64, positive []bool, weights []float32) {
	s.become(Separation)
	s.separate(margins, losses, positive, weights)
}

func (s *Summary) separate(margins, losses []float64, positive []bool, weights []float32) {
	for i, m := range margins {
		s.Loss += weigh(losses[i], weights, i)
		s.count(m > 0, positive[i])
	}
	s.Rows += int64(len(margins))
	s.Weight += sumOf(weights, len(margins))
	h := newHistogram(margins, positive, s.Bits)
	s.Scores.merge(&h)
}

func (s *Summary) count(predicted, actual bool) {
	switch {
	case predicted && actual:
		s.TruePositive++
	case predicted:
		s.FalsePositive++
	case actual:
		s.FalseNegative++
	default:
		s.TrueNegative++
	}
}

// AddMeans adds rows with the given predicted means and labels; the loss of a
// row is half its squared error. weights may be nil, for ones. It does not keep the
// slices.
func (s *Summary) AddMeans(means []float64, labels, weights []float32) {
	s.become(Regression)
	part := Summary{Rows: int64(len(means)), Weight: sumOf(weights, len(means))}
	for i, mean := range means {
		e := mean - float64(labels[i])
		part.SquaredError += weigh(float64(e*e), weights, i)
		part.AbsoluteError += weigh(max(e, -e), weights, i)
		part.Mean += weigh(float64(labels[i]), weights, i)
	}
	if part.Weight > 0 {
		part.Loss = part.SquaredError / 2
		part.Mean /= part.Weight
		for i, label := range labels {
			d := float64(label) - part.Mean
			part.M2 += weigh(float64(d*d), weights, i)
		}
	}
	s.add(&part)
}

// AddProjected adds a row by the squares of its length and of that of its projection.
// Its loss is the difference: the square of the error of its reconstruction.
func (s *Summary) AddProjected(length, projected float64) {
	s.become(Projection)
	s.Rows++
	s.Weight++
	rest := max(length-projected, 0)
	s.Loss += rest
	s.SquaredError += rest
	s.M2 += length
}

// weigh returns x times weight i.
func weigh(x float64, weights []float32, i int) float64 {
	if weights == nil {
		return x
	}
	return float64(x * float64(weights[i]))
}

// sumOf returns the sum of n weights.
func sumOf(weights []float32, n int) float64 {
	if weights == nil {
		return float64(n)
	}
	sum := 0.0
	for _, w := range weights {
		sum += float64(w)
	}
	return sum
}

// become fixes the kind of a summary at its first rows.
func (s *Summary) become(k Kind) {
	if s.Kind != "" && s.Kind != k {
		panic("metric: rows of two kinds in one summary")
	}
	s.Kind = k
}

// Merge adds the rows of o to s. The error is Invalid: the two summaries are of
// different kinds or resolutions, or o is inconsistent; s is unchanged then.
func (s *Summary) Merge(o *Summary) error {
	if s.Kind != "" && o.Kind != "" && s.Kind != o.Kind || s.Bits != o.Bits {
		return param.Errorf(param.Invalid, "merge a summary of %s at %d bits into one of %s at %d", o.Kind, o.Bits, s.Kind, s.Bits)
	}
	if err := o.Scores.check(); err != nil {
		return err
	}
	if n := len(o.Calibration); n != 0 && n != Bins {
		return param.Errorf(param.Invalid, "merge %d bins of probabilities: there must be %d", n, Bins)
	}
	if err := s.checkConfusion(o); err != nil {
		return err
	}
	if o.Kind != "" {
		s.Kind = o.Kind
	}
	s.add(o)
	s.TruePositive += o.TruePositive
	s.FalsePositive += o.FalsePositive
	s.TrueNegative += o.TrueNegative
	s.FalseNegative += o.FalseNegative
	s.Scores.merge(&o.Scores)
	s.mergeBins(o.Calibration)
	s.mergeConfusion(o)
	return nil
}

// add merges all but the classification's part. The labels' variance is merged
// after Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for
// computing sample variances" (1979), equation 2.1.
func (s *Summary) add(o *Summary) {
	if n := s.Weight + o.Weight; o.Weight > 0 {
		d, part := o.Mean-s.Mean, o.Weight/n
		s.Mean += float64(d * part)
		s.M2 += o.M2 + float64(float64(d*d)*float64(s.Weight*part))
	}
	s.Rows += o.Rows
	s.Weight += o.Weight
	s.Unknown += o.Unknown
	s.Loss += o.Loss
	s.SquaredError += o.SquaredError
	s.AbsoluteError += o.AbsoluteError
	s.Deviance += o.Deviance
	s.Exposure += o.Exposure
	s.Counted += o.Counted
	s.CountedLog += o.CountedLog
}

// MeanLoss returns the mean of the objective's row losses by weight, the objective
// without its penalty; 0 without rows. For regression it is half of mse.
func (s *Summary) MeanLoss() float64 {
	if s.Weight == 0 {
		return 0
	}
	return s.Loss / s.Weight
}

// Metrics returns the metrics by name: logloss, accuracy, auc, precision,
// recall, f1 and ece; the same with hinge_loss and without logloss and ece; those
// without auc and ece, the last three means over classes, of several classes; mse,
// rmse, mae and r2; poisson_deviance, d2 and mae; or explained, the share of the
// squared Frobenius norm that the topics explain. Those that are not defined on the
// rows are left out: all of them without rows, auc when there is one class only, r2
// when all labels are equal, d2 when all rates are, any that is not finite.
func (s *Summary) Metrics() map[string]float64 {
	m := map[string]float64{}
	put := func(name string, over, under float64) {
		if v := over / under; linalg.FiniteScalar(v) {
			m[name] = v
		}
	}
	rows := float64(s.Rows)
	switch s.Kind {
	case Classification, Separation:
		if s.Kind == Separation {
			put("hinge_loss", s.Loss, s.Weight)
		} else {
			put("logloss", s.Loss, s.Weight)
			put("ece", s.calibrationError(), rows)
		}
		right := float64(2 * s.TruePositive)
		put("accuracy", float64(s.TruePositive+s.TrueNegative), rows)
		put("precision", float64(s.TruePositive), float64(s.TruePositive+s.FalsePositive))
		put("recall", float64(s.TruePositive), float64(s.TruePositive+s.FalseNegative))
		put("f1", right, right+float64(s.FalsePositive+s.FalseNegative))
		if auc, ok := s.Scores.AUC(); ok {
			m["auc"] = auc
		}
	case Multiclass:
		right, precision, recall, f1 := s.macro()
		put("logloss", s.Loss, s.Weight)
		put("accuracy", float64(right), rows)
		put("precision", precision, 1)
		put("recall", recall, 1)
		put("f1", f1, 1)
	case Regression:
		put("mse", s.SquaredError, s.Weight)
		put("rmse", root(s.SquaredError/s.Weight), 1)
		put("mae", s.AbsoluteError, s.Weight)
		put("r2", s.M2-s.SquaredError, s.M2)
	case Projection:
		put("explained", s.M2-s.SquaredError, s.M2)
	case Counts:
		null := s.constantDeviance()
		put("poisson_deviance", s.Deviance, s.Exposure)
		put("d2", null-s.Deviance, null)
		put("mae", s.AbsoluteError, s.Weight)
	}
	return m
}
