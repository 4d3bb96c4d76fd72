// Package jsonl reads and writes text with one JSON object a line.
//
// Parser makes the fields asked for the columns of a table.Batch and checks the
// whole line, but builds no values. Fields lists the fields of a text, and
// AppendString, AppendNumber and their like write an object. Package datashard
// calls them with texts of whole lines. Cells stay text here; who needs a number
// reads one.
//
// A field is named by its key, or by the keys on the way to it with dots between
// them: "user.age" is age in the object user. If the line has a key with the whole
// name, dots and all, that one is the field. Keys of nested objects that have a
// dot, and what is inside of arrays, have no name.
//
// Functions are pure. One goroutine uses a Parser at a time.
package jsonl

import (
	"bytes"

	"parley/internal/table"
)

// Rows notes in at where the lines begin that Parse makes rows of: all that are not
// blank. It empties at first. text is whole lines, each with its newline.
func Rows(at *table.Places, text []byte) {
	mustEnd(text)
	at.Reset()
	for i := 0; i < len(text); {
		at.Total++
		begin := i
		if i = skipBlanks(text, i); text[i] != '\n' {
			at.Add(begin, at.Total)
		}
		i += bytes.IndexByte(text[i:], '\n') + 1
	}
}

// skipBlanks returns where the first byte at or behind text[i] is that is no blank
// within a line.
func skipBlanks(text []byte, i int) int {
	for text[i] == ' ' || text[i] == '\t' || text[i] == '\r' {
		i++
	}
	return i
}

// mustEnd panics if a text is not whole lines: the loops here stop at its last
// newline.
func mustEnd(text []byte) {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		panic("jsonl: text does not end in a newline")
	}
}
