package jsonl

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

const (
	maxFields = 10_000
	maxName   = 1000 // bytes; a longer key is data and not a name
)

// Fields returns the names of the fields of text that are a string, number or
// truth value in some line, or null and never an object or array, in the order of
// first sight, at most 10,000. So a field that misses its value in the first lines
// has its place. Lines that are not JSON objects, keys of more than 1,000 bytes and
// fields that have no name do not count. text may begin with a byte order mark, and
// its last line may lack the newline.
func Fields(text []byte) []string {
	f := &fieldList{seen: make(map[string]sight)}
	text = bytes.TrimPrefix(text, byteOrderMark)
	whole := bytes.LastIndexByte(text, '\n') + 1
	f.lines(text[:whole])
	if whole < len(text) {
		f.lines(append(bytes.Clone(text[whole:]), '\n'))
	}
	return slices.DeleteFunc(f.names, func(name string) bool { return f.seen[name] == container })
}

// sight is what a field has been at most.
type sight uint8

const (
	never sight = iota
	null
	container // an object or array
	scalar
)

// fieldList gathers names.
type fieldList struct {
	names   []string // scalars, and what was null at first
	seen    map[string]sight
	changes []change // of seen, by the line at hand
	prefix  []byte   // of the members of the object at hand
	key     []byte
}

type change struct {
	name   string
	before sight
}

func (f *fieldList) lines(text []byte) {
	for i := 0; i < len(text) && len(f.names) < maxFields; {
		end := i + bytes.IndexByte(text[i:], '\n') + 1
		s, known := scanner{text: text, i: skipBlanks(text, i)}, len(f.names)
		f.prefix, f.changes = f.prefix[:0], f.changes[:0]
		if !utf8.Valid(text[i:end]) || !s.line(f) {
			for _, c := range slices.Backward(f.changes) {
				f.seen[c.name] = c.before
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
		f.add(container)
		f.prefix = append(f.prefix, '.')
		return s.value(depth, f)
	case '[':
		f.add(container)
	case 'n':
		f.add(null)
	default:
		f.add(scalar)
	}
	return s.value(depth, nil)
}

// add notes what the field at prefix is.
func (f *fieldList) add(now sight) {
	before := f.seen[string(f.prefix)]
	if now <= before {
		return
	}
	name := string(f.prefix)
	placed := before == null || before == container && slices.Contains(f.names, name)
	if now != container && !placed && len(f.names) < maxFields {
		f.names = append(f.names, name)
	}
	f.seen[name] = now
	f.changes = append(f.changes, change{name, before})
}
