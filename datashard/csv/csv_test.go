package csv

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"parley/internal/table"
)

const missing = "\x00missing" // no cell has a NUL byte

// rows returns the cells of a batch, nil for bad rows.
func rows(b *table.Batch) (all [][]string) {
	for i := range b.Rows {
		if b.Bad.Has(i) {
			all = append(all, nil)
			continue
		}
		row := []string{}
		for c := range b.Columns {
			if column := &b.Columns[c]; column.IsMissing(i) {
				row = append(row, missing)
			} else {
				row = append(row, string(column.Cell(i)))
			}
		}
		all = append(all, row)
	}
	return all
}

func upTo(n int) (want []int) {
	for i := range n {
		want = append(want, i)
	}
	return want
}

// parse parses text into all of its columns and checks what always holds.
func parse(t *testing.T, text string, comma byte, columns int) (*table.Batch, *table.Places) {
	t.Helper()
	p := &Parser{Comma: comma, Columns: columns, Want: upTo(columns)}
	b, at, only := new(table.Batch), new(table.Places), new(table.Places)
	p.Parse(b, at, []byte(text))
	if p.Rows(only, []byte(text)); !cmp.Equal(at, only) {
		t.Fatalf("%q: Parse and Rows differ: %s", text, cmp.Diff(at, only))
	}
	if len(at.Starts) != b.Rows || at.Total != strings.Count(text, "\n") {
		t.Fatalf("%q: %d rows, places %+v", text, b.Rows, at)
	}
	for i, start := range at.Starts {
		if line := strings.Count(text[:start], "\n") + 1; int(at.Lines[i]) != line {
			t.Fatalf("%q: row %d is in line %d, not %d", text, i, line, at.Lines[i])
		}
	}
	for _, bad := range b.Bad {
		for c := range b.Columns {
			if !b.Columns[c].IsMissing(bad.Row) {
				t.Fatalf("%q: bad row %d has a cell", text, bad.Row)
			}
		}
	}
	return b, at
}

func TestCells(t *testing.T) {
	for _, c := range []struct {
		text string
		want [][]string
	}{
		{"", nil},
		{"a,b\n", [][]string{{"a", "b"}}},
		{"a,b\r\nc,d\r\n", [][]string{{"a", "b"}, {"c", "d"}}},
		{",\n\"\",\n", [][]string{{missing, missing}, {"", missing}}},
		{",\r\n,\"\"\r\n", [][]string{{missing, missing}, {missing, ""}}},
		{"\n\r\na,b\n\n", [][]string{{"a", "b"}}},
		{"\"a,b\",\"c\nd\"\n", [][]string{{"a,b", "c\nd"}}},
		{"\"a\r\nb\",c\n", [][]string{{"a\r\nb", "c"}}},
		{"\"a\"\"b\",\"\"\"\"\nc,d\n", [][]string{{`a"b`, `"`}, {"c", "d"}}},
		{"\"\"\"\"\"\",x\n", [][]string{{`""`, "x"}}},
		{" a , b \n", [][]string{{" a ", " b "}}},
		{"a\rb,c\r\r\n", [][]string{{"a\rb", "c\r"}}},
		{"ä,日本\n", [][]string{{"ä", "日本"}}},
		{"a longer cell than eight bytes,and one more of these, which has spaces\n", nil},
		{"x\ny,\n", [][]string{nil, {"y", missing}}},
		{"x,y\"z,z\na,b\n", [][]string{nil, {"a", "b"}}},
		{"\"x\"y,\"\n,\"\na,b\n", [][]string{nil, {"a", "b"}}},
		{"a,b\nc,\"d\n\ne,f\n", [][]string{{"a", "b"}, nil}},
	} {
		b, _ := parse(t, c.text, ',', 2)
		if strings.HasPrefix(c.text, "a longer") {
			c.want = [][]string{nil} // three cells
		}
		if diff := cmp.Diff(c.want, rows(b)); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", c.text, diff)
		}
		tabs := strings.NewReplacer(",", "\t").Replace(c.text)
		b, _ = parse(t, tabs, '\t', 2)
		got := rows(b)
		for _, row := range got {
			for i := range row {
				row[i] = strings.ReplaceAll(row[i], "\t", ",")
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", tabs, diff)
		}
	}
}

func TestOneColumn(t *testing.T) {
	b, _ := parse(t, "a\n\n\r\n\"\"\r\nb,c\n\"d\"\n", ',', 1)
	want := [][]string{{"a"}, {missing}, {missing}, {""}, nil, {"d"}}
	if diff := cmp.Diff(want, rows(b)); diff != "" {
		t.Error(diff)
	}
}

// TestWant checks that columns come in the order asked, and that memory used
// again keeps nothing of the batch before.
func TestWant(t *testing.T) {
	p := &Parser{Comma: ',', Columns: 4, Want: []int{3, 0, 3}}
	b := new(table.Batch)
	p.Parse(b, nil, []byte("\n1,\"2\"\"\",\"3\"\"\",4\n,,,\nx\n"))
	if diff := cmp.Diff([][]string{{"4", "1", "4"}, {missing, missing, missing}, nil}, rows(b)); diff != "" {
		t.Error(diff)
	}
	p.Parse(b, nil, []byte("5,6,7,\"8\"\"\"\n"))
	if diff := cmp.Diff([][]string{{`8"`, "5", `8"`}}, rows(b)); diff != "" {
		t.Error(diff)
	}
	p.Want = nil
	if p.Parse(b, nil, []byte("1,2,3,4\nx\n")); b.Rows != 2 || len(b.Columns) != 0 || len(b.Bad) != 1 {
		t.Errorf("without columns: %+v", b)
	}
	p.Want = []int{1}
	if p.Parse(b, nil, nil); b.Rows != 0 || len(b.Columns) != 1 {
		t.Errorf("empty text: %+v", b)
	}
}

// TestShortRows puts good rows behind so many short ones that there is just no room
// left for them.
func TestShortRows(t *testing.T) {
	for n := range 20 {
		for _, good := range []string{"1,2,3,4,5\n", "\"1\",2,3,4,5\n"} {
			b, _ := parse(t, strings.Repeat("x\n", n)+good, ',', 5)
			if got := rows(b); len(got) != n+1 || !cmp.Equal(got[n], []string{"1", "2", "3", "4", "5"}) {
				t.Errorf("%q behind %d short rows: %q", good, n, got)
			}
		}
	}
}

// naive reads text with encoding/csv, which takes \r\n inside of quotes for \n and
// knows no missing cells.
func naive(text string, comma byte, columns int) ([][]string, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = rune(comma), columns
	return r.ReadAll()
}

// checkNaive compares the rows with those of encoding/csv, if it takes the text.
func checkNaive(t *testing.T, text string, comma byte, columns int) {
	t.Helper()
	b, _ := parse(t, text, comma, columns)
	want, err := naive(text, comma, columns)
	if err != nil {
		if len(b.Bad) == 0 {
			t.Fatalf("%q: encoding/csv refuses it: %v", text, err)
		}
		return
	}
	if !utf8.ValidString(text) || strings.Contains(text, "\x00") || strings.Contains(text, "\uFEFF") {
		return // encoding/csv does not mind
	}
	if len(b.Bad) > 0 {
		t.Fatalf("%q: %+v, encoding/csv takes it", text, b.Bad)
	}
	got := slices.DeleteFunc(rows(b), func(row []string) bool { return columns == 1 && row[0] == missing })
	for _, row := range got {
		for i, cell := range row {
			row[i] = strings.ReplaceAll(strings.TrimPrefix(cell, missing), "\r\n", "\n")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		t.Fatalf("%q: (-want +got)\n%s", text, diff)
	}
}

var texts = []string{
	"", "a,b\n", "a,b\r\n1,2\r\n", "\"a\"\"\",b\n", "\"a\nb\",\"\"\n,\n", "a\"b,c\nd,e\n", "\"a\"b,c\n\"d\ne,f\n", "\r\n\n,,\n", "\"a\r\nb\",\r\n",
	"a\tb\n", "\"\t\"\t\"\"\"\"\n", "\uFEFFa,b\n", "a,\x00\nb,c\n", "a,\xff\n\xff,\"\"\"\"\n", "\"\"\"\",\"\xff\"\"\"\n", "12345678,12345678\n1234567,\n",
	"1,-1\n,--\n\v,\v\n", "\t\b\t\b\n", strings.Repeat("x\n", 100), strings.Repeat("\"x\"\n", 100), "a,b\r", "\r\r\n,\"\r\n", ",,,,,,,,,,,,,,,,\n", "a,b\n" + strings.Repeat("1234567,", 3) + "\n",
}

func FuzzParse(f *testing.F) {
	for _, text := range texts {
		f.Add(text, false, uint8(2))
	}
	f.Fuzz(func(t *testing.T, text string, tabs bool, columns uint8) {
		comma := byte(',')
		if tabs {
			comma = '\t'
		}
		checkNaive(t, text+"\n", comma, int(columns%5)+1)
	})
}

func TestParseEqualsNaive(t *testing.T) {
	for _, text := range texts {
		for columns := 1; columns < 5; columns++ {
			checkNaive(t, text+"\n", ',', columns)
			checkNaive(t, text+"\n", '\t', columns)
		}
	}
}

// FuzzWhole checks that a text cut anywhere by Whole has the rows it has in one
// piece.
func FuzzWhole(f *testing.F) {
	for _, text := range texts {
		f.Add(text, uint8(3))
	}
	f.Fuzz(checkWhole)
}

func checkWhole(t *testing.T, text string, step uint8) {
	text += "\n"
	b, _ := parse(t, text, ',', 2)
	want := rows(b)
	var got [][]string
	for begin, end := 0, 0; begin < len(text); {
		end = min(max(end, begin)+int(step)+1, len(text))
		n := Whole([]byte(text[begin:end]), ',')
		if n == 0 && end == len(text) {
			n = end - begin // a quote that is never closed
		}
		b, _ := parse(t, text[begin:begin+n], ',', 2)
		got = append(got, rows(b)...)
		begin += n
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%q by %d: (-want +got)\n%s", text, step, diff)
	}
}

func TestWholeEqualsOnePiece(t *testing.T) {
	for _, text := range texts {
		for step := range 12 {
			checkWhole(t, text, uint8(step))
		}
	}
}

func TestWhole(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 0}, {"a,b", 0}, {"a\n", 2}, {"a\nb", 2}, {"a\n\"b\n", 2}, {"a\n\"b\n\"", 2}, {"a\n\"b\n\"\n", 7}, {"a\n\"b\n\"\n\"\"\"\n\n", 7},
		{"\"", 0}, {"\"\n", 0}, {"a\"b\nc\nd", 6},
	} {
		if got := Whole([]byte(c.text), ','); got != c.want {
			t.Errorf("Whole(%q) = %d, want %d", c.text, got, c.want)
		}
	}
}

// FuzzRoundTrip writes two rows of cells and reads them back.
func FuzzRoundTrip(f *testing.F) {
	for _, cell := range []string{"", "a", `"`, `a"b`, ",", "\t", "\n", "\r", "\r\n", " a", "a ", "\uFEFF", "\uFEFFa", "ä", missing} {
		f.Add(cell, "b", false)
	}
	f.Fuzz(func(t *testing.T, first, second string, tabs bool) {
		comma := byte(',')
		if tabs {
			comma = '\t'
		}
		cells := []string{first, second, missing, first}
		var text []byte
		for range 2 {
			for i, cell := range cells {
				if i > 0 {
					text = append(text, comma)
				}
				text = AppendCell(text, []byte(cell), comma, cell == missing)
			}
			text = append(text, '\n')
		}
		b, _ := parse(t, string(text), comma, 4)
		bad := false
		for _, cell := range cells {
			bad = bad || cell != missing && (!utf8.ValidString(cell) || strings.Contains(cell, "\x00"))
		}
		if bad != (len(b.Bad) > 0) {
			t.Fatalf("%q: %+v", text, b.Bad)
		}
		if diff := cmp.Diff([][]string{cells, cells}, rows(b)); !bad && diff != "" {
			t.Fatalf("%q: (-want +got)\n%s", text, diff)
		}
	})
}

func TestAppendCell(t *testing.T) {
	for _, c := range []struct{ cell, want string }{
		{"a", "a"}, {"", `""`}, {missing, ""}, {"a b", "a b"}, {" a", `" a"`}, {"a ", `"a "`}, {"a,b", `"a,b"`}, {`a"b"`, `"a""b"""`}, {"a\nb", "\"a\nb\""},
		{"\r", "\"\r\""}, {"a\tb", "a\tb"}, {"\t", "\"\t\""}, {"\uFEFF", "\"\uFEFF\""},
	} {
		if got := string(AppendCell([]byte("x"), []byte(c.cell), ',', c.cell == missing)); got != "x"+c.want {
			t.Errorf("%q: %s, want x%s", c.cell, got, c.want)
		}
	}
}

// TestMemory checks that rows without cells do not take the room of full ones
// at the start, and that a parser does not allocate by rows.
func TestMemory(t *testing.T) {
	p := &Parser{Comma: ',', Columns: 1000, Want: upTo(1000)}
	b := new(table.Batch)
	if p.Parse(b, nil, bytes.Repeat([]byte("\n"), 1<<20)); cap(b.Columns[0].Start) > 1<<11 {
		t.Errorf("room for %d rows of none", cap(b.Columns[0].Start))
	}
	text := []byte(strings.Repeat("12.5,abc,\"d\"\"\"\n", 1000))
	p, at := &Parser{Comma: ',', Columns: 3, Want: []int{0, 2}}, new(table.Places)
	p.Parse(b, at, text)
	if n := testing.AllocsPerRun(5, func() { p.Parse(b, at, text) }); n > 0 {
		t.Errorf("%v allocations for 1000 rows", n)
	}
}
