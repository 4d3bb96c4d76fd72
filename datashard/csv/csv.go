// Package csv reads and writes text of separated cells: csv with commas and tsv
// with tabs, both quoted as RFC 4180 says.
//
// Header reads the names of the columns from the first line of a file, Parser
// splits the records behind it into the cells of a table.Batch, and AppendCell
// writes a cell. Package datashard calls them: it cuts a file into texts of
// whole records (Whole), notes where records begin (Parser.Rows) and has them
// split (Parser.Parse). Cells stay text here; who needs a number reads one.
//
// What ends a record does not depend on whether it is well formed: a quote opens
// only at the beginning of a cell, and only between an opening and its closing
// quote does a newline belong to a cell. So a stray quote inside a cell spoils one
// row and not those behind it.
//
// Functions are pure. One goroutine uses a Parser at a time.
package csv

import "bytes"

// fault is what is wrong with the quotes of a cell.
type fault uint8

const (
	sound    fault = iota
	bare           // a quote inside of a cell without quotes
	trailing       // text between the closing quote and the end of the cell
	unclosed
)

// A cell is text[start:end] without its quotes. It ends before text[stop], a comma
// or a newline, or at the end of the text if it is unclosed.
type cell struct {
	start, end, stop int
	quoted           bool
	doubled          bool // there are doubled quotes between start and end
	fault            fault
}

// scan makes c the cell at text[i]. text ends in a newline.
func (c *cell) scan(text []byte, i int, comma byte) {
	*c = cell{start: i}
	if text[i] == '"' {
		c.quoted = true
		c.start++
		if i = c.close(text); i < 0 {
			c.end, c.stop, c.fault = len(text), len(text), unclosed
			return
		}
		c.end = i
		i++
		if next := text[i]; next != comma && next != '\n' && (next != '\r' || text[i+1] != '\n') {
			c.fault = trailing
		}
	}
	for ; text[i] != comma && text[i] != '\n'; i++ {
		if text[i] == '"' && c.fault == sound {
			c.fault = bare
		}
	}
	c.stop = i
	if !c.quoted {
		if c.end = i; text[i] == '\n' && i > c.start && text[i-1] == '\r' {
			c.end--
		}
	}
}

// close returns where the closing quote of a quoted cell is, or -1.
func (c *cell) close(text []byte) int {
	for i := c.start; ; i += 2 {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return -1
		}
		if i += n; text[i+1] != '"' {
			return i
		}
		c.doubled = true
	}
}

// skip returns where the record behind the one at text[i] begins, and false if
// this one never ends because of a quote.
func skip(text []byte, i int, comma byte) (next int, whole bool) {
	for c := new(cell); ; i = c.stop + 1 {
		switch c.scan(text, i, comma); {
		case c.fault == unclosed:
			return len(text), false
		case text[c.stop] == '\n':
			return c.stop + 1, true
		}
	}
}

// find returns where the next c at or behind text[i] is, or len(text).
func find(text []byte, i int, c byte) int {
	if n := bytes.IndexByte(text[i:], c); n >= 0 {
		return i + n
	}
	return len(text)
}

// blank reports whether the line at text[i] is empty.
func blank(text []byte, i int) bool {
	return text[i] == '\n' || text[i] == '\r' && text[i+1] == '\n'
}

// mustEnd panics if a text is not whole lines: the loops here stop at its last
// newline.
func mustEnd(text []byte) {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		panic("csv: text does not end in a newline")
	}
}
