// Package libsvm reads and writes libsvm text: a row a line, label and id:value
// pairs. The main type is Parser; datashard calls it with runs of whole lines and
// gets rows as batch.CSR. docs/formats/libsvm.md has the grammar.
//
// A Parser is for one goroutine at a time.
package libsvm

import (
	"bytes"
	"math"
	"strconv"

	"parley/internal/batch"
	"parley/internal/decimal"
	"parley/internal/plan"
	"parley/internal/table"
)

// Base says which feature id the first column has.
type Base int

// The bases of ids.
const (
	ZeroBased Base = iota
	OneBased
)

// MaxID is the largest feature id without hashing. It leaves room for the bias
// behind the last column, whichever base the ids have.
const MaxID = plan.MaxColumns - 1

// Parser reads libsvm text by bytes. It knows what is right and fast; for what
// is wrong it asks explain for the reason.
type Parser struct {
	Base Base
	// HashBits, if not 0, makes 2^HashBits columns: column = the top bits of the
	// id's hash, and ids may be of 63 bits. Values whose columns collide are summed.
	HashBits int
	// Unlabeled takes rows without a label, whose label is 0 then.
	Unlabeled bool
	// Weighted reads a weight behind each label: not libsvm's own, but what other
	// formats are unpacked to.
	Weighted bool

	order []feature // of a hashed row
}

// Parse appends the rows of text, whole lines that each end in a newline, to
// dst. Every line with more than blanks and a comment is a row. A malformed one
// becomes a row without values and is marked in bad, by its number in dst. at
// may be nil.
func (p *Parser) Parse(dst *batch.CSR, at *table.Places, bad *table.BadRows, text []byte) {
	reserve(dst, text)
	for i, line := 0, 1; i < len(text); line++ {
		rows := len(dst.Labels)
		next := p.row(dst, text, i)
		if next < 0 {
			end := bytes.IndexByte(text[i:], '\n')
			code, reason := p.explain(text[i : i+end])
			bad.Mark(rows, code, reason)
			dst.Labels, dst.Offsets = append(dst.Labels, 0), append(dst.Offsets, uint32(len(dst.Columns)))
			if p.Weighted {
				dst.Weights = append(dst.Weights[:rows], 1)
			}
			next = i + end + 1
		}
		if at != nil {
			at.Total++
			if len(dst.Labels) > rows {
				at.Add(i, at.Total)
			}
		}
		i = next
	}
}

// reserve makes room for the rows of text at once: a row has a newline and a
// nonzero a colon, and at least four bytes. Comments may make it too much.
func reserve(dst *batch.CSR, text []byte) {
	rows := min(bytes.Count(text, []byte{'\n'}), len(text)/2+1)
	nonzeros := min(bytes.Count(text, []byte{':'}), len(text)/4+1)
	if len(dst.Offsets) == 0 {
		dst.Offsets = append(grow(dst.Offsets, rows+1), 0)
	}
	dst.Labels, dst.Offsets = grow(dst.Labels, rows), grow(dst.Offsets, rows)
	dst.Columns, dst.Values = grow(dst.Columns, nonzeros), grow(dst.Values, nonzeros)
}

// grow makes room for exactly n more elements, where slices.Grow rounds up:
// what is cached is counted without spare room.
func grow[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	return append(make([]T, 0, len(s)+n), s...)
}

// row parses the line at text[i] and returns where the next one begins, or -1
// if the line is malformed. A line without a row appends nothing. Every loop
// stops at the newline that ends the text, so nothing needs to ask for its end.
func (p *Parser) row(dst *batch.CSR, text []byte, i int) int {
	i = skipBlanks(text, i)
	if next := lineEnd(text, i); next >= 0 {
		return next
	}
	label, i := p.label(text, i)
	if i >= 0 && p.Weighted {
		i = weight(dst, text, i)
	}
	if i < 0 {
		return -1
	}
	if p.HashBits > 0 {
		return p.hashed(dst, label, text, i)
	}
	columns, values := dst.Columns, dst.Values
	least, base := uint64(p.Base), uint64(p.Base) // least id that may follow
	for {
		if i = skipBlanks(text, i); text[i]-'0' > 9 {
			break
		}
		begin, id := i, uint64(0)
		for ; text[i]-'0' <= 9; i++ {
			id = id*10 + uint64(text[i]-'0')
		}
		if i-begin > 18 { // may have wrapped around, or have leading zeros
			id = longID(text[begin:i])
		}
		if text[i] != ':' || id < least || id > MaxID {
			return -1
		}
		least = id + 1
		var value float32
		if digit := text[i+1] - '0'; digit <= 9 && text[i+2] <= ' ' { // mostly 1
			value, i = float32(digit), i+2
		} else if value, i = decimal.Float32(text, i+1); i < 0 {
			return -1
		}
		columns, values = append(columns, uint32(id-base)), append(values, value)
	}
	next := lineEnd(text, i)
	if next >= 0 {
		dst.Columns, dst.Values = columns, values
		dst.Labels, dst.Offsets = append(dst.Labels, label), append(dst.Offsets, uint32(len(columns)))
	}
	return next
}

// label parses the label at text[i], if there has to be one.
func (p *Parser) label(text []byte, i int) (float32, int) {
	if p.Unlabeled {
		j := i
		for text[j]-'0' <= 9 {
			j++
		}
		if j > i && text[j] == ':' {
			return 0, i
		}
	}
	return decimal.Float32(text, i)
}

// weight parses the weight at text[i].
func weight(dst *batch.CSR, text []byte, i int) int {
	w, i := decimal.Float32(text, skipBlanks(text, i))
	if i >= 0 {
		dst.Weights = append(dst.Weights[:len(dst.Labels)], w)
	}
	return i
}

func skipBlanks(text []byte, i int) int {
	for text[i] == ' ' || text[i] == '\t' {
		i++
	}
	return i
}

// lineEnd returns the start of the next line if nothing but a comment is left
// of this one, else -1.
func lineEnd(text []byte, i int) int {
	switch {
	case text[i] == '\n':
		return i + 1
	case text[i] == '\r' && text[i+1] == '\n':
		return i + 2
	case text[i] == '#':
		return i + bytes.IndexByte(text[i:], '\n') + 1
	}
	return -1
}

// longID reads an id of many digits; what does not fit is beyond any limit.
func longID(digits []byte) uint64 {
	id, err := strconv.ParseUint(string(digits), 10, 63)
	if err != nil {
		return math.MaxUint64
	}
	return id
}
