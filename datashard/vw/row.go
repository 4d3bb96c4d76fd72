package vw

import (
	"math"

	"parley/internal/batch"
	"parley/internal/decimal"
)

// row parses the line whose first byte that is not blank is text[i] and returns
// where the next line begins, or -1 if the line is malformed, and nothing is
// appended then. Every loop stops at the newline that ends the text, so nothing
// needs to ask for its end.
func (p *Parser) row(dst *batch.CSR, text []byte, i int) int {
	label, weight, i := p.head(text, i)
	if i < 0 {
		return -1
	}
	begin := len(dst.Columns)
	ascending := true
	for text[i] == '|' {
		space, scale, next := namespace(text, i+1)
		if next < 0 {
			break
		}
		var inOrder bool
		inOrder, i = p.features(dst, begin, text, next, space, scale)
		ascending = ascending && inOrder
		if i < 0 {
			break
		}
	}
	next := -1
	if i >= 0 {
		next = blankEnd(text, i)
	}
	if next >= 0 && !ascending && !p.sorter.sort(dst, begin, p.Bits) {
		next = -1
	}
	if next < 0 {
		dst.Columns, dst.Values = dst.Columns[:begin], dst.Values[:begin]
		return -1
	}
	finish(dst, label, weight)
	return next
}

// head parses what is before the first bar, from text[i] on: label, importance
// and tag. next is at the bar, or -1 if the head is malformed.
//
// A word that begins with ' or touches the bar is the tag, as Vowpal Wabbit has it:
// 1|a is a row without a label. What is before a tab Vowpal Wabbit skips as a key,
// so a word there is refused rather than taken for a label.
func (p *Parser) head(text []byte, i int) (label, weight float32, next int) {
	weight = 1
	words := 0
	for ; text[i] != '|'; words++ {
		end := wordEnd(text, i)
		after := skipBlanks(text, end)
		bar := text[after] == '|'
		if bar && (after == end || text[i] == '\'') {
			i = after
			break
		}
		number, numberEnd := decimal.Float32(text, i)
		if numberEnd != end || after == end || words > 1 || !bar && hasTab(text[end:after]) {
			return 0, 0, -1
		}
		if words == 0 {
			label = number
		} else if weight = number; weight < 0 {
			return 0, 0, -1
		}
		i = after
	}
	if words == 0 && !p.Unlabeled {
		return 0, 0, -1
	}
	return label, weight, i
}

// namespace parses what touches the bar before text[i]: the name, which becomes
// a hash, and the weight.
func namespace(text []byte, i int) (space uint32, scale float32, next int) {
	if text[i] <= ' ' || text[i] == '|' {
		return 0, 1, i
	}
	end := nameEnd(text, i)
	if end == i {
		return 0, 0, -1
	}
	space, scale = hash(text[i:end], 0), 1
	if text[end] == ':' {
		if scale, end = decimal.Float32(text, end+1); end < 0 {
			return 0, 0, -1
		}
	}
	if text[end] > ' ' && text[end] != '|' {
		return 0, 0, -1
	}
	return space, scale, end
}

// features appends the features of one namespace, from text[i] on, and returns
// the index of what follows them, or -1. inOrder says that the columns ascend
// strictly, those of the row before them included.
func (p *Parser) features(dst *batch.CSR, begin int, text []byte, i int, space uint32, scale float32) (inOrder bool, next int) {
	mask := uint32(1)<<p.Bits - 1
	columns, values := dst.Columns, dst.Values
	inOrder = true
	least := uint32(0) // least column that may follow in order
	if n := len(columns); n > begin {
		least = columns[n-1] + 1
	}
	for {
		i = skipBlanks(text, i)
		name, column := i, uint32(0)
		for ; text[i]-'0' <= 9; i++ {
			column = column*10 + uint32(text[i]-'0')
		}
		if !endsName[text[i]] {
			i = nameEnd(text, i)
			column = murmur(text[name:i], space)
		} else {
			if i == name { // no feature, but a bar or the end of the line
				dst.Columns, dst.Values = columns, values
				return inOrder, i
			}
			column += space
		}
		value := float32(1)
		if text[i] == ':' {
			if digit := text[i+1] - '0'; digit <= 9 && text[i+2] <= ' ' { // often 1
				value, i = float32(digit), i+2
			} else if value, i = decimal.Float32(text, i+1); i < 0 {
				return false, -1
			}
			if text[i] > ' ' && text[i] != '|' {
				return false, -1
			}
		}
		if scale != 1 {
			if value *= scale; math.Abs(float64(value)) > math.MaxFloat32 {
				return false, -1
			}
		}
		column &= mask
		inOrder = inOrder && column >= least
		least = column + 1
		columns, values = append(columns, column), append(values, value)
	}
}

// endsName has the bytes that end a name: blanks, other control bytes, which are
// refused later, the colon and the bar.
var endsName = func() (table [256]bool) {
	for c := range ' ' + 1 {
		table[c] = true
	}
	table[':'], table['|'] = true, true
	return table
}()

func nameEnd(text []byte, i int) int {
	for !endsName[text[i]] {
		i++
	}
	return i
}

func wordEnd(text []byte, i int) int {
	for text[i] > ' ' && text[i] != '|' {
		i++
	}
	return i
}

func skipBlanks(text []byte, i int) int {
	for text[i] == ' ' || text[i] == '\t' {
		i++
	}
	return i
}

func hasTab(blanks []byte) bool {
	for _, c := range blanks {
		if c == '\t' {
			return true
		}
	}
	return false
}

// blankEnd returns the start of the next line if nothing is left of this one,
// else -1.
func blankEnd(text []byte, i int) int {
	switch {
	case text[i] == '\n':
		return i + 1
	case text[i] == '\r' && text[i+1] == '\n':
		return i + 2
	}
	return -1
}
