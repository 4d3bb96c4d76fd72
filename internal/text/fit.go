package text

import (
	"bytes"
	"cmp"
	"slices"

	"parley/internal/linalg"
	"parley/internal/param"
)

// Finish returns the Vectorizer of all that was counted. The error is Invalid if
// there is no document, or no term is left.
func (c *Counter) Finish() (*Vectorizer, error) {
	if c.documents == 0 {
		return nil, param.Errorf(param.Invalid, "no document: text features need some to learn their terms from")
	}
	f := c.fit()
	if err := f.choose(c.options); err != nil {
		return nil, err
	}
	v := &Vectorizer{options: c.options, source: c.source, documents: c.documents}
	if c.source == documents {
		f.terms(v)
	} else {
		f.columns(v)
	}
	v.prepare()
	return v, nil
}

// fit is what Finish works on. Entries are sorted by term or column.
type fit struct {
	entries   []entry
	documents float64
}

type entry struct {
	term []byte
	keep bool
	count
}

func (c *Counter) fit() *fit {
	f := &fit{documents: float64(c.documents), entries: make([]entry, 0, len(c.counts))}
	for _, id := range c.sorted() {
		f.entries = append(f.entries, entry{c.terms.term(int(id)), true, c.counts[id]})
	}
	return f
}

// sorted returns the numbers of the terms in the order of their bytes, which is
// that of their code points.
func (c *Counter) sorted() []uint32 {
	ids := make([]uint32, len(c.counts))
	for i := range ids {
		ids[i] = uint32(i)
	}
	slices.SortFunc(ids, func(a, b uint32) int {
		return bytes.Compare(c.terms.term(int(a)), c.terms.term(int(b)))
	})
	return ids
}

// choose keeps the terms within the bounds.
func (f *fit) choose(o Options) error {
	low, high := share(o.MinDF, o.MinDF < 1, f.documents), share(o.MaxDF, o.MaxDF <= 1, f.documents)
	if high < low {
		return param.Errorf(param.Invalid, "max_df %v leaves terms in at most %v of %v documents, but min_df %v asks for %v: change one of them", o.MaxDF, high, f.documents, o.MinDF, low)
	}
	if len(f.entries) == 0 {
		return param.Errorf(param.Invalid, "no term in %v documents: a word has at least two letters or digits, and stop words are left out", f.documents)
	}
	rare, common, kept := 0, 0, make([]*entry, 0, len(f.entries))
	for i := range f.entries {
		e := &f.entries[i]
		switch df := float64(e.documents); {
		case df < low:
			e.keep, rare = false, rare+1
		case df > high:
			e.keep, common = false, common+1
		default:
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		return param.Errorf(param.Invalid, "none of %d terms is left: min_df %v removed the %d in fewer than %v of %v documents, max_df %v the %d in more than %v: lower min_df or raise max_df",
			len(f.entries), o.MinDF, rare, low, f.documents, o.MaxDF, common, high)
	}
	limit(kept, o.MaxTerms)
	return nil
}

// share returns a bound as a number of documents.
func share(bound float64, fraction bool, documents float64) float64 {
	if fraction {
		return bound * documents
	}
	return bound
}

// limit keeps the most entries that occur most; of equal ones, the first.
func limit(kept []*entry, most int) {
	if most == 0 || most >= len(kept) {
		return
	}
	slices.SortStableFunc(kept, func(a, b *entry) int { return cmp.Compare(b.total, a.total) })
	for _, e := range kept[most:] {
		e.keep = false
	}
}

// terms gives v the terms that are left, and their weights.
func (f *fit) terms(v *Vectorizer) {
	for i := range f.entries {
		if e := &f.entries[i]; e.keep {
			v.terms = append(v.terms, string(e.term))
			v.factors = append(v.factors, v.options.idf(float64(e.documents), f.documents))
		}
	}
}

// columns gives v the weights of all columns that were seen.
func (f *fit) columns(v *Vectorizer) {
	for i := range f.entries {
		e, factor := &f.entries[i], 0.0
		if e.keep {
			factor = v.options.idf(float64(e.documents), f.documents)
		}
		v.columns, v.factors = append(v.columns, columnOf(e.term)), append(v.factors, factor)
	}
	if v.options.keepsRare() {
		v.unseen = v.options.idf(0, f.documents)
	}
}

// idf returns the factor of a term in df of n documents, 1 where the weights
// have none. A plain one is 0 for a term that is in no document.
func (o Options) idf(df, n float64) float64 {
	switch {
	case o.Weight != "tfidf":
		return 1
	case o.IDF == "smooth":
		return linalg.Log((1+n)/(1+df)) + 1
	case df == 0:
		return 0
	}
	return linalg.Log(n / df)
}
