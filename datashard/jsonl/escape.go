package jsonl

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// escape passes an escape; one of a high surrogate together with that of the low
// one.
func (s *scanner) escape() bool {
	switch s.text[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return true
	case 'u':
	default:
		s.i++
		return s.fail(`one of " \ / b f n r t u`)
	}
	begin := s.i
	first, ok := s.unit()
	if !ok || !utf16.IsSurrogate(first) {
		return ok
	}
	if s.text[s.i] == '\\' && s.text[s.i+1] == 'u' {
		second, ok := s.unit()
		if !ok {
			return false
		}
		if utf16.DecodeRune(first, second) != utf8.RuneError {
			return true
		}
	}
	s.i = begin
	s.reason = "the escape of half a surrogate pair stands alone: write both halves, or the letter itself"
	return false
}

// unit passes \u and four hexadecimal digits.
func (s *scanner) unit() (unit rune, ok bool) {
	s.i += 2
	for range 4 {
		digit := hexadecimal(s.text[s.i])
		if digit < 0 {
			return 0, s.fail("a hexadecimal digit")
		}
		unit = unit<<4 | digit
		s.i++
	}
	return unit, true
}

func hexadecimal(c byte) rune {
	switch {
	case c-'0' <= 9:
		return rune(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

// unescape writes a string, which a scanner has passed, without its escapes to dst
// and returns its length. It is never longer than with them, and dst may be
// the string itself.
func unescape(dst, from []byte) int {
	n := 0
	for {
		run := bytes.IndexByte(from, '\\')
		if run < 0 {
			return n + copy(dst[n:], from)
		}
		n += copy(dst[n:], from[:run])
		s := scanner{text: from, i: run}
		if from[run+1] != 'u' {
			dst[n] = short[from[run+1]]
			n, from = n+1, from[run+2:]
			continue
		}
		r, _ := s.unit()
		if utf16.IsSurrogate(r) {
			low, _ := s.unit()
			r = utf16.DecodeRune(r, low)
		}
		n += utf8.EncodeRune(dst[n:], r)
		from = from[s.i:]
	}
}

// short has what the escapes of one letter stand for.
var short = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
