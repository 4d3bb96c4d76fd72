package feature

import (
	"math"
	"slices"
	"strconv"

	"parley/internal/param"
	"parley/internal/text"
)

// Transform is what makes rows of a model: all that a job asks for and all that
// was found in its training data. It is immutable.
type Transform struct {
	recipe  recipe
	sparse  bool
	blocks  []block // one a feature
	terms   *text.Vectorizer
	classes []string // nil: labels are numbers
	columns int64    // of sparse rows that stay as they are: 0 is unknown
	first   uint32   // column of the first term
}

// block is what a fit found out about a feature.
type block struct {
	// Mean and Deviation are of numbers: what a missing one is, and, of a standardized
	// feature, what it is measured by.
	Mean      float64 `json:"mean,omitempty"`
	Deviation float64 `json:"deviation,omitempty"`
	// Indicator says that a column marks missing numbers.
	Indicator bool `json:"indicator,omitempty"`
	// Edges are the bounds of bins, ascending.
	Edges []float64 `json:"edges,omitempty"`
	// Values are the names with a column of their own, sorted; of a combination, each
	// part by part. Other says that a column is shared by the rest.
	Values values `json:"values,omitempty"`
	Other  bool   `json:"other,omitempty"`

	base  uint32 // first column
	index map[string]uint32
	small []uint32 // of a part of a time, its column by its value
}

// bins returns the number of bins.
func (b *block) bins() int { return max(1, len(b.Edges)-1) }

// binOf returns the bin of a number: as many as there are inner edges up to it.
func (b *block) binOf(x float64) int {
	if len(b.Edges) < 3 {
		return 0
	}
	inner := b.Edges[1 : len(b.Edges)-1]
	low, high := 0, len(inner)
	for low < high {
		if middle := int(uint(low+high) >> 1); inner[middle] <= x {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// width returns the number of columns.
func (b *block) width(f *feature) int64 {
	n := int64(0)
	switch f.Kind {
	case numeric:
		n = 1
	case binned:
		n = int64(b.bins())
	case category:
		n = int64(len(b.Values) / len(f.Parts))
	}
	if b.Indicator || b.Other {
		n++
	}
	return n
}

// layOut gives the blocks their columns and builds what is looked up. paths are
// for messages, and may be nil.
func (t *Transform) layOut(paths []string) error {
	if t.sparse {
		switch {
		case t.recipe.HashBits > 0:
			t.columns = 1 << t.recipe.HashBits
		case t.terms != nil:
			t.columns = t.terms.Columns()
		}
		return nil
	}
	total := int64(0)
	for i := range t.blocks {
		b, f := &t.blocks[i], &t.recipe.Features[i]
		if t.recipe.HashBits > 0 {
			continue
		}
		b.base = uint32(total)
		total += b.width(f)
		if total > MaxColumns {
			where := f.name()
			if paths != nil {
				where = paths[i]
			}
			return param.Errorf(param.Invalid, "%s: more than %d columns so far: raise min_count, or set data.hash", where, MaxColumns)
		}
		if f.Kind == category {
			b.index = indexOf(b.Values, len(f.Parts))
			b.small = b.columnsOf(f)
		}
	}
	t.first = uint32(total)
	if t.terms != nil && t.recipe.HashBits == 0 {
		total += t.terms.Columns()
	}
	switch {
	case t.recipe.HashBits > 0:
		total = 1 << t.recipe.HashBits
	case total == 0:
		return param.Errorf(param.Invalid, "data.features: no columns are left: the features have no values")
	case total > MaxColumns:
		return param.Errorf(param.Invalid, "data.text: %d columns are more than %d: set max_terms or min_df, or data.hash", total, MaxColumns)
	}
	t.columns = total
	return nil
}

// indexOf returns the positions of names of a number of parts.
func indexOf(names []string, parts int) map[string]uint32 {
	index := make(map[string]uint32, len(names)/parts)
	var key []byte
	for i := 0; i < len(names); i += parts {
		key = key[:0]
		for _, name := range names[i : i+parts] {
			if parts == 1 {
				key = append(key, name...)
			} else {
				key = appendPart(key, []byte(name))
			}
		}
		index[string(key)] = uint32(i / parts)
	}
	return index
}

// columnsOf returns the columns of the values of a part of a time, where those are
// few, so that they need not be looked up by name.
func (b *block) columnsOf(f *feature) []uint32 {
	if !f.isClock() {
		return nil
	}
	columns := make([]uint32, maxClock)
	for v := range columns {
		columns[v] = b.column(strconv.Itoa(v), len(f.Parts))
	}
	return columns
}

// column returns the column of a name, that of the rest, or none.
func (b *block) column(key string, parts int) uint32 {
	if i, ok := b.index[key]; ok {
		return b.base + i
	}
	if b.Other {
		return b.base + uint32(len(b.Values)/parts)
	}
	return none
}

// Columns returns the number of columns of the rows that t makes. It is 0 for an
// unfitted Transform of sparse rows that are not hashed: the data alone says it.
func (t *Transform) Columns() int64 { return t.columns }

// Classes returns the names of the label's classes, in the order of their labels
// 0, 1, …; it is nil if labels are numbers. The caller must not change it.
func (t *Transform) Classes() []string { return t.classes }

// Bind finds the columns of t in a dataset, which may have them in another order
// and may lack the label, weight, exposure and what is checked alone: rows then
// have the label 0, and no weight or exposure. The Applier's batches have the
// columns that its Want lists.
func (t *Transform) Bind(columns []string) (*Applier, error) {
	return t.bindTo(t.recipe, columns)
}

// BindUnlabeled is Bind for prediction: the columns of label and weight are not
// read even if they are there.
func (t *Transform) BindUnlabeled(columns []string) (*Applier, error) {
	r := t.recipe
	ranges := slices.Clone(r.Ranges)
	r.Ranges = slices.DeleteFunc(ranges, func(rule rangeRule) bool {
		return r.Label != nil && rule.Column == r.Label.Column || rule.Column == r.Weight
	})
	r.Label, r.Weight = nil, ""
	return t.bindTo(r, columns)
}

func (t *Transform) bindTo(r recipe, columns []string) (*Applier, error) {
	if t.sparse {
		columns = nil
	}
	a := &Applier{t: t}
	r.Features = slices.Clone(r.Features)
	c := compiler{columns: columns, plan: &Plan{}}
	for i := range r.Features {
		c.needs(r.Features[i].name(), r.Features[i].Column)
		for _, p := range r.Features[i].Parts {
			c.needs(r.Features[i].name(), p.Column)
		}
	}
	if !t.sparse {
		c.needs("text", r.Text)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	need := r.needs()
	var names []string
	for i, name := range columns {
		if name != "" && slices.Contains(need, name) && !slices.Contains(names, name) {
			a.want, names = append(a.want, i), append(names, name)
		}
	}
	a.binding = r.bind(names)
	a.prepare()
	return a, nil
}

// mean returns what a missing number is, as the value of the feature.
func (b *block) mean(f *feature) float64 {
	if f.Standardize {
		return 0
	}
	return b.Mean
}

// value returns a number as the value of the feature.
func (b *block) value(f *feature, x float64) float64 {
	if f.Standardize {
		return (x - b.Mean) / b.Deviation
	}
	return x
}

// tooLarge reports what no float32 can be.
func tooLarge(x float64) bool { return !(math.Abs(x) <= math.MaxFloat32) }
