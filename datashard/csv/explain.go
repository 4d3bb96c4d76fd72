package csv

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"parley/internal/table"
)

// accept counts the row whose cells have been filled in, if its bytes are those
// of text.
func (p *Parser) accept(dst *table.Batch, text, record []byte) {
	if p.text.suspect {
		code, reason := p.wrongBytes(record)
		if code == "" && p.text.invalid {
			code, reason = p.wrongCell(dst, text)
		}
		if code != "" {
			dst.Refuse(code, reason)
			return
		}
	}
	dst.Rows++
}

// refuse adds a bad row. That it is binary explains more than what has been found.
func (p *Parser) refuse(dst *table.Batch, record []byte, code, reason string) {
	if binary, why := p.wrongBytes(record); binary != "" {
		code, reason = binary, why
	}
	reserve(dst, dst.Rows+1)
	dst.Refuse(code, reason)
}

// wrongBytes returns what is wrong with a record as a whole, or "".
func (p *Parser) wrongBytes(record []byte) (code, reason string) {
	switch {
	case p.text.nul && !p.Written && bytes.IndexByte(record, 0) >= 0:
		return "binary", "has a NUL byte, so it is binary data or UTF-16: convert it to text in UTF-8"
	case p.text.marks && bytes.HasPrefix(record, byteOrderMark):
		return "binary", "begins with a byte order mark: remove it, as only a file may begin with one"
	}
	return "", ""
}

// wrongCell returns what is wrong with the encoding of the row behind the last
// one, or "".
func (p *Parser) wrongCell(dst *table.Batch, text []byte) (code, reason string) {
	if p.text.cleaned {
		text = p.clean
	}
	for w, c := range p.Want {
		column := &dst.Columns[w]
		if !utf8.Valid(text[column.Start[dst.Rows]:column.End[dst.Rows]]) {
			return "utf8", fmt.Sprintf("cell %d is not UTF-8: convert the file to UTF-8", c+1)
		}
	}
	return "", ""
}

func (p *Parser) wrongColumns(cells int) string {
	noun := "cells"
	if cells == 1 {
		noun = "cell"
	}
	if p.Named {
		return fmt.Sprintf("has %d %s, but %d columns are named: correct the row or the names", cells, noun, p.Columns)
	}
	return fmt.Sprintf("has %d %s, the header has %d: correct the row", cells, noun, p.Columns)
}

// wrongQuote says what is wrong with the quotes of a cell, counted from 1.
func wrongQuote(cell int, what fault) string {
	switch what {
	case bare:
		return fmt.Sprintf("cell %d has a quote inside: put the cell in quotes and double those inside", cell)
	case trailing:
		return fmt.Sprintf("cell %d goes on behind its closing quote: double the quotes inside of it", cell)
	}
	return fmt.Sprintf("cell %d has a quote that is never closed: close it", cell)
}
