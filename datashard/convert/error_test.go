package convert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/datashard"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/param"
)

func readAll(path string) (string, error) {
	text, err := os.ReadFile(path)
	return string(text), err
}

func TestTargetOf(t *testing.T) {
	for name, want := range map[string]Target{
		"x.svm":            {Format: "libsvm"},
		"a/x.SVM.GZ":       {Format: "libsvm", suffix: ".gz"},
		"x.vw.zst":         {Format: "vw", suffix: ".zst"},
		"x.ndjson":         {Format: "jsonl"},
		"x.feather":        {Format: "arrow"},
		"x.npz":            {Format: "npz"},
		"s3://b/k.parquet": {Format: "parquet"},
	} {
		want.Name = name
		if got, err := TargetOf(name); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"x":              "x: the name tells no format: " + suffixes,
		"x.txt.gz":       "x.txt.gz: the name tells no format: " + suffixes,
		"npz":            "npz: the name tells no format: " + suffixes,
		"x.csv.bz2":      "x.csv.bz2: cannot compress to .bz2: use .gz or .zst",
		"x.npz.gz":       "x.npz.gz: npz is no text that .gz is for: leave .gz out of the name",
		"x.arrow.zst":    "x.arrow.zst: arrow is no text that .zst is for: leave .zst out of the name",
		"train-ubyte":    "train-ubyte: cannot write idx: " + suffixes,
		"docword.x.txt":  "docword.x.txt: cannot write uci-bow: " + suffixes,
		"x.gz":           "x.gz: the name tells no format: " + suffixes,
		"s3://b/k.a.gz/": "s3://b/k.a.gz/: the name tells no format: " + suffixes,
	} {
		if _, err := TargetOf(name); err == nil || err.Error() != want || param.KindOf(err) != param.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestErrors has data that cannot be converted, and what is said of it.
func TestErrors(t *testing.T) {
	wide := "1 10001:1\n"
	for _, c := range []struct {
		name, text, target string
		source             datashard.Source
		options            Options
		want               string
	}{
		{name: "s.csv", text: "a,b\n1,2\n", target: "x.svm", want: "x.svm: libsvm files hold features, but the data has columns of cells: say with --job or --model how features are made of them"},
		{name: "s.csv", text: "a,b\n1,2\n", target: "x.npz", want: "x.npz: npz files hold features, but the data has columns of cells: say with --job or --model how features are made of them"},
		{name: "s.svm", text: wide, target: "x.csv", want: "x.csv: 10001 columns are too many for csv, which has a cell for each in every row (10000 at most): write .svm, .arrow, .parquet or .npz"},
		{name: "s.csv", text: "a,b\n1,2\n\n3\n4,5\n", target: "x.csv", want: "s.csv:4: has 1 cell, the header has 2: correct the row"},
		{name: "s.csv", text: "a,b\n1,2\n\n3\n4,5\n", target: "x.parquet", want: "s.csv:4: has 1 cell, the header has 2: correct the row"},
		{name: "s.jsonl", text: "{\"a\":1}\n\n{\"a\":[]}\n", target: "x.arrow", want: `s.jsonl:3: field "a" is an array: give text, a number, true, false or null`},
		{name: "s.txt", text: "good\nba\xffd\n", target: "x.jsonl", source: datashard.Source{Format: "text"}, want: "s.txt:2: the text of column text is not UTF-8 without NUL, which jsonl needs: correct it"},
		{name: "s.jsonl", text: "{\"a\":\"\\u0000\"}\n", target: "x.arrow", want: "s.jsonl:1: the text of column a is not UTF-8 without NUL, which arrow needs: correct it"},
		{name: "s.jsonl", text: "{\"a\":[]}\n{\"a\":\"\\u0000\"}\n", target: "x.arrow", want: `s.jsonl:1: field "a" is an array: `},
		{name: "s.jsonl", text: "{\"a\":\"\\u0000\"}\n{\"a\":[]}\n", target: "x.arrow", want: "s.jsonl:1: the text of column a is not UTF-8 without NUL"},
		{name: "s.svm", text: "1 1:1\nx 2:1\n", target: "x.arrow", want: `s.svm:2: label "x" is not a number: write it in plain decimal digits`},
		{name: "s.vw", text: "1 | a\n1 | a:b\n", target: "x.npz", want: `s.vw:2: `},
		{name: "s.vw", text: "1 2 | a\n", target: "x.svm", want: "x.svm: the rows have weights or exposures, for which libsvm text has no place: write .jsonl, .arrow, .parquet or .npz"},
		{name: "s.csv", text: "label,e,a\n1,2,3\n", target: "x.vw", options: Options{Features: true},
			source: datashard.Source{Spec: feature.Spec{Exposure: &job.Column{Column: "e"}}}, want: "x.vw: the rows have exposures, for which vw text has no place: write .jsonl, .arrow, .parquet or .npz"},
		{name: "s.svm", text: "\n", target: "x.arrow", want: "s.svm: no rows: give data with at least one"},
		{name: "s.csv", text: "y,a\n1,2\nz,3\n", target: "x.svm", options: Options{Features: true},
			source: datashard.Source{Spec: feature.Spec{Label: &job.Label{Column: "y", Map: map[string]float64{"1": 1}}}}, want: `s.csv:3: label "z" `},
	} {
		c.source.Path = put(t, c.name, c.text)
		_, _, err := run(t, c.source, c.target, c.options)
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), filepath.Dir(c.source.Path)+"/", "")
		}
		if !strings.HasPrefix(got, c.want) || got == "" || param.KindOf(err) != param.Invalid {
			t.Errorf("%s to %s: %v\n got %s\nwant %s", c.name, c.target, param.KindOf(err), got, c.want)
		}
	}
}

// failing fails after some bytes, as a full disk does.
type failing struct{ left int }

var errFull = errors.New("no space left")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestFull has every writer fail, at the beginning, within and at the end.
func TestFull(t *testing.T) {
	var csv, svm strings.Builder
	csv.WriteString("label,a\n")
	for i := range 3000 {
		fmt.Fprintf(&csv, "%d,%d\n", i%2, i*i)
		fmt.Fprintf(&svm, "%d %d:%d\n", i%2, 1+i%50, i*i)
	}
	cells, rows := datashard.Source{Path: put(t, "s.csv", csv.String())}, datashard.Source{Path: put(t, "s.svm", svm.String())}
	for target, sources := range map[string][]datashard.Source{
		"x.csv": {cells, rows}, "x.jsonl.zst": {cells, rows}, "x.arrow": {cells, rows}, "x.parquet": {cells, rows}, "x.svm.gz": {rows}, "x.vw": {rows}, "x.npz": {rows}} {
		for _, source := range sources {
			_, text, err := run(t, source, target, Options{})
			if err != nil {
				t.Fatal(err)
			}
			to, _ := TargetOf(target)
			for _, left := range []int{0, len(text) / 2, len(text) - 1} {
				temp := t.TempDir()
				if _, err := Run(context.Background(), open(t, source), to, &failing{left}, Options{TempDir: temp}); !errors.Is(err, errFull) {
					t.Errorf("%s, %d of %d bytes: %v", target, left, len(text), err)
				}
				if files, _ := os.ReadDir(temp); len(files) > 0 {
					t.Errorf("%s: temporary files stay: %v", target, files)
				}
			}
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, name := range []string{"s.csv", "s.svm"} {
		d := open(t, datashard.Source{Path: put(t, name, "1,2\n")})
		to, _ := TargetOf("x.arrow")
		if _, err := Run(ctx, d, to, &failing{1 << 20}, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
