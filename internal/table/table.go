// Package table holds raw rows: what a format's parser found, before features
// are made of it. Batch is a run of rows of named columns (csv, jsonl, arrow,
// parquet, documents); Places says where rows begin in a text; Bad names the rows
// that cannot be used.
//
// Parsers fill these values and keep their memory for the next run; one
// goroutine uses a value at a time.
package table

import (
	"slices"
	"sort"
)

// Places notes where the rows of a text begin. A text is a run of whole lines.
type Places struct {
	Starts []uint32 // offset of each row's first byte
	Lines  []uint32 // number of its first line, from 1 within the text
	Total  int      // lines of the text, those that are no rows too
}

// Reset empties p and keeps its memory.
func (p *Places) Reset() { p.Starts, p.Lines, p.Total = p.Starts[:0], p.Lines[:0], 0 }

// Add notes a row.
func (p *Places) Add(start, line int) {
	p.Starts, p.Lines = append(p.Starts, uint32(start)), append(p.Lines, uint32(line))
}

// Bad is a row that cannot be used, and why. A bad row keeps its position: it is
// a row without values that nobody reads.
type Bad struct {
	Row    int    // within the batch
	Code   string // short and constant, to count by: "label", "columns", "number", …
	Reason string // for people: what is wrong with which cell, and what to do
}

// BadRows are the bad rows of a batch, by row, each once.
type BadRows []Bad

// Has reports whether a row is bad.
func (b BadRows) Has(row int) bool {
	i := b.find(row)
	return i < len(b) && b[i].Row == row
}

// Mark adds a bad row; the first reason of a row stands.
func (b *BadRows) Mark(row int, code, reason string) {
	if n := len(*b); n == 0 || (*b)[n-1].Row < row {
		*b = append(*b, Bad{row, code, reason})
		return
	}
	if i := b.find(row); (*b)[i].Row != row {
		*b = slices.Insert(*b, i, Bad{row, code, reason})
	}
}

func (b BadRows) find(row int) int {
	return sort.Search(len(b), func(i int) bool { return b[i].Row >= row })
}

// Kind is how the cells of a column are given.
type Kind uint8

const (
	// Text is bytes as they are written; a parser of numbers or times reads them
	// where they are needed.
	Text Kind = iota
	// Number is float64: columns of typed files.
	Number
	// Time is an instant, without a zone.
	Time
)

// Column is one column of a batch. Cell i of a Text column is
// Text[Start[i]:End[i]]; texts of several columns may be one.
type Column struct {
	Kind       Kind
	Text       []byte
	Start, End []uint32
	Numbers    []float64
	Times      []int64 // nanoseconds since 1970 in UTC
	Missing    []bool  // nil: none is missing. What else is there of such a cell is undefined
}

// IsMissing reports whether cell i has no value.
func (c *Column) IsMissing(i int) bool { return c.Missing != nil && c.Missing[i] }

// Cell returns the bytes of cell i of a Text column.
func (c *Column) Cell(i int) []byte { return c.Text[c.Start[i]:c.End[i]] }

// Batch is a run of rows. Columns has one entry for each column that was asked
// for, in the order asked.
type Batch struct {
	Rows    int
	Columns []Column
	Bad     BadRows
}
