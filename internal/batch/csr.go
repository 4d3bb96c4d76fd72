// Package batch holds rows of sparse data: CSR, as data shards are parsed into,
// and Block, as batches are learned from, where the keys are collected into one
// sorted list and each nonzero names its key by a small local index.
//
// Values of this package are built once and then only read; sharing them
// between goroutines is safe after that.
package batch

import "slices"

// CSR is a run of labelled rows in compressed sparse row form. Row i has the
// label Labels[i] and the nonzeros Offsets[i] to Offsets[i+1] of Columns and
// Values; columns ascend within a row.
type CSR struct {
	FirstRow int64     // position of row 0 in the dataset's logical order
	Labels   []float32 // one a row, as written in the data
	Weights  []float32 // one a row, or nil: all 1
	Exposure []float32 // one a row, or nil: all 1
	Offsets  []uint32  // rows + 1 of them, from 0
	Columns  []uint32
	Values   []float32
	// Names are the columns that those of Columns are places in, ascending; nil: they are
	// columns themselves.
	Names []uint32
}

// Rows returns the number of rows.
func (c *CSR) Rows() int { return len(c.Labels) }

// Bytes returns the memory that the rows take, for caches that are bounded.
func (c *CSR) Bytes() int64 {
	return 4 * int64(len(c.Labels)+len(c.Weights)+len(c.Exposure)+len(c.Offsets)+len(c.Columns)+len(c.Values))
}

// Known returns the nonzeros of row i whose columns are among the first d, and the
// number of the others, which are its last ones.
func (c *CSR) Known(i, d int) (columns []uint32, values []float32, unknown int) {
	lo, hi := c.Offsets[i], c.Offsets[i+1]
	for hi > lo && int64(c.Columns[hi-1]) >= int64(d) {
		hi--
		unknown++
	}
	return c.Columns[lo:hi], c.Values[lo:hi], unknown
}

// Own returns the rows for which keep holds, over the columns below d that these have;
// the others are empty. Nonzeros beyond are of a place behind the last.
func (c *CSR) Own(keep func(i int) bool, d int64) *CSR {
	own := &CSR{FirstRow: c.FirstRow, Labels: c.Labels, Weights: c.Weights, Exposure: c.Exposure, Offsets: make([]uint32, 1, len(c.Offsets))}
	for i := range c.Rows() {
		if lo, hi := c.Offsets[i], c.Offsets[i+1]; keep(i) {
			own.Columns, own.Values = append(own.Columns, c.Columns[lo:hi]...), append(own.Values, c.Values[lo:hi]...)
		}
		own.Offsets = append(own.Offsets, uint32(len(own.Columns)))
	}
	own.Names = slices.Clone(own.Columns)
	slices.Sort(own.Names)
	own.Names = slices.Compact(own.Names)
	for n := len(own.Names); n > 0 && int64(own.Names[n-1]) >= d; n-- {
		own.Names = own.Names[:n-1]
	}
	for i, column := range own.Columns {
		place, _ := slices.BinarySearch(own.Names, column)
		own.Columns[i] = uint32(place)
	}
	return own
}

// Weight returns the weight of row i, of a CSR's or a Block's weights.
func Weight(weights []float32, i int) float64 {
	if weights == nil {
		return 1
	}
	return float64(weights[i])
}

// Row names one row of one of several CSRs.
type Row struct {
	Part uint32 // which CSR
	Row  uint32 // which of its rows
}
