package mlp

import (
	"math"
	"slices"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/linalg/gemm"
	"parley/internal/linalg/parallel"
)

// sparse is a matrix in compressed sparse row form.
type sparse struct {
	columns int
	offsets []uint32 // rows + 1
	index   []uint32 // columns
	values  []float32
}

func (s *sparse) rows() int { return len(s.offsets) - 1 }

// full reports that so many values are no zeros that all are multiplied.
func (s *sparse) full() bool { return 2*len(s.values) > s.rows()*s.columns }

// rowPart is how many rows of a sparse matrix are multiplied at a time.
const rowPart = 8

// mul sets dst [rows, width] to the product with a table [columns, width]:
//
//	dst[r][j] = Σ value * table[column][j]
//
// over the nonzeros of row r, one after the other, each product and sum rounded.
func (s *sparse) mul(dst []float32, table []float32, width int) {
	rows := s.rows()
	parallel.Do((rows+rowPart-1)/rowPart, len(s.values)*width/16, func(part int) {
		for r := part * rowPart; r < min(rows, (part+1)*rowPart); r++ {
			lo, hi := s.offsets[r], s.offsets[r+1]
			linalg.MulRow(dst[r*width:(r+1)*width], s.index[lo:hi], s.values[lo:hi], table)
		}
	})
}

// dense sets x [rows, columns] to the matrix.
func (s *sparse) dense(x []float32) {
	for r := range s.rows() {
		row, lo, hi := x[r*s.columns:(r+1)*s.columns], s.offsets[r], s.offsets[r+1]
		if int(hi-lo) == s.columns { // they ascend
			copy(row, s.values[lo:hi])
			continue
		}
		clear(row)
		for q := lo; q < hi; q++ {
			row[s.index[q]] = s.values[q]
		}
	}
}

// transpose sets t to the transposed matrix.
func (s *sparse) transpose(t *sparse) {
	t.columns = s.rows()
	t.offsets = resize(t.offsets, s.columns+1)
	t.index, t.values = resize(t.index, len(s.index)), resize(t.values, len(s.values))
	clear(t.offsets)
	for _, c := range s.index {
		t.offsets[c+1]++
	}
	for c := range s.columns {
		t.offsets[c+1] += t.offsets[c]
	}
	for r := range s.rows() { // offsets[c] becomes the end of c, which is the start of c+1
		for q := s.offsets[r]; q < s.offsets[r+1]; q++ {
			at := t.offsets[s.index[q]]
			t.index[at], t.values[at] = uint32(r), s.values[q]
			t.offsets[s.index[q]]++
		}
	}
	copy(t.offsets[1:], t.offsets)
	t.offsets[0] = 0
}

// resize returns n elements, of any values, in the memory of s if they fit.
func resize[T any](s []T, n int) []T {
	return slices.Grow(s[:0], n)[:n]
}

// input is what the first layer has of a batch: its rows and, unless they are full,
// their transpose.
type input struct {
	rows, turned sparse
	x            []float32 // the rows, if they are full
	places       places    // of wide_deep
}

// take makes the input of a block of so many columns. The bias, the last nonzero of
// each row, is left out.
func (in *input) take(b *batch.Block, columns int, embedded bool) {
	m := &in.rows
	m.columns, m.offsets = columns, append(m.offsets[:0], 0)
	m.index, m.values = m.index[:0], m.values[:0]
	for i := range b.Labels {
		lo, hi := b.Offsets[i], b.Offsets[i+1]-1
		m.index, m.values = append(m.index, b.Index[lo:hi]...), append(m.values, b.Values[lo:hi]...)
		m.offsets = append(m.offsets, uint32(len(m.index)))
	}
	if embedded {
		m.transpose(&in.turned)
		return
	}
	in.prepare(true)
}

// prepare makes what is needed beside the rows.
func (in *input) prepare(gradient bool) {
	switch {
	case in.rows.full():
		in.x = resize(in.x, in.rows.rows()*in.rows.columns)
		in.rows.dense(in.x)
	case gradient:
		in.rows.transpose(&in.turned)
	}
}

// forward sets z [rows, width] to x·W + b for the weights W [columns, width]. Both
// ways have the same bits, as 0·w changes no sum.
func (in *input) forward(z, weights, bias []float32) {
	n, width := in.rows.rows(), len(bias)
	if in.rows.full() {
		gemm.Float32(gemm.AsIs, gemm.AsIs, n, width, in.rows.columns, 1, in.x, in.rows.columns, weights, width, 0, z, width)
	} else {
		in.rows.mul(z, weights, width)
	}
	addBias(z, bias)
}

// gradient sets dw [columns, width] to xᵀ·dz.
func (in *input) gradient(dw, dz []float32, width int) {
	n := in.rows.rows()
	if in.rows.full() {
		gemm.Float32(gemm.Transposed, gemm.AsIs, in.rows.columns, width, n, 1, in.x, in.rows.columns, dz, width, 0, dw, width)
		return
	}
	in.turned.mul(dw, dz, width)
}

// forward sets z [n, out] to x·Wᵀ + b for x [n, in] and W [out, in].
func forward(z, x, weights, bias []float32) {
	out := len(bias)
	in := len(weights) / out
	n := len(z) / out
	gemm.Float32(gemm.AsIs, gemm.Transposed, n, out, in, 1, x, in, weights, in, 0, z, out)
	addBias(z, bias)
}

// backward sets dx [n, in] to dz·W.
func backward(dx, dz, weights []float32, in, out int) {
	gemm.Float32(gemm.AsIs, gemm.AsIs, len(dz)/out, in, out, 1, dz, out, weights, in, 0, dx, in)
}

// weightGradient sets dw [out, in] to dzᵀ·x.
func weightGradient(dw, dz, x []float32, in, out int) {
	gemm.Float32(gemm.Transposed, gemm.AsIs, out, in, len(dz)/out, 1, dz, out, x, in, 0, dw, in)
}

// biasGradient sets db to the sum of the rows of dz, one after the other.
func biasGradient(db, dz []float32) {
	clear(db)
	for ; len(dz) > 0; dz = dz[len(db):] {
		linalg.AddTo(db, dz[:len(db)])
	}
}

func addBias(z, bias []float32) {
	for ; len(z) > 0; z = z[len(bias):] {
		linalg.AddTo(z[:len(bias)], bias)
	}
}

// activation is a function f of each unit's sum: value sets y to f(z), and slope dz to
// dy·f'(z), which may be told from y. All slices are as long as one another. cost is
// about how many operations an element takes.
type activation interface {
	value(y, z []float32)
	slope(dz, dy, z, y []float32)
	cost() int
}

var activations = map[string]activation{"relu": relu{}, "tanh": tanh{}, "gelu": gelu{}}

// elements is how many elements of a matrix are activated at a time.
const elements = 4096

// each calls part with neighbouring stretches of n elements, of which each takes
// about so many operations.
func each(n, operations int, part func(lo, hi int)) {
	parallel.Do((n+elements-1)/elements, n*operations, func(i int) { part(i*elements, min(n, (i+1)*elements)) })
}

func activate(f activation, y, z []float32) {
	each(len(z), f.cost(), func(lo, hi int) { f.value(y[lo:hi], z[lo:hi]) })
}

func deactivate(f activation, dz, dy, z, y []float32) {
	each(len(z), f.cost(), func(lo, hi int) { f.slope(dz[lo:hi], dy[lo:hi], z[lo:hi], y[lo:hi]) })
}

// relu is max(0, z); its slope at 0 is 0.
type relu struct{}

func (relu) cost() int { return 1 }

func (relu) value(y, z []float32) {
	for i, x := range z {
		y[i] = max(x, 0)
	}
}

// slope has no branch, which no processor would foresee: what is above 0 has bits that
// are, as a whole number, above 0 too.
func (relu) slope(dz, dy, _, y []float32) {
	for i, v := range y {
		above := uint32(-int32(math.Float32bits(v)) >> 31)
		dz[i] = math.Float32frombits(math.Float32bits(dy[i]) & above)
	}
}

type tanh struct{}

func (tanh) cost() int { return 20 }

func (tanh) value(y, z []float32) {
	for i, x := range z {
		y[i] = float32(hyperbolic(float64(x)))
	}
}

func (tanh) slope(dz, dy, _, y []float32) {
	for i, v := range y {
		dz[i] = dy[i] * (1 - float32(v*v))
	}
}

// hyperbolic is tanh(x). Its absolute error is below 1e-15.
func hyperbolic(x float64) float64 {
	e := linalg.Exp(-2 * math.Abs(x))
	return math.Copysign((1-e)/(1+e), x)
}

// gelu is the Gaussian error linear unit in its approximation by tanh (Hendrycks,
// Gimpel, "Gaussian error linear units", 2016):
//
//	z/2 · (1 + tanh(√(2/π)·(z + 0.044715·z³)))
type gelu struct{}

const (
	geluScale = 0.7978845608028654 // √(2/π)
	geluCube  = 0.044715
)

func (gelu) cost() int { return 20 }

func (gelu) value(y, z []float32) {
	for i, x := range z {
		u := float64(x)
		t := hyperbolic(geluScale * (u + float64(geluCube*float64(u*u)*u)))
		y[i] = float32(float64(u/2) * (1 + t))
	}
}

func (gelu) slope(dz, dy, z, _ []float32) {
	for i, x := range z {
		u := float64(x)
		square := float64(u * u)
		t := hyperbolic(geluScale * (u + float64(geluCube*square*u)))
		inner := geluScale * (1 + float64(3*geluCube*square))
		slope := float64((1+t)/2) + float64(float64(u/2)*float64((1-float64(t*t))*inner))
		dz[i] = dy[i] * float32(slope)
	}
}

// drop sets y to x without some of its units [rows, width], and what is left times
// 1/(1-rate), so that the mean stays. Which they are follows from the seed and the
// place. y may be x.
func drop(y, x []float32, rate float64, seed uint64) {
	threshold := uint64(rate * (1 << 53))
	scale := float32(1 / (1 - rate))
	each(len(x), 4, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			v := float32(0)
			if linalg.Mix(seed+uint64(i))>>11 >= threshold {
				v = x[i] * scale
			}
			y[i] = v
		}
	})
}
