package feature

import (
	"fmt"
	"math"
	"slices"

	"parley/internal/linalg"
	"parley/internal/table"
)

// binding is a recipe and where its columns are in a batch; -1 is nowhere.
type binding struct {
	*recipe
	label, weight, exposure, text int
	ranges                        []int
	features                      []int        // column of each feature
	parts                         [][]int      // columns of its parts
	clocks                        [][]timePart // parts of times that they are
	auto                          []int
	width                         int         // columns of a batch
	prepared                      [][]float64 // by feature: numbers after scale and logarithms; NaN is missing
}

// bind finds the columns of a recipe among names.
func (r *recipe) bind(names []string) binding {
	at := func(name string) int {
		if name == "" {
			return -1
		}
		return slices.Index(names, name)
	}
	b := binding{recipe: r, label: -1, weight: at(r.Weight), exposure: at(r.Exposure), text: at(r.Text), width: len(names)}
	if r.Label != nil {
		b.label = at(r.Label.Column)
	}
	for _, rule := range r.Ranges {
		b.ranges = append(b.ranges, at(rule.Column))
	}
	for i := range r.Features {
		var parts []int
		var clocks []timePart
		for _, p := range r.Features[i].Parts {
			parts, clocks = append(parts, at(p.Column)), append(clocks, timeParts[p.Time])
		}
		b.clocks = append(b.clocks, clocks)
		b.features, b.parts = append(b.features, at(r.Features[i].Column)), append(b.parts, parts)
	}
	for _, name := range r.Auto {
		b.auto = append(b.auto, at(name))
	}
	b.prepared = make([][]float64, len(r.Features))
	return b
}

// check marks the rows of a batch that cannot be used, except by their label, and
// prepares the numbers of the others. Fits and appliers both call it, so that
// the same rows are bad for the same reason in either.
func (b *binding) check(in *input) {
	if b.weight >= 0 {
		b.factor(in, b.weight, b.Weight, "weight", false)
	}
	if b.exposure >= 0 {
		b.factor(in, b.exposure, b.Exposure, "exposure", true)
	}
	for i, column := range b.ranges {
		if column >= 0 {
			b.Ranges[i].check(in, column)
		}
	}
	for i := range b.Features {
		f := &b.Features[i]
		if f.Kind != category {
			b.prepared[i] = f.prepare(in, b.features[i], sized(b.prepared[i], in.b.Rows))
			continue
		}
		for j := range f.Parts {
			if f.Parts[j].Time != "" {
				f.Parts[j].check(in, b.parts[i][j])
			}
		}
	}
}

// factor marks the rows whose weight or exposure is missing, no number, negative
// or, if it must be positive, 0.
func (b *binding) factor(in *input, column int, name, code string, positive bool) {
	n := in.number(column)
	for row, state := range n.states {
		if in.bad[row] {
			continue
		}
		switch x := n.values[row]; {
		case state == absent:
			in.mark(row, code, fmt.Sprintf("%s %s is missing", code, name))
		case state == wrong:
			in.mark(row, code, in.notNumber(name, column, row))
		case x < 0 || positive && float32(x) == 0:
			need := "at least 0"
			if positive {
				need = "above 0"
			}
			in.mark(row, code, fmt.Sprintf("%s %s is %s: it must be %s", code, name, in.cell(column, row), need))
		case x > math.MaxFloat32:
			in.mark(row, code, fmt.Sprintf("%s %s is beyond the range of 32-bit floats", name, in.cell(column, row)))
		}
	}
}

func (r *rangeRule) check(in *input, column int) {
	n := in.number(column)
	for row, state := range n.states {
		if in.bad[row] || state == absent {
			continue
		}
		if state == wrong {
			in.mark(row, "number", in.notNumber(r.Column, column, row))
			continue
		}
		if x := n.values[row]; x < r.Least || x > r.Most {
			in.mark(row, "range", fmt.Sprintf("%s %s is not between %v and %v, as data.quality.range asks", r.Column, in.cell(column, row), r.Least, r.Most))
		}
	}
}

// prepare fills out with the numbers of a column after scale and logarithms, NaN
// where they are missing, and marks the rows where it cannot.
func (f *feature) prepare(in *input, column int, out []float64) []float64 {
	n := in.number(column)
	for row, state := range n.states {
		if in.bad[row] {
			continue
		}
		if state == present {
			x := float64(n.values[row] * f.Scale)
			for _, step := range f.Logs {
				x = logarithm(step, x)
			}
			if math.Abs(x) <= math.MaxFloat32 {
				out[row] = x
				continue
			}
		}
		out[row] = math.NaN()
		f.reject(in, column, row, state)
	}
	return out
}

// logarithm returns NaN or -Inf where there is none.
func logarithm(step string, x float64) float64 {
	if step == "log" {
		return linalg.Log(x)
	}
	return linalg.Log1p(x)
}

// reject marks a row whose number is missing or unusable, if it is bad.
func (f *feature) reject(in *input, column, row int, state cellState) {
	switch {
	case state == absent && f.Refuse:
		in.mark(row, "missing", fmt.Sprintf("%s is missing: fill it in, or set missing: mean for the feature", f.Column))
	case state == absent:
	case state == wrong:
		in.mark(row, "number", in.notNumber(f.Column, column, row))
	default:
		in.mark(row, "number", f.unusable(in, column, row))
	}
}

// unusable says why a number cannot go through scale and logarithms.
func (f *feature) unusable(in *input, column, row int) string {
	cell, x := in.cell(column, row), float64(in.number(column).values[row]*f.Scale)
	for _, step := range f.Logs {
		least := 0
		if step == "log1p" {
			least = -1
		}
		if !(x > float64(least)) {
			return fmt.Sprintf("%s %s has no %s: it must be above %d there", f.Column, cell, step, least)
		}
		x = logarithm(step, x)
	}
	return fmt.Sprintf("%s %s is beyond the range of 32-bit floats", f.Column, cell)
}

// check marks the rows whose cell should be a time and is none.
func (p *part) check(in *input, column int) {
	for row, state := range in.time(column).states {
		if state == wrong && !in.bad[row] {
			in.mark(row, "time", fmt.Sprintf("%s %s is not a time: write it as 2001-01-31 07:05 or 2001-01-31T07:05:09Z, or as 10 digits of seconds since 1970", p.Column, table.Quote(in.cell(column, row))))
		}
	}
}
