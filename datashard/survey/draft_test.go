package survey

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"parley/datashard"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/profile"
)

// jobOf drafts a job, and checks that it can be read and that training would take the
// data as it asks.
func jobOf(t testing.TB, s *Survey) (*job.Job, string) {
	t.Helper()
	text, err := s.Draft()
	if err != nil {
		t.Fatal(err)
	}
	j, err := job.Parse("job.yaml", text, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	source := s.source
	source.Spec = profile.SpecOf(&j.Data)
	d, err := datashard.Open(t.Context(), source, datashard.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	defer d.Close()
	if _, err := d.Profile(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return j, string(text)
}

// flights is a file as that of the data sets of flights.
func flights(rows int) string {
	var b strings.Builder
	b.WriteString("date,delay,distance,origin,destination\n")
	for i := range rows {
		fmt.Fprintf(&b, "2001-01-%02d %02d:30,%d,%d,AP%d,AP%d\n", 1+i%28, i%24, i%40-10, 100+i%90, i%7, i%5)
	}
	return b.String()
}

func TestDraftOfFlights(t *testing.T) {
	s := take(t, "csv", flights(25_000))
	s.Path = "flights.csv.gz"
	_, text := jobOf(t, s)
	want := `# A job to start from, drafted from 25,000 rows of flights.csv.gz.
# Train with: parley train job.yaml (docs/job.md explains all keys)
name: flights
data:
  # A relative path counts from the folder of this file.
  train: {path: flights.csv.gz, format: csv}
  holdout: 0.1   # share of the rows to measure the model on; or, instead: test: {path: ...}
  # The label is a guess: labels are often called so.
  # To predict another column, name it here, take its line out of the features, and make a
  # feature of this one or leave it out.
  label: {column: delay}   # -10 to 29, half of them -1 to 19
  # label: {column: delay, above: 19}   # with model.kind logistic: is it above that?
  features:
    - {time: date, parts: [hour, weekday]}   # 2001-01-01 00:30 to 2001-01-28 23:30; no month: it is less than a year
    - {numeric: distance, transform: [standardize]}   # 100 to 189
    - {category: origin, min_count: 5}   # 7 values
    - {category: destination, min_count: 5}   # 5 values
model: {kind: linear, l2: 4e-05}   # the label is a number
optimizer: {kind: adagrad, rate: 6}   # in proportion to the size of the label
run: {epochs: 5}
output: runs/flights
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}

func TestDrafts(t *testing.T) {
	documents := "{\"id\": \"d%[1]d\", \"label\": \"%[2]d of three\", \"text\": \"some words make a document %[1]d\", \"size\": %[1]d}\n"
	for _, c := range []struct {
		name, format string
		text         string
		columns      []string
		want         []string // of the draft
	}{
		{"names for labels", "csv", rowsOf("n", 60, func(i int) string { return fmt.Sprint(i % 5) }) + "5,x\n", nil,
			[]string{`label: {column: other, map: {"0": 1, "*": 0}}`, `{numeric: "n", transform: [standardize]}`, "kind: logistic"}},
		{"two names", "csv", "x,answer\n1.5,yes\n2.5,no\n3.5,yes\n", nil, []string{`label: {column: answer, map: {"yes": 1, "no": 0}}`, "kind: logistic", "batch: 32"}},
		{"few numbers", "csv", "c,y\na,0\nb,1\na,2\nb,0\n", nil, []string{`label: {column: "y"}`, `# label: {column: "y", map: {"0": 1, "*": 0}}`, "kind: linear"}},
		{"two numbers", "csv", "x,target\n1.5,0\n2.5,1\n3.5,1\n", nil, []string{"label: {column: target}", "kind: logistic"}},
		{"some have no label", "csv", "x,target\n1.5,0\n2.5,\n3.5,1\n4,1,2\n", nil, []string{"quality: {max_bad_rows: 2}"}},
		{"some have no number", "csv", "x,target\n1.5,0\n,1\n3.5,1\n4,0\n", nil, []string{"{numeric: x, transform: [standardize]}   # 1.5 to 4; missing in 25% of the rows"}},
		{"a long tail", "csv", rowsOf("n", 100, func(i int) string { return fmt.Sprint(1 << (i % 30)) }), nil, []string{"{numeric: \"n\", transform: [log1p, standardize]}"}},
		{"constant, empty, id", "csv", "a,b,z,c,d,y\n" + strings.Join(repeat(30, "1,,z%[1]d,%[1]d,%[2]d,%[2]d\n"), ""), nil,
			[]string{`# a is left out: it has one value alone, "1"`, "# b is left out: it has no value", "# c is left out: nearly every row"}},
		{"no header", "tsv", "1\t2.5\n3\t4.5\n4\t5\n", []string{"click", "i 1"}, []string{`columns: [click, "i 1"]`, `{numeric: "i 1"`}},
		{"names that YAML knows", "csv", "yes,null,y\n1,a,0\n2,b,1\n3,a,0\n", nil, []string{`numeric: "yes"`, `category: "null"`, `column: "y"`}},
		{"documents", "jsonl", strings.Join(repeat(40, documents), ""), nil,
			[]string{"text: {field: text, min_df: 1, weight: tfidf}", `label: {column: label, map: {"0 of three": 1, "*": 0}}`, "# id is left out", "# size is left out"}},
		{"sparse", "libsvm", "1 1:1\n-1 2:1\nx\n", nil, []string{"quality: {max_bad_rows: 1}", "kind: logistic", "format: libsvm"}},
		{"sparse numbers", "libsvm", "1 1:1\n2 2:1\n3.5 2:1\n", nil, []string{"kind: linear"}},
		{"hashed", "vw", "1 |a b c\n-1 |a d\n", nil, []string{"format: vw", "kind: logistic"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, text := jobOf(t, take(t, c.format, c.text, c.columns...))
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %s in\n%s", want, text)
				}
			}
		})
	}
}

// repeat fills a format with the numbers of rows, and those modulo 3.
func repeat(n int, format string) (rows []string) {
	for i := range n {
		rows = append(rows, fmt.Sprintf(format, i, i%3))
	}
	return rows
}

func TestNothingToTrainOn(t *testing.T) {
	for _, c := range []struct{ name, format, text, want string }{
		{"all bad", "csv", "a,b\n1\n2\n", "all 2 rows are bad"},
		{"no label", "csv", "a,b\n1,x\n1,x\n", "no column can be the label"},
		{"label alone", "csv", "y\n1\n2\n", "no column can be a feature"},
		{"documents alone", "text", "a document with some words\nanother one with other words\n", "no column can be the label"},
		{"no labels", "uci-bow", "2\n3\n2\n1 1 1\n2 3 1\n", "the rows have no labels"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := take(t, c.format, c.text).Draft()
			if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for path, want := range map[string]string{
		"a/flights-train.csv.gz": "flights-train", "days/*.csv": "job", "x y.svm.zst": "x-y", "folder/": "folder", "train.txt": "train", "v1.2": "v1.2",
		"https://host.example/a/b.parquet?token=1": "b", ".": "job", "s3://bucket/day=1/": "day-1",
	} {
		if got := nameOf(path); got != want {
			t.Errorf("%s: %s, not %s", path, got, want)
		}
	}
}

// FuzzDraft checks that whatever is in a file, there is a job that can be read and
// fits the data, or a reason why not, and that what people see is well-formed.
func FuzzDraft(f *testing.F) {
	f.Add("a,b,label\n1,x,0\n2,y,1\n")
	f.Add(flights(40))
	f.Add("\"a\nb\",\x01,*\n*,yes,1e300\n\"q\"\"\",no,1e-300\n")
	f.Add("y,\xff\n\xff,1\n*,2\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, fmt.Sprintf("data%d.csv", os.Getpid()))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Take(t.Context(), datashard.Source{Path: path, Format: "csv"}, datashard.Options{})
		if err != nil {
			return
		}
		checkShown(t, s)
		if _, err := s.Draft(); err == nil {
			jobOf(t, s)
		}
	})
}

// checkShown checks what people see of a survey.
func checkShown(t testing.TB, s *Survey) {
	t.Helper()
	var b bytes.Buffer
	if err := s.WritePage(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if strings.Contains(page, "<script") || strings.Contains(page, "src=") || strings.Contains(page, "@import") || strings.Contains(page, "url(") {
		t.Error("the page fetches something")
	}
	d := xml.NewDecoder(strings.NewReader(page)) // the page is written so that it is XML too
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%q", err, page)
		}
	}
	b.Reset()
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(b.String(), "\n") {
		bad := strings.HasPrefix(line, "  ") && s.BadRows > 0
		if n := utf8.RuneCountInString(line); n > Width && i > 0 && !bad || !utf8.ValidString(line) {
			t.Errorf("%d characters: %q", n, line)
		}
	}
}

func TestShown(t *testing.T) {
	long := strings.Repeat("a very long name of a column ", 4)
	for _, s := range []*Survey{
		take(t, "csv", flights(500)),
		take(t, "csv", long+",<b>&amp;,y\n1,</svg><script>alert(1)</script>,2\n3,\"x\ny\t\x01\",4\n5\n"),
		take(t, "libsvm", "1 1:1\n-1 2:1\nx\n"),
		take(t, "csv", "a,b\n1\n"),
	} {
		checkShown(t, s)
		var b bytes.Buffer
		_ = s.WritePage(&b)
		if page := b.String(); strings.Contains(page, "http://") || strings.Contains(page, "https://") {
			t.Error("the page names an address")
		} else if n := strings.Count(page, "<svg"); n != strings.Count(page, `role="img" aria-label="`) {
			t.Errorf("%d charts, some without a label", n)
		}
	}
}

func TestPrinted(t *testing.T) {
	var b bytes.Buffer
	s := take(t, "csv", "x,name,y\n1,ann,0\n2,bob,1\n4,ann,1\n5\n")
	if err := s.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := s.Path + `
csv, 4 rows, 3 columns, 35 B of text in 1 file

1 bad row (25%), left out of all that follows: columns 1
  ` + s.Path + `:5: has 1 cell, the header has 3: correct the row

column  type      missing     distinct         min        mean         max  histogram
x       integer         -            3           1       2.333           4  ██ █
name    category        -            2  ann 67%, bob 33%
y       integer         -            2           0      0.6667           1  ▄█

label      y, labels are often called so
           1                                2    67% ████████████████████████████████████████
           0                                1    33% ████████████████████
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
