package csv

import (
	"encoding/binary"
	"math/bits"

	"parley/internal/table"
)

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
	if p.held++; p.held == p.room || p.text.suspect {
		p.flush(dst, text)
	}
}

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
