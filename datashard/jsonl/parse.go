package jsonl

import (
	"bytes"
	"fmt"
	"slices"
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
	places  table.Places // if nobody wants them
	invalid bool         // the text at hand is not all UTF-8
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
		at = &p.places
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
		code, reason = "duplicate", fmt.Sprintf("field %s is there twice: remove one", table.Quote(p.twice.name))
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
