package csv

import "bytes"

// AppendCell appends a cell so that Parse reads it back, but not the comma or
// newline behind it, and returns the extended slice. A missing cell is empty; an
// empty text is "". Quotes are put around cells with a comma, quote or line
// break, and around those that begin or end with a blank, which other readers
// drop. The cell must be UTF-8 without NUL, or Parse will refuse its row.
func AppendCell(dst []byte, cell []byte, comma byte, missing bool) []byte {
	switch {
	case missing:
		return dst
	case !needsQuotes(cell, comma):
		return append(dst, cell...)
	}
	dst = append(dst, '"')
	for {
		n := bytes.IndexByte(cell, '"')
		if n < 0 {
			break
		}
		dst = append(append(dst, cell[:n+1]...), '"')
		cell = cell[n+1:]
	}
	return append(append(dst, cell...), '"')
}

func needsQuotes(cell []byte, comma byte) bool {
	if len(cell) == 0 {
		return true
	}
	for _, c := range cell {
		if c == comma || c == '"' || c == '\n' || c == '\r' {
			return true
		}
	}
	first, last := cell[0], cell[len(cell)-1]
	return first == ' ' || first == '\t' || last == ' ' || last == '\t' || bytes.HasPrefix(cell, byteOrderMark)
}
