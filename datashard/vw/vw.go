// Package vw reads and writes Vowpal Wabbit's text: a row a line, a label and
// features by name, which are hashed to columns with Vowpal Wabbit's own hash. The
// main type is Parser; datashard calls it with runs of whole lines and gets rows
// as batch.CSR. docs/formats/vw.md has the grammar, and what is refused.
//
// A Parser is for one goroutine at a time.
package vw

import (
	"bytes"

	"parley/internal/batch"
	"parley/internal/decimal"
	"parley/internal/table"
)

// MaxBits is the most bits that a column may have.
const MaxBits = 28

// Parser reads vw text by bytes. It knows what is right and fast; for what is
// wrong it asks explain for the reason. The zero value is not usable.
type Parser struct {
	// Bits makes 2^Bits columns, 1 to MaxBits: Vowpal Wabbit's -b.
	Bits int
	// Unlabeled takes rows without a label, whose label is 0 then.
	Unlabeled bool

	sorter sorter
}

// Parse appends the rows of text, whole lines that each end in a newline, to
// dst. Every line that is not blank is a row. A malformed one becomes a row
// without values, of label 0 and weight 1, and is marked in bad, by its number in
// dst. dst.Weights stays nil while all weights are 1. at may be nil. The constant
// feature that Vowpal Wabbit adds to each row is not added.
func (p *Parser) Parse(dst *batch.CSR, at *table.Places, bad *table.BadRows, text []byte) {
	reserve(dst, text)
	for i, line := 0, 1; i < len(text); line++ {
		first := skipBlanks(text, i)
		next := blankEnd(text, first)
		if next < 0 {
			if at != nil {
				at.Add(i, at.Total+1)
			}
			if next = p.row(dst, text, first); next < 0 {
				end := i + bytes.IndexByte(text[i:], '\n')
				code, reason := p.explain(text[i:end])
				bad.Mark(len(dst.Labels), code, reason)
				finish(dst, 0, 1)
				next = end + 1
			}
		}
		if at != nil {
			at.Total++
		}
		i = next
	}
}

// Rows notes where the rows of text begin, as Parse does, without parsing them.
func Rows(at *table.Places, text []byte) {
	for i := 0; i < len(text); {
		at.Total++
		if text[i] > ' ' || blankEnd(text, skipBlanks(text, i)) < 0 {
			at.Add(i, at.Total)
		}
		i += bytes.IndexByte(text[i:], '\n') + 1
	}
}

// reserve makes room for the rows of text at once: a row has a newline, and a
// feature a blank before it. Blanks at other places may make it too much.
func reserve(dst *batch.CSR, text []byte) {
	rows := min(bytes.Count(text, []byte{'\n'}), len(text)/2+1)
	features := bytes.Count(text, []byte{' '})
	if len(dst.Offsets) == 0 {
		dst.Offsets = append(grow(dst.Offsets, rows+1), 0)
	}
	dst.Labels, dst.Offsets = grow(dst.Labels, rows), grow(dst.Offsets, rows)
	dst.Columns, dst.Values = grow(dst.Columns, features), grow(dst.Values, features)
}

// grow makes room for exactly n more elements, where slices.Grow rounds up:
// what is cached is counted without spare room.
func grow[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	return append(make([]T, 0, len(s)+n), s...)
}

// finish ends a row whose columns and values have been appended.
func finish(dst *batch.CSR, label, weight float32) {
	if dst.Weights == nil && weight != 1 {
		dst.Weights = make([]float32, len(dst.Labels), cap(dst.Labels))
		for i := range dst.Weights {
			dst.Weights[i] = 1
		}
	}
	if dst.Weights != nil {
		dst.Weights = append(dst.Weights, weight)
	}
	dst.Labels, dst.Offsets = append(dst.Labels, label), append(dst.Offsets, uint32(len(dst.Columns)))
}

// Label reads the number that the row at text[i] begins with, if it does: its
// label, unless the row is malformed. text ends in a newline.
func Label(text []byte, i int) (label float32, ok bool) {
	label, next := decimal.Float32(text, skipBlanks(text, i))
	return label, next >= 0
}
