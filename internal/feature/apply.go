package feature

import (
	"fmt"
	"slices"

	"github.com/twmb/murmur3"

	"parley/internal/batch"
	"parley/internal/table"
	"parley/internal/text"
)

// Applier makes model rows of the rows of one dataset. It keeps memory from batch
// to batch and is for one goroutine at a time.
type Applier struct {
	t       *Transform
	want    []int
	binding binding
	in      input
	slots   []slot
	classes map[string]float32
	labels  []float32
	encoder *text.Encoder
	key     []byte
	order   []entry
	masks   uint32
	fixed   []fixedHash
}

// slot is what a feature gives to the rows of a batch: at most one nonzero each.
type slot struct {
	columns []uint32
	values  []float32 // nil: all 1
}

// none is the column of a row without a nonzero in a slot.
const none = ^uint32(0)

// fixedHash is what is hashed once of a feature: the columns of its numbers, of
// its indicator and of its bins, and what names are appended to.
type fixedHash struct {
	prefix            []byte
	number, indicator uint32
	bins              []uint32
}

// entry is one nonzero of a row that is being sorted.
type entry struct {
	column uint32
	value  float32
}

// prepare builds what depends on the binding alone.
func (a *Applier) prepare() {
	a.slots = make([]slot, 2*len(a.t.blocks))
	if a.t.terms != nil {
		a.encoder = a.t.terms.NewEncoder()
	}
	if a.t.classes != nil {
		a.classes = make(map[string]float32, len(a.t.classes))
		for i, name := range a.t.classes {
			a.classes[name] = float32(i)
		}
	}
	if a.t.recipe.HashBits == 0 || a.t.sparse {
		return
	}
	a.masks = 1<<a.t.recipe.HashBits - 1
	a.fixed = make([]fixedHash, len(a.t.blocks))
	for i := range a.t.blocks {
		b, f := &a.t.blocks[i], &a.t.recipe.Features[i]
		h := &a.fixed[i]
		h.prefix = []byte(f.name() + "=")
		h.number = murmur3.StringSum32(f.name()) & a.masks
		h.indicator = murmur3.StringSum32(missingName(f.name())) & a.masks
		if f.Kind == binned {
			for bin := range b.bins() {
				h.bins = append(h.bins, murmur3.StringSum32(f.name()+" "+b.binName(bin))&a.masks)
			}
		}
	}
}

// Want returns the positions of the columns that the Applier needs, in the order
// in which batches must give them. The caller must not change it.
func (a *Applier) Want() []int { return a.want }

// Labeled reports whether the label is read.
func (a *Applier) Labeled() bool { return a.binding.label >= 0 }

// Apply appends a row to dst for each of b, with columns that ascend strictly. A
// row that is bad, or that it marks as bad in b.Bad, is empty and has the label
// 0 and the weight and exposure 1.
func (a *Applier) Apply(dst *batch.CSR, b *table.Batch) {
	in := &a.in
	in.begin(b, a.binding.width)
	a.readLabels(in)
	a.binding.check(in)
	for i := range a.t.blocks {
		a.fill(in, i)
	}
	a.appendFactors(dst, in)
	a.assemble(dst, in)
}

// readLabels fills labels, and marks rows that have none.
func (a *Applier) readLabels(in *input) {
	a.labels = sized(a.labels, in.b.Rows)
	clear(a.labels)
	if a.binding.label < 0 {
		return
	}
	for row, bad := range in.bad {
		if bad {
			continue
		}
		if a.classes != nil {
			a.labels[row] = a.class(in, row)
			continue
		}
		value, isNumber := a.binding.labelValue(in, row)
		if !isNumber {
			in.mark(row, badLabel, in.notNumber("label", a.binding.label, row))
		}
		a.labels[row] = value
	}
}

// class returns the class of a row whose label is a name.
func (a *Applier) class(in *input, row int) float32 {
	if in.b.Columns[a.binding.label].IsMissing(row) {
		in.mark(row, badLabel, fmt.Sprintf("label %s is missing", a.binding.Label.Column))
		return 0
	}
	cell := in.cell(a.binding.label, row)
	value, ok := a.classes[string(cell)]
	if !ok {
		in.mark(row, badLabel, fmt.Sprintf("label %s is none of the %d classes of the training data", table.Quote(cell), len(a.classes)))
	}
	return value
}

// appendFactors appends labels, weights and exposures.
func (a *Applier) appendFactors(dst *batch.CSR, in *input) {
	dst.Weights = a.appendFactor(dst.Weights, in, a.binding.weight)
	dst.Exposure = a.appendFactor(dst.Exposure, in, a.binding.exposure)
	for row, bad := range in.bad {
		if bad {
			a.labels[row] = 0
		}
	}
	dst.Labels = append(dst.Labels, a.labels...)
}

func (a *Applier) appendFactor(dst []float32, in *input, column int) []float32 {
	if column < 0 {
		return dst
	}
	values := in.number(column).values
	for row, bad := range in.bad {
		if bad {
			dst = append(dst, 1)
		} else {
			dst = append(dst, float32(values[row]))
		}
	}
	return dst
}

// assemble appends the nonzeros of all rows.
func (a *Applier) assemble(dst *batch.CSR, in *input) {
	if len(dst.Offsets) == 0 {
		dst.Offsets = append(dst.Offsets, 0)
	}
	for row, bad := range in.bad {
		begin := len(dst.Columns)
		if !bad {
			dst.Columns, dst.Values = a.row(dst.Columns, dst.Values, in, row)
			if a.fixed != nil {
				n := a.sum(dst.Columns[begin:], dst.Values[begin:])
				dst.Columns, dst.Values = dst.Columns[:begin+n], dst.Values[:begin+n]
			}
		}
		dst.Offsets = append(dst.Offsets, uint32(len(dst.Columns)))
	}
}

func (a *Applier) row(columns []uint32, values []float32, in *input, row int) ([]uint32, []float32) {
	for i := range a.slots {
		s := &a.slots[i]
		if len(s.columns) == 0 || s.columns[row] == none {
			continue
		}
		value := float32(1)
		if s.values != nil {
			value = s.values[row]
		}
		columns, values = append(columns, s.columns[row]), append(values, value)
	}
	if a.encoder != nil {
		begin := len(columns)
		columns, values = a.encoder.Append(columns, values, in.document(a.binding.text, row))
		if a.t.first > 0 {
			for i := begin; i < len(columns); i++ {
				columns[i] += a.t.first
			}
		}
	}
	return columns, values
}

// sum sorts the nonzeros of a row and adds up those of one column, in the order
// in which they came. It returns how many are left.
func (a *Applier) sum(columns []uint32, values []float32) int {
	a.order = a.order[:0]
	for i, column := range columns {
		a.order = append(a.order, entry{column, values[i]})
	}
	slices.SortStableFunc(a.order, func(x, y entry) int {
		switch {
		case x.column < y.column:
			return -1
		case x.column > y.column:
			return 1
		}
		return 0
	})
	n := 0
	for _, e := range a.order {
		if n > 0 && columns[n-1] == e.column {
			values[n-1] += e.value
			continue
		}
		columns[n], values[n] = e.column, e.value
		n++
	}
	return n
}
