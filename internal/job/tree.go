package job

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// node is a value of the job file, with where it came from.
type node struct {
	at      position
	shape   shape
	tag     string  // of a scalar: !!int, !!str, ...
	text    string  // of a scalar, without quotes
	entries []entry // of a mapping
	items   []*node // of a list
}

type entry struct {
	key   string
	at    position
	value *node
}

type shape int

const (
	scalar shape = iota
	mapping
	list
)

// String describes the value for "must be X, not VALUE".
func (n *node) String() string {
	switch {
	case n.shape == mapping:
		return "a mapping"
	case n.shape == list:
		return "a list"
	case n.tag == "!!str":
		return fmt.Sprintf("%q", shorten(n.text))
	}
	return plain(n.text)
}

// isNull reports whether the value was left out or is null.
func (n *node) isNull() bool { return n.shape == scalar && n.tag == "!!null" }

// find returns the entry of a mapping with the key.
func (n *node) find(key string) *entry {
	i := slices.IndexFunc(n.entries, func(e entry) bool { return e.key == key })
	if i < 0 {
		return nil
	}
	return &n.entries[i]
}

// parse reads the job file into a tree. It returns nil when the text is no
// tree, and then it has reported why.
func (r *report) parse(text []byte) *node {
	if !r.readable(text) {
		return nil
	}
	doc := r.document(text, position{})
	if doc == nil {
		return nil
	}
	at := position{line: max(1, doc.Line), column: doc.Column}
	switch {
	case doc.Kind == 0 || doc.Kind == yaml.ScalarNode && doc.Value == "" && doc.ShortTag() == "!!null":
		r.add(position{}, "", "the file is empty; a job needs at least data.train.path, model.kind and output")
	case doc.Kind == yaml.AliasNode || doc.Kind == yaml.MappingNode:
		return r.convert(doc)
	default:
		r.add(at, "", "the file is not a mapping of keys; write lines such as \"output: runs/a9a\"")
	}
	return nil
}

// convert makes a checked tree of a document: nil after a fault that makes the
// rest pointless.
func (r *report) convert(doc *yaml.Node) *node {
	c := converter{report: r}
	tree := c.node(doc, "")
	if c.refused {
		return nil
	}
	return tree
}

// maxLine bounds a line of the job file, in bytes: the YAML library's time for a
// line grows with the square of its length (5 s for one of 1 MiB).
const maxLine = 64 << 10

// readable checks that text is text, and reports the first byte that is not.
func (r *report) readable(text []byte) bool {
	line := 1
	for i, start := 0, 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			r.add(position{line: line}, "", "byte 0x%02x is not UTF-8; save the job file as UTF-8 text", text[i])
			return false
		case c == '\n':
			line++
			start = i + 1
		case c == '\uFFFE' || c == '\uFFFF' || unicode.IsControl(c) && c != '\t' && c != '\r' && c != '\u0085':
			r.add(position{line: line}, "", "control character %U: this is not a text file; a job file is YAML", c)
			return false
		case i-start >= maxLine:
			r.add(position{line: line}, "", "this line is longer than 64 KiB; a job file is YAML of short lines")
			return false
		}
		i += size
	}
	return true
}

// document parses text as one YAML document: Kind 0 when it is empty, nil
// when it is broken. Of an override, at says which.
func (r *report) document(text []byte, at position) *yaml.Node {
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		r.add(at, "", "cannot be read as YAML: %v", err)
		return nil
	}
	var first, second yaml.Node
	if err = loader.Load(&first); errors.Is(err, io.EOF) {
		return &yaml.Node{}
	}
	if err == nil {
		err = loader.Load(&second)
	}
	switch {
	case err == nil:
		at.line = second.Line
		r.add(at, "", "a second document begins here; a job file holds one job, so remove it and what follows")
	case !errors.Is(err, io.EOF):
		r.broken(text, at, err)
	default:
		return first.Content[0]
	}
	return nil
}

// broken reports what the YAML parser did not understand.
func (r *report) broken(text []byte, at position, err error) {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		r.add(at, "", "broken YAML: %s", plain(err.Error()))
		return
	}
	at.line, at.column = e.Mark.Line, e.Mark.Column
	switch c := byteAt(text, e.Mark.Line, e.Mark.Column); {
	case strings.HasPrefix(e.Message, "unknown anchor"):
		r.add(at, "", "%s", aliasFault)
	case c == '\t' && strings.HasPrefix(e.Message, "found character"):
		r.add(at, "", "a tab in the indentation; YAML allows only spaces there")
	case strings.HasPrefix(e.Message, "found character") && c != 0:
		r.add(at, "", "broken YAML: a value cannot start with %c; put it in quotes", c)
	case e.ContextMsg != "" && e.ContextMark.Line > 0 && at.override == 0:
		r.add(at, "", "broken YAML: %s %s that starts on line %d", plain(e.Message), e.ContextMsg, e.ContextMark.Line)
	default:
		r.add(at, "", "broken YAML: %s", plain(e.Message))
	}
}

// byteAt returns a byte of text by its line and column, or 0.
func byteAt(text []byte, line, column int) byte {
	for ; line > 1; line-- {
		_, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
	}
	if column < 1 || column > len(text) {
		return 0
	}
	return text[column-1]
}
