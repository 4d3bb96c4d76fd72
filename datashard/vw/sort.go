package vw

import (
	"math"

	"parley/internal/batch"
)

// few is the most features that are sorted by insertion. Beyond, its quadratic
// time exceeds that of two or three passes over the counters of a radix.
const few = 40

// sorter puts the columns of a row in order. It keeps its tables between rows.
type sorter struct {
	from, to []uint64
	counts   [1 << 10]uint32
}

// sort sorts the row that begins at nonzero begin of dst, and ends at the last,
// by column, and sums the values of equal columns in the order of the text. It
// reports false, in a row that is to be dropped, if a sum is beyond a float32.
func (s *sorter) sort(dst *batch.CSR, begin, bits int) bool {
	columns, values := dst.Columns[begin:], dst.Values[begin:]
	if len(columns) <= few {
		insertion(columns, values)
	} else {
		s.radix(columns, values, bits)
	}
	n := 0
	for i := 1; i < len(columns); i++ {
		if columns[i] != columns[n] {
			n++
			columns[n], values[n] = columns[i], values[i]
		} else if values[n] += values[i]; math.Abs(float64(values[n])) > math.MaxFloat32 {
			return false
		}
	}
	dst.Columns, dst.Values = dst.Columns[:begin+n+1], dst.Values[:begin+n+1]
	return true
}

// insertion sorts a short row stably.
func insertion(columns []uint32, values []float32) {
	for i := 1; i < len(columns); i++ {
		column, value, j := columns[i], values[i], i
		for ; j > 0 && columns[j-1] > column; j-- {
			columns[j], values[j] = columns[j-1], values[j-1]
		}
		columns[j], values[j] = column, value
	}
}

// radix sorts a row stably, by digits of at most ten bits from the lowest on.
func (s *sorter) radix(columns []uint32, values []float32, bits int) {
	n := len(columns)
	if cap(s.from) < n {
		s.from, s.to = make([]uint64, n+n/2), make([]uint64, n+n/2)
	}
	from, to := s.from[:n], s.to[:n]
	for i, column := range columns {
		from[i] = uint64(column)<<32 | uint64(math.Float32bits(values[i]))
	}
	passes := (bits + 9) / 10
	width := (bits + passes - 1) / passes
	counts := s.counts[:1<<width]
	mask := uint64(len(counts) - 1)
	for pass := range passes {
		shift := 32 + pass*width
		clear(counts)
		for _, e := range from {
			counts[e>>shift&mask]++
		}
		sum := uint32(0)
		for d, c := range counts {
			counts[d] = sum
			sum += c
		}
		for _, e := range from {
			d := e >> shift & mask
			to[counts[d]] = e
			counts[d]++
		}
		from, to = to, from
	}
	for i, e := range from {
		columns[i], values[i] = uint32(e>>32), math.Float32frombits(uint32(e))
	}
}
