package columnar

import (
	"math"
	"slices"

	"parley/internal/table"
)

// values gives the values of a run of cells, whatever their type: one of number,
// text and time is set, as the column's kind says.
type values struct {
	number func(i int) (v float64, fits bool)
	text   func(dst []byte, i int) []byte // appends
	size   func(i int) int                // bytes that text appends, at most
	time   func(i int) (ns int64, fits bool)
	misfit string // why a value may not fit, and what to do
}

// vector is a run of cells of one column in memory: an Arrow array or a Parquet
// page. Cell i has the value index[i], or none where that is negative.
type vector struct {
	rows   int
	index  []int32 // nil: cell i has value i
	values values
}

// at returns the position of a cell's value, or a negative number.
func (v *vector) at(i int) int {
	if v.index == nil {
		return i
	}
	return int(v.index[i])
}

// cursor is the position of reading within a column.
type cursor struct {
	vector vector
	first  int // the current row's cell within vector
}

func (c *cursor) left() int { return c.vector.rows - c.first }

// fit returns how many of the next rows keep a column of text within maxText, at
// least one.
func (c *cursor) fit(rows int, kind table.Kind) int {
	if kind != table.Text {
		return rows
	}
	total := 0
	for i := range rows {
		if at := c.vector.at(c.first + i); at >= 0 {
			total += c.vector.values.size(at)
		}
		if total > maxText && i > 0 {
			return i
		}
	}
	return rows
}

// fill sets a column to the next rows and returns the row whose value does not
// fit, or -1.
func (c *cursor) fill(dst *table.Column, rows int, kind table.Kind) int {
	dst.Kind = kind
	dst.Text, dst.Start, dst.End = dst.Text[:0], dst.Start[:0], dst.End[:0]
	dst.Numbers, dst.Times = dst.Numbers[:0], dst.Times[:0]
	c.missing(dst, rows)
	switch kind {
	case table.Number:
		dst.Numbers = slices.Grow(dst.Numbers, rows)[:rows]
		return convert(c, dst.Numbers, c.vector.values.number)
	case table.Time:
		dst.Times = slices.Grow(dst.Times, rows)[:rows]
		return convert(c, dst.Times, c.vector.values.time)
	}
	for i := range rows {
		dst.Start = append(dst.Start, uint32(len(dst.Text)))
		if at := c.vector.at(c.first + i); at >= 0 {
			dst.Text = c.vector.values.text(dst.Text, at)
		}
		if len(dst.Text) > math.MaxUint32 {
			return i
		}
		dst.End = append(dst.End, uint32(len(dst.Text)))
	}
	return -1
}

// missing sets dst.Missing, to nil if no cell is missing.
func (c *cursor) missing(dst *table.Column, rows int) {
	mask := dst.Missing[:0]
	dst.Missing = nil
	if c.vector.index == nil {
		return
	}
	for i := range rows {
		mask = append(mask, c.vector.index[c.first+i] < 0)
	}
	if slices.Contains(mask, true) {
		dst.Missing = mask
	}
}

// convert sets dst to the next values, 0 where there is none.
func convert[T float64 | int64](c *cursor, dst []T, value func(int) (T, bool)) int {
	for i := range dst {
		at := c.vector.at(c.first + i)
		if at < 0 {
			dst[i] = 0
			continue
		}
		v, fits := value(at)
		if !fits {
			return i
		}
		dst[i] = v
	}
	return -1
}
