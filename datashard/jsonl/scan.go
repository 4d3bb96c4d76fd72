package jsonl

import (
	"encoding/binary"
	"math/bits"
)

// deepest is how many objects and arrays may be inside of one another.
const deepest = 64

// scanner walks through the JSON of a line. text ends in a newline, which no value
// contains, so that no loop has to ask for the end of the text. Methods return
// false at the first byte that JSON does not have there, and leave i at it.
type scanner struct {
	text   []byte
	i      int
	expect string // what there should be at i
	reason string // or what is wrong there, if more is to be said
}

// members is told of the members of an object.
type members interface {
	// member walks through the value at s.i of the key text[start:end], which may
	// have escapes. depth is that of the object.
	member(s *scanner, start, end int, escaped bool, depth int) bool
}

func (s *scanner) fail(expect string) bool {
	s.expect = expect
	return false
}

func (s *scanner) skipBlanks() { s.i = skipBlanks(s.text, s.i) }

// value walks through a value at depth, the number of objects and arrays around
// it. Members of an object are left to m unless it is nil.
func (s *scanner) value(depth int, m members) bool {
	switch c := s.text[s.i]; c {
	case '{':
		return s.object(depth+1, m)
	case '[':
		return s.array(depth + 1)
	case '"':
		_, _, _, ok := s.quoted()
		return ok
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		if c != '-' && c-'0' > 9 {
			return s.fail("a value")
		}
		return s.number()
	}
}

func (s *scanner) object(depth int, m members) bool {
	if !s.open(depth) {
		return false
	}
	if s.text[s.i] == '}' {
		s.i++
		return true
	}
	for {
		if s.text[s.i] != '"' {
			return s.fail("a key in quotes")
		}
		start, end, escaped, ok := s.quoted()
		if !ok {
			return false
		}
		if s.skipBlanks(); s.text[s.i] != ':' {
			return s.fail("a colon")
		}
		s.i++
		s.skipBlanks()
		if m != nil {
			ok = m.member(s, start, end, escaped, depth)
		} else {
			ok = s.value(depth, nil)
		}
		if !ok {
			return false
		}
		if more, ok := s.next('}', ", or }"); !more {
			return ok
		}
	}
}

func (s *scanner) array(depth int) bool {
	if !s.open(depth) {
		return false
	}
	if s.text[s.i] == ']' {
		s.i++
		return true
	}
	for {
		if !s.value(depth, nil) {
			return false
		}
		if more, ok := s.next(']', ", or ]"); !more {
			return ok
		}
	}
}

// open passes the bracket of an object or array.
func (s *scanner) open(depth int) bool {
	if depth > deepest {
		s.reason = "more than 64 objects or arrays are inside of one another: make the line flatter"
		return false
	}
	s.i++
	s.skipBlanks()
	return true
}

// next passes what follows an element: a comma, and then there are more, or the
// closing bracket.
func (s *scanner) next(closing byte, expect string) (more, ok bool) {
	s.skipBlanks()
	switch s.text[s.i] {
	case ',':
		s.i++
		s.skipBlanks()
		return true, true
	case closing:
		s.i++
		return false, true
	}
	return false, s.fail(expect)
}

func (s *scanner) literal(word string) bool {
	for k := range len(word) {
		if s.text[s.i] != word[k] {
			return s.fail(word)
		}
		s.i++
	}
	return true
}

func (s *scanner) number() bool {
	if s.text[s.i] == '-' {
		s.i++
	}
	if s.text[s.i] == '0' {
		s.i++ // and no digit behind it: what follows a value is no digit
	} else if !s.digits() {
		return false
	}
	if s.text[s.i] == '.' {
		s.i++
		if !s.digits() {
			return false
		}
	}
	if s.text[s.i]|0x20 != 'e' {
		return true
	}
	s.i++
	if s.text[s.i] == '+' || s.text[s.i] == '-' {
		s.i++
	}
	return s.digits()
}

// digits passes one digit or more.
func (s *scanner) digits() bool {
	begin := s.i
	for s.text[s.i]-'0' <= 9 {
		s.i++
	}
	return s.i > begin || s.fail("a digit")
}

// quoted passes a string and returns where it is, without its quotes.
func (s *scanner) quoted() (start, end int, escaped, ok bool) {
	s.i++
	start = s.i
	for {
		s.i = plain(s.text, s.i)
		switch s.text[s.i] {
		case '"':
			s.i++
			return start, s.i - 1, escaped, true
		case '\\':
			if escaped = true; !s.escape() {
				return 0, 0, false, false
			}
		default:
			if s.text[s.i] == '\n' {
				return 0, 0, false, s.fail("a closing quote")
			}
			return 0, 0, false, s.fail("the escape of a control character")
		}
	}
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns where the first quote, backslash or control character at or behind
// text[i] is. Of eight bytes, the lowest bit of each of the three terms is
// right; bits above it may be wrong, as a borrow passes through them.
func plain(text []byte, i int) int {
	for ; i+8 <= len(text); i += 8 {
		word := binary.LittleEndian.Uint64(text[i:])
		quote, slash := word^lows*'"', word^lows*'\\'
		stops := ((quote-lows)&^quote | (slash-lows)&^slash | (word-lows*' ')&^word) & highs
		if stops != 0 {
			return i + bits.TrailingZeros64(stops)>>3
		}
	}
	for text[i] >= ' ' && text[i] != '"' && text[i] != '\\' {
		i++
	}
	return i
}
