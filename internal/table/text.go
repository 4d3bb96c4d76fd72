package table

import "slices"

// Begin makes b a batch of so many Text columns and no rows, and keeps its
// memory. A parser then takes room for rows with Reserve, fills the cells, counts
// Rows, and calls End.
func (b *Batch) Begin(columns int) {
	b.Rows, b.Bad = 0, b.Bad[:0]
	b.Columns = slices.Grow(b.Columns[:0], columns)[:columns]
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Kind, c.Text = Text, nil
		c.Start, c.End, c.Missing = c.Start[:0], c.End[:0], c.Missing[:0]
	}
}

// Reserve makes Start, End and Missing of all columns at least so many rows long,
// and keeps the cells of the rows there are. What it adds is undefined.
func (b *Batch) Reserve(rows int) {
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Start, c.End, c.Missing = reserve(c.Start, rows), reserve(c.End, rows), reserve(c.Missing, rows)
	}
}

func reserve[T any](s []T, n int) []T { return slices.Grow(s, max(n-len(s), 0))[:max(n, len(s))] }

// End cuts the columns to the rows there are; their cells are in text.
func (b *Batch) End(text []byte) {
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Text, c.Start, c.End, c.Missing = text, c.Start[:b.Rows], c.End[:b.Rows], c.Missing[:b.Rows]
	}
}

// Refuse makes the row behind the last one a bad row, without values, and counts
// it.
func (b *Batch) Refuse(code, reason string) {
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Start[b.Rows], c.End[b.Rows], c.Missing[b.Rows] = 0, 0, true
	}
	b.Bad.Mark(b.Rows, code, reason)
	b.Rows++
}
