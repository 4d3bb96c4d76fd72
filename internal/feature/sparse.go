package feature

import (
	"parley/internal/batch"
	"parley/internal/table"
)

// ApplySparse changes rows whose features are there already, in place: counts of
// a bag of words become weights, values are scaled, columns are hashed. Rows that
// are bad, and those that it marks as bad, become empty.
func (a *Applier) ApplySparse(rows *batch.CSR, bad *table.BadRows) {
	r := &a.t.recipe
	write, begin := uint32(0), uint32(0)
	for row := range rows.Rows() {
		end := rows.Offsets[row+1]
		columns, values := rows.Columns[begin:end], rows.Values[begin:end]
		begin = end
		if !bad.Has(row) {
			if reason := r.notAllowed(rows.Labels[row]); reason != "" {
				bad.Mark(row, badLabel, reason)
			}
		}
		if bad.Has(row) {
			columns, values = nil, nil
		}
		columns, values = a.change(columns, values)
		copy(rows.Columns[write:], columns)
		copy(rows.Values[write:], values)
		write += uint32(len(columns))
		rows.Offsets[row+1] = write
	}
	rows.Columns, rows.Values = rows.Columns[:write], rows.Values[:write]
}

// change returns what becomes of the nonzeros of a row, in their place.
func (a *Applier) change(columns []uint32, values []float32) ([]uint32, []float32) {
	r := &a.t.recipe
	if a.encoder != nil {
		columns, values = a.encoder.Weigh(columns, values)
	}
	if scale := float32(r.Scale); scale != 1 {
		for i := range values {
			values[i] *= scale
		}
	}
	if r.HashBits > 0 {
		for i, column := range columns {
			columns[i] = hashed(uint64(column), r.HashBits)
		}
		n := a.sum(columns, values)
		columns, values = columns[:n], values[:n]
	}
	return columns, values
}

// hashed returns the hashed column of a feature id: the upper bits of the
// finalizer of MurmurHash3.
func hashed(id uint64, bits int) uint32 {
	id ^= id >> 33
	id *= 0xFF51AFD7ED558CCD
	id ^= id >> 33
	id *= 0xC4CEB9FE1A85EC53
	id ^= id >> 33
	return uint32(id >> (64 - bits))
}
