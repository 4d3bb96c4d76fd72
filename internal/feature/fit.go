package feature

import (
	"math"
	"strconv"

	"parley/internal/batch"
	"parley/internal/table"
	"parley/internal/text"
)

// maxNames bounds the names of a category that is asked for.
const maxNames = 1 << 24

// Place says where row 0 of a batch is. Row orders what is seen first.
type Place struct {
	Row  int64             // position in the dataset
	File int               // index into the dataset's files
	Line func(i int) int64 // number of row i's line, from 1; nil: unknown, 0
}

func (p Place) of(row int) spot {
	s := spot{row: p.Row + int64(row), file: p.File}
	if p.Line != nil {
		s.line = p.Line(row)
	}
	return s
}

// spot is the place of a row.
type spot struct {
	row  int64
	file int
	line int64
}

// Fit is what is known of some rows of the data. Fits of disjoint rows merge in
// any order and grouping to the same Fit.
type Fit struct {
	plan     *Plan
	binding  binding
	in       input
	rows     int64
	bad      map[string]int64
	labels   labelFit
	values   []float32 // labels of a batch, if they are numeric
	numeric  []bool
	features []featureFit
	auto     []autoFit
	columns  []columnFit // of a batch
	unique   uniqueFit
	terms    *text.Counter
	nonzeros int64
	largest  int64 // column of sparse rows; -1: none
}

// featureFit is what is known of a feature: moments of the numbers, quantiles or
// a dictionary.
type featureFit struct {
	moments    momentFit
	quantiles  quantiles
	dictionary dictionary
	coarse     bool // numbers in the names of a combination are on the grid
}

// momentFit is about numbers as they are after scale and logarithms.
type momentFit struct {
	present, missing int64
	total, squares   sum
}

func (m *momentFit) add(x float64, squares bool) {
	m.present++
	m.total.add(x)
	if squares {
		m.squares.addSquare(x)
	}
}

// columnFit is what a summary says of a column.
type columnFit struct {
	missing, numbers int64
	least, most      float64
	total            sum
}

// NewFit returns a Fit that has seen no rows.
func (p *Plan) NewFit() *Fit {
	f := &Fit{
		plan: p, binding: p.recipe.bind(p.names), bad: map[string]int64{}, labels: newLabelFit(), largest: -1,
		features: make([]featureFit, len(p.recipe.Features)), auto: make([]autoFit, len(p.recipe.Auto)),
		columns: make([]columnFit, len(p.names)),
	}
	for i := range f.features {
		f.features[i].dictionary = newDictionary(maxNames)
	}
	for i := range f.auto {
		f.auto[i].values = newDictionary(maxAutoNames)
	}
	for i := range f.columns {
		f.columns[i].least, f.columns[i].most = math.Inf(1), math.Inf(-1)
	}
	if p.terms != nil {
		f.terms, _ = text.NewCounter(*p.terms) // Compile has checked the options
	}
	return f
}

// Add counts the rows of a batch of the columns that Want lists, and marks those
// that cannot be used in b.Bad. Rows that are bad already are only counted as
// such.
func (f *Fit) Add(b *table.Batch, first Place) {
	in := &f.in
	in.begin(b, f.binding.width)
	f.countMissing(in)
	f.addLabels(in)
	f.binding.check(in)
	f.checkAuto(in)
	if f.binding.label >= 0 {
		f.countLabels(in, first)
	}
	for i := range f.features {
		f.addFeature(in, i)
	}
	for i := range f.auto {
		f.auto[i].add(in, f.binding.auto[i], f.binding.HashBits == 0)
	}
	f.countNumbers(in)
	f.addDocuments(in)
	f.countBad(b.Rows, b.Bad)
}

func (f *Fit) countBad(rows int, bad table.BadRows) {
	f.rows += int64(rows)
	for _, row := range bad {
		f.bad[row.Code]++
	}
}

// countMissing counts the cells that are missing or must differ.
func (f *Fit) countMissing(in *input) {
	for i := range f.columns {
		c := &in.b.Columns[i]
		unique := f.plan.names[i] == f.plan.unique
		if c.Missing == nil && !unique {
			continue
		}
		for row, bad := range in.bad {
			switch {
			case bad:
			case c.IsMissing(row):
				f.columns[i].missing++
			case unique:
				f.unique.add(in.cell(i, row))
			}
		}
	}
}

// countNumbers notes what the columns hold that were read as numbers.
func (f *Fit) countNumbers(in *input) {
	for i := range f.columns {
		if n, c := &in.numbers[i], &f.columns[i]; n.fresh {
			for row, state := range n.states {
				if state == present && !in.bad[row] {
					x := n.values[row]
					c.numbers++
					c.least, c.most = min(c.least, x), max(c.most, x)
					c.total.add(x)
				}
			}
		}
	}
}

func (f *Fit) addFeature(in *input, i int) {
	fit, spec := &f.features[i], &f.binding.Features[i]
	if spec.Kind == category {
		if f.binding.HashBits == 0 {
			f.addNames(in, i)
		}
		return
	}
	for row, x := range f.binding.prepared[i] {
		switch {
		case in.bad[row]:
		case x != x:
			fit.moments.missing++
		case spec.Kind == binned:
			fit.moments.present++
			fit.quantiles.add(x, 1)
		default:
			fit.moments.add(x, spec.Standardize)
		}
	}
}

// addNames counts the names of a category or combination.
func (f *Fit) addNames(in *input, i int) {
	d, parts := &f.features[i].dictionary, f.binding.Features[i].Parts
	if f.binding.Features[i].isClock() {
		f.addClock(in, i)
		return
	}
	plain := len(parts) == 1 && parts[0].Time == "" && parts[0].Bins == nil
	var key []byte
	for row, bad := range in.bad {
		switch {
		case bad:
		case plain:
			d.add(in.cell(f.binding.parts[i][0], row), 1)
		default:
			key = f.binding.rawKey(key[:0], in, i, row, f.features[i].coarse)
			d.add(key, 1)
		}
	}
	if !f.features[i].coarse && f.binding.withBins(i) && len(d.names) > maxFine {
		f.features[i].coarsen(parts)
	}
}

// addClock is addNames for a part of a time with few values.
func (f *Fit) addClock(in *input, i int) {
	d, t := &f.features[i].dictionary, in.time(f.binding.parts[i][0])
	part := f.binding.clocks[i][0]
	var counts [maxClock]int64
	without := int64(0)
	for row, state := range t.states {
		switch {
		case in.bad[row]:
		case state != present:
			without++
		default:
			counts[t.values[row].part(part)]++
		}
	}
	for v, n := range counts {
		if n > 0 {
			in.scratch = strconv.AppendInt(in.scratch[:0], int64(v), 10)
			d.add(in.scratch, n)
		}
	}
	if without > 0 {
		d.add([]byte(missing), without)
	}
}

func (f *Fit) addDocuments(in *input) {
	column := f.binding.text
	if column < 0 || f.terms == nil {
		return
	}
	for row, bad := range in.bad {
		if !bad {
			f.terms.Add(in.document(column, row))
		}
	}
}

// document returns a cell as a document: a missing one is empty.
func (in *input) document(column, row int) []byte {
	if in.b.Columns[column].IsMissing(row) {
		return nil
	}
	return in.cell(column, row)
}

// AddSparse counts rows whose features are there already, and marks those whose
// label is not allowed.
func (f *Fit) AddSparse(rows *batch.CSR, bad *table.BadRows, first Place) {
	r := f.binding.recipe
	for row := range rows.Rows() {
		if bad.Has(row) {
			continue
		}
		label := rows.Labels[row] + 0
		if reason := r.notAllowed(label); reason != "" {
			bad.Mark(row, badLabel, reason)
			continue
		}
		f.labels.number(label, 1, first, row)
		columns, values := rows.Columns[rows.Offsets[row]:rows.Offsets[row+1]], rows.Values[rows.Offsets[row]:rows.Offsets[row+1]]
		f.nonzeros += int64(len(columns))
		if len(columns) > 0 {
			f.largest = max(f.largest, int64(columns[len(columns)-1]))
		}
		if f.terms != nil {
			f.terms.AddCounts(columns, values)
		}
	}
	f.countBad(rows.Rows(), *bad)
}
