package linear

import (
	"parley/internal/batch"
	"parley/internal/linalg"
)

// Learn computes a block's contribution from the state of its columns,
// slot-major, in the memory of the state.
//
// Where the rule's steps are local, it takes one a row, in the block's order, and
// the contribution is what they changed in the state (new minus old). The loss is
// progressive: the sum of the row losses, each times its weight and before the
// row's own step, in row order.
//
// Else the state is the weights, and the contribution is the gradient there of the
// sum of the row losses: of column j the sum over the rows i, in their order, of
//
//	weight_i · loss'(margin_i) · x_ij
//
// in float32. The loss is progressive still: the rows are seen before any step.
func (m *Model) Learn(b *batch.Block, state []float32) (contribution []float32, loss float64) {
	pulled := 1
	if m.step != nil {
		pulled = m.step.Pulled()
	}
	if len(state) != len(b.Columns)*pulled {
		panic("linear: the state does not fit the block")
	}
	before := m.scratch.Get().(*[]float32)
	*before = append((*before)[:0], state...)
	if m.step != nil {
		loss = m.steps(b, state)
		linalg.SubFrom(state, *before)
	} else {
		clear(state)
		loss = m.gradient(b, *before, state)
	}
	m.scratch.Put(before)
	return state, loss
}

// steps takes a step a row and returns the progressive loss.
func (m *Model) steps(b *batch.Block, state []float32) (loss float64) {
	n := len(b.Columns)
	for i := range b.Labels {
		index, values := row(b, i)
		l, gradient := m.at(b, i, linalg.GatherDot(index, values, state[:n:n]))
		loss += l
		m.step.Step(state, n, index, values, gradient)
	}
	return loss
}

// gradient adds the gradient of the row losses at the weights to sum and returns
// the loss.
func (m *Model) gradient(b *batch.Block, weights, sum []float32) (loss float64) {
	for i := range b.Labels {
		index, values := row(b, i)
		l, gradient := m.at(b, i, linalg.GatherDot(index, values, weights))
		loss += l
		linalg.ScatterSGD(sum, index, values, gradient, -1) // sum -= -gradient·x: it is added, to the bit
	}
	return loss
}

func row(b *batch.Block, i int) (index []uint32, values []float32) {
	lo, hi := b.Offsets[i], b.Offsets[i+1]
	return b.Index[lo:hi], b.Values[lo:hi]
}

// exposed returns a margin with the exposure of row i: a row counts what happens
// in that much time, so the logarithm of its mean is higher by that of the exposure.
func exposed(margin float64, exposure []float32, i int) float64 {
	if exposure == nil {
		return margin
	}
	return margin + linalg.Log(float64(exposure[i]))
}

// at returns the loss of row i at a margin and its derivative, times the row's
// weight.
func (m *Model) at(b *batch.Block, i int, margin float64) (loss float64, gradient float32) {
	loss, slope := m.loss.at(exposed(margin, b.Exposure, i), b.Labels[i])
	if b.Weights != nil {
		w := float64(b.Weights[i])
		loss, slope = float64(loss*w), float64(slope*w)
	}
	return loss, float32(slope)
}
