package csv

import "parley/internal/table"

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
