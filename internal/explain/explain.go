// Package explain says what a model has learned, in terms of its features: the
// heaviest weights of a linear one. parley model show prints that. The parameters
// are read piece by piece; nothing is kept between calls, which may be concurrent.
package explain

import (
	"cmp"
	"slices"

	"parley/internal/artifact"
)

// Weight is that of a feature.
type Weight struct {
	Column  int64   `json:"column"`  // from 0
	Feature string  `json:"feature"` // its name, or its id where columns have no names
	Weight  float32 `json:"weight"`
}

// Output is what one margin of a model is made of.
type Output struct {
	Class string  `json:"class,omitempty"` // empty if the model has one margin
	Bias  float32 `json:"bias"`
	// Positive and Negative are the weights farthest from 0, the heaviest first; of
	// equal ones the lower column. Weights of 0 are in neither.
	Positive []Weight `json:"positive"`
	Negative []Weight `json:"negative"`
}

// Heaviest returns at most top positive and top negative weights of each output of
// a model for which IsLinear holds. Errors are those of artifact.Model.Linear.
func Heaviest(m *artifact.Model, top int) ([]Output, error) {
	names, err := m.ColumnNames()
	if err != nil {
		return nil, err
	}
	l, err := m.Linear()
	if err != nil {
		return nil, err
	}
	defer l.Close()
	outputs := make([]Output, len(l.Bias))
	for k, bias := range l.Bias {
		outputs[k] = Output{Bias: bias, Positive: []Weight{}, Negative: []Weight{}}
		if len(l.Bias) > 1 {
			outputs[k].Class = m.Class(k, len(l.Bias))
		}
	}
	if err := l.Each(func(column int64, weights []float32) error {
		for k, v := range weights {
			outputs[k].add(Weight{Column: column, Weight: v}, top)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for _, o := range outputs {
		for _, list := range [][]Weight{o.Positive, o.Negative} {
			for i := range list {
				list[i].Feature = m.FeatureName(names, list[i].Column)
			}
		}
	}
	return outputs, nil
}

func (o *Output) add(w Weight, top int) {
	switch {
	case w.Weight > 0:
		o.Positive = insert(o.Positive, w, top)
	case w.Weight < 0:
		o.Negative = insert(o.Negative, w, top)
	}
}

// insert adds a weight of a column behind those of the list, which has at most top,
// the heaviest first.
func insert(list []Weight, w Weight, top int) []Weight {
	at, _ := slices.BinarySearchFunc(list, w, func(a, b Weight) int {
		return cmp.Or(cmp.Compare(abs(b.Weight), abs(a.Weight)), cmp.Compare(a.Column, b.Column))
	})
	if at == top {
		return list
	}
	return slices.Insert(list[:min(len(list), top-1)], at, w)
}

func abs(v float32) float32 { return max(v, -v) }
