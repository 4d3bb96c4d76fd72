package mlp

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"parley/internal/linalg"
	"parley/internal/linalg/parallel"
)

// embedding is the first layer of wide_deep (Cheng et al., "Wide & deep learning for
// recommender systems", DLRS 2016). Each column has 1+dim parameters: a weight, of the
// wide part, which is linear, and an embedding. A row's columns are of fields; those of
// a field are summed up, value times embedding, and the fields' sums, one behind the
// other, with a bias each, are what the layers above see:
//
//	x_f = Σ_{c in f} value·E_c + b_f        outputs = layers(x) + Σ value·w_c
type embedding struct {
	dim    int
	fields []uint32 // first columns
}

// outputs returns the number of units.
func (e *embedding) outputs() int { return len(e.fields) * e.dim }

// field returns the number of the field of a column.
func (e *embedding) field(column uint32) int {
	i, found := slices.BinarySearch(e.fields, column)
	if !found {
		i--
	}
	return i
}

// places are what a batch has of fields: the ends of a row's nonzeros in each.
type places struct {
	of   []int    // the field of each column of the batch
	ends []uint32 // [rows, fields]
}

// take finds the fields of a batch, whose columns are called columns, or by their
// place.
func (p *places) take(e *embedding, rows *sparse, columns []uint32) {
	p.of = resize(p.of, rows.columns)
	for i := range p.of {
		c := uint32(i)
		if columns != nil {
			c = columns[i]
		}
		p.of[i] = e.field(c)
	}
	p.find(rows, len(e.fields), func(i uint32) int { return p.of[i] })
}

func (p *places) find(rows *sparse, fields int, of func(i uint32) int) {
	p.ends = resize(p.ends, rows.rows()*fields)
	for r := range rows.rows() {
		at, end := rows.offsets[r], rows.offsets[r+1]
		for f := range fields {
			for at < end && of(rows.index[at]) <= f {
				at++
			}
			p.ends[r*fields+f] = at
		}
	}
}

// forward sets x [rows, outputs] and wide, one a row, for the table [columns, 1+dim].
func (e *embedding) forward(x, wide []float32, rows *sparse, ends []uint32, table, bias []float32) {
	n, fields, outputs := rows.rows(), len(e.fields), e.outputs()
	parallel.Do((n+rowPart-1)/rowPart, len(rows.values)*(4+e.dim/8)+n*fields*8, func(part int) {
		sum := make([]float32, 1+e.dim)
		for r := part * rowPart; r < min(n, (part+1)*rowPart); r++ {
			lo, total := rows.offsets[r], float32(0)
			for f := range fields {
				hi := ends[r*fields+f]
				linalg.MulRow(sum, rows.index[lo:hi], rows.values[lo:hi], table)
				total += sum[0]
				to := x[r*outputs+f*e.dim:][:e.dim]
				for k, b := range bias[f*e.dim:][:e.dim] {
					to[k] = sum[1+k] + b
				}
				lo = hi
			}
			wide[r] = total
		}
	})
}

// gradient sets d [columns, 1+dim] to the derivative for that of x and of wide; turned
// are the rows' transpose. slopes is room.
func (e *embedding) gradient(d, dx, dwide []float32, turned *sparse, of []int, slopes []float32) []float32 {
	rows, width, outputs := len(dwide), 1+e.dim, e.outputs()
	slopes = resize(slopes, rows*width*len(e.fields)) // [fields, rows, 1+dim]
	for f := range e.fields {
		for r := range rows {
			to := slopes[(f*rows+r)*width:][:width]
			to[0] = dwide[r]
			copy(to[1:], dx[r*outputs+f*e.dim:])
		}
	}
	n := turned.rows()
	const part = 64
	parallel.Do((n+part-1)/part, len(turned.values)*(4+e.dim/8)+n*8, func(i int) {
		for c := i * part; c < min(n, (i+1)*part); c++ {
			lo, hi := turned.offsets[c], turned.offsets[c+1]
			f := of[c]
			linalg.MulRow(d[c*width:(c+1)*width], turned.index[lo:hi], turned.values[lo:hi], slopes[f*rows*width:(f+1)*rows*width])
		}
	})
	return slopes
}

// embed is the node of x, wide that of the linear part. The table and the weights of
// the wide part are two inputs for gorgonia and one memory: both derivatives are made
// by that of x, which comes last.
func (g *graph) embed() *op {
	e, out := g.settings.embedding(), g.settings.embedding().outputs()
	x := newValue(1, out)
	return &op{name: "x0", inputs: []int{2, 1}, output: 2, out: x,
		do: func(in [][]float32) {
			g.wide = resize(g.wide, g.rows)
			e.forward(x.room(g.rows*out), g.wide, &g.input.rows, g.input.places.ends, in[0], in[1])
		},
		diff: func(in gorgonia.Nodes, _, dx *gorgonia.Node) gorgonia.Nodes {
			de := newValue(in[0].Shape()...)
			table := &op{name: "dE", inputs: []int{2}, output: 2, out: de, do: func(in [][]float32) {
				de.data = g.weights[0].data // which nothing behind x0 reads
				g.slopesOf = e.gradient(de.data, in[0], g.dwide, &g.input.turned, g.input.places.of, g.slopesOf)
			}}
			return gorgonia.Nodes{g.apply(table, dx), g.apply(biasSlope(0, out), dx)}
		}}
}

// addWide is the node that adds the linear part to the only output. Its derivative is
// that of the output.
func (g *graph) addWide() *op {
	z := newValue(1, 1)
	return &op{name: "wide", inputs: []int{2}, output: 2, out: z,
		do: func(in [][]float32) {
			copy(z.room(g.rows), in[0])
			linalg.AddTo(z.data, g.wide)
		},
		diff: func(_ gorgonia.Nodes, _, dz *gorgonia.Node) gorgonia.Nodes {
			d := newValue(1, 1)
			keep := &op{name: "dwide", inputs: []int{2}, output: 2, out: d, do: func(in [][]float32) {
				g.dwide = append(g.dwide[:0], in[0]...)
				copy(d.room(g.rows), in[0])
			}}
			return gorgonia.Nodes{g.apply(keep, dz)}
		}}
}

// embedding returns the first layer of wide_deep, nil of mlp.
func (s *Settings) embedding() *embedding {
	if s.Dim == 0 {
		return nil
	}
	return &embedding{dim: s.Dim, fields: s.Fields}
}

// checkEmbedding reports fields that cannot be.
func (s *Settings) checkEmbedding() error {
	for i, c := range s.Fields {
		if i == 0 && c != 0 || i > 0 && c <= s.Fields[i-1] {
			return fmt.Errorf("the fields of wide_deep begin at the columns %v, which must ascend from 0", s.Fields)
		}
	}
	if len(s.Fields) == 0 || s.Layers[1] != len(s.Fields)*s.Dim || s.Loss == "softmax" {
		return fmt.Errorf("wide_deep has %d fields of %d, a second layer of %d and the loss %s", len(s.Fields), s.Dim, s.Layers[1], s.Loss)
	}
	return nil
}
