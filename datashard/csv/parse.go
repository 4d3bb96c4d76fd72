package csv

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"

	"parley/internal/table"
)

// Parser splits records into cells. The fields are set before its first use.
type Parser struct {
	Comma   byte  // between cells: ',' or '\t'
	Columns int   // cells that every record has, at least 1
	Want    []int // positions of the cells asked for, from 0: column i of a batch is cell Want[i]

	block []uint32 // ends of the cells of records without quotes that are not yet in the batch
	held  int      // their number
	cells []cell   // of the record at hand, if it has quotes
	clean []byte   // the text with cells whose doubled quotes are single, where there are such
	text  state
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
	if at != nil {
		at.Reset()
	}
	line, quote := 1, find(text, 0, '"')
	for i := 0; i < len(text); {
		if p.Columns > 1 && blank(text, i) {
			i, line = find(text, i, '\n')+1, line+1
			continue
		}
		if at != nil {
			at.Add(i, line)
		}
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
	if at != nil {
		at.Total = line - 1
	}
	p.flush(dst, text)
	if p.text.cleaned {
		text = p.clean
	}
	dst.End(text)
}

// begin makes room for as many rows as text has if none is bad; a short bad row
// may need more.
func (p *Parser) begin(dst *table.Batch, text []byte) {
	p.block = slices.Grow(p.block[:0], p.holds()*(p.Columns+1))
	p.block, p.held = p.block[:p.holds()*(p.Columns+1)], 0
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

const (
	lows = 0x0101010101010101
	most = 0x7F7F7F7F7F7F7F7F
)

// equal has the highest bit of each byte of word that equals the byte of pattern,
// and no other bits. (The shorter (x-lows)&^x&highs is right for the lowest such
// byte alone.)
func equal(word, pattern uint64) uint64 {
	x := word ^ pattern
	return ^((x&most + most) | x | most)
}

// load returns the eight bytes at text[i], those behind its end as newlines.
func load(text []byte, i int) uint64 {
	if i+8 <= len(text) {
		return binary.LittleEndian.Uint64(text[i:])
	}
	last := [8]byte{'\n', '\n', '\n', '\n', '\n', '\n', '\n', '\n'}
	copy(last[:], text[i:])
	return binary.LittleEndian.Uint64(last[:])
}

// split notes the ends of the cells of the record at text[i], and returns their
// number and where the record's newline is. It takes quotes for any other
// byte, so it gives up and returns len(text) once it is beyond text[quote].
// Eight bytes at a time are 3 times as fast as one.
func (p *Parser) split(text []byte, i, quote int) (cells, end int) {
	ends, commas := p.ends(p.held), lows*uint64(p.Comma)
	ends[0] = uint32(i - 1)
	for ; i <= quote; i += 8 {
		word := load(text, i)
		for stops := equal(word, commas) | equal(word, lows*'\n'); stops != 0; stops &= stops - 1 {
			stop := i + bits.TrailingZeros64(stops)>>3
			if cells++; cells < len(ends) {
				ends[cells] = uint32(stop)
			}
			if text[stop] == '\n' {
				return cells, stop
			}
		}
	}
	return cells, len(text)
}

// plain adds the record text[i:end] without quotes, whose cells split has found.
func (p *Parser) plain(dst *table.Batch, text []byte, i, end, cells int) {
	if cells != p.Columns {
		p.flush(dst, text)
		p.refuse(dst, text[i:end], "columns", p.wrongColumns(cells))
		return
	}
	if end > i && text[end-1] == '\r' { // if the last cell were empty, this would be a comma
		p.ends(p.held)[cells]--
	}
	if p.held++; p.held == p.holds() || p.text.suspect {
		p.flush(dst, text)
	}
}

// holds is the number of records that block has room for. To fill a column for
// many records is twice as fast as to fill a row for many columns, which are far
// apart in memory; the block stays in the first cache.
func (p *Parser) holds() int { return min(max(4096/(p.Columns+1), 8), 64) }

// ends are those of a record in block: cell k is between ends[k]+1 and ends[k+1].
func (p *Parser) ends(record int) []uint32 {
	return p.block[record*(p.Columns+1) : (record+1)*(p.Columns+1)]
}

// flush moves the records of block to the batch. It is one record if the text is
// suspect.
func (p *Parser) flush(dst *table.Batch, text []byte) {
	if p.held == 0 {
		return
	}
	first, last := dst.Rows, dst.Rows+p.held
	reserve(dst, last)
	for w, c := range p.Want {
		column := &dst.Columns[w]
		starts, ends, missing := column.Start[first:last], column.End[first:last], column.Missing[first:last]
		for row, k := 0, c; row < len(starts) && row < len(ends) && row < len(missing); row, k = row+1, k+p.Columns+1 {
			cell := p.block[k : k+2]
			start, end := cell[0]+1, cell[1]
			starts[row], ends[row], missing[row] = start, end, start == end
		}
	}
	if p.text.suspect {
		record := p.ends(0)
		p.accept(dst, text, text[record[0]+1:record[p.Columns]])
	} else {
		dst.Rows = last
	}
	p.held = 0
}

// reserve makes room for bad rows too, which begin did not count.
func reserve(dst *table.Batch, rows int) {
	if len(dst.Columns) > 0 && rows > len(dst.Columns[0].Start) {
		dst.Reserve(2 * rows)
	}
}

// quoted adds the record at text[i], which has quotes, and returns where the next
// one begins.
func (p *Parser) quoted(dst *table.Batch, text []byte, i int) int {
	reserve(dst, dst.Rows+1)
	begin, count, faulty, what := i, 0, 0, sound
	for more := new(cell); ; i++ {
		c := more // a cell too many
		if count < p.Columns {
			c = &p.cells[count]
		}
		c.scan(text, i, p.Comma)
		if count++; c.fault != sound && what == sound {
			faulty, what = count, c.fault
		}
		if i = c.stop; i == len(text) || text[i] == '\n' {
			break
		}
	}
	next := min(i+1, len(text))
	switch {
	case what != sound:
		p.refuse(dst, text[begin:next], "quote", wrongQuote(faulty, what))
	case count != p.Columns:
		p.refuse(dst, text[begin:next], "columns", p.wrongColumns(count))
	default:
		row := dst.Rows
		for w, c := range p.Want {
			column, cell := &dst.Columns[w], &p.cells[c]
			if cell.doubled {
				cell.end = p.undouble(text, cell.start, cell.end)
			}
			column.Start[row], column.End[row] = uint32(cell.start), uint32(cell.end)
			column.Missing[row] = cell.start == cell.end && !cell.quoted
		}
		p.accept(dst, text, text[begin:next])
	}
	return next
}

// undouble makes the doubled quotes of the cell text[start:end] single, in a copy
// of the text, where the cell keeps its start, and returns its end.
func (p *Parser) undouble(text []byte, start, end int) int {
	if !p.text.cleaned {
		p.clean, p.text.cleaned = append(p.clean[:0], text...), true
	}
	to := start
	for from := start; from < end; to++ {
		if p.clean[to] = text[from]; text[from] == '"' {
			from++
		}
		from++
	}
	return to
}
