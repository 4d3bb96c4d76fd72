package feature

import (
	"fmt"
	"strconv"

	"github.com/twmb/murmur3"
)

// fill computes the slots of a feature.
func (a *Applier) fill(in *input, i int) {
	f, first, second := &a.binding.Features[i], &a.slots[2*i], &a.slots[2*i+1]
	first.columns, second.columns = sized(first.columns, in.b.Rows), second.columns[:0]
	switch f.Kind {
	case category:
		a.fillNames(in, i, first.columns)
		return
	case numeric:
		a.fillNumbers(in, i, first)
	case binned:
		a.fillBins(in, i, first.columns)
	}
	if b := &a.t.blocks[i]; b.Indicator {
		second.columns = sized(second.columns, in.b.Rows)
		column := b.base + uint32(b.width(f)) - 1
		if a.fixed != nil {
			column = a.fixed[i].indicator
		}
		for row, x := range a.binding.prepared[i] {
			second.columns[row] = none
			if x != x {
				second.columns[row] = column
			}
		}
	}
}

func (a *Applier) fillNumbers(in *input, i int, s *slot) {
	f, b := &a.binding.Features[i], &a.t.blocks[i]
	column := b.base
	if a.fixed != nil {
		column = a.fixed[i].number
	}
	s.values = sized(s.values, in.b.Rows)
	for row, x := range a.binding.prepared[i] {
		s.columns[row] = none
		if in.bad[row] {
			continue
		}
		v := b.mean(f)
		if x == x {
			v = b.value(f, x)
		}
		if tooLarge(v) {
			in.mark(row, "number", fmt.Sprintf("%s %s is too far from those of the training data", f.Column, in.cell(a.binding.features[i], row)))
			continue
		}
		if value := float32(v); value != 0 {
			s.columns[row], s.values[row] = column, value
		}
	}
}

func (a *Applier) fillBins(in *input, i int, columns []uint32) {
	b := &a.t.blocks[i]
	for row, x := range a.binding.prepared[i] {
		columns[row] = none
		switch {
		case in.bad[row] || x != x:
		case a.fixed != nil:
			columns[row] = a.fixed[i].bins[b.binOf(x)]
		default:
			columns[row] = b.base + uint32(b.binOf(x))
		}
	}
}

// fillNames looks names up, or hashes them.
func (a *Applier) fillNames(in *input, i int, columns []uint32) {
	f, b := &a.binding.Features[i], &a.t.blocks[i]
	if b.small != nil {
		a.fillClock(in, i, columns)
		return
	}
	rest := none
	if b.Other {
		rest = b.base + uint32(len(b.Values)/len(f.Parts))
	}
	plain := len(f.Parts) == 1 && f.Parts[0].Time == ""
	for row, bad := range in.bad {
		columns[row] = none
		if bad {
			continue
		}
		if a.fixed != nil {
			columns[row] = a.hashName(in, i, row)
			continue
		}
		var key []byte
		if plain {
			key = in.cell(a.binding.parts[i][0], row)
		} else {
			key = a.keyOf(in, i, row)
		}
		column, ok := b.index[string(key)] // not by block.column, which would copy the key
		if column += b.base; !ok {
			column = rest
		}
		columns[row] = column
	}
}

// fillClock is fillNames for a part of a time with few values.
func (a *Applier) fillClock(in *input, i int, columns []uint32) {
	b, t := &a.t.blocks[i], in.time(a.binding.parts[i][0])
	part, without := a.binding.clocks[i][0], b.column(missing, 1)
	for row, state := range t.states {
		switch {
		case in.bad[row]:
			columns[row] = none
		case state != present:
			columns[row] = without
		default:
			columns[row] = b.small[t.values[row].part(part)]
		}
	}
}

// keyOf returns the name of a category by which it is looked up.
func (a *Applier) keyOf(in *input, i, row int) []byte {
	parts := a.binding.Features[i].Parts
	if len(parts) == 1 {
		return a.binding.partValue(in, i, 0, row)
	}
	a.key = a.key[:0]
	for j := range parts {
		a.key = appendPart(a.key, a.valueOf(in, i, j, row))
	}
	return a.key
}

// valueOf returns a row's value of a part of a category.
func (a *Applier) valueOf(in *input, i, j, row int) []byte {
	bins := a.binding.Features[i].Parts[j].Bins
	if bins == nil {
		return a.binding.partValue(in, i, j, row)
	}
	x := a.binding.prepared[*bins][row]
	if x != x {
		return append(in.scratch[:0], missing...)
	}
	in.scratch = strconv.AppendInt(in.scratch[:0], int64(a.t.blocks[*bins].binOf(x)), 10)
	return in.scratch
}

// hashName returns the hashed column of "name=value".
func (a *Applier) hashName(in *input, i, row int) uint32 {
	a.key = append(a.key[:0], a.fixed[i].prefix...)
	for j := range a.binding.clocks[i] {
		if j > 0 {
			a.key = append(a.key, cross...)
		}
		a.key = append(a.key, a.valueOf(in, i, j, row)...)
	}
	return murmur3.Sum32(a.key) & a.masks
}
