package feature

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"parley/internal/decimal"
	"parley/internal/table"
)

// cellState says what there is of a cell where a number or a time is needed.
type cellState uint8

const (
	present cellState = iota
	absent
	wrong // neither missing nor a number, or not a time
)

// numbers are the cells of a column as numbers.
type numbers struct {
	fresh  bool // of this batch
	values []float64
	states []cellState
}

// times are the cells of a column as times.
type times struct {
	fresh  bool
	values []moment
	states []cellState
}

// input reads one batch after the other: a column is parsed once a batch, however
// many features need it. Its memory is kept.
type input struct {
	b       *table.Batch
	bad     []bool // by row; what b.Bad says, for the inner loops
	numbers []numbers
	times   []times
	scratch []byte
}

// begin takes up a batch of a number of columns.
func (in *input) begin(b *table.Batch, columns int) {
	if len(b.Columns) != columns {
		panic("feature: a batch has not the columns that were asked for")
	}
	in.b = b
	in.bad = sized(in.bad, b.Rows)
	clear(in.bad)
	for _, bad := range b.Bad {
		in.bad[bad.Row] = true
	}
	in.numbers, in.times = sized(in.numbers, columns), sized(in.times, columns)
	for i := range columns {
		in.numbers[i].fresh, in.times[i].fresh = false, false
	}
}

// sized returns s with length n; what it holds is undefined, but the memory of
// its elements is kept.
func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return append(s[:cap(s)], make([]T, n-cap(s))...)
	}
	return s[:n]
}

// mark sets a row aside.
func (in *input) mark(row int, code, reason string) {
	in.bad[row] = true
	in.b.Bad.Mark(row, code, reason)
}

// number returns the cells of a column as numbers. Those of rows that are bad
// are undefined.
func (in *input) number(column int) *numbers {
	n := &in.numbers[column]
	if n.fresh {
		return n
	}
	n.fresh, n.values, n.states = true, sized(n.values, in.b.Rows), sized(n.states, in.b.Rows)
	c := &in.b.Columns[column]
	for i := range in.b.Rows {
		n.states[i] = absent
		if in.bad[i] || c.IsMissing(i) {
			continue
		}
		var ok bool
		switch c.Kind {
		case table.Text:
			n.values[i], ok = decimal.Float64(c.Cell(i))
		case table.Number:
			n.values[i] = c.Numbers[i]
			ok = finite(n.values[i])
		}
		n.states[i] = wrong
		if ok {
			n.states[i] = present
		}
	}
	return n
}

// time returns the cells of a column as times.
func (in *input) time(column int) *times {
	t := &in.times[column]
	if t.fresh {
		return t
	}
	t.fresh, t.values, t.states = true, sized(t.values, in.b.Rows), sized(t.states, in.b.Rows)
	c := &in.b.Columns[column]
	for i := range in.b.Rows {
		t.states[i] = absent
		if in.bad[i] || c.IsMissing(i) {
			continue
		}
		var ok bool
		switch c.Kind {
		case table.Text:
			t.values[i], ok = parseTime(c.Cell(i))
		case table.Time:
			t.values[i], ok = ofUnix(floorDiv(c.Times[i], nanoseconds)), true
		case table.Number:
			t.values[i], ok = ofNumber(c.Numbers[i])
		}
		t.states[i] = wrong
		if ok {
			t.states[i] = present
		}
	}
	return t
}

// ofNumber reads whole seconds or milliseconds of 10 or 13 digits.
func ofNumber(x float64) (moment, bool) {
	switch {
	case x != math.Floor(x) || x < 1e9 || x >= 1e13 || x >= 1e10 && x < 1e12:
		return moment{}, false
	case x >= 1e12:
		return ofUnix(int64(x) / 1000), true
	}
	return ofUnix(int64(x)), true
}

// cell returns a cell as a name: its bytes, or a number or time written out. It is
// valid until the next call.
func (in *input) cell(column, row int) []byte {
	c := &in.b.Columns[column]
	switch {
	case c.IsMissing(row):
		in.scratch = append(in.scratch[:0], missing...)
	case c.Kind == table.Text:
		return c.Cell(row)
	case c.Kind == table.Number:
		in.scratch = appendNumber(in.scratch[:0], c.Numbers[row])
	default:
		in.scratch = appendTime(in.scratch[:0], c.Times[row])
	}
	return in.scratch
}

// appendNumber writes a number in its shortest form: without an exponent where
// that is short.
func appendNumber(dst []byte, x float64) []byte {
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, x, 'e', -1, 64)
	}
	return strconv.AppendFloat(dst, x, 'f', -1, 64)
}

// notNumber says what is wrong with a cell that should be a number.
func (in *input) notNumber(name string, column, row int) string {
	if k := in.b.Columns[column].Kind; k == table.Number {
		return fmt.Sprintf("%s %s is not finite: leave the row out", name, in.cell(column, row))
	}
	cell := in.cell(column, row)
	if _, err := strconv.ParseFloat(string(cell), 64); errors.Is(err, strconv.ErrRange) && !bytes.ContainsAny(cell, "xX_") {
		return fmt.Sprintf("%s %s is beyond the range of 64-bit floats: correct it, or leave the row out", name, table.Quote(cell))
	}
	return fmt.Sprintf("%s %s is not a number: write it in plain decimal digits", name, table.Quote(cell))
}
