// Package lsi is latent semantic indexing (Deerwester et al., "Indexing by latent
// semantic analysis", 1990): the truncated singular value decomposition A ≈ U·Σ·Vᵀ
// of the matrix A of all rows, documents by terms. The servers find V and Σ
// (optim.Lanczos); workers multiply panels by AᵀA of their rows.
//
// A model's weights are V, the K topics of a column next to one another, and behind
// the last column the K singular values and the K residuals. A document x is the vector Vᵀ·x in topic
// space: the row of U·Σ where x is a row of A.
package lsi

import (
	"sync"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/internal/param"
)

// MaxTopics bounds K.
const MaxTopics = 2000

// Model multiplies, evaluates and transforms. It holds no parameters; any number of
// goroutines may use it at once.
type Model struct {
	topics  int
	scratch sync.Pool // of *[]float64
}

// New returns a model of K topics. The error is Invalid.
func New(topics int) (*Model, error) {
	if topics < 1 || topics > MaxTopics {
		return nil, param.Errorf(param.Invalid, "model lsi needs 1 to %d topics, not %d", MaxTopics, topics)
	}
	m := &Model{topics: topics}
	m.scratch.New = func() any { return new([]float64) }
	return m, nil
}

// Topics returns K.
func (m *Model) Topics() int { return m.topics }

// Multiply adds Aᵀ·(A·panel) of the rows for which keep holds to sum, row after row;
// both are row-major with width columns and a row for each column of the data.
// Products and sums are in float64. It returns how many rows these were.
func (m *Model) Multiply(rows *batch.CSR, keep func(i int) bool, panel []float32, width int, sum []float64) (n int64) {
	if len(sum) != len(panel) || width < 1 {
		panic("lsi: a panel of another shape than the sum")
	}
	y, done := m.vector(width)
	defer done()
	for i := range rows.Rows() {
		if !keep(i) {
			continue
		}
		n++
		index, values, _ := rows.Known(i, len(panel)/width)
		clear(y)
		linalg.AddRows(y, index, values, panel)
		linalg.ScatterRows(sum, index, values, y)
	}
	return n
}

// Evaluate adds the rows for which keep holds to a summary: the squares of their
// lengths, and of those in topic space. Weights are of all keys; nonzeros in columns
// that they do not have are counted as Unknown and in the length of the row alone.
func (m *Model) Evaluate(rows *batch.CSR, keep func(i int) bool, weights []float32, into *metric.Summary) {
	y, done := m.vector(m.topics)
	defer done()
	for i := range rows.Rows() {
		if !keep(i) {
			continue
		}
		unknown := m.transform(y, rows, i, weights)
		into.Unknown += int64(unknown)
		all := rows.Values[rows.Offsets[i]:rows.Offsets[i+1]]
		into.AddProjected(linalg.SumSquares(all), linalg.Dot(y, y))
	}
}

// Transform appends the vectors of the rows in topic space to dst, K elements each.
// Weights are as in Evaluate.
func (m *Model) Transform(dst []float64, rows *batch.CSR, weights []float32) []float64 {
	y, done := m.vector(m.topics)
	defer done()
	for i := range rows.Rows() {
		m.transform(y, rows, i, weights)
		dst = append(dst, y...)
	}
	return dst
}

// transform sets y to Vᵀ·x of a row and returns its nonzeros of unknown columns.
func (m *Model) transform(y []float64, rows *batch.CSR, i int, weights []float32) (unknown int) {
	index, values, unknown := rows.Known(i, len(weights)/m.topics-2)
	clear(y)
	linalg.AddRows(y, index, values, weights)
	return unknown
}

// vector returns memory for n float64s, and what gives it back.
func (m *Model) vector(n int) (y []float64, done func()) {
	s := m.scratch.Get().(*[]float64)
	if cap(*s) < n {
		*s = make([]float64, n)
	}
	return (*s)[:n], func() { m.scratch.Put(s) }
}
