package libsvm

import (
	"cmp"
	"slices"

	"parley/internal/batch"
	"parley/internal/decimal"
)

// feature is a hashed feature of the row that is being read.
type feature struct {
	column uint32
	value  float32
}

// hashed parses the features at text[i] into hashed columns, and does what row
// does with them.
func (p *Parser) hashed(dst *batch.CSR, label float32, text []byte, i int) int {
	p.order = p.order[:0]
	least, shift := uint64(0), 64-p.HashBits
	for {
		if i = skipBlanks(text, i); text[i]-'0' > 9 {
			break
		}
		begin, id := i, uint64(0)
		for ; text[i]-'0' <= 9; i++ {
			id = id*10 + uint64(text[i]-'0')
		}
		if i-begin > 18 {
			id = longID(text[begin:i])
		}
		if text[i] != ':' || id < least || id > 1<<63-1 {
			return -1
		}
		least = id + 1
		var value float32
		if value, i = decimal.Float32(text, i+1); i < 0 {
			return -1
		}
		p.order = append(p.order, feature{uint32(Hash(id) >> shift), value})
	}
	next := lineEnd(text, i)
	if next >= 0 {
		p.appendOrder(dst)
		dst.Labels, dst.Offsets = append(dst.Labels, label), append(dst.Offsets, uint32(len(dst.Columns)))
	}
	return next
}

// appendOrder appends the row's features by column. Those of one column are
// summed in the order of their ids, so that the sum has the same bits always.
func (p *Parser) appendOrder(dst *batch.CSR) {
	sortFeatures(p.order)
	for i, f := range p.order {
		if last := len(dst.Columns) - 1; i > 0 && dst.Columns[last] == f.column {
			dst.Values[last] += f.value
			continue
		}
		dst.Columns, dst.Values = append(dst.Columns, f.column), append(dst.Values, f.value)
	}
}

// sortFeatures sorts by column and keeps the order of equal ones. Rows are mostly
// short, where insertion is fastest.
func sortFeatures(s []feature) {
	if len(s) > 48 {
		slices.SortStableFunc(s, func(a, b feature) int { return cmp.Compare(a.column, b.column) })
		return
	}
	for i := 1; i < len(s); i++ {
		f, j := s[i], i
		for ; j > 0 && s[j-1].column > f.column; j-- {
			s[j] = s[j-1]
		}
		s[j] = f
	}
}

// Hash mixes an id to 64 bits of which any are equally good: the finaliser of
// MurmurHash3 (Appleby), a bijection.
func Hash(id uint64) uint64 {
	id = (id ^ id>>33) * 0xFF51AFD7ED558CCD
	id = (id ^ id>>33) * 0xC4CEB9FE1A85EC53
	return id ^ id>>33
}
