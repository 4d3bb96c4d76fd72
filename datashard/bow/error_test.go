package bow

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"parley/internal/param"
)

func TestErrors(t *testing.T) {
	const header = " (the first three lines are the numbers of documents, words and counts)"
	const good = "3\n5\n4\n1 2 7\n" // one of four counts
	for _, c := range []struct{ text, labels, want string }{
		{"", "-", "docword.txt:1: ends within the header: the first three lines are the numbers of documents, words and counts"},
		{"3\n5\n", "-", "docword.txt:2: ends within the header: the first three lines are the numbers of documents, words and counts"},
		{"3\nx\n", "-", `docword.txt:2: number of words "x" is not a whole number: write it in plain decimal digits` + header},
		{"3 5 4\n", "-", `docword.txt:1: number of documents "3 5 4" is not a whole number: write it in plain decimal digits` + header},
		{"-1\n", "-", `docword.txt:1: number of documents "-1" is not a whole number: write it in plain decimal digits` + header},
		{"3\n5\n1234567890123456789\n", "-", `docword.txt:3: number of counts "1234567890123456789" is too large: it may have 18 digits` + header},
		{"2147483648\n5\n0\n", "-", "docword.txt:3: the header says 2147483648 documents, more than the limit of 2147483647"},
		{good + "1 3\n", "-", "docword.txt:5: has 2 fields: write document, word and count, with blanks between"},
		{good + "1 3 1 1\n", "-", "docword.txt:5: has 4 fields: write document, word and count, with blanks between"},
		{good + "1 3 x\n", "-", `docword.txt:5: count "x" is not a whole number: write it in plain decimal digits`},
		{good + "1 3 0.5\n", "-", `docword.txt:5: count "0.5" is not a whole number: write it in plain decimal digits`},
		{good + "1 3 -1\n", "-", `docword.txt:5: count "-1" is not a whole number: write it in plain decimal digits`},
		{good + "1 3 99999999999999999999\n", "-", `docword.txt:5: count "99999999999999999999" is too large: it may have 18 digits`},
		{"1048577\n1\n1023\n", "-", `docword.txt:3: the header says 1048577 documents, but only 1023 counts, so nearly all documents were empty: correct the header`},
		{good + "1 18446744073709551617 1\n", "-", `docword.txt:5: word "18446744073709551617" is too large: it may have 18 digits`},
		{good + "1 nan 1\n", "-", `docword.txt:5: word "nan" is not a whole number: write it in plain decimal digits`},
		{good + "1 3 0\n", "-", "docword.txt:5: count of word 3 in document 1 is 0: leave the line out"},
		{good + "0 3 1\n", "-", "docword.txt:5: documents and words are counted from 1: add 1 to all ids"},
		{good + "1 0 1\n", "-", "docword.txt:5: documents and words are counted from 1: add 1 to all ids"},
		{good + "4 3 1\n", "-", "docword.txt:5: document 4 is beyond the 3 that the header says"},
		{good + "1 6 1\n", "-", "docword.txt:5: word 6 is beyond the 5 that the header says"},
		{good + "2 1 1\n1 3 1\n", "-", "docword.txt:6: document 1 comes after 2: sort the lines by document"},
		{good + "1 2 1\n2 1 1\n", "-", "docword.txt:5: word 2 of document 1 is repeated, it is in line 4 too: add the two counts up"},
		{good + "1 4 1\n1 3 1\n1 4 1\n", "-", "docword.txt:7: word 4 of document 1 is repeated, it is in line 5 too: add the two counts up"},
		{"1\n1\n9\n1 1 1\n1 1 1\nnot read\n", "-", "docword.txt:5: word 1 of document 1 is repeated, it is in line 4 too: add the two counts up"},
		{good + "1 3 1\n", "-", "docword.txt: has 2 counts, but the header says 4: copy or download it again, or correct the header"},
		{good + "2 1 1\n2 2 1\n3 1 1\n3 2 1\n", "-", "docword.txt:8: is beyond the 4 counts that the header says"},
		{good + "1 3 \x00\n", "-", "docword.txt:5: is not a UCI bag of words but binary data: give a docword.txt, and if it is compressed, keep the suffix of its name"},
		{"\x1F\x8B\x08\xFF", "-", "docword.txt:1: is not a UCI bag of words but binary data: give a docword.txt, and if it is compressed, keep the suffix of its name"},
		{good + strings.Repeat("1", maxLine) + "\n", "-", "docword.txt:5: is longer than 1048576 bytes: is it the right file?"},
		{good + "1 3 " + strings.Repeat("ä", 30) + "\n", "-", `docword.txt:5: count "` + strings.Repeat("ä", 20) + `"... is not a whole number: write it in plain decimal digits`},
		{"2\n1\n0\n", "1\n", "labels.txt: has 1 labels, but docword.txt has 2 documents: give one label for each"},
		{"2\n1\n0\n", "1\n2\n3\n", "labels.txt:3: has more labels than docword.txt has documents, which is 2"},
		{"2\n1\n0\n", "1\n\n2\n", "labels.txt:2: is blank: write one label a line"},
		{"2\n1\n0\n", "1\nspam\n", `labels.txt:2: label "spam" is not a number: write it in plain decimal digits`},
		{"2\n1\n0\n", "1 2\n", `labels.txt:1: label "1 2" is not a number: write it in plain decimal digits`},
		{"2\n1\n0\n", "1\ninf\n", `labels.txt:2: label "inf" is not a number: write it in plain decimal digits`},
		{"2\n1\n0\n", "1\n1e39\n", `labels.txt:2: label "1e39" is beyond the range of 32-bit floats`},
		{"2\n1\n0\n", "\x00\n", "labels.txt:1: is not text but binary data: give one label a line"},
	} {
		_, err := convert(c.text, c.labels)
		if err == nil || err.Error() != c.want || param.KindOf(err) != param.Invalid {
			t.Errorf("%.60q:\n got %v (%v)\nwant %s", c.text, err, param.KindOf(err), c.want)
		}
	}
}

func TestErrorsOfStreams(t *testing.T) {
	damaged := errors.New("damaged")
	broken := io.MultiReader(strings.NewReader("1\n1\n1\n"), iotest.ErrReader(damaged))
	if err := Convert(io.Discard, broken, "x", nil, ""); !errors.Is(err, damaged) || err.Error() != "x:4: damaged" {
		t.Errorf("reading: %v", err)
	}
	if err := Convert(io.Discard, strings.NewReader("1\n0\n0\n"), "x", iotest.ErrReader(damaged), "y"); !errors.Is(err, damaged) || err.Error() != "y:1: damaged" {
		t.Errorf("reading labels: %v", err)
	}
	full := &limited{}
	if err := Convert(full, strings.NewReader("999999\n0\n0\n"), "x", nil, ""); !errors.Is(err, errFull) || err.Error() != "write the rows of x: full" {
		t.Errorf("writing: %v", err)
	}
}

// limited is a writer of so many bytes.
type limited struct {
	bytes.Buffer
	most int
}

var errFull = errors.New("full")

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > l.most {
		return 0, errFull
	}
	return l.Buffer.Write(p)
}
