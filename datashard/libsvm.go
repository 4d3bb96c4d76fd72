package datashard

import (
	"bytes"
	"fmt"
	"strconv"

	"parley/internal/batch"
	"parley/internal/decimal"
	"parley/internal/plan"
)

// indexBase says which feature id the first column has.
type indexBase int

const (
	// detectBase keeps ids as they are: whether one is 0 is known at the end.
	detectBase indexBase = iota
	zeroBased
	oneBased
)

// maxID is the largest feature id. It leaves room for the bias behind the last
// column, whichever base the ids have.
const maxID = plan.MaxColumns - 1

// rowError is a malformed row.
type rowError struct {
	line   int // from 1, in the parsed text
	reason string
}

func (e *rowError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.reason) }

// places notes where rows begin.
type places struct {
	starts []uint32 // offset of each row's line in the text
	lines  []uint32 // its number, from 1
	total  int      // all lines, those that are no rows too
}

// parser reads libsvm text by bytes. It knows what is right and fast; for what
// is wrong it asks explain for the reason.
type parser struct{ base indexBase }

// parse appends the rows of text, whole lines that end in a newline, to dst. at
// may be nil. When a row is malformed, those before it have been appended.
func (p parser) parse(dst *batch.CSR, at *places, text []byte) *rowError {
	reserve(dst, text)
	for i, line := 0, 1; i < len(text); line++ {
		rows := len(dst.Labels)
		next := p.row(dst, text, i)
		if next < 0 {
			end := bytes.IndexByte(text[i:], '\n')
			return &rowError{line: line, reason: p.explain(text[i : i+end])}
		}
		if at != nil {
			at.total = line
			if len(dst.Labels) > rows {
				at.starts, at.lines = append(at.starts, uint32(i)), append(at.lines, uint32(line))
			}
		}
		i = next
	}
	return nil
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
func (p parser) row(dst *batch.CSR, text []byte, i int) int {
	i = skipBlanks(text, i)
	if next := lineEnd(text, i); next >= 0 {
		return next
	}
	label, i := decimal.Float32(text, i)
	if i < 0 {
		return -1
	}
	columns, values := dst.Columns, dst.Values
	least, base := uint64(0), uint64(0) // least id that may follow
	if p.base == oneBased {
		least, base = 1, 1
	}
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
		if text[i] != ':' || id < least || id > maxID {
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

// longID reads an id of many digits; what does not fit is beyond maxID.
func longID(digits []byte) uint64 {
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return maxID + 1
	}
	return id
}
