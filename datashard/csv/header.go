package csv

import (
	"bytes"
	"unicode/utf8"

	"parley/internal/param"
	"parley/internal/table"
)

// longest is the number of bytes that the first record may reach to.
const longest = 1 << 20

// Header reads the first record of a file. text is the beginning of the file, 1
// MiB at least or all of it. A byte order mark and empty lines before it are
// skipped. It returns the names of the columns and where in text the records
// begin. Errors are Invalid and leave the name of the file to the caller: there is
// no such line, it is longer than 1 MiB or not text, a name is empty or
// repeated, or a quote is not closed.
func Header(text []byte, comma byte) (names []string, next int, err error) {
	begin := 0
	if bytes.HasPrefix(text, byteOrderMark) {
		begin = len(byteOrderMark)
	}
	for begin < len(text) && (text[begin] == '\n' || text[begin] == '\r') {
		begin++
	}
	if begin == len(text) {
		return nil, 0, param.Errorf(param.Invalid, "no header line: name the columns in the first line")
	}
	record := text[begin:max(begin, min(len(text), longest))]
	if end := Whole(record, comma); end > 0 {
		record = record[:end]
	} else if len(text) >= longest {
		return nil, 0, tooLong(record, comma)
	}
	lines := append(bytes.Clone(record), '\n') // the last line of a file may lack it
	names, end, err := readNames(lines, comma)
	if err != nil {
		return nil, 0, err
	}
	return names, begin + min(end, len(record)), nil
}

// readNames reads the record that text begins with.
func readNames(text []byte, comma byte) (names []string, next int, err error) {
	var c cell
	for i := 0; ; i++ {
		c.scan(text, i, comma)
		column := len(names) + 1
		if err := checkName(text, c, column, comma); err != nil {
			return nil, 0, err
		}
		name := text[c.start:c.end]
		if c.doubled {
			name = bytes.ReplaceAll(name, []byte(`""`), []byte(`"`))
		}
		names = append(names, string(name))
		if i = c.stop; text[i] == '\n' {
			return names, i + 1, unique(names)
		}
	}
}

// checkName returns what is wrong with one name, if anything is.
func checkName(text []byte, c cell, column int, comma byte) error {
	name := text[c.start:c.end]
	switch {
	case bytes.IndexByte(name, 0) >= 0 || !utf8.Valid(name):
		return notText(text, comma)
	case c.fault != sound:
		return param.Errorf(param.Invalid, "header: %s", wrongQuote(column, c.fault))
	case len(name) == 0:
		return param.Errorf(param.Invalid, "column %d has no name: name every column in the first line (or, if the file has no header, in columns)", column)
	case bytes.ContainsFunc(name, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }):
		return param.Errorf(param.Invalid, "the name of column %d, %s, has a control character or line break: rename it", column, table.Quote(name))
	}
	return nil
}

// unique returns an error if two names are equal.
func unique(names []string) error {
	seen := make(map[string]int, len(names))
	for i, name := range names {
		if first, ok := seen[name]; ok {
			return param.Errorf(param.Invalid, "columns %d and %d are both named %s: rename one (or, if the file has no header, give their names in columns)",
				first+1, i+1, table.Quote([]byte(name)))
		}
		seen[name] = i
	}
	return nil
}

func tooLong(record []byte, comma byte) error {
	if bytes.IndexByte(record, 0) >= 0 {
		return notText(record, comma)
	}
	return param.Errorf(param.Invalid, "the header has more than %d bytes: end it by a line break, and close its quotes", longest)
}

// notText names the compression of a file that lacks its suffix, told by the first
// bytes.
func notText(text []byte, comma byte) error {
	format := "csv"
	if comma == '\t' {
		format = "tsv"
	}
	return param.Errorf(param.Invalid, "is not %s text in UTF-8 but binary data: name the columns in the first line%s", format, table.Disguise(text))
}
