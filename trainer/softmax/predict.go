package softmax

import (
	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
)

// Evaluate adds the rows for which keep holds to a summary. weights are of all
// keys; nonzeros in columns that they do not have are ignored, and counted as
// Unknown.
func (m *Model) Evaluate(rows *batch.CSR, keep func(i int) bool, weights []float32, into *metric.Summary) {
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	var seen metric.Classified
	for i, label := range rows.Labels {
		if !keep(i) {
			continue
		}
		_, _, unknown := m.margins(s.margins, rows, i, weights)
		into.Unknown += int64(unknown)
		y, best := m.class(label), linalg.Largest(s.margins)
		margin := s.margins[y]
		seen.Losses = append(seen.Losses, linalg.Softmax(s.margins, s.margins)-margin)
		seen.Actual, seen.Predicted = append(seen.Actual, y), append(seen.Predicted, best)
		if rows.Weights != nil {
			seen.Weights = append(seen.Weights, rows.Weights[i])
		}
	}
	into.AddClasses(len(m.labels), seen)
}

// PredictClasses appends the number of the most probable class of each row to dst, the
// lower one of two that are equal. Weights are as in Evaluate.
func (m *Model) PredictClasses(dst []int, rows *batch.CSR, weights []float32) []int {
	margins := make([]float64, len(m.labels))
	for i := range rows.Rows() {
		m.margins(margins, rows, i, weights)
		dst = append(dst, linalg.Largest(margins))
	}
	return dst
}

// Probabilities appends the probabilities of the K classes for each row to dst.
// Weights are as in Evaluate.
func (m *Model) Probabilities(dst []float32, rows *batch.CSR, weights []float32) []float32 {
	margins := make([]float64, len(m.labels))
	for i := range rows.Rows() {
		m.margins(margins, rows, i, weights)
		linalg.Softmax(margins, margins)
		for _, p := range margins {
			dst = append(dst, float32(p))
		}
	}
	return dst
}
