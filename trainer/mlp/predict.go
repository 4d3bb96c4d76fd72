package mlp

import (
	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
)

// predicted is how many rows are predicted at a time.
const predicted = 256

// outputs calls each with the outputs of rows [rows, outputs], some at a time: those
// for which keep holds, by their numbers. Parameters are of all keys; nonzeros in
// columns that they do not have are ignored and counted.
func (m *Model) outputs(rows *batch.CSR, keep func(i int) bool, parameters []float32, each func(numbers []int, outputs []float32)) (unknown int64) {
	layers := m.settings.Layers
	width := m.settings.width()
	columns := (len(parameters) - layers.Tail()) / width
	e := m.settings.embedding()
	var in input
	var wide []float32
	var numbers []int
	var x, z []float32
	put := func() {
		if len(numbers) == 0 {
			return
		}
		tail := parameters[columns*width:]
		for i := range layers.Count() {
			from, to := layers.Biases(i)
			z = resize(z, len(numbers)*layers[i+1])
			switch {
			case i > 0:
				lo, hi := layers.Weights(i)
				forward(z, x, tail[lo:hi], tail[from:to])
			case e != nil:
				wide = resize(wide, len(numbers))
				in.places.find(&in.rows, len(e.fields), func(i uint32) int {
					if rows.Names != nil {
						i = rows.Names[i]
					}
					return e.field(i)
				})
				e.forward(z, wide, &in.rows, in.places.ends, parameters[:columns*width], tail[from:to])
			default:
				in.prepare(false)
				in.forward(z, parameters[:columns*width], tail[from:to])
			}
			switch {
			case m.settings.activated(i):
				x = resize(x, len(z))
				activate(activations[m.settings.Activation], x, z)
			case i == 0 && e != nil: // they go on as they are
				x, z = z, x
			}
		}
		if e != nil {
			linalg.AddTo(z, wide)
		}
		each(numbers, z)
		numbers = numbers[:0]
	}
	for i := range rows.Rows() {
		if !keep(i) {
			continue
		}
		if len(numbers) == 0 {
			r := &in.rows
			r.columns, r.offsets, r.index, r.values = columns, append(r.offsets[:0], 0), r.index[:0], r.values[:0]
		}
		index, values, beyond := rows.Known(i, columns)
		unknown += int64(beyond)
		in.rows.index, in.rows.values = append(in.rows.index, index...), append(in.rows.values, values...)
		in.rows.offsets = append(in.rows.offsets, uint32(len(in.rows.index)))
		if numbers = append(numbers, i); len(numbers) == predicted {
			put()
		}
	}
	put()
	return unknown
}

func all(int) bool { return true }

// Evaluate adds the rows for which keep holds to a summary. Parameters are of all
// keys; nonzeros in columns that they do not have are ignored, and counted as
// Unknown.
func (m *Model) Evaluate(rows *batch.CSR, keep func(i int) bool, parameters []float32, into *metric.Summary) {
	s := &m.settings
	var seen metric.Classified
	var margins []float64
	var positive []bool
	var labels []float32
	n := s.Layers[s.Layers.Count()]
	slope, p := make([]float32, n), make([]float64, n)
	into.Unknown += m.outputs(rows, keep, parameters, func(numbers []int, outputs []float32) {
		for k, i := range numbers {
			z, label := outputs[k*n:(k+1)*n], rows.Labels[i]
			seen.Losses = append(seen.Losses, s.rowLoss(slope, z, p, label, 1))
			if rows.Weights != nil {
				seen.Weights = append(seen.Weights, rows.Weights[i])
			}
			switch s.Loss {
			case "softmax":
				seen.Actual, seen.Predicted = append(seen.Actual, s.classOf(label)), append(seen.Predicted, linalg.Largest(z))
			case "logistic":
				margins, positive = append(margins, float64(z[0])), append(positive, label == s.Positive)
			default:
				margins, labels = append(margins, float64(z[0])), append(labels, label)
			}
		}
	})
	switch s.Loss {
	case "softmax":
		into.AddClasses(n, seen)
	case "logistic":
		into.AddClassified(margins, seen.Losses, positive, seen.Weights)
	default:
		into.AddMeans(margins, labels, seen.Weights)
	}
}

// Predict appends a prediction a row to dst: the probability of the positive class
// (logistic), or the mean (mse). Parameters are as in Evaluate.
func (m *Model) Predict(dst []float32, rows *batch.CSR, parameters []float32) []float32 {
	m.outputs(rows, all, parameters, func(_ []int, outputs []float32) {
		for _, z := range outputs {
			if m.settings.Loss == "logistic" {
				z = float32(linalg.Sigmoid(float64(z)))
			}
			dst = append(dst, z)
		}
	})
	return dst
}

// PredictClasses appends the number of the most probable class of each row to dst, the
// lower one of two that are equal. Parameters are as in Evaluate.
func (m *Model) PredictClasses(dst []int, rows *batch.CSR, parameters []float32) []int {
	n := m.Classes()
	m.outputs(rows, all, parameters, func(numbers []int, outputs []float32) {
		for k := range numbers {
			dst = append(dst, linalg.Largest(outputs[k*n:(k+1)*n]))
		}
	})
	return dst
}

// Probabilities appends the probabilities of the classes for each row to dst.
// Parameters are as in Evaluate.
func (m *Model) Probabilities(dst []float32, rows *batch.CSR, parameters []float32) []float32 {
	n := m.Classes()
	p := make([]float64, n)
	m.outputs(rows, all, parameters, func(numbers []int, outputs []float32) {
		for k := range numbers {
			for j, z := range outputs[k*n : (k+1)*n] {
				p[j] = float64(z)
			}
			linalg.Softmax(p, p)
			for _, x := range p {
				dst = append(dst, float32(x))
			}
		}
	})
	return dst
}
