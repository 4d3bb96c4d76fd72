package feature

import (
	"parley/internal/param"
	"parley/internal/table"
)

const (
	// maxAutoNames bounds the names of a column that nobody mentions.
	maxAutoNames = 100_000
	// autoMinCount is min_count of such a column.
	autoMinCount = 2
)

// autoFit is about a column that nobody mentions: both things that it may be.
type autoFit struct {
	moments momentFit
	names   bool // some cell is no number
	values  dictionary
}

// checkAuto marks the rows with a number that no feature can be, in a column of
// numbers that nobody mentions. In a column of texts it would be a name.
func (f *Fit) checkAuto(in *input) {
	for i, column := range f.binding.auto {
		if in.b.Columns[column].Kind != table.Number {
			continue
		}
		n, spec := in.number(column), feature{Kind: numeric, Column: f.binding.Auto[i], Scale: 1}
		for row, state := range n.states {
			if !in.bad[row] && state != absent && (state == wrong || tooLarge(n.values[row])) {
				spec.reject(in, column, row, state)
			}
		}
	}
}

// add counts the cells of a column, and their names if those may be needed.
func (a *autoFit) add(in *input, column int, names bool) {
	n := in.number(column)
	names = names && in.b.Columns[column].Kind != table.Number
	for row, state := range n.states {
		if in.bad[row] {
			continue
		}
		switch x := n.values[row]; {
		case state == absent:
			a.moments.missing++
		case state == wrong || tooLarge(x):
			a.names = true
		default:
			a.moments.add(x, true)
		}
		if names && !a.values.full {
			a.values.add(in.cell(column, row), 1)
		}
	}
}

// finishAuto decides what the columns are that nobody mentioned. A column without
// any value gives no feature.
func (f *Fit) finishAuto(t *Transform) error {
	if len(f.auto) == 0 {
		return nil
	}
	t.recipe.Auto, t.recipe.Features, t.blocks = nil, nil, nil
	for i := range f.auto {
		a, name := &f.auto[i], f.plan.recipe.Auto[i]
		var b block
		switch {
		case !a.names && a.moments.present == 0:
			continue
		case !a.names:
			b.Indicator = a.moments.missing > 0
			b.set(&a.moments, true)
			t.recipe.Features = append(t.recipe.Features, feature{Kind: numeric, Column: name, Scale: 1, Standardize: true})
		case t.recipe.HashBits == 0 && a.values.full:
			return param.Errorf(param.Invalid, "data.features: column %s has more than %d different names: set data.hash, or leave it out with {ignore: %s}", name, maxAutoNames, name)
		default:
			if t.recipe.HashBits == 0 {
				b.choose(&a.values, 1, autoMinCount)
			}
			t.recipe.Features = append(t.recipe.Features, feature{Kind: category, Parts: []part{{Name: name, Column: name}}, MinCount: autoMinCount})
		}
		t.blocks = append(t.blocks, b)
	}
	return nil
}
