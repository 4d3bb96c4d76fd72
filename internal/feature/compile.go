package feature

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/text"
)

// compiler makes a Plan and collects faults.
type compiler struct {
	spec    Spec
	columns []string
	plan    *Plan
	crosses []pendingCross
	faults  []string
}

func (c *compiler) fault(path, format string, args ...any) {
	c.faults = append(c.faults, path+": "+fmt.Sprintf(format, args...))
}

// has reports whether the data has a column, once.
func (c *compiler) has(path, name string) bool {
	first := slices.Index(c.columns, name)
	switch {
	case first < 0:
		c.fault(path, "no column %q; %s", name, suggest(name, c.columns))
	case slices.Contains(c.columns[first+1:], name):
		c.fault(path, "the data has more than one column %q: rename the others", name)
	default:
		return true
	}
	return false
}

// single checks a key that names a column, if it is there.
func (c *compiler) single(path string, column *job.Column) string {
	if column == nil || !c.has(path, column.Column) {
		return ""
	}
	return column.Column
}

func (c *compiler) scale() {
	c.plan.recipe.Scale = c.spec.Scale
	if c.spec.Scale == 0 {
		c.plan.recipe.Scale = 1
	}
	switch scale := c.plan.recipe.Scale; {
	case !finite(scale):
		c.fault("data.scale", "must be finite")
	case scale != 1 && !c.plan.sparse:
		c.fault("data.scale", "is for formats whose rows are features already: give a numeric feature a scale of its own")
	}
}

func (c *compiler) hash(bits int, sparse bool) {
	if bits < 1 || bits > 28 {
		c.fault("data.hash.bits", "must be between 1 and 28, not %d", bits)
		return
	}
	c.plan.recipe.HashBits = bits
	if t := c.plan.terms; t != nil && !sparse {
		t.HashBits = bits
	}
}

// refuseColumns reports the keys that need columns with names.
func (c *compiler) refuseColumns() {
	s := c.spec
	for _, key := range []struct {
		path  string
		given bool
	}{
		{"data.label", s.Label != nil}, {"data.weight", s.Weight != nil}, {"data.exposure", s.Exposure != nil},
		{"data.features", len(s.Features) > 0},
		{"data.quality.range", s.Quality != nil && len(s.Quality.Range) > 0},
		{"data.quality.max_missing", s.Quality != nil && len(s.Quality.MaxMissing) > 0},
		{"data.quality.unique", s.Quality != nil && s.Quality.Unique != ""},
	} {
		if key.given {
			c.fault(key.path, "the rows of this format have no named columns: leave the key out, or give a format with columns such as csv")
		}
	}
}

func (c *compiler) label() {
	l, path := c.spec.Label, "data.label.column"
	if t := c.spec.Text; t != nil && t.Label != "" {
		switch {
		case l == nil:
			l, path = &job.Label{Column: t.Label}, "data.text.label"
		case l.Column != t.Label:
			c.fault("data.text.label", "is %q, but data.label.column is %q: leave one of them out", t.Label, l.Column)
			return
		}
	}
	if l == nil || !c.has(path, l.Column) {
		return
	}
	c.plan.recipe.Label = &labelRule{Column: l.Column, Above: l.Above, Map: l.Map}
	switch {
	case l.Above != nil && l.Map != nil:
		c.fault("data.label", "above and map exclude each other: leave one of them out")
	case l.Above != nil && !finite(*l.Above):
		c.fault("data.label.above", "must be finite")
	case l.Map != nil && len(l.Map) == 0:
		c.fault("data.label.map", "is empty: name the labels of cells, * for all others")
	}
	for _, cell := range sortedKeys(l.Map) {
		if v := l.Map[cell]; !(math.Abs(v) <= math.MaxFloat32) {
			c.fault("data.label.map."+cell, "%v is beyond the range of 32-bit floats", v)
		}
	}
}

func (c *compiler) quality() {
	q := c.spec.Quality
	if q == nil {
		return
	}
	c.plan.recipe.Labels, c.plan.least = slices.Clone(q.Labels), q.MinRows
	if c.plan.sparse {
		return
	}
	for _, name := range sortedKeys(q.MaxMissing) {
		path, most := "data.quality.max_missing."+name, q.MaxMissing[name]
		if c.has(path, name) && !(most >= 0 && most <= 1) {
			c.fault(path, "%v is no fraction: give one between 0 and 1", most)
		}
		c.plan.limits = append(c.plan.limits, missingLimit{name, most})
	}
	for _, name := range sortedKeys(q.Range) {
		path, ends := "data.quality.range."+name, q.Range[name]
		switch {
		case !c.has(path, name):
		case len(ends) != 2 || !(ends[0] <= ends[1]) || !finite(ends[0]) || !finite(ends[1]):
			c.fault(path, "must be the least and the largest number allowed, such as [0, 100]")
		default:
			c.plan.recipe.Ranges = append(c.plan.recipe.Ranges, rangeRule{name, ends[0], ends[1]})
		}
	}
	if q.Unique != "" && c.has("data.quality.unique", q.Unique) {
		c.plan.unique = q.Unique
	}
}

// text takes over the options of documents.
func (c *compiler) text(sparse bool) {
	t := c.spec.Text
	if t == nil {
		return
	}
	o := text.Options{
		Lowercase: t.Lowercase, Stop: t.Stop, NGramMin: 1, NGramMax: 1, MinDF: t.MinDF, MaxDF: t.MaxDF, MaxTerms: t.MaxTerms,
		Weight: t.Weight, IDF: t.IDF, Sublinear: t.Sublinear, Normalize: t.Weight == "tfidf",
	}
	if len(t.NGrams) == 2 {
		o.NGramMin, o.NGramMax = t.NGrams[0], t.NGrams[1]
	}
	if t.Normalize != nil {
		o.Normalize = *t.Normalize
	}
	if _, err := text.NewCounter(o); err != nil {
		c.fault("data.text", "%v", err)
		return
	}
	c.plan.terms = &o
	if field := textField(t); !sparse && c.has("data.text.field", field) {
		c.plan.recipe.Text = field
	}
}

func textField(t *job.Text) string {
	if t.Field == "" {
		return "text"
	}
	return t.Field
}

// wanted lists the columns that the plan needs, in the data's order.
func (c *compiler) wanted() {
	if c.plan.sparse {
		return
	}
	need := c.plan.recipe.needs()
	for _, l := range c.plan.limits {
		need = append(need, l.Column)
	}
	need = append(need, c.plan.unique)
	for i, name := range c.columns {
		if slices.Contains(need, name) && name != "" {
			c.plan.want, c.plan.names = append(c.plan.want, i), append(c.plan.names, name)
		}
	}
}

// needs returns the names of the columns that a recipe reads, some more than
// once, and "" for those that it has not.
func (r *recipe) needs() []string {
	need := []string{r.Weight, r.Exposure, r.Text}
	if r.Label != nil {
		need = append(need, r.Label.Column)
	}
	for i := range r.Features {
		need = append(need, r.Features[i].Column)
		for _, p := range r.Features[i].Parts {
			need = append(need, p.Column)
		}
	}
	for _, rule := range r.Ranges {
		need = append(need, rule.Column)
	}
	return append(need, r.Auto...)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// needs checks that the data has a column that a feature is made of.
func (c *compiler) needs(feature, column string) {
	if column != "" {
		c.has("feature "+feature, column)
	}
}

// err returns the faults, one a line, or nil.
func (c *compiler) err() error {
	if len(c.faults) == 0 {
		return nil
	}
	return param.Errorf(param.Invalid, "%s", strings.Join(c.faults, "\n"))
}
