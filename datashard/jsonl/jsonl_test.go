package jsonl

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/table"
)

const missing = "\xffmissing" // no cell is invalid UTF-8

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

// parse parses text and checks what always holds.
func parse(t *testing.T, text string, want ...string) *table.Batch {
	t.Helper()
	p, b, at, only := &Parser{Want: want}, new(table.Batch), new(table.Places), new(table.Places)
	p.Parse(b, at, []byte(text))
	if Rows(only, []byte(text)); !cmp.Equal(at, only) {
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
	return b
}

func TestCells(t *testing.T) {
	for _, c := range []struct{ line, a, ab, abc string }{
		{`{}`, missing, missing, missing},
		{"\t{ }\r", missing, missing, missing},
		{`{"a":null}`, missing, missing, missing},
		{`{"a":""}`, "", missing, missing},
		{`{"a":"x y"}`, "x y", missing, missing},
		{`{ "a" : -12.50e+3 , "b" : [ ] }`, "-12.50e+3", missing, missing},
		{`{"a":1e999,"b":[1,[],{},{"a":2,"a":3},"a",null]}`, "1e999", missing, missing},
		{`{"a":true}`, "true", missing, missing},
		{`{"b":{"a":1},"a":false}`, "false", missing, missing},
		{`{"\u0061":"\"\\\/\b\f\n\r\t"}`, "\"\\/\b\f\n\r\t", missing, missing},
		{`{"a":"\u00e4\u20AC\uD83D\uDE00\u0000x"}`, "ä€😀\x00x", missing, missing},
		{`{"a":"ä€😀"}`, "ä€😀", missing, missing},
		{`{"a.b":1}`, missing, "1", missing},
		{`{"a.b":1,"a.b.c":2,"a":3}`, "3", "1", "2"},
		{`{"a.b":{"c":2}}`, missing, "", ""},
		{`{"x":{"a":1}}`, missing, missing, missing},
		{`{"a":[{"b":1}]}`, "", "", ""},
	} {
		text := c.line + "\n\n{\"a\":\"\\n\"}\n"
		want := [][]string{{c.a, c.ab, c.abc}, {"\n", missing, missing}}
		if c.ab == "" {
			want[0] = nil
		}
		if diff := cmp.Diff(want, rows(parse(t, text, "a", "a.b", "a.b.c"))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.line, diff)
		}
	}
}

func TestNested(t *testing.T) {
	for _, c := range []struct{ line, ab, abc string }{
		{`{"a":{"b":"x"}}`, "x", missing},
		{`{"a":{"b":null}}`, missing, missing},
		{`{"a":{"c":{"b":1},"b":2}}`, "2", missing},
		{`{"a":{"b":1},"a.b":2}`, "2", missing},
		{`{"a.b":2,"a":{"b":1}}`, "2", missing},
		{`{"a.b":null,"a":{"b":1}}`, missing, missing},
		{`{"a.b":"whole","a":{"b":{"c":"path"}}}`, "whole", "path"},
		{`{"a":{"b":{"c":1}},"a.b":0,"a.b.c":2}`, "0", "2"},
		{`{"a":{"b.c":1}}`, missing, missing},
		{`{"a":1}`, missing, missing},
		{`{"a":[1]}`, missing, missing},
	} {
		if diff := cmp.Diff([][]string{{c.ab, c.abc, c.ab}}, rows(parse(t, c.line+"\n", "a.b", "a.b.c", "a.b"))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.line, diff)
		}
	}
}

// TestAgain checks that memory used again keeps nothing of the batch before.
func TestAgain(t *testing.T) {
	p, b := &Parser{Want: []string{"b", "a"}}, new(table.Batch)
	for _, c := range []struct {
		text string
		want [][]string
	}{
		{"{\"a\":\"\\t\",\"b\":1}\n[]\n", [][]string{{"1", "\t"}, nil}},
		{"{\"a\":2}\n", [][]string{{missing, "2"}}},
		{"\n \n", nil},
		{"", nil},
	} {
		if p.Parse(b, nil, []byte(c.text)); !cmp.Equal(c.want, rows(b)) {
			t.Error(cmp.Diff(c.want, rows(b)))
		}
	}
	p.Want = []string{"c"}
	if p.Parse(b, nil, []byte("{\"c\":3}\n")); !cmp.Equal([][]string{{"3"}}, rows(b)) {
		t.Error("another field", rows(b))
	}
	p.Want = nil
	if p.Parse(b, nil, []byte("{\"c\":3}\n{\n")); b.Rows != 2 || len(b.Columns) != 0 || len(b.Bad) != 1 {
		t.Errorf("no field: %+v", b)
	}
}

// naive returns the wanted fields of a line with encoding/json.
func naive(line string, want []string) (row []string, ok bool) {
	var all map[string]any
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	if !json.Valid([]byte(line)) || d.Decode(&all) != nil || all == nil {
		return nil, false
	}
	for _, name := range want {
		value, whole := all[name]
		if !whole {
			value = all
			for _, key := range strings.Split(name, ".") {
				inside, _ := value.(map[string]any)
				value = inside[key]
			}
		}
		switch value.(type) {
		case nil:
			row = append(row, missing)
		case map[string]any, []any:
			return nil, true
		default:
			row = append(row, fmt.Sprint(value))
		}
	}
	return row, true
}

var surrogate = regexp.MustCompile(`(?i)\\ud[89a-f]`)

func checkNaive(t *testing.T, text string) {
	t.Helper()
	want := []string{"a", "b", "a.b", "a.b.c", "a"}
	b := parse(t, text, want...)
	got, i := rows(b), 0
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if strings.Trim(line, " \t\r") == "" {
			continue
		}
		row, ok := naive(line, want)
		var bad table.Bad
		for _, b := range b.Bad {
			if b.Row == i {
				bad = b
			}
		}
		switch {
		case bad.Code == "" || bad.Code == "type":
			if !ok || !cmp.Equal(row, got[i], cmpopts.EquateEmpty()) {
				t.Fatalf("%q: %q, encoding/json has %q, %v", line, got[i], row, ok)
			}
		case bad.Code == "utf8" && utf8.ValidString(line),
			bad.Code == "json" && ok && !surrogate.MatchString(line) && strings.Count(line, "[")+strings.Count(line, "{") <= deepest,
			bad.Code == "duplicate" && !ok:
			t.Fatalf("%q: %+v, encoding/json has %q, %v", line, bad, row, ok)
		}
		i++
	}
	Fields([]byte(text)) // does not panic
}

var lines = []string{
	`{}`, `{"a":1}`, `{"a":"x","b":null}`, `{"a":{"b":1}}`, `{"a":{"b":{"c":"\u00e4"}}}`, `{"a.b":1,"a":{"b":2}}`, `{"a":1,"a":2}`, `{"b":[1,{"a":[]}]}`,
	`{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `{"a":"\ude00\ud83d"}`, `{"a":"\ud83d\u0041"}`, `[]`, `1`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`,
	`{"a":+1}`, `{"a":tru}`, `{"a":nulll}`, `{"a":NaN}`, `{'a':1}`, `{"a":1,}`, `{"a":[1,]}`, `{"a" 1}`, `{"a":1}}`, `{"a":1} x`, `{"a":"x`, `{"a":"\x"}`, `{"a":"\u12g4"}`,
	"{\"a\":\"\t\"}", "{\"a\":\"\x00\"}", "{\"a\":\"\xff\"}", "\uFEFF{}", "{\"a\":\"12345678\\\"12345678\",\"b\":\"\x7F\"}", `{"b":-0.0e-0,"a":"12345678901234567890"}`,
	strings.Repeat(`{"a":`, 63) + `{}` + strings.Repeat(`}`, 63), strings.Repeat(`{"b":`, 64) + `{}` + strings.Repeat(`}`, 64), `{"b":` + strings.Repeat("[", 100000),
	"{\"a\":\"<\u2028é\xED\xA0\x80\"}", `{"a":1}{"b":2}`, `null`, `""`, `{"":1}`, `{"a":"\u0000"}`, `{"\u0061.b":5}`,
}

func TestParseEqualsNaive(t *testing.T) {
	for _, line := range lines {
		for cut := range min(len(line), 200) + 1 {
			checkNaive(t, line[:cut]+"\n")
		}
		checkNaive(t, "{\"a\":\"\\\\\"}\n \r\n"+line+"\n"+line+"\r\n{\"a\":1}\n")
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range lines {
		if len(line) < 1000 {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, text string) { checkNaive(t, text+"\n") })
}

func TestFields(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"{\"b\":1,\"a\":\"x\"}\n\n{\"c\":true,\"a\":2}\n", []string{"b", "a", "c"}},
		{"\uFEFF{\"a\":1}\n{\"b\":1}", []string{"a", "b"}},
		{"{\"a\":1}\n{\"b\":", []string{"a"}},
		{"{\"a\":1,\"b\":2\n{\"b\":1,\"a\":2}\n", []string{"b", "a"}},
		{`{"a":null,"b":{"c":1,"d":{"e":false,"f":null}},"g":[{"h":1}]}`, []string{"a", "b.c", "b.d.e", "b.d.f"}},
		{"{\"a\":null,\"b\":1,\"c\":null,\"d\":null}\n{\"c\":2,\"d\":[],\"a\":{\"b\":null}}\n", []string{"b", "c", "a.b"}},
		{"{\"a\":null}\n{\"a\":[]}\n{\"b\":[]}\n{\"c\":1,\"a\":2,\"b\":3}\n", []string{"a", "c", "b"}},
		{"{\"b\":1}\n{\"a\":null,\"b\":[],\"c\":1\n{\"c\":null,\"a\":1}\n", []string{"b", "c", "a"}},
		{"{\"a\":null}\n{\"a\":[}\n", []string{"a"}},
		{"{\"a\":[]}\n{\"a\":null}\n", nil},
		{`{"a":{"b":1},"a.b":2}`, []string{"a.b"}},
		{`{"a.b":{"c":1},"d":{"e.f":1},"":1,"g":{"":2},"":{"h":3}}`, nil},
		{`{"\u00e4":1}` + "\n[]\n{\"x\":\"\xff\"}\n", []string{"ä"}},
		{fmt.Sprintf(`{"%s":1,"%s":2}`, strings.Repeat("x", 1000), strings.Repeat("y", 1001)), []string{strings.Repeat("x", 1000)}},
		{fmt.Sprintf(`{"%s":{"y":1}}`, strings.Repeat("x", 999)), nil},
	} {
		names := Fields([]byte(c.text))
		if diff := cmp.Diff(c.want, names); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", c.text, diff)
		}
		b := parse(t, strings.TrimPrefix(c.text, "\uFEFF")+"\n", names...)
		for i, name := range names {
			if !slices.Contains(b.Columns[i].Missing, false) && !strings.Contains(c.text, `":null`) {
				t.Errorf("%q: no row has %s", c.text, name)
			}
		}
	}
	var text strings.Builder
	for i := range 12_000 {
		fmt.Fprintf(&text, "{\"f%d\":1}\n", i)
	}
	if names := Fields([]byte(text.String())); len(names) != 10_000 || names[9_999] != "f9999" {
		t.Errorf("%d names of 12,000", len(names))
	}
}

// FuzzRoundTrip writes a line and reads it back, here and with encoding/json.
func FuzzRoundTrip(f *testing.F) {
	for _, text := range []string{"", "a", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "ä€😀", "\u2028\uFFFD", "\xff", "a\xED\xA0\x80b"} {
		f.Add(text, "name", 1.5, float32(0.1))
	}
	for _, number := range []float64{0, math.Copysign(0, -1), 1e21, 999999999999999999999, 1e-6, 9.9e-7, 5e-324, math.MaxFloat64, math.Inf(-1), math.NaN()} {
		f.Add("", "", number, float32(number))
	}
	f.Fuzz(func(t *testing.T, text, name string, number float64, single float32) {
		line := AppendString(nil, name+"1", true, []byte(text))
		line = AppendNumber(line, name+"2", false, number)
		line = AppendNumbers(line, name+"3", false, []float32{single, single})
		line = AppendBool(line, name+"4", false, len(text) > 0)
		line = AppendNull(line, name+"5", false)
		line = append(AppendNumbers(line, name+"6", false, []int(nil)), "}\n"...)
		var back map[string]any
		if err := json.Unmarshal(line, &back); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		clean := func(s string) string { return strings.Join(strings.Split(string([]rune(s)), ""), "") }
		float := func(v float64) any {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil
			}
			return v
		}
		name = clean(name)
		want := map[string]any{name + "1": clean(text), name + "2": float(number), name + "4": len(text) > 0, name + "5": nil, name + "6": []any{}}
		for _, v := range back[name+"3"].([]any) {
			if v, ok := v.(float64); ok && float32(v) != single {
				t.Fatalf("%q: %g, want %g", line, v, single)
			}
		}
		delete(back, name+"3")
		if diff := cmp.Diff(want, back); diff != "" {
			t.Fatalf("%q: (-want +got)\n%s", line, diff)
		}
		got := rows(parse(t, string(line), name+"1", name+"4", name+"5"))
		if diff := cmp.Diff([][]string{{clean(text), fmt.Sprint(len(text) > 0), missing}}, got); diff != "" {
			t.Fatalf("%q: (-want +got)\n%s", line, diff)
		}
	})
}

func TestAppend(t *testing.T) {
	line := AppendNumber(nil, "a", true, 1e6)
	line = AppendNumber(line, "b\"", false, float32(0.1))
	line = AppendNumber(line, "c", false, 0.1)
	line = AppendNumber(line, "d", false, int64(math.MinInt64))
	line = AppendNumber(line, "e", false, float32(math.Inf(1)))
	line = AppendNumbers(line, "f", false, []uint32{1, math.MaxUint32})
	line = AppendNumbers(line, "g", false, []float64{1e-7, math.NaN(), -1e300})
	line = AppendString(line, "h", false, []byte("\x01\xff"))
	const want = `{"a":1000000,"b\"":0.1,"c":0.1,"d":-9223372036854775808,"e":null,"f":[1,4294967295],"g":[1e-07,null,-1e+300],"h":"\u0001` + "\uFFFD\""
	if string(line) != want {
		t.Errorf("\n got %s\nwant %s", line, want)
	}
}

// TestMemory checks that blank lines take no room and that a parser does not
// allocate by rows.
func TestMemory(t *testing.T) {
	p, b, at := &Parser{Want: []string{"text", "id", "a.b"}}, new(table.Batch), new(table.Places)
	if p.Parse(b, at, []byte(strings.Repeat("\n", 1<<20))); cap(b.Columns[0].Start) > 0 {
		t.Errorf("room for %d rows of none", cap(b.Columns[0].Start))
	}
	text := []byte(strings.Repeat(`{"id":12,"a":{"b":1.5},"x":[1,{"y":2}],"te\u0078t":"some\nlines"}`+"\n", 1000))
	p.Parse(b, at, text)
	if n := testing.AllocsPerRun(5, func() { p.Parse(b, at, text) }); n > 0 {
		t.Errorf("%v allocations for 1000 rows", n)
	}
}
