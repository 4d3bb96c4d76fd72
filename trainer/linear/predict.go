package linear

import (
	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
)

// Evaluate adds the rows for which keep holds to a summary. weights are those of
// d columns, then the bias; nonzeros in columns beyond d are ignored, and
// counted as Unknown.
func (m *Model) Evaluate(rows *batch.CSR, keep func(i int) bool, weights []float32, into *metric.Summary) {
	margins := make([]float64, 0, rows.Rows())
	labels := make([]float32, 0, rows.Rows())
	var importance, exposure []float32 // of the kept rows, nil for ones
	for i, label := range rows.Labels {
		if !keep(i) {
			continue
		}
		margin, unknown := marginOf(rows, i, weights)
		margin = exposed(margin, rows.Exposure, i)
		into.Unknown += int64(unknown)
		margins, labels = append(margins, margin), append(labels, label)
		if rows.Weights != nil {
			importance = append(importance, rows.Weights[i])
		}
		if rows.Exposure != nil {
			exposure = append(exposure, rows.Exposure[i])
		}
	}
	m.loss.observe(into, margins, labels, importance, exposure)
}

// Accumulate adds the gradient of the sum of the losses of the rows for which keep
// holds, each times its weight: to column j the sum over the rows i, in their order,
// of weight_i · loss'(margin_i) · x_ij in float64. To the diagonal of the Hessian,
// unless it is nil, it adds the sum of weight_i · curvature(margin_i) · x_ij². All
// have d columns, then the bias; nonzeros in columns beyond d are ignored. It
// returns how many rows there were, and the sum of their losses.
func (m *Model) Accumulate(rows *batch.CSR, keep func(i int) bool, weights []float32, gradient, diagonal []float64) (n int64, loss float64) {
	d := len(weights) - 1
	for i, label := range rows.Labels {
		if !keep(i) {
			continue
		}
		margin, unknown := marginOf(rows, i, weights)
		margin = exposed(margin, rows.Exposure, i)
		l, slope := m.loss.at(margin, label)
		weight := 1.0
		if rows.Weights != nil {
			weight = float64(rows.Weights[i])
			l, slope = float64(l*weight), float64(slope*weight)
		}
		n, loss = n+1, loss+l
		lo, hi := rows.Offsets[i], rows.Offsets[i+1]-uint32(unknown)
		linalg.ScatterAxpy(gradient, rows.Columns[lo:hi], rows.Values[lo:hi], slope)
		gradient[d] += slope
		if diagonal != nil {
			c := float64(m.loss.curvature(margin) * weight)
			linalg.ScatterSquares(diagonal, rows.Columns[lo:hi], rows.Values[lo:hi], c)
			diagonal[d] += c
		}
	}
	return n, loss
}

// Predict appends a prediction a row to dst: the probability of the positive
// class, of hinge the margin, or the mean. Weights are as in Evaluate.
func (m *Model) Predict(dst []float32, rows *batch.CSR, weights []float32) []float32 {
	for i := range rows.Rows() {
		margin, _ := marginOf(rows, i, weights)
		dst = append(dst, float32(m.loss.mean(exposed(margin, rows.Exposure, i))))
	}
	return dst
}

// marginOf returns a row's margin and the number of its unknown columns, which
// are the last ones.
func marginOf(rows *batch.CSR, i int, weights []float32) (margin float64, unknown int) {
	d := len(weights) - 1
	index, values, unknown := rows.Known(i, d)
	return linalg.GatherDot(index, values, weights) + float64(weights[d]), unknown
}
