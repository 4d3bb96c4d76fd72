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
// which is scikit-learn's mean_poisson_deviance(y, μ, sample_weight=w), and d2 is its
// d2_tweedie_score(y, μ, sample_weight=w, power=1).
func (s *Summary) AddCounts(margins, means []float64, labels, weights, exposure []float32) {
	s.become(Counts)
	part := Summary{Rows: int64(len(means)), Weight: sumOf(weights, len(means))}
	for i, mean := range means {
		y, share := float64(labels[i]), weigh(1, exposure, i)
		e := mean - y
		part.Loss += weigh(mean-float64(y*margins[i]), weights, i)
		part.Deviance += weigh(2*(e+labelTerm(y, margins[i])), weights, i)
		part.AbsoluteError += weigh(max(e, -e), weights, i)
		part.Exposure += weigh(share, weights, i)
		part.Counted += weigh(y, weights, i)
		part.CountedLog += weigh(labelTerm(y, linalg.Log(share)), weights, i)
	}
	s.add(&part)
}

// constantDeviance returns what Deviance would be if each row was predicted the mean
// rate of them all: with r = Σ label / Σ exposure, 2 · Σ label·ln(label/exposure/r),
// as Σ (r·exposure - label) is 0. It is 0 where all rates are equal: what the
// difference of the two terms has of them then is their rounding.
func (s *Summary) constantDeviance() float64 {
	const rounding = 1e-13
	mean := labelTerm(s.Counted, linalg.Log(s.Exposure))
	half := s.CountedLog - mean
	if half <= rounding*max(s.Counted, mean, -mean) {
		return 0
	}
	return 2 * half
}

// labelTerm returns y·ln(y/mean), which is 0 at 0, by the mean's logarithm.
func labelTerm(y, margin float64) float64 {
	if y == 0 {
		return 0
	}
	return float64(y * (linalg.Log(y) - margin))
}
