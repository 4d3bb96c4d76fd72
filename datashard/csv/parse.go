package csv

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"parley/internal/table"
)

// Parser splits records into cells. The fields are set before its first use.
type Parser struct {
	Comma   byte  // between cells: ',' or '\t'
	Columns int   // cells that every record has, at least 1
	Want    []int // positions of the cells asked for, from 0: column i of a batch is cell Want[i]
	// Named says that the job names the columns, not a header, for messages.
	Named bool
	// Written says that the text was made of typed cells: NUL bytes are theirs.
	Written bool

	// block has the ends of the cells of records without quotes that are not yet
	// in the batch. To fill a column for many records is twice as fast as to fill a
	// row for many columns, which are far apart in memory; the block stays in the
	// first cache.
	block []uint32
	room  int // records that block has room for
	held  int // records that it has

	cells  []cell       // of the record at hand, if it has quotes
	clean  []byte       // the text with cells whose doubled quotes are single, where there are such
	places table.Places // if nobody wants them
	text   state
}

// state is what Parse knows about the text at hand.
type state struct {
	cleaned bool // cells are in clean
	nul     bool // there are NUL bytes
	marks   bool // there are byte order marks
	invalid bool // there is invalid UTF-8
	suspect bool // one of these
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

// Parse makes dst the batch of the records of text: whole records, each with its
// newline; only a quote that is never closed may reach to the end. It notes in at,
// which may be nil, where they begin. Empty lines are no records, but with one
// column they are, and miss its cell.
//
// An empty cell without quotes is missing; "" is an empty text. Rows are bad with
// the codes "columns", "quote", "binary" and "utf8". The cells lie in text or in
// memory of the parser: they are valid until either changes. dst's memory is used
// again; a batch takes 9 bytes for a row and column beside the text.
func (p *Parser) Parse(dst *table.Batch, at *table.Places, text []byte) {
	mustEnd(text)
	p.begin(dst, text)
	if at == nil {
		at = &p.places
	}
	at.Reset()
	line, quote := 1, find(text, 0, '"')
	for i := 0; i < len(text); {
		if p.Columns > 1 && blank(text, i) {
			i, line = find(text, i, '\n')+1, line+1
			continue
		}
		at.Add(i, line)
		cells, end := p.split(text, i, quote)
		if end < quote {
			p.plain(dst, text, i, end, cells)
			i, line = end+1, line+1
			continue
		}
		p.flush(dst, text)
		next := p.quoted(dst, text, i)
		line += bytes.Count(text[i:next], newline)
		i, quote = next, find(text, next, '"')
	}
	at.Total = line - 1
	p.flush(dst, text)
	if p.text.cleaned {
		text = p.clean
	}
	dst.End(text)
}

// begin makes room for as many rows as text has if none is bad; a short bad row
// may need more.
func (p *Parser) begin(dst *table.Batch, text []byte) {
	p.room, p.held = min(max(4096/(p.Columns+1), 8), 64), 0
	p.block = slices.Grow(p.block[:0], p.room*(p.Columns+1))[:p.room*(p.Columns+1)]
	p.cells = slices.Grow(p.cells[:0], p.Columns)[:p.Columns]
	p.text = state{
		nul:     bytes.IndexByte(text, 0) >= 0,
		marks:   bytes.Contains(text, byteOrderMark),
		invalid: !utf8.Valid(text),
	}
	p.text.suspect = p.text.nul || p.text.marks || p.text.invalid
	dst.Begin(len(p.Want))
	dst.Reserve(min(bytes.Count(text, newline), len(text)/p.Columns))
}
