package feature

import "parley/internal/param"

// Merge adds what g knows of other rows. g is of the same Plan, here or
// elsewhere, and must not be used afterwards.
func (f *Fit) Merge(g *Fit) error {
	if f.plan != g.plan && f.plan.fingerprint() != g.plan.fingerprint() {
		return param.Errorf(param.Invalid, "the fits are of different plans: data and job must be the same everywhere")
	}
	f.rows, f.nonzeros, f.largest = f.rows+g.rows, f.nonzeros+g.nonzeros, max(f.largest, g.largest)
	for code, n := range g.bad {
		f.bad[code] += n
	}
	f.labels.merge(&g.labels)
	for i := range f.features {
		f.features[i].merge(&g.features[i], f.binding.Features[i].Parts, f.binding.withBins(i))
	}
	for i := range f.auto {
		a, b := &f.auto[i], &g.auto[i]
		a.moments.merge(&b.moments)
		a.names = a.names || b.names
		a.values.merge(&b.values)
	}
	for i := range f.columns {
		f.columns[i].merge(&g.columns[i])
	}
	f.unique.merge(&g.unique)
	if f.terms != nil {
		return f.terms.Merge(g.terms)
	}
	return nil
}

func (m *momentFit) merge(n *momentFit) {
	m.present, m.missing = m.present+n.present, m.missing+n.missing
	m.total.merge(&n.total)
	m.squares.merge(&n.squares)
}

func (c *columnFit) merge(d *columnFit) {
	c.missing, c.numbers = c.missing+d.missing, c.numbers+d.numbers
	c.least, c.most = min(c.least, d.least), max(c.most, d.most)
	c.total.merge(&d.total)
}

func (f *featureFit) merge(g *featureFit, parts []part, bins bool) {
	f.moments.merge(&g.moments)
	f.quantiles.merge(&g.quantiles)
	if g.coarse != f.coarse {
		f.coarsen(parts)
		g.coarsen(parts)
	}
	f.dictionary.merge(&g.dictionary)
	if bins && !f.coarse && len(f.dictionary.names) > maxFine {
		f.coarsen(parts)
	}
}
