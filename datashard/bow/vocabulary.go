package bow

import (
	"io"

	"parley/internal/param"
	"parley/internal/table"
)

// ReadVocabulary reads a vocabulary, one word a line, and returns the words: that
// of column i, whose id is i + 1, at index i. There have to be exactly as many as
// words says. name names the file in errors, which say the line.
func ReadVocabulary(r io.Reader, name string, words int64) ([]string, error) {
	in := newLines(r, name)
	var list []string
	lineOf := map[string]int64{}
	for {
		line, err := in.nextEntry("word")
		switch {
		case err == io.EOF && int64(len(list)) < words:
			return nil, param.Errorf(param.Invalid, "%s: has %d words, but the documents have %d: give the vocabulary that belongs to them", name, len(list), words)
		case err == io.EOF:
			return list, nil
		case err != nil:
			return nil, err
		case isBinary(line):
			return nil, in.errorf("is not text but binary data: give one word a line, in UTF-8")
		case int64(len(list)) >= words:
			return nil, in.errorf("has more words than the documents, which have %d: give the vocabulary that belongs to them", words)
		}
		word := string(line)
		if first, ok := lineOf[word]; ok {
			return nil, in.errorf("word %s is repeated, it is in line %d too: words must differ", table.Quote(word), first)
		}
		lineOf[word] = in.number
		list = append(list, word)
	}
}
