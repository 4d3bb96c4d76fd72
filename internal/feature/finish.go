package feature

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"parley/internal/param"
)

// Finish returns the Transform that follows from the rows. Its Invalid errors
// name the feature that cannot be made and say why.
func (f *Fit) Finish() (*Transform, error) {
	p := f.plan
	t := &Transform{recipe: p.recipe, sparse: p.sparse}
	if f.good() == 0 {
		return nil, param.Errorf(param.Invalid, "there is no row that can be used (%d are bad)", f.rows)
	}
	if p.sparse {
		t.columns = f.largest + 1
	}
	if p.recipe.Label != nil && p.recipe.Label.named() {
		classes, err := f.labels.classes()
		if err != nil {
			return nil, err
		}
		if classes != nil && len(p.recipe.Labels) > 0 {
			return nil, param.Errorf(param.Invalid, "data.quality.labels: the labels are names such as %s, not numbers", f.labels.name1.text)
		}
		t.classes = classes
	}
	if err := f.finishFeatures(t); err != nil {
		return nil, err
	}
	if f.terms != nil {
		terms, err := f.terms.Finish()
		if err != nil {
			return nil, fmt.Errorf("data.text: %w", err)
		}
		t.terms = terms
	}
	return t, t.layOut(p.paths)
}

// good returns the number of rows that can be used.
func (f *Fit) good() int64 {
	n := f.rows
	for _, bad := range f.bad {
		n -= bad
	}
	return n
}

// finishFeatures fills the blocks of t: bins first, because combinations need
// their edges.
func (f *Fit) finishFeatures(t *Transform) error {
	t.blocks = make([]block, len(f.features))
	for i := range f.features {
		if spec := &t.recipe.Features[i]; spec.Kind != category {
			if err := f.features[i].finish(&t.blocks[i], spec, f.plan.paths[i]); err != nil {
				return err
			}
		}
	}
	for i := range f.features {
		if spec := &t.recipe.Features[i]; spec.Kind == category && t.recipe.HashBits == 0 {
			if err := f.finishNames(t, i); err != nil {
				return err
			}
		}
	}
	return f.finishAuto(t)
}

// finish makes the block of numbers or bins.
func (f *featureFit) finish(b *block, spec *feature, path string) error {
	if f.moments.present == 0 {
		return param.Errorf(param.Invalid, "%s: column %s has no numbers: leave the feature out", path, spec.Column)
	}
	b.Indicator = f.moments.missing > 0
	if spec.Kind == binned {
		b.Edges = f.quantiles.edges(spec.Bins)
		return nil
	}
	b.set(&f.moments, spec.Standardize)
	return nil
}

func (b *block) set(m *momentFit, standardize bool) {
	if b.Deviation = 1; !standardize {
		m.squares = sum{}
	}
	mean, deviation := moments(&m.total, &m.squares, m.present)
	b.Mean = mean
	if deviation > 0 {
		b.Deviation = deviation
	}
}

// finishNames makes the block of a category or combination.
func (f *Fit) finishNames(t *Transform, i int) error {
	fit, spec, path := &f.features[i], &t.recipe.Features[i], f.plan.paths[i]
	d := &fit.dictionary
	if d.full {
		return param.Errorf(param.Invalid, "%s: %s has more than %d different values: set data.hash, or leave the feature out", path, spec.name(), maxNames)
	}
	if len(spec.Parts) == 1 && !slices.ContainsFunc(d.names, func(name string) bool { return name != missing }) {
		return param.Errorf(param.Invalid, "%s: column %s has no value in any row: leave the feature out", path, spec.Parts[0].Column)
	}
	if t.recipe.withBins(i) {
		binned := f.toBins(t, i)
		d = &binned
	}
	t.blocks[i].choose(d, len(spec.Parts), spec.MinCount)
	return nil
}

// toBins counts combinations by bins, where the fit has numbers.
func (f *Fit) toBins(t *Transform, i int) dictionary {
	out, parts := newDictionary(maxNames), t.recipe.Features[i].Parts
	fine := &f.features[i].dictionary
	var key []byte
	for k, name := range fine.names {
		key = key[:0]
		for j := range parts {
			var value string
			value, name, _ = cutPart(name)
			if bins := parts[j].Bins; bins != nil && len(value) == 8 {
				x := math.Float64frombits(binary.LittleEndian.Uint64([]byte(value)))
				value = strconv.Itoa(t.blocks[*bins].binOf(x))
			}
			key = appendPart(key, []byte(value))
		}
		out.add(key, fine.counts[k])
	}
	return out
}

// choose gives the names that are frequent enough a column.
func (b *block) choose(d *dictionary, parts int, minCount int64) {
	var kept [][]string
	for _, i := range d.sorted() {
		if d.counts[i] < minCount {
			b.Other = true
			continue
		}
		kept = append(kept, cutName(d.names[i], parts))
	}
	slices.SortFunc(kept, slices.Compare)
	for _, names := range kept {
		b.Values = append(b.Values, names...)
	}
}

// cutName returns the parts of a name.
func cutName(name string, parts int) []string {
	if parts == 1 {
		return []string{name}
	}
	out := make([]string, parts)
	for i := range out {
		out[i], name, _ = cutPart(name)
	}
	return out
}
