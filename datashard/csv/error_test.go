package csv

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
	"parley/internal/table"
)

func TestBadRows(t *testing.T) {
	for _, c := range []struct {
		record string
		want   string // code and reason
	}{
		{"1,2,3,4", "columns: has 4 cells, the header has 3: correct the row"},
		{"1", "columns: has 1 cell, the header has 3: correct the row"},
		{" ", "columns: has 1 cell, the header has 3: correct the row"},
		{"1\t2\t3", "columns: has 1 cell, the header has 3: correct the row"},
		{`"1",2`, "columns: has 2 cells, the header has 3: correct the row"},
		{strings.Repeat(",", 100), "columns: has 101 cells, the header has 3: correct the row"},
		{`"1",` + strings.Repeat(",", 100), "columns: has 102 cells, the header has 3: correct the row"},
		{`1,5" disk,3`, "quote: cell 2 has a quote inside: put the cell in quotes and double those inside"},
		{`1, "2",3`, "quote: cell 2 has a quote inside: put the cell in quotes and double those inside"},
		{`1,2,3"`, "quote: cell 3 has a quote inside: put the cell in quotes and double those inside"},
		{`1,"2"x,3`, "quote: cell 2 goes on behind its closing quote: double the quotes inside of it"},
		{`1,"2" ,3`, "quote: cell 2 goes on behind its closing quote: double the quotes inside of it"},
		{`1,2,"3"` + "\r", ""},
		{`1,2,"3"` + "\rx", "quote: cell 3 goes on behind its closing quote: double the quotes inside of it"},
		{`1,"2"x,"3"y`, "quote: cell 2 goes on behind its closing quote: double the quotes inside of it"},
		{`1"1,2`, "quote: cell 1 has a quote inside: put the cell in quotes and double those inside"},
		{"1,\x00,3", "binary: has a NUL byte, so it is binary data or UTF-16: convert it to text in UTF-8"},
		{"1,\"\x00\",3", "binary: has a NUL byte, so it is binary data or UTF-16: convert it to text in UTF-8"},
		{"\x00\x00\x00", "binary: has a NUL byte, so it is binary data or UTF-16: convert it to text in UTF-8"},
		{"\xEF\xBB\xBF1,2,3", "binary: begins with a byte order mark: remove it, as only a file may begin with one"},
		{"\xEF\xBB\xBF\"1\",2,3", "binary: begins with a byte order mark: remove it, as only a file may begin with one"},
		{"1,\xEF\xBB\xBF2,3", ""},
		{"1,\xff,3", ""}, // nobody wants cell 2
		{"1,2,\xC3", "utf8: cell 3 is not UTF-8: convert the file to UTF-8"},
		{"M\xFCnchen,2,3", "utf8: cell 1 is not UTF-8: convert the file to UTF-8"},
		{"\"\"\"\xED\xA0\x80\",2,3", "utf8: cell 1 is not UTF-8: convert the file to UTF-8"},
		{"1,2,1e999", ""},
		{"1,2,\x01\x7F", ""},
	} {
		b := new(table.Batch)
		p := &Parser{Comma: ',', Columns: 3, Want: []int{0, 2}}
		p.Parse(b, nil, []byte("a,b,c\n"+c.record+"\nd,e,f\n"))
		got, all := "", rows(b)
		if len(b.Bad) > 0 {
			got = fmt.Sprintf("%s: %s", b.Bad[0].Code, b.Bad[0].Reason)
		}
		if got != c.want || len(b.Bad) > 1 || b.Rows != 3 {
			t.Errorf("%q: %d rows, %+v\n got %s\nwant %s", c.record, b.Rows, b.Bad, got, c.want)
		}
		if diff := cmp.Diff([][]string{{"a", "c"}, {"d", "f"}}, [][]string{all[0], all[2]}); diff != "" {
			t.Errorf("%q spoils other rows: %s", c.record, diff)
		}
	}
}

func TestUnclosed(t *testing.T) {
	const unclosed = "quote: cell 2 has a quote that is never closed: close it"
	for _, c := range []struct{ text, want string }{
		{"1,\"2,3\n4,5,6\n", unclosed},
		{"1,\"\n", unclosed},
		{"1,\"\"\"\n", unclosed},
		{"1,\"2\"\"\n\n\n", unclosed},
		{"1\",\"2\n", "quote: cell 1 has a quote inside: put the cell in quotes and double those inside"},
		{"1\x00,\"2\n", "binary: has a NUL byte, so it is binary data or UTF-16: convert it to text in UTF-8"},
	} {
		b, at := parse(t, "a,b,c\n"+c.text, ',', 3)
		if len(b.Bad) != 1 || b.Bad[0].Row != 1 || b.Rows != 2 || b.Bad[0].Code+": "+b.Bad[0].Reason != c.want || at.Starts[1] != 6 {
			t.Errorf("%q: %d rows, %+v", c.text, b.Rows, b.Bad)
		}
	}
}

func TestHeader(t *testing.T) {
	for _, c := range []struct {
		text  string
		names []string
		rest  string
	}{
		{"a,b\n1,2\n", []string{"a", "b"}, "1,2\n"},
		{"\xEF\xBB\xBFa,b\r\n1,2\n", []string{"a", "b"}, "1,2\n"},
		{"\xEF\xBB\xBF\"a\",b\n", []string{"a", "b"}, ""},
		{"\n\r\na\n\n", []string{"a"}, "\n"},
		{"a,b", []string{"a", "b"}, ""},
		{"a,\"b\"", []string{"a", "b"}, ""},
		{"\"a,\"\"b\"\"\", c ,ä\tb\n1", []string{`a,"b"`, " c ", "ä\tb"}, "1"},
	} {
		names, next, err := Header([]byte(c.text), ',')
		if err != nil || !cmp.Equal(names, c.names) || c.text[next:] != c.rest {
			t.Errorf("%q: %q, rest %q, %v", c.text, names, c.text[next:], err)
		}
	}
	long := strings.Repeat("x", longest-3)
	if names, next, err := Header([]byte(long+",y\n1,2\n"), ','); err != nil || len(names) != 2 || next != longest {
		t.Errorf("a header of 1 MiB: %d names, %d, %v", len(names), next, err)
	}
}

func TestHeaderErrors(t *testing.T) {
	const binary = "is not csv text in UTF-8 but binary data: name the columns in the first line"
	for _, c := range []struct{ text, want string }{
		{"", "no header line: name the columns in the first line"},
		{"\xEF\xBB\xBF\n\r\n\n", "no header line: name the columns in the first line"},
		{"a,,c\n", "column 2 has no name: name every column in the first line (or, if the file has no header, in columns)"},
		{"a,\n", "column 2 has no name: name every column in the first line (or, if the file has no header, in columns)"},
		{"a,b,c,b\n", `columns 2 and 4 are both named "b": rename one (or, if the file has no header, give their names in columns)`},
		{"0,1,\"0\"\n", `columns 1 and 3 are both named "0": rename one (or, if the file has no header, give their names in columns)`},
		{strings.Repeat("ä", 30) + "," + strings.Repeat("ä", 30),
			`columns 1 and 2 are both named "` + strings.Repeat("ä", 20) + `"...: rename one (or, if the file has no header, give their names in columns)`},
		{"a,\"b\nc,d\n", "header: cell 2 has a quote that is never closed: close it"},
		{"a,b\"c\n", "header: cell 2 has a quote inside: put the cell in quotes and double those inside"},
		{"\"a\"b,c\n", "header: cell 1 goes on behind its closing quote: double the quotes inside of it"},
		{"a,\"b\nc\"\n", `the name of column 2, "b\nc", has a control character or line break: rename it`},
		{"a,b\rc,d\r", `the name of column 2, "b\rc", has a control character or line break: rename it`},
		{"a\x00,b\n", binary},
		{"a\x00", binary},
		{"M\xFCnchen\n", binary},
		{"\x1F\x8B\b\x00\x00", binary + "; if it is compressed, its name must end in .gz"},
		{"\x28\xB5\x2F\xFD\x00\n", binary + "; if it is compressed, its name must end in .zst"},
		{strings.Repeat("x", longest) + "\n", "the header has more than 1048576 bytes: end it by a line break, and close its quotes"},
		{"\"" + strings.Repeat("x\n", longest), "the header has more than 1048576 bytes: end it by a line break, and close its quotes"},
		{strings.Repeat("\x00", longest), binary},
	} {
		_, _, err := Header([]byte(c.text), ',')
		if err == nil || err.Error() != c.want || param.KindOf(err) != param.Invalid {
			t.Errorf("%.40q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
	if _, _, err := Header([]byte("\xff"), '\t'); err == nil || !strings.HasPrefix(err.Error(), "is not tsv text") {
		t.Error(err)
	}
}

func FuzzHeader(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		names, next, err := Header([]byte(text), ',')
		if err != nil {
			return
		}
		var again []byte
		for i, name := range names {
			if i > 0 {
				again = append(again, ',')
			}
			again = AppendCell(again, []byte(name), ',', false)
		}
		if back, _, err := Header(again, ','); err != nil || !cmp.Equal(names, back) || next > len(text) {
			t.Fatalf("%q: %q, again %q, %v", text, names, back, err)
		}
	})
}
