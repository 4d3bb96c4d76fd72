package csv

import (
	"bytes"

	"parley/internal/table"
)

// Whole returns the length of the whole records that text begins with, each with
// its newline; text begins at a record. 0 means that the first one does not end
// within text.
func Whole(text []byte, comma byte) int {
	end := bytes.LastIndexByte(text, '\n') + 1
	text = text[:end]
	for quote := find(text, 0, '"'); quote < len(text); quote = find(text, quote, '"') {
		begin := bytes.LastIndexByte(text[:quote], '\n') + 1
		next, whole := skip(text, begin, comma)
		if !whole {
			return begin
		}
		quote = next
	}
	return end
}

// Rows notes in at where the records begin that Parse makes rows of, and empties
// it first. text is as in Parse.
func (p *Parser) Rows(at *table.Places, text []byte) {
	mustEnd(text)
	at.Reset()
	line, quote := 1, find(text, 0, '"')
	for i := 0; i < len(text); {
		next, lines := find(text, i, '\n')+1, 1
		if next > quote {
			next, _ = skip(text, i, p.Comma)
			lines = bytes.Count(text[i:next], newline)
			quote = find(text, next, '"')
		}
		if p.Columns == 1 || !blank(text, i) {
			at.Add(i, line)
		}
		i, line = next, line+lines
	}
	at.Total = line - 1
}

var newline = []byte{'\n'}
