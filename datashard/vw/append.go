package vw

import (
	"strconv"

	"parley/internal/batch"
)

// Append appends one row to dst as a line of vw text: the label, the importance
// unless it is 1, and the features in the default namespace, values that are 1
// left out. name gives each column a name; bytes that a name must not have
// become _. A nil name writes the columns as numbers, which a Parser of enough
// bits reads as the same columns.
func Append(dst []byte, rows *batch.CSR, row int, name func(column uint32) string) []byte {
	dst = appendFloat(dst, rows.Labels[row])
	if rows.Weights != nil && rows.Weights[row] != 1 {
		dst = appendFloat(append(dst, ' '), rows.Weights[row])
	}
	dst = append(dst, ' ', '|')
	for i := rows.Offsets[row]; i < rows.Offsets[row+1]; i++ {
		dst = append(dst, ' ')
		if column := rows.Columns[i]; name == nil {
			dst = strconv.AppendUint(dst, uint64(column), 10)
		} else {
			dst = appendName(dst, name(column))
		}
		if value := rows.Values[i]; value != 1 {
			dst = appendFloat(append(dst, ':'), value)
		}
	}
	return append(dst, '\n')
}

// appendFloat writes the fewest digits that read back as the same bits.
func appendFloat(dst []byte, x float32) []byte {
	return strconv.AppendFloat(dst, float64(x), 'g', -1, 32)
}

func appendName(dst []byte, name string) []byte {
	if name == "" {
		return append(dst, '_')
	}
	for i := range len(name) {
		c := name[i]
		if endsName[c] {
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}
