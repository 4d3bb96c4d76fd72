package text

import (
	"encoding/binary"
	"math"

	"github.com/twmb/murmur3"

	"parley/internal/param"
)

// source says what a fit was counted of.
type source uint8

const (
	nothing   source = iota // no document yet
	documents               // terms, by dictionary
	hashed                  // columns that terms hash to
	bags                    // columns of bags of words
)

// Counter counts what a fit must know: of each term, or of each column where
// terms are hashed or the documents are bags of words, how many documents have it
// and how often it occurs. The zero value serves UnmarshalBinary alone.
//
// Memory is about 70 bytes and the term itself for each term. A term may be as
// long as a document, as in scikit-learn.
type Counter struct {
	options   Options
	documents uint64
	source    source
	terms     *dictionary // a column is the term of its columnKey
	counts    []count     // by number of the term
	scanner   *scanner
}

// count is of one term or column.
type count struct {
	documents uint64
	total     uint64 // occurrences; in bags of words, times bagUnit
	last      uint64 // the last document that has it, from 1
}

// bagUnit is what a count of a bag of words is multiplied with: counts may be
// fractions, but only sums of integers do not depend on their order.
const bagUnit = 1 << 16

// mostTotal is where totals stop growing, so that they cannot wrap around.
const mostTotal = math.MaxUint64 / 2

// note counts n occurrences in a document.
func (c *count) note(document, n uint64) {
	if c.last != document {
		c.last = document
		c.documents++
	}
	c.total = min(c.total+n, mostTotal)
}

// NewCounter returns a Counter that has seen no document, or an Invalid error if
// the options make no sense.
func NewCounter(o Options) (*Counter, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return &Counter{options: o, terms: newDictionary(0)}, nil
}

// Add counts one document in UTF-8. Bytes that are no UTF-8 separate words. It
// panics after AddCounts.
func (c *Counter) Add(doc []byte) {
	if c.scanner == nil {
		emit := c.addTerm
		if c.options.HashBits > 0 {
			emit = c.addHash
		}
		c.scanner = newScanner(c.options, emit)
	}
	c.begin(c.options.source())
	c.scanner.scan(doc)
}

func (o Options) source() source {
	if o.HashBits > 0 {
		return hashed
	}
	return documents
}

// AddCounts counts one document of a bag of words: the columns and how often
// they occur. Columns with 0 are not in the document. It panics after Add.
func (c *Counter) AddCounts(columns []uint32, values []float32) {
	c.begin(bags)
	for i, column := range columns {
		if v := float64(values[i]); v != 0 {
			key := columnKey(column)
			c.at(key[:]).note(c.documents, uint64(min(max(v, 0)*bagUnit, mostTotal)))
		}
	}
}

func (c *Counter) begin(s source) {
	if c.source == nothing {
		c.source = s
	}
	if c.source != s {
		panic("text: documents and bags of words in one Counter")
	}
	c.documents++
}

func (c *Counter) addTerm(term []byte) { c.at(term).note(c.documents, 1) }

func (c *Counter) addHash(term []byte) {
	column, _ := hash(term, c.options.HashBits)
	key := columnKey(column)
	c.at(key[:]).note(c.documents, 1)
}

// at returns the count of a term, to be changed at once.
func (c *Counter) at(term []byte) *count {
	id := c.terms.add(term)
	if id == len(c.counts) {
		c.counts = append(c.counts, count{})
	}
	return &c.counts[id]
}

// columnKey returns the bytes that a column is in a dictionary. Their order is
// that of the columns.
func columnKey(column uint32) (key [4]byte) {
	binary.BigEndian.PutUint32(key[:], column)
	return key
}

func columnOf(key []byte) uint32 { return binary.BigEndian.Uint32(key) }

// hash returns the column of a term and its sign, as scikit-learn's
// FeatureHasher with alternate_sign.
func hash(term []byte, bits int) (column uint32, sign int32) {
	h := int32(murmur3.Sum32(term))
	if h < 0 {
		return -uint32(h) & (1<<bits - 1), -1 // of -2³¹ too
	}
	return uint32(h) & (1<<bits - 1), 1
}

// Merge adds what d counted, of other documents and by the same options. The
// order of merging has no effect on a fit. d may not be used any more. The
// error is Invalid.
func (c *Counter) Merge(d *Counter) error {
	switch {
	case c.options != d.options:
		return param.Errorf(param.Invalid, "counts of text by other options: %+v, not %+v", d.options, c.options)
	case c.source == nothing:
		c.source = d.source
	case d.source != nothing && c.source != d.source:
		return param.Errorf(param.Invalid, "counts of documents and of bags of words: a fit is of one or the other")
	}
	for id := range d.counts {
		c.at(d.terms.term(id)).add(&d.counts[id])
	}
	c.documents += d.documents
	return nil
}

func (c *count) add(d *count) {
	c.documents += d.documents
	c.total = min(c.total+d.total, mostTotal)
}
