package libsvm

import (
	"bytes"

	"parley/internal/decimal"
	"parley/internal/table"
)

// Peek is what the beginnings of rows tell.
type Peek struct {
	Labels []float32 // one a row; 0 where there is no number
	Zero   bool      // an id is 0
}

// Rows notes where the rows of text begin, without reading them. With peek, it
// reads each row's label and first id: ids ascend, so only the first can be 0.
func Rows(at *table.Places, peek *Peek, text []byte) {
	for i := 0; i < len(text); {
		at.Total++
		end := i + bytes.IndexByte(text[i:], '\n')
		begin := i
		if text[i] <= ' ' || text[i] == '#' {
			begin = skipBlanks(text, i)
		}
		if begin < end && lineEnd(text, begin) < 0 {
			at.Add(i, at.Total)
			if peek != nil {
				peek.row(text, begin)
			}
		}
		i = end + 1
	}
}

// row reads label and first id of the row that begins at text[i].
func (p *Peek) row(text []byte, i int) {
	label, next := decimal.Float32(text, i)
	if next < 0 {
		p.Labels = append(p.Labels, 0)
		return
	}
	p.Labels = append(p.Labels, label)
	next = skipBlanks(text, next)
	begin := next
	for text[next] == '0' {
		next++
	}
	p.Zero = p.Zero || next > begin && text[next] == ':'
}
