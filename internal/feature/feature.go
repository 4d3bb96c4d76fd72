// Package feature makes rows of a model from rows of data: it reads labels,
// weights and numbers, codes names, times, bins, combinations and documents as
// columns, and sets rows aside that cannot be used.
//
// It works in three steps. Compile turns what a job asks for, and the columns
// that the data has, into a Plan. A Fit adds up what must be known of the data
// first: dictionaries, moments, quantiles, class names, and what a report says of
// a dataset. Fits of parts of the data are made anywhere and merged in any order:
// the same rows give the same Fit, bit by bit. Finish makes the Transform of it,
// which is saved with the model; its Applier turns raw rows (table.Batch) into
// model rows (batch.CSR) in training, prediction and conversion alike.
//
// Formats whose rows are features already (libsvm, vw, a bag of words) come in as
// batch.CSR and are counted, hashed, scaled and weighed here too.
//
// Readers and the profile pass of datashard call this package. A Plan and a
// Transform are immutable and may be shared by goroutines; a Fit and an Applier
// are for one goroutine at a time.
package feature

import (
	"fmt"
	"slices"

	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/text"
)

// MaxColumns bounds the number of columns: column ids stay below it, with room
// for a bias, as in internal/plan.
const MaxColumns = 1 << 28

// Spec is what a job asks for, from data.label, data.weight and so on; nil is
// what the job does not mention.
type Spec struct {
	Label            *job.Label
	Weight, Exposure *job.Column
	Features         []job.Feature
	Text             *job.Text
	Hash             *job.Hash
	Scale            float64 // 0 is 1
	Quality          *job.Quality
}

// Plan is a Spec that fits the columns of the data. It is immutable.
type Plan struct {
	recipe recipe
	sparse bool
	want   []int    // positions of the columns of a batch in the data
	names  []string // of the columns of a batch
	paths  []string // key path of each feature, for messages
	terms  *text.Options
	limits []missingLimit
	unique string
	least  int64 // rows that there must be
}

// missingLimit is the largest fraction of missing values of a column.
type missingLimit struct {
	Column string
	Most   float64
}

// Compile checks what a job asks for against the columns that the data has. The
// rows of sparse data are features already: columns is nil then. Its Invalid
// error names the key path of every fault, one a line.
func Compile(s Spec, columns []string, sparse bool) (*Plan, error) {
	c := compiler{spec: s, columns: columns, plan: &Plan{sparse: sparse}}
	c.scale()
	c.quality()
	c.text(sparse)
	if s.Hash != nil {
		c.hash(s.Hash.Bits, sparse)
	}
	if sparse {
		c.refuseColumns()
	} else {
		c.label()
		c.plan.recipe.Weight = c.single("data.weight.column", s.Weight)
		c.plan.recipe.Exposure = c.single("data.exposure.column", s.Exposure)
		c.features()
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	c.wanted()
	return c.plan, nil
}

// Want returns the positions of the columns that are needed: the columns of the
// batches that Fit.Add takes, in this order. The caller must not change it.
func (p *Plan) Want() []int { return p.want }

// NeedsFit reports whether something must be known of the data before rows can
// be made of it: class names, dictionaries, means, quantiles, document
// frequencies, or which features there are at all. Quality checks alone do not
// count.
func (p *Plan) NeedsFit() bool {
	r := &p.recipe
	if p.terms != nil && (p.sparse && p.terms.CountsNeedFit() || !p.sparse && p.terms.NeedsFit()) {
		return true
	}
	return len(r.Auto) > 0 || r.Label != nil && r.Label.named() || slices.ContainsFunc(r.Features, func(f feature) bool { return f.needsFit(r.HashBits > 0) })
}

// Unfitted returns the Transform of a Plan that needs no fit.
func (p *Plan) Unfitted() (*Transform, error) {
	if p.NeedsFit() {
		return nil, param.Errorf(param.Invalid, "the features depend on the data: they must be fitted first")
	}
	t := &Transform{recipe: p.recipe, sparse: p.sparse, blocks: make([]block, len(p.recipe.Features))}
	for i := range t.blocks {
		t.blocks[i].Deviation = 1
	}
	if p.terms != nil {
		v, err := text.NewVectorizer(*p.terms)
		if err != nil {
			return nil, fmt.Errorf("data.text: %w", err)
		}
		t.terms = v
	}
	return t, t.layOut(p.paths)
}
