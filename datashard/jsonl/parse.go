package jsonl

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"parley/internal/table"
)

// Parser makes columns of fields.
type Parser struct {
	Want []string // names of fields: column i of a batch is field Want[i]

	built []string // Want as root has it
	root  *node
	line  uint64 // number of lines so far: what nodes have seen this line
	cells []cell // of the line at hand
	twice *node  // a field that the line has more than once

	scan    scanner
	key     []byte // a key without its escapes
	clean   []byte // the text with cells whose escapes are gone, where there are such
	cleaned bool
	invalid bool // the text at hand is not all UTF-8
}

// cell is what a line has for a wanted field.
type cell struct {
	start, end int // in the text
	kind       kind
	whole      bool // the key was the whole name
}

type kind uint8

const (
	none    kind = iota // absent or null
	simple              // text[start:end]
	escaped             // text[start:end], with escapes
	object
	array
)

// node is a key that leads to wanted fields.
type node struct {
	p      *Parser
	name   string // with the keys before it
	kids   map[string]*node
	leaves []leaf
	seen   uint64
}

// leaf is a wanted field that ends at a node.
type leaf struct {
	column int
	whole  bool
}

// Parse makes dst the batch of the lines of text that are not blank: whole lines,
// each with its newline. It notes in at, which may be nil, where they begin.
//
// A string's cell is what it stands for, a number's as it is written; true and
// false are "true" and "false". A field that is null or absent is missing. Rows
// are bad with the codes "json" (or "utf8", the whole line is checked), "type"
// if a wanted field is an object or array, and "duplicate" if it is there twice.
// The cells lie in text or in memory of the parser: they are valid until either
// changes. dst's memory is used again; a batch takes 9 bytes for a row and column
// beside the text.
func (p *Parser) Parse(dst *table.Batch, at *table.Places, text []byte) {
	mustEnd(text)
	if p.root == nil || !slices.Equal(p.built, p.Want) {
		p.build()
	}
	if at == nil {
		at = new(table.Places)
	}
	at.Reset()
	dst.Begin(len(p.Want))
	p.cleaned, p.invalid = false, !utf8.Valid(text)
	for i := 0; i < len(text); {
		at.Total++
		begin := i
		if i = skipBlanks(text, i); text[i] == '\n' {
			i++
			continue
		}
		at.Add(begin, at.Total)
		i = p.row(dst, text, begin, i)
	}
	if p.cleaned {
		text = p.clean
	}
	dst.End(text)
}

// row adds the line at text[begin], whose first byte that is no blank is at
// text[i], and returns where the next one begins.
func (p *Parser) row(dst *table.Batch, text []byte, begin, i int) int {
	if len(dst.Columns) > 0 && dst.Rows == len(dst.Columns[0].Start) {
		dst.Reserve(2*dst.Rows + 64)
	}
	p.line++
	clear(p.cells)
	p.twice, p.scan = nil, scanner{text: text, i: i}
	ok := p.scan.line(p.root)
	next := p.scan.i + bytes.IndexByte(text[p.scan.i:], '\n') + 1
	code, reason := "", ""
	switch line := text[begin : next-1]; {
	case p.invalid && !utf8.Valid(line):
		code, reason = "utf8", notUTF8(line)
	case !ok:
		code, reason = "json", p.scan.explain(begin)
	case p.twice != nil:
		code, reason = "duplicate", fmt.Sprintf("field %s is there twice: remove one", quote(p.twice.name))
	default:
		code, reason = p.wrongType()
	}
	if code != "" {
		dst.Refuse(code, reason)
		return next
	}
	for w := range p.cells {
		p.fill(&dst.Columns[w], dst.Rows, &p.cells[w])
	}
	dst.Rows++
	return next
}

// line walks through a line, which is one object.
func (s *scanner) line(m members) bool {
	if s.text[s.i] != '{' {
		return s.fail("{")
	}
	if !s.value(0, m) {
		return false
	}
	s.skipBlanks()
	return s.text[s.i] == '\n' || s.fail("the end of the line")
}

// fill sets a cell of a column.
func (p *Parser) fill(column *table.Column, row int, c *cell) {
	if c.kind == escaped {
		if !p.cleaned {
			p.clean, p.cleaned = append(p.clean[:0], p.scan.text...), true
		}
		c.end = c.start + unescape(p.clean[c.start:c.end], p.scan.text[c.start:c.end])
	}
	column.Start[row], column.End[row], column.Missing[row] = uint32(c.start), uint32(c.end), c.kind == none
}

// build makes the nodes of the wanted fields.
func (p *Parser) build() {
	p.built, p.root = slices.Clone(p.Want), &node{p: p}
	p.cells = make([]cell, len(p.Want))
	for column, name := range p.Want {
		n := p.root.kid(name)
		n.leaves = append(n.leaves, leaf{column, true})
		keys := strings.Split(name, ".")
		if len(keys) == 1 {
			continue
		}
		n = p.root
		for _, key := range keys {
			n = n.kid(key)
		}
		n.leaves = append(n.leaves, leaf{column, false})
	}
}

// kid returns the node of a key below n, and makes it if there is none.
func (n *node) kid(key string) *node {
	if k := n.kids[key]; k != nil {
		return k
	}
	if n.kids == nil {
		n.kids = make(map[string]*node)
	}
	k := &node{p: n.p, name: key}
	if n.name != "" {
		k.name = n.name + "." + key
	}
	n.kids[key] = k
	return k
}

// member notes where the value is if it is wanted.
func (n *node) member(s *scanner, start, end int, escapedKey bool, depth int) bool {
	key := s.text[start:end]
	if escapedKey {
		p := n.p
		p.key = append(p.key[:0], key...)
		key = p.key[:unescape(p.key, key)]
	}
	k := n.kids[string(key)]
	if k == nil {
		return s.value(depth, nil)
	}
	if k.seen == k.p.line && k.p.twice == nil {
		k.p.twice = k
	}
	k.seen = k.p.line
	return k.value(s, depth)
}

func (n *node) value(s *scanner, depth int) bool {
	c, ok := cell{start: s.i, kind: simple}, true
	switch s.text[s.i] {
	case '"':
		var hasEscapes bool
		if c.start, c.end, hasEscapes, ok = s.quoted(); hasEscapes {
			c.kind = escaped
		}
		n.note(c)
		return ok
	case '{':
		c.kind = object
		if n.kids != nil {
			ok = s.value(depth, n)
			n.note(c)
			return ok
		}
	case '[':
		c.kind = array
	case 'n':
		c.kind = none
	}
	ok = s.value(depth, nil)
	c.end = s.i
	n.note(c)
	return ok
}

// note keeps a cell for the fields that end at n. A key that is the whole name
// stands before keys on a path.
func (n *node) note(c cell) {
	for _, l := range n.leaves {
		if c.whole = l.whole; l.whole || !n.p.cells[l.column].whole {
			n.p.cells[l.column] = c
		}
	}
}

// wrongType returns what is wrong with the wanted fields, or "".
func (p *Parser) wrongType() (code, reason string) {
	for w, c := range p.cells {
		switch c.kind {
		case object:
			return "type", fmt.Sprintf("field %s is an object: name a field inside of it, as in %s", quote(p.Want[w]), quote(p.Want[w]+".key"))
		case array:
			return "type", fmt.Sprintf("field %s is an array: give text, a number, true, false or null", quote(p.Want[w]))
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
		return fmt.Sprintf("byte %d is %s instead of {: give one JSON object a line", position, quote(string(what)))
	}
	return fmt.Sprintf("byte %d is %s instead of %s: correct the line", position, quote(string(what)), s.expect)
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

// quote quotes a part of the data for a message, escaped and cut short.
func quote(s string) string {
	const most = 40
	if len(s) <= most {
		return strconv.Quote(s)
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "..."
}
