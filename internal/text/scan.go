package text

import "unicode/utf8"

// A scanner cuts documents into terms: runs of two or more word characters, as
// the pattern (?u)\b\w\w+\b finds them, less the stop words, and runs of those
// joined by a space.
type scanner struct {
	fold     *[256]byte // what a byte becomes; space between words, high from 0x80
	lower    bool
	stop     *dictionary // nil: none
	least    int         // words in a term
	most     int
	kinds    *kindTable
	buf      []byte // words of the document, each with a space behind it
	starts   []int  // where the last words begin in buf, as many as most
	compact  int    // length of buf from which words that are done with are dropped
	emit     func(term []byte)
	document []byte
}

// high marks bytes that are no character by themselves. It is no word's byte.
const (
	between = ' '
	high    = 0xFF
)

var keepCase, foldCase = foldTable(false), foldTable(true)

func foldTable(lower bool) *[256]byte {
	t := new([256]byte)
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = high
		case asciiKind(rune(c))&kindWord == 0:
			t[c] = between
		case lower && asciiKind(rune(c))&kindUpper != 0:
			t[c] = byte(c) + 'a' - 'A'
		default:
			t[c] = byte(c)
		}
	}
	return t
}

// newScanner returns a scanner that gives each term to emit, which must not keep
// it.
func newScanner(o Options, emit func(term []byte)) *scanner {
	s := &scanner{fold: keepCase, lower: o.Lowercase, least: o.NGramMin, most: o.NGramMax, kinds: kinds(), compact: 1 << 16, emit: emit}
	if o.Lowercase {
		s.fold = foldCase
	}
	if o.Stop == "english" {
		s.stop = english()
	}
	return s
}

// scan emits the terms of doc. Terms that end at the same word follow one
// another, shorter ones first.
func (s *scanner) scan(doc []byte) {
	if cap(s.buf) > mostIdle {
		s.buf = nil // of a word, or words, out of the ordinary
	}
	s.document, s.buf, s.starts = doc, s.buf[:0], s.starts[:0]
	for i := 0; i < len(doc); {
		if s.fold[doc[i]] == between {
			i++
			continue
		}
		start := len(s.buf)
		next, points := s.word(doc, i)
		i = next
		if points < 2 || s.stop != nil && s.stop.find(s.buf[start:]) >= 0 {
			s.buf = s.buf[:start]
			continue
		}
		s.terms(start)
	}
	s.document = nil
}

// word appends the word at doc[i], which may be empty, to s.buf and returns
// where it ends and its length in code points.
func (s *scanner) word(doc []byte, i int) (next, points int) {
	buf, start := s.buf, len(s.buf)
	for ; i < len(doc); i++ {
		c := s.fold[doc[i]]
		if c == between || c == high {
			break
		}
		buf = append(buf, c)
	}
	s.buf, points = buf, len(buf)-start
	for i < len(doc) && s.fold[doc[i]] != between {
		c, size := utf8.DecodeRune(doc[i:])
		kind := s.kinds.of(c)
		if s.lower && kind&kindUpper != 0 {
			if c == 'İ' { // becomes i and a combining dot, which ends the word
				s.buf = append(s.buf, 'i')
				return i + size, points + 1
			}
			c = s.lowerAt(c, i)
		}
		i += size
		if kind&kindWord == 0 {
			break
		}
		s.buf, points = utf8.AppendRune(s.buf, c), points+1
	}
	return i, points
}

// lowerAt returns the lower case of c, which is at document[i].
func (s *scanner) lowerAt(c rune, i int) rune {
	switch {
	case c < utf8.RuneSelf:
		return rune(s.fold[c])
	case c == 'Σ':
		return s.kinds.sigma(s.document, i)
	}
	return lower(c)
}

// terms emits the terms that end with the word at s.buf[start:].
func (s *scanner) terms(start int) {
	if s.most == 1 {
		s.emit(s.buf[start:])
		s.buf = s.buf[:start]
		return
	}
	if len(s.starts) == s.most {
		copy(s.starts, s.starts[1:])
		s.starts = s.starts[:s.most-1]
	}
	s.starts = append(s.starts, start)
	for n := s.least; n <= len(s.starts); n++ {
		s.emit(s.buf[s.starts[len(s.starts)-n]:])
	}
	s.buf = append(s.buf, ' ')
	if len(s.buf) >= s.compact {
		s.drop()
	}
}

// drop forgets the words that no later term has, so that a long document needs
// little memory.
func (s *scanner) drop() {
	first := s.starts[0]
	s.buf = s.buf[:copy(s.buf, s.buf[first:])]
	for i := range s.starts {
		s.starts[i] -= first
	}
	s.compact = max(1<<16, 2*len(s.buf))
}
