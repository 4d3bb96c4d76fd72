package text

import (
	"math"

	"parley/internal/linalg"
)

// Encoder turns documents into rows. It keeps its memory between documents, so
// that one allocates nothing once the largest has passed.
type Encoder struct {
	v       *Vectorizer
	scanner *scanner
	counts  tally
	logs    [64]float64 // ln of small counts
	row     []float64   // weights of the row
}

// NewEncoder returns an Encoder for one goroutine.
func (v *Vectorizer) NewEncoder() *Encoder {
	e := &Encoder{v: v}
	emit := func([]byte) {}
	switch {
	case v.source == documents:
		emit = e.addTerm
	case v.source != bags && v.options.HashBits > 0:
		emit = e.addHash
	}
	e.scanner = newScanner(v.options, emit)
	for i := range e.logs {
		e.logs[i] = linalg.Log(float64(i))
	}
	return e
}

func (e *Encoder) addTerm(term []byte) {
	if id := e.v.numbers.find(term); id >= 0 {
		e.counts.add(uint32(id), 1)
	}
}

func (e *Encoder) addHash(term []byte) { e.counts.add(hash(term, e.v.options.HashBits)) }

// Append appends the columns of a document in UTF-8, strictly ascending, and
// their values. A document without known terms appends nothing. A hashed column
// whose terms cancel out is left out, or has 1 where weights are binary, as in
// scikit-learn. A Vectorizer of bags of words knows no terms.
func (e *Encoder) Append(columns []uint32, values []float32, doc []byte) ([]uint32, []float32) {
	e.counts.reset()
	e.scanner.scan(doc)
	e.row = e.row[:0]
	for _, touched := range e.counts.sorted() {
		columns = e.add(columns, uint32(touched>>32), float64(e.counts.count(touched)))
	}
	return columns, e.finish(values)
}

// Weigh turns the counts of one row of a bag of words into weights, in place,
// and returns what is left of the row: columns keep their numbers, those that
// the fit removed and those with count 0 are dropped. It panics if the
// Vectorizer was fitted to documents.
func (e *Encoder) Weigh(columns []uint32, values []float32) ([]uint32, []float32) {
	if e.v.source == documents || e.v.source == hashed {
		panic("text: a bag of words for a Vectorizer of documents")
	}
	e.row = e.row[:0]
	kept := columns[:0]
	for i, column := range columns {
		if values[i] != 0 {
			kept = e.add(kept, column, float64(values[i]))
		}
	}
	return kept, e.finish(values[:0])
}

// add adds a column with a count to the row, unless it weighs nothing.
func (e *Encoder) add(columns []uint32, column uint32, tf float64) []uint32 {
	w := e.weight(tf, e.v.factor(column))
	if w == 0 {
		return columns
	}
	e.row = append(e.row, w)
	return append(columns, column)
}

// weight returns what a term that occurs tf times weighs before the row is
// normalised. Hashed counts may be negative: those keep their sign.
func (e *Encoder) weight(tf, factor float64) float64 {
	switch {
	case e.v.options.Weight == "binary":
		return factor
	case e.v.options.Sublinear && tf > 0:
		tf = 1 + e.log(tf)
	case e.v.options.Sublinear && tf < 0:
		tf = -(1 + e.log(-tf))
	}
	return float64(tf * factor)
}

func (e *Encoder) log(tf float64) float64 {
	if n := int(min(tf, 1<<30)); n < len(e.logs) && float64(n) == tf {
		return e.logs[n]
	}
	return linalg.Log(tf)
}

// finish appends the weights of the row, normalised if so asked. The squares are
// added in the order of the columns.
func (e *Encoder) finish(values []float32) []float32 {
	norm := 1.0
	if e.v.options.Normalize {
		sum := 0.0
		for _, w := range e.row {
			sum += float64(w * w)
		}
		if sum > 0 {
			norm = math.Sqrt(sum)
		}
	}
	for _, w := range e.row {
		values = append(values, float32(w/norm))
	}
	return values
}
