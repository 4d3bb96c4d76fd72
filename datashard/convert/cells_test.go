package convert

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/datashard"
	"parley/internal/feature"
	"parley/internal/job"
)

// cellTargets hold columns of cells.
var cellTargets = []string{"x.csv", "x.tsv", "x.jsonl", "x.arrow", "x.parquet", "x.csv.gz", "x.csv.zst", "x.tsv.zst", "x.jsonl.gz", "x.jsonl.zst"}

// cellSources are sources with all that a cell can be.
func cellSources(t testing.TB) map[string]datashard.Source {
	csv := "label,whole,real,zip,price,flag,\"odd, \"\"name\",date,gaps\n" +
		"1,5,0.5,00501,1.50,true,\"a,\"\"b\"\"\nc\",2020-01-02,\n" +
		"0,-17,1e-09,12345,2,false,\"\",2021-03-04T05:06:07Z,\n" +
		"1,,,90210,,,\" x \t\",,7\n" +
		"0,999999999999999,-1.25e+30,02,0.10,true,é\r,x,\n"
	return map[string]datashard.Source{
		"csv":   {Path: put(t, "s.csv", csv)},
		"tsv":   {Path: put(t, "s.tsv", strings.ReplaceAll(strings.ReplaceAll(csv, "\t", ";"), ",", "\t"))},
		"bare":  {Path: put(t, "s.csv", "1,a\n0,b\n"), Columns: []string{"y", "name"}},
		"one":   {Path: put(t, "s.csv", "only\n1\n\n\"\"\nx\n")},
		"jsonl": {Path: put(t, "s.jsonl", `{"label":1,"a":{"b":2.50,"c":"x\ny"},"d":true,"big":12345678901234567890,"e.f":"\u00e9"}`+"\n"+`{"label":0,"a":{"b":-0,"c":""},"d":null,"list":[1],"e.f":"1"}`+"\n")},
		"text":  {Path: put(t, "s.txt", "one line\n\n\"quoted\", it says\r\nlast"), Format: "text"},
	}
}

// TestCells converts every source to every target, and those to every target
// again: all cells stay what they are.
func TestCells(t *testing.T) {
	for name, source := range cellSources(t) {
		names, rows := cellsOf(t, source)
		for _, target := range cellTargets {
			result, path := convert(t, source, target, Options{})
			if result.Rows != int64(len(rows)) || result.Columns != int64(len(names)) || result.Used != 0 || result.Names != nil {
				t.Errorf("%s to %s: %+v", name, target, result)
			}
			compareCells(t, name+" to "+target, names, rows, path)
			for _, again := range cellTargets[:5] {
				_, second := convert(t, datashard.Source{Path: path}, again, Options{})
				compareCells(t, name+" to "+target+" to "+again, names, rows, second)
			}
		}
	}
}

func compareCells(t *testing.T, what string, names []string, rows [][]string, path string) {
	t.Helper()
	gotNames, got := cellsOf(t, datashard.Source{Path: path})
	if diff := cmp.Diff(names, gotNames); diff != "" {
		t.Fatalf("%s: names (-want +got)\n%s", what, diff)
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Fatalf("%s: (-want +got)\n%s", what, diff)
	}
}

// TestSameRows compares what training sees of a source and of its conversions.
func TestSameRows(t *testing.T) {
	var text strings.Builder
	text.WriteString("y,age,city,zip,when,note\n")
	for i := range 500 {
		age, city := fmt.Sprint(20+i%50), []string{"Bonn", "Ulm", "Köln"}[i%3]
		if i%11 == 0 {
			age = ""
		}
		if i%7 == 0 {
			city = ""
		}
		fmt.Fprintf(&text, "%s,%s,%s,%03d,2020-01-%02d %02d:00,\"word%d, both\"\n", []string{"no", "yes"}[i%2], age, city, i%13, 1+i%28, i%24, i%9)
	}
	source := datashard.Source{Path: put(t, "s.csv", text.String())}
	for name, spec := range map[string]feature.Spec{
		"auto":  {Label: &job.Label{Column: "y"}},
		"text":  {Label: &job.Label{Column: "y"}, Text: &job.Text{Field: "note", Weight: "count", IDF: "smooth", NGrams: []int{1, 1}, Stop: "none", MinDF: 1, MaxDF: 1}},
		"named": {Label: &job.Label{Column: "y", Map: map[string]float64{"yes": 1, "*": 0}}, Hash: &job.Hash{Bits: 8}},
	} {
		source.Spec = spec
		m, rows := rowsOf(t, source)
		for _, target := range cellTargets {
			_, path := convert(t, datashard.Source{Path: source.Path}, target, Options{})
			got, gotRows := rowsOf(t, datashard.Source{Path: path, Spec: spec})
			if diff := cmp.Diff(rows, gotRows); diff != "" || m.Columns != got.Columns || string(m.Transform) != string(got.Transform) {
				t.Errorf("%s, %s: columns %d and %d (-want +got)\n%s", name, target, m.Columns, got.Columns, diff)
			}
		}
	}
}

// TestWritten has what is written byte by byte.
func TestWritten(t *testing.T) {
	source := datashard.Source{Path: put(t, "s.csv", "a,\"b\"\"\",c,d\n1,x,true,007\n2.50,,false,1\n")}
	for target, want := range map[string]string{
		"x.jsonl": "{\"a\":1,\"b\\\"\":\"x\",\"c\":true,\"d\":\"007\"}\n{\"a\":2.50,\"b\\\"\":null,\"c\":false,\"d\":\"1\"}\n",
		"x.csv":   "a,\"b\"\"\",c,d\n1,x,true,007\n2.50,,false,1\n",
		"x.tsv":   "a\t\"b\"\"\"\tc\td\n1\tx\ttrue\t007\n2.50\t\tfalse\t1\n",
	} {
		if _, got, err := run(t, source, target, Options{}); err != nil || got != want {
			t.Errorf("%s: %v\n got %q\nwant %q", target, err, got, want)
		}
	}
}

func TestShapes(t *testing.T) {
	for cell, want := range map[string]shape{
		"0": whole | number | literal, "-17": whole | number | literal, "999999999999999": whole | number | literal,
		"1000000000000000": literal, "1e+15": number | literal, "0.5": number | literal, "1e-09": number | literal,
		"-0": literal, "1.50": literal, "1E5": literal, "1e+5": literal, "1e5": literal, "12345678901234567890": literal,
		"007": 0, "+1": 0, ".5": 0, "5.": 0, "1e": 0, "-": 0, "": 0, "NaN": 0, "Inf": 0, "0x1": 0, "1_0": 0, " 1": 0, "1e999": 0, "00": 0, "1e--5": 0, "1e-+5": 0,
		"true": truth, "false": truth, "True": 0,
	} {
		if got := shapeOf([]byte(cell), typedShapes|jsonShapes); got != want {
			t.Errorf("%q: %b, want %b", cell, got, want)
		}
	}
}
