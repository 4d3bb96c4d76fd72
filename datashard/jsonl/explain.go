package jsonl

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"parley/internal/table"
)

// wrongType returns what is wrong with the wanted fields, or "".
func (p *Parser) wrongType() (code, reason string) {
	for w, c := range p.cells {
		switch c.kind {
		case object:
			return "type", fmt.Sprintf("field %s is an object: name a field inside of it, as in %s", table.Quote(p.Want[w]), table.Quote(p.Want[w]+".key"))
		case array:
			return "type", fmt.Sprintf("field %s is an array: give text, a number, true, false or null", table.Quote(p.Want[w]))
		}
	}
	return "", ""
}

// explain returns why the scanner stopped, in a line that begins at text[begin].
func (s *scanner) explain(begin int) string {
	position := s.i - begin + 1
	rest := s.text[s.i:]
	switch {
	case s.reason != "":
		return fmt.Sprintf("byte %d: %s", position, s.reason)
	case bytes.HasPrefix(rest, byteOrderMark) && s.expect == "{":
		return "begins with a byte order mark: remove it, as only a file may begin with one"
	case rest[0] == '\n' || rest[0] == '\r' && rest[1] == '\n':
		return fmt.Sprintf("ends before byte %d, where %s must be: complete the line", position, s.expect)
	}
	what := rest[:1]
	if r, size := utf8.DecodeRune(rest); r != utf8.RuneError {
		what = rest[:size]
	}
	if s.expect == "{" {
		return fmt.Sprintf("byte %d is %s instead of {: give one JSON object a line", position, table.Quote(string(what)))
	}
	return fmt.Sprintf("byte %d is %s instead of %s: correct the line", position, table.Quote(string(what)), s.expect)
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

// notUTF8 says where a line is not.
func notUTF8(line []byte) string {
	i := 0
	for {
		r, size := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && size <= 1 {
			return fmt.Sprintf("byte %d is not UTF-8: convert the file to UTF-8", i+1)
		}
		i += size
	}
}
