package feature

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"parley/internal/table"
)

// badLabel is the code of rows without a label that can be used.
const badLabel = "label"

// labelValue reads the label of a row as a number. It is false for a name, which
// only a rule without above and map has; rows without a label are marked.
func (b *binding) labelValue(in *input, row int) (value float32, isNumber bool) {
	l, column := b.Label, b.label
	if in.b.Columns[column].IsMissing(row) {
		in.mark(row, badLabel, fmt.Sprintf("label %s is missing", l.Column))
		return 0, true
	}
	if l.Map != nil {
		return b.mapped(in, row), true
	}
	n := in.number(column)
	switch x := n.values[row]; {
	case n.states[row] == wrong:
		if l.Above != nil || in.b.Columns[column].Kind != table.Text {
			in.mark(row, badLabel, in.notNumber("label", column, row))
			return 0, true
		}
		return 0, false
	case l.Above != nil && x > *l.Above:
		value = 1
	case l.Above != nil:
	case math.Abs(x) > math.MaxFloat32:
		in.mark(row, badLabel, fmt.Sprintf("label %s is beyond the range of 32-bit floats", in.cell(column, row)))
	default:
		value = float32(x) + 0 // -0 is 0
	}
	b.allowed(in, row, value)
	return value, true
}

// mapped reads a label through data.label.map.
func (b *binding) mapped(in *input, row int) float32 {
	cell := in.cell(b.label, row)
	v, ok := b.Label.Map[string(cell)]
	if !ok {
		v, ok = b.Label.Map["*"]
	}
	if !ok {
		in.mark(row, badLabel, fmt.Sprintf("label %s is not in data.label.map: add it, or * for all others", table.Quote(cell)))
		return 0
	}
	b.allowed(in, row, float32(v))
	return float32(v) + 0
}

// allowed marks a row whose label data.quality.labels does not list.
func (b *binding) allowed(in *input, row int, value float32) {
	if reason := b.recipe.notAllowed(value); reason != "" && !in.bad[row] {
		in.mark(row, badLabel, reason)
	}
}

// notAllowed says why a label is not allowed, if it is not.
func (r *recipe) notAllowed(value float32) string {
	if len(r.Labels) == 0 || slices.ContainsFunc(r.Labels, func(l float64) bool { return float32(l) == value }) {
		return ""
	}
	texts := make([]string, len(r.Labels))
	for i, l := range r.Labels {
		texts[i] = strconv.FormatFloat(l, 'g', -1, 64)
	}
	return fmt.Sprintf("label %v is not one of %s, which data.quality.labels allows", value, strings.Join(texts, ", "))
}
