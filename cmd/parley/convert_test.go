package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"parley/internal/profile"
)

// peopleData is a small dataset with columns; the first row misses a cell.
func peopleData() string {
	var s strings.Builder
	s.WriteString("label,when,age,city\n")
	for i := range 60 {
		age := fmt.Sprint(20 + i%40)
		if i%9 == 0 {
			age = ""
		}
		fmt.Fprintf(&s, "%d,2020-01-01 %02d:30,%s,%s\n", i%2, i%24, age, []string{"Bonn", "Köln", "007"}[i%3])
	}
	return s.String()
}

const peopleJob = `data:
  train: {path: t.csv}
  features: [{numeric: age, transform: [standardize]}, {category: city}, {time: when, parts: [hour]}]
model: {kind: logistic}
run: {epochs: 2, batch: 8}
output: out
`

// TestConvertTrain trains on data and on its conversions: the model is the same.
func TestConvertTrain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("t.csv", peopleData())
	p.write("table.yaml", peopleJob)
	p.ok("train", "table.yaml")
	want := p.report("out").ModelSHA256
	for _, name := range []string{"t.parquet", "t.jsonl.zst"} {
		p.ok("data", "convert", "t.csv", name)
		p.ok("train", "table.yaml", "data.train.path="+name, "--force")
		if got := p.report("out").ModelSHA256; got != want {
			t.Errorf("%s: hash %s, want %s", name, got, want)
		}
	}
	p.ok("data", "convert", "t.csv", "features.arrow", "--job", "table.yaml")
	if got, want := p.read("features.arrow.vocabulary.txt"), p.read("out/model/vocabulary.txt"); got != want {
		t.Errorf("the vocabulary is %q, the model's is %q", got, want)
	}
	p.ok("train", "job.yaml", "data.train.path=features.arrow", "--force")
	if got := p.report("out").ModelSHA256; got != want {
		t.Errorf("features: hash %s, want %s", got, want)
	}
	p.ok("train", "table.yaml", "--force")
	p.ok("data", "convert", "t.csv", "model.svm", "--model", "out")
	p.ok("data", "convert", "t.csv", "job.svm", "--job", "table.yaml")
	if p.read("model.svm") != p.read("job.svm") {
		t.Error("--model makes other features than --job")
	}
}

func TestConvertRefuses(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("t.csv", peopleData())
	p.write("bad.csv", "a,b\n1,2\n3\n")
	p.write("there.csv", "old\n")
	p.write("old.svm.vocabulary.txt", "old\n")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"bad.csv:3: has 1 cell, the header has 2: correct the row", []string{"bad.csv", "x.parquet"}},
		{"there.csv exists: choose another name, or replace it with --force", []string{"t.csv", "there.csv"}},
		{"old.svm.vocabulary.txt exists: choose another name, or replace it with --force", []string{"train.svm", "old.svm"}},
		{"none/x.csv: cannot write there: no such file or directory: choose another place", []string{"t.csv", "none/x.csv"}},
		{"http://127.0.0.1/x.csv: cannot write to http and https: use a file or s3://bucket/key", []string{"t.csv", "http://127.0.0.1/x.csv"}},
		{"--bits is for vw data alone", []string{"train.svm", "x.vw", "--bits", "4"}},
		{"--job and --model exclude each other: features are made as one of them says", []string{"train.svm", "x.vw", "--job", "job.yaml", "--model", "out"}},
	} {
		p.refused(exitUsage, c.want, append([]string{"data", "convert"}, c.args...)...)
	}
	o := p.run("data", "convert", "train.svm", "old.svm", "--force")
	if o.code != exitDone || p.exists("old.svm.vocabulary.txt") || !strings.HasPrefix(o.stderr, "old.svm: 60 rows of 6 columns in ") {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
}

// TestDataCheck: what fails is told in words and as JSON, with exit code 2.
func TestDataCheck(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("t.csv", peopleData()+"x,2020-01-01 00:30,1,Bonn\n1,never,1\n")
	p.write("table.yaml", strings.Replace(peopleJob, "t.csv}", "t.csv}\n  test: {path: t.csv}\n  label: {column: label, map: {\"0\": 0, \"1\": 1}}\n  quality: {max_missing: {age: 0.05}, max_bad_rows: 1}", 1))
	o := p.run("data", "check", "table.yaml", "--json", "--quarantine", "bad.jsonl")
	var found struct {
		Passed      bool
		Train, Test struct {
			profile.Report
			Columns []struct {
				Name    string
				Missing int64
			}
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &found); err != nil {
		t.Fatalf("%v\n%s", err, o.stdout)
	}
	r := found.Test
	if o.code != exitUsage || found.Passed || r.Passed || r.Rows != 62 || r.BadRows != 2 || r.Set != "test" || len(r.Places) != 2 || r.Places[0].Line != 62 || len(r.Faults) != 1 || found.Train.BadRows != 2 {
		t.Errorf("exit code %d\n%s", o.code, o.stdout)
	}
	if lines := strings.Count(p.read("bad.jsonl"), "\n"); lines != 4 || !strings.Contains(p.read("bad.jsonl"), `"excerpt":"1,never,1"`) {
		t.Errorf("quarantine:\n%s", p.read("bad.jsonl"))
	}
	o = p.run("data", "check", "table.yaml")
	for _, want := range []string{"train data fails: t.csv: 62 rows, 2 bad (at most 1 allowed)", "  t.csv:62: label \"x\"", "data.quality.max_missing.age: ", "test data fails: ", "  column age: no value in 7 rows (11.29%)"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("no %q in\n%s", want, o.stdout)
		}
	}
	if want := "parley: table.yaml: the data is not what the job asks for\n"; o.stderr != want || o.code != exitUsage {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
	if out := p.ok("data", "check", "job.yaml"); out != "train data passes: train.svm: 60 rows, 0 bad (at most 0 allowed)\n" {
		t.Errorf("check: %s", out)
	}
	p.refused(exitUsage, "data.train: none.svm: no such file or directory: correct the path", "data", "check", "job.yaml", "data.train.path=none.svm")
}

func TestDataHelp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, args := range [][]string{{"data"}, {"data", "convert"}, {"data", "check"}} {
		if out := p.ok(append(args, "--help")...); !strings.Contains(out, "Examples:\n  parley "+args[0]) {
			t.Errorf("parley %v --help has no example:\n%s", args, out)
		}
	}
}
