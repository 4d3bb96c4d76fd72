package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parley/datashard/survey"
)

// visits is a table with a column of each kind; the label is pages > 3, written as
// a name.
func visits() string {
	var b strings.Builder
	b.WriteString("id,when,pages,seconds,browser,bought\n")
	for i := range 240 {
		bought := "no"
		if i%7 > 3 {
			bought = "yes"
		}
		fmt.Fprintf(&b, "%d,2001-01-%02d %02d:15,%d,%.1f,b%d,%s\n", 1000+i, 1+i%28, i%24, i%7, float64(i*37%101)/3, i%4, bought)
	}
	return b.String()
}

// TestProfiledJobTrains: the job that profile drafts trains as it is.
func TestProfiledJobTrains(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("visits.csv.gz", gzipped(t, visits()))
	p.write("job.yaml", p.ok("data", "profile", "visits.csv.gz", "--job", "--html", "page.html"))
	p.ok("train", "job.yaml", "run.workers=2")
	r := p.report("runs/visits")
	if r.Job != "visits" || r.Metrics.Holdout["accuracy"] < 0.9 {
		t.Errorf("job %s, metrics %v\n%s", r.Job, r.Metrics, p.read("job.yaml"))
	}
	if !strings.HasPrefix(p.read("page.html"), "<!DOCTYPE html>") {
		t.Error("no page")
	}
}

func TestProfileOutputs(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("visits.csv", visits())
	var s survey.Survey
	if err := json.Unmarshal([]byte(p.ok("data", "profile", "visits.csv", "--json")), &s); err != nil {
		t.Fatal(err)
	}
	if s.Rows != 240 || len(s.Columns) != 6 || s.Label == nil || s.Label.Column != "bought" {
		t.Errorf("%+v", s)
	}
	text := p.ok("data", "profile", "visits.csv")
	for _, want := range []string{"csv, 240 rows, 6 columns", "when     time", "id       id", "bought, the last column", "parley data profile visits.csv --job > job.yaml"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	p.write("bare.csv", "31,Rome\n44,Oslo\n25,Rome\n")
	const suspect = "parley: a column is called 31, as the first line says: if that line is a row, since the file has no header, name the columns by --columns\n"
	for args, want := range map[string]string{"bare.csv": suspect, "bare.csv --columns age,town": "", "visits.csv": ""} {
		if o := p.run(append([]string{"data", "profile"}, strings.Fields(args)...)...); o.code != exitDone || o.stderr != want {
			t.Errorf("%s: exit code %d, said %q, want %q", args, o.code, o.stderr, want)
		}
	}
	p.write("x y.txt", "1\t2\n3\t4\n")
	if text := p.ok("data", "profile", "x y.txt", "--format", "tsv", "--columns", "a,b"); !strings.Contains(text, "profile 'x y.txt' --format tsv --columns a,b --job") {
		t.Errorf("the next command cannot be pasted:\n%s", text)
	}
	if text := p.ok("data", "profile", "train.svm"); !strings.Contains(text, "libsvm, 60 rows") {
		t.Error(text)
	}
}

func TestProfileErrors(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("empty.csv", "")
	p.write("header.csv", "a,b\n")
	p.write("bad.csv", "a,b\n1\n")
	p.write("label.csv", "a,b\n1,1\n1,1\n")
	p.write("folder/x", "")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"none.csv: no such file or directory: correct the path", []string{"none.csv"}},
		{"header.csv: no rows: give data with at least one", []string{"header.csv"}},
		{`header.csv: format "xls" is not known: the formats are arrow, csv, idx, jsonl, libsvm, parquet, text, tsv, uci-bow, vw`, []string{"header.csv", "--format", "xls"}},
		{"--html nowhere/page.html: cannot write there: no such file or directory: choose another file", []string{"train.svm", "--html", "nowhere/page.html"}},
		{"--html folder: is a folder: give the name of a file in it", []string{"train.svm", "--html", "folder"}},
		{"--job and --json exclude each other: each is all of standard output", []string{"train.svm", "--job", "--json"}},
		{"train.svm: names of columns are for csv and tsv files without a header, and this is libsvm: leave them out, or give the format", []string{"train.svm", "--columns", "a,b"}},
		{"bad.csv: all 1 rows are bad (the first: bad.csv:2: has 1 cell, the header has 2: correct the row), so no job can train on them: is --format right?", []string{"bad.csv", "--job", "--html", "page.html"}},
		{"label.csv: no column can be the label (numbers or names, at least two different ones), so no job can train on them: add one", []string{"label.csv", "--job"}},
	} {
		p.refused(exitUsage, c.want, append([]string{"data", "profile"}, c.args...)...)
	}
	if o := p.run("data", "profile", "empty.csv"); o.code != exitUsage || o.stdout != "" {
		t.Errorf("an empty file: exit code %d\n%s", o.code, o.stderr)
	}
}
