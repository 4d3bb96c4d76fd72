package libsvm

import (
	"strconv"

	"parley/internal/batch"
)

// Append appends row i of rows as a line; weights and exposures are not part of
// the format. What it writes reads back as the same bits.
func Append(dst []byte, rows *batch.CSR, i int, base Base) []byte {
	return AppendWeighted(dst, rows, i, base, false)
}

// AppendWeighted is Append with the row's weight behind the label, as
// Parser.Weighted reads it.
func AppendWeighted(dst []byte, rows *batch.CSR, i int, base Base, weighted bool) []byte {
	dst = appendFloat(dst, rows.Labels[i])
	switch {
	case weighted && rows.Weights == nil:
		dst = append(dst, " 1"...)
	case weighted:
		dst = appendFloat(append(dst, ' '), rows.Weights[i])
	}
	for j := rows.Offsets[i]; j < rows.Offsets[i+1]; j++ {
		dst = append(dst, ' ')
		dst = strconv.AppendUint(dst, uint64(rows.Columns[j])+uint64(base), 10)
		dst = append(dst, ':')
		dst = appendFloat(dst, rows.Values[j])
	}
	return append(dst, '\n')
}

// appendFloat writes whole numbers without an exponent, since most are small.
func appendFloat(dst []byte, x float32) []byte {
	if i := int32(x); float32(i) == x && -1e6 < x && x < 1e6 && (i != 0 || 1/x > 0) {
		return strconv.AppendInt(dst, int64(i), 10)
	}
	return strconv.AppendFloat(dst, float64(x), 'g', -1, 32)
}
