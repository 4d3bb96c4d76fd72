package text

import (
	"sort"
	"sync"
	"unicode/utf8"
)

// What is a letter and what its lower case is follows Unicode 14 as Python 3.11
// has it, not package unicode: a model's columns must not change with the
// version of Go, and stay equal to scikit-learn's.

// kindWord and the others are bits of what a code point is.
const (
	kindWord      = 1 << iota // \w: letters, numbers and the underscore
	kindCased                 // has a case, for the rule of the final sigma
	kindIgnorable             // is passed over by that rule; never together with kindCased
	kindUpper                 // has another lower case
)

type kindRange struct {
	first, last rune
	kind        uint8
}

// lowerRange says that first, first+step, ... last have the lower case c+delta.
type lowerRange struct{ first, last, step, delta rune }

const pageBits = 8

// kindTable has kinds by code point in two steps: most pages are equal.
type kindTable struct {
	page  [(utf8.MaxRune + 1) >> pageBits]uint16
	pages [][1 << pageBits]uint8
}

func (t *kindTable) of(c rune) uint8 {
	return t.pages[t.page[c>>pageBits]][c&(1<<pageBits-1)]
}

// kinds is made when the first document comes: most processes need none.
var kinds = sync.OnceValue(func() *kindTable {
	flat := make([]uint8, utf8.MaxRune+1)
	for c := range rune(utf8.RuneSelf) {
		flat[c] = asciiKind(c)
	}
	for _, r := range kindRanges {
		for c := r.first; c <= r.last; c++ {
			flat[c] = r.kind
		}
	}
	t := &kindTable{}
	known := map[[1 << pageBits]uint8]uint16{}
	for i := range t.page {
		page := [1 << pageBits]uint8(flat[i<<pageBits:])
		at, ok := known[page]
		if !ok {
			at = uint16(len(t.pages))
			known[page], t.pages = at, append(t.pages, page)
		}
		t.page[i] = at
	}
	return t
})

func asciiKind(c rune) uint8 {
	switch {
	case 'A' <= c && c <= 'Z':
		return kindWord | kindCased | kindUpper
	case 'a' <= c && c <= 'z':
		return kindWord | kindCased
	case '0' <= c && c <= '9' || c == '_':
		return kindWord
	case c == '\'' || c == '.' || c == ':' || c == '^' || c == '`':
		return kindIgnorable
	}
	return 0
}

// lower returns the lower case of a code point of kindUpper from U+0080, but for
// U+0130 and U+03A3.
func lower(c rune) rune {
	i := sort.Search(len(lowerRanges), func(i int) bool { return lowerRanges[i].last >= c })
	return c + lowerRanges[i].delta
}

// sigma returns the lower case of the capital sigma at doc[i:i+2]: the final
// form behind a cased letter unless one follows, wherever words begin and end.
func (t *kindTable) sigma(doc []byte, i int) rune {
	if !t.casedBefore(doc[:i]) || t.casedAfter(doc[i+2:]) {
		return 'σ'
	}
	return 'ς'
}

func (t *kindTable) casedBefore(doc []byte) bool {
	for len(doc) > 0 {
		c, size := utf8.DecodeLastRune(doc)
		if kind := t.of(c); kind&kindIgnorable == 0 {
			return kind&kindCased != 0
		}
		doc = doc[:len(doc)-size]
	}
	return false
}

func (t *kindTable) casedAfter(doc []byte) bool {
	for len(doc) > 0 {
		c, size := utf8.DecodeRune(doc)
		if kind := t.of(c); kind&kindIgnorable == 0 {
			return kind&kindCased != 0
		}
		doc = doc[size:]
	}
	return false
}
