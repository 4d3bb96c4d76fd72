package feature

import (
	"encoding/binary"
	"math"
	"strconv"
)

// maxFine is the number of combinations with a number among them up to which the
// numbers are kept as they are; beyond, they are rounded to the grid of quantiles.
const maxFine = 1 << 20

// withBins reports whether a category has bins among its parts. Where the bins end
// is known after the fit alone, so a fit counts combinations with the number in
// their place.
func (r *recipe) withBins(i int) bool {
	for _, p := range r.Features[i].Parts {
		if p.Bins != nil {
			return true
		}
	}
	return false
}

// appendPart appends a part of a combination: its length and its bytes, so that
// no two combinations look alike.
func appendPart(key, value []byte) []byte {
	return append(binary.AppendUvarint(key, uint64(len(value))), value...)
}

// cutPart cuts the first part off a combination. It is false for what is none.
func cutPart(key string) (value, rest string, ok bool) {
	length, n := uint64(0), 0
	for shift := uint(0); ; shift += 7 {
		if n == len(key) || shift > 63 {
			return "", "", false
		}
		c := key[n]
		n++
		length |= uint64(c&0x7F) << shift
		if c < 0x80 {
			break
		}
	}
	if length > uint64(len(key)-n) {
		return "", "", false
	}
	return key[n : n+int(length)], key[n+int(length):], true
}

// partValue returns what a row has for a part of a category: valid until the next
// call. Bins are not among them.
func (b *binding) partValue(in *input, i, j, row int) []byte {
	clock, column := b.clocks[i][j], b.parts[i][j]
	if clock == 0 {
		return in.cell(column, row)
	}
	t := in.time(column)
	if t.states[row] != present {
		return append(in.scratch[:0], missing...)
	}
	in.scratch = strconv.AppendInt(in.scratch[:0], int64(t.values[row].part(clock)), 10)
	return in.scratch
}

// rawKey appends the name under which a fit counts a category that is more than
// the cells of a column.
func (b *binding) rawKey(key []byte, in *input, i, row int, coarse bool) []byte {
	parts := b.Features[i].Parts
	for j := range parts {
		var value []byte
		if bins := parts[j].Bins; bins == nil {
			value = b.partValue(in, i, j, row)
		} else if x := b.prepared[*bins][row]; x != x {
			value = append(in.scratch[:0], missing...)
		} else {
			bits := math.Float64bits(x + 0)
			if coarse {
				bits = onGrid(bits)
			}
			value = binary.LittleEndian.AppendUint64(in.scratch[:0], bits)
		}
		if len(parts) == 1 {
			return append(key, value...)
		}
		key = appendPart(key, value)
	}
	return key
}

// coarsen rounds the numbers in the names of combinations to the grid.
func (f *featureFit) coarsen(parts []part) {
	if f.coarse {
		return
	}
	fine := f.dictionary
	f.coarse, f.dictionary = true, newDictionary(fine.limit)
	if fine.full {
		f.dictionary.forget()
	}
	var key []byte
	for i, name := range fine.names {
		key = key[:0]
		for j := range parts {
			var value string
			value, name, _ = cutPart(name)
			if parts[j].Bins != nil && len(value) == 8 {
				bits := onGrid(binary.LittleEndian.Uint64([]byte(value)))
				key = appendPart(key, binary.LittleEndian.AppendUint64(nil, bits))
				continue
			}
			key = appendPart(key, []byte(value))
		}
		f.dictionary.add(key, fine.counts[i])
	}
}
