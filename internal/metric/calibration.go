package metric

import "parley/internal/linalg"

// Bins is the number of bins of equal width that probabilities are cut into.
const Bins = 10

// Bin counts the rows whose probability is in one of the bins: above i/10 and up
// to (i+1)/10 for bin i, as in scikit-learn's calibration_curve.
type Bin struct {
	Rows      int64   `json:"rows"`
	Positives int64   `json:"positives"`
	Sum       float64 `json:"sum"` // of the probabilities
}

// calibrate counts rows by the probability of their margin, a log-odds.
func (s *Summary) calibrate(margins []float64, positive []bool) {
	part := make([]Bin, Bins)
	for i, m := range margins {
		p := linalg.Sigmoid(m)
		b := &part[binOf(p)]
		b.Rows++
		b.Sum += p
		if positive[i] {
			b.Positives++
		}
	}
	s.mergeBins(part)
}

// edges are between the bins.
var edges = [Bins - 1]float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}

// binOf returns the bin of a probability, the first one for NaN.
func binOf(p float64) int {
	bin := 0
	for bin < len(edges) && p > edges[bin] {
		bin++
	}
	return bin
}

func (s *Summary) mergeBins(part []Bin) {
	if len(part) == 0 {
		return
	}
	if s.Calibration == nil {
		s.Calibration = make([]Bin, Bins)
	}
	for i, b := range part {
		s.Calibration[i].Rows += b.Rows
		s.Calibration[i].Positives += b.Positives
		s.Calibration[i].Sum += b.Sum
	}
}

// calibrationError returns the sum over the bins of the distance of the positive
// rows from those that the probabilities promise: the expected calibration error,
// times the rows (Naeini, Cooper, Hauskrecht, "Obtaining well calibrated
// probabilities using Bayesian binning", 2015, equation 3).
func (s *Summary) calibrationError() (sum float64) {
	for _, b := range s.Calibration {
		d := float64(b.Positives) - b.Sum
		sum += max(d, -d)
	}
	return sum
}
