package metric

import "parley/internal/linalg"

// AddCounts adds rows with the given margins, which are the logarithms of the
// predicted means, those means, and the counts that are their labels. weights and
// exposure may be nil, for ones. The loss of a row is mean - label·margin. It does
// not keep the slices.
//
// With rates y = label/exposure and μ = mean/exposure, rows count for the
// deviance by weight·exposure =: w:
//
//	poisson_deviance = 2 · Σ w·(y·ln(y/μ) - y + μ) / Σ w
//
// which is scikit-learn's mean_poisson_deviance(y, μ, sample_weight=w).
func (s *Summary) AddCounts(margins, means []float64, labels, weights, exposure []float32) {
	s.become(Counts)
	part := Summary{Rows: int64(len(means)), Weight: sumOf(weights, len(means))}
	for i, mean := range means {
		y := float64(labels[i])
		e := mean - y
		part.Loss += weigh(mean-float64(y*margins[i]), weights, i)
		part.Deviance += weigh(2*(e+labelTerm(y, margins[i])), weights, i)
		part.AbsoluteError += weigh(max(e, -e), weights, i)
		part.Exposure += weigh(weigh(1, exposure, i), weights, i)
	}
	s.add(&part)
}

// labelTerm returns y·ln(y/mean), which is 0 at 0, by the mean's logarithm.
func labelTerm(y, margin float64) float64 {
	if y == 0 {
		return 0
	}
	return float64(y * (linalg.Log(y) - margin))
}
