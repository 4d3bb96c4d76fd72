package feature

import (
	"slices"
	"strconv"

	"github.com/twmb/murmur3"

	"parley/internal/table"
)

// maxUnique is the number of cells up to which it is counted which occur again.
const maxUnique = 50_000_000

// uniqueFit collects the cells of a column whose values must differ, in 8 bytes
// each. Whole numbers and short cells are kept as they are, so that they can be
// shown; others are hashed, so 50 million different cells are taken for the same
// somewhere with a probability of 1 in 3,700.
type uniqueFit struct {
	codes    []uint64
	overflow bool
}

// The upper bits of a code say what it is.
const (
	shortCode = iota << 62 // up to 7 bytes, the length above them
	wholeCode              // a whole number of up to 18 digits
	hashCode
)

const maxCoded = 7

func codeOf(cell []byte) uint64 {
	if len(cell) <= maxCoded {
		code := uint64(len(cell)) << 56
		for i, c := range cell {
			code |= uint64(c) << (8 * i)
		}
		return code
	}
	if len(cell) <= 18 && cell[0] != '0' {
		if v, ok := digits(cell, 0, len(cell)); ok {
			return wholeCode | uint64(v)
		}
	}
	return hashCode | murmur3.Sum64(cell)>>2
}

// textOf returns the cell of a code for a message.
func textOf(code uint64) string {
	switch code &^ (1<<62 - 1) {
	case shortCode:
		cell := make([]byte, min(maxCoded, code>>56))
		for i := range cell {
			cell[i] = byte(code >> (8 * i))
		}
		return table.Quote(cell)
	case wholeCode:
		return strconv.FormatUint(code&(1<<62-1), 10)
	}
	return "a long value"
}

func (u *uniqueFit) add(cell []byte) {
	if u.overflow {
		return
	}
	u.codes = append(u.codes, codeOf(cell))
	u.bound()
}

func (u *uniqueFit) bound() {
	if len(u.codes) > maxUnique {
		u.overflow, u.codes = true, nil
	}
}

func (u *uniqueFit) merge(v *uniqueFit) {
	if u.overflow = u.overflow || v.overflow; u.overflow {
		u.codes = nil
		return
	}
	u.codes = append(u.codes, v.codes...)
	u.bound()
}

// repeats returns how many cells are the same as another before them, and how
// often the first of those occurs.
func (u *uniqueFit) repeats() (rows int64, example uint64, times int64) {
	slices.Sort(u.codes)
	for i := 1; i < len(u.codes); i++ {
		if u.codes[i] != u.codes[i-1] {
			continue
		}
		if rows == 0 {
			example, times = u.codes[i], 1
		}
		if u.codes[i] == example {
			times++
		}
		rows++
	}
	return rows, example, times
}
