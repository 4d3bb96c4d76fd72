package jsonl

import (
	"bytes"
	"unicode/utf8"
)

const (
	maxFields = 10_000
	maxName   = 1000 // bytes; a longer key is data and not a name
)

// Fields returns the names of the fields of text that are a string, number or
// truth value in some line, in the order of first sight, at most 10,000. Lines
// that are not JSON objects, keys of more than 1,000 bytes and fields that have
// no name do not count. text may begin with a byte order mark, and its last line
// may lack the newline.
func Fields(text []byte) []string {
	f := &fieldList{seen: make(map[string]bool)}
	text = bytes.TrimPrefix(text, byteOrderMark)
	whole := bytes.LastIndexByte(text, '\n') + 1
	f.lines(text[:whole])
	if whole < len(text) {
		f.lines(append(bytes.Clone(text[whole:]), '\n'))
	}
	return f.names
}

// fieldList gathers names.
type fieldList struct {
	names  []string
	seen   map[string]bool
	prefix []byte // of the members of the object at hand
	key    []byte
}

func (f *fieldList) lines(text []byte) {
	for i := 0; i < len(text) && len(f.names) < maxFields; {
		end := i + bytes.IndexByte(text[i:], '\n') + 1
		s, known := scanner{text: text, i: skipBlanks(text, i)}, len(f.names)
		f.prefix = f.prefix[:0]
		if !utf8.Valid(text[i:end]) || !s.line(f) {
			for _, name := range f.names[known:] {
				delete(f.seen, name)
			}
			f.names = f.names[:known]
		}
		i = end
	}
}

// member adds the name of a value, or those of its members.
func (f *fieldList) member(s *scanner, start, end int, escaped bool, depth int) bool {
	key := s.text[start:end]
	if escaped {
		f.key = append(f.key[:0], key...)
		key = f.key[:unescape(f.key, key)]
	}
	first := s.text[s.i]
	dotted := bytes.IndexByte(key, '.') >= 0
	if len(key) == 0 || len(f.prefix)+len(key) > maxName || dotted && (depth > 1 || first == '{') {
		return s.value(depth, nil)
	}
	before := len(f.prefix)
	f.prefix = append(f.prefix, key...)
	defer func() { f.prefix = f.prefix[:before] }()
	switch first {
	case '{':
		f.prefix = append(f.prefix, '.')
		return s.value(depth, f)
	case '[', 'n':
	default:
		f.add()
	}
	return s.value(depth, nil)
}

func (f *fieldList) add() {
	if !f.seen[string(f.prefix)] && len(f.names) < maxFields {
		name := string(f.prefix)
		f.seen[name] = true
		f.names = append(f.names, name)
	}
}
