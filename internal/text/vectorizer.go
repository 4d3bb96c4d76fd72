package text

import (
	"slices"

	"parley/internal/param"
)

// Vectorizer knows the terms and what they weigh. It does not change once it is
// made.
type Vectorizer struct {
	options   Options
	source    source // nothing: without a fit
	documents uint64
	terms     []string  // of documents: by column, sorted
	columns   []uint32  // else: the columns seen by the fit, ascending
	factors   []float64 // of terms or columns; 0 for columns that were removed
	unseen    float64   // factor of columns that the fit has not seen; 0 removes them

	numbers *dictionary // position in terms or columns
}

// NewVectorizer returns a Vectorizer without a fit. The error is Invalid if the
// options are, or if they need a fit both for documents and for bags of words.
func NewVectorizer(o Options) (*Vectorizer, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.CountsNeedFit() {
		return nil, param.Errorf(param.Invalid, "weight %s, min_df %v, max_df %v, max_terms %d: documents must be counted first", o.Weight, o.MinDF, o.MaxDF, o.MaxTerms)
	}
	v := &Vectorizer{options: o, unseen: 1}
	v.prepare()
	return v, nil
}

// prepare makes what is looked up from what is stored.
func (v *Vectorizer) prepare() {
	v.numbers = newDictionary(len(v.terms) + len(v.columns))
	for _, term := range v.terms {
		v.numbers.add([]byte(term))
	}
	for _, column := range v.columns {
		key := columnKey(column)
		v.numbers.add(key[:])
	}
}

// factor returns what a column's count is multiplied with; 0 removes it.
func (v *Vectorizer) factor(column uint32) float64 {
	if v.source == documents {
		return v.factors[column]
	}
	key := columnKey(column)
	if at := v.numbers.find(key[:]); at >= 0 {
		return v.factors[at]
	}
	return v.unseen
}

// Columns returns how many columns rows of documents have: the terms, or all
// hashes. For bags of words it is 1 more than the largest column that the fit
// has seen, and 0 without a fit.
func (v *Vectorizer) Columns() int64 {
	switch {
	case v.source == documents:
		return int64(len(v.terms))
	case v.source != bags && v.options.HashBits > 0:
		return 1 << v.options.HashBits
	case len(v.columns) == 0:
		return 0
	}
	return int64(v.columns[len(v.columns)-1]) + 1
}

// Terms returns the terms by column, sorted by their bytes; nil for hashed
// columns and bags of words.
func (v *Vectorizer) Terms() []string { return slices.Clone(v.terms) }
