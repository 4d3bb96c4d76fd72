package main

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"parley/internal/explain"
)

// TestExportLiblinear: liblinear's own program predicts as parley does, on the
// bundled data, and on the features that are made of a table.
func TestExportLiblinear(t *testing.T) {
	program, err := exec.LookPath("liblinear-predict")
	if err != nil {
		t.Skip("liblinear-predict is missing (Debian: liblinear-tools)")
	}
	t.Parallel()
	p := newPlace(t)
	p.write("t.csv", peopleData())
	p.write("table.yaml", peopleJob)
	bundled := jobFile(t)
	p.ok("train", bundled, "output="+p.path("a9a"))
	p.ok("train", "table.yaml")
	for _, c := range []struct {
		model, rows, negative, positive string
		want                            int
	}{
		{"a9a", filepath.Join(filepath.Dir(bundled), "a9a.t.svm.zst"), "-1", "1", 16281},
		{"out", "t.csv", "0", "1", 60},
	} {
		p.ok("data", "convert", c.rows, c.model+".svm", "--model", c.model)
		if said := p.ok("model", "export", c.model, "--to", "liblinear", "--out", c.model+".txt"); said != "" {
			t.Errorf("export said %q", said)
		}
		if said, err := exec.Command(program, "-b", "1", p.path(c.model+".svm"), p.path(c.model+".txt"), p.path("predictions")).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", c.model, err, said)
		}
		ours := strings.Fields(p.ok("predict", c.model, c.rows))
		theirs := strings.Split(strings.TrimSuffix(p.read("predictions"), "\n"), "\n")
		if head := "labels " + c.positive + " " + c.negative; theirs[0] != head || len(ours) != c.want || len(theirs) != 1+c.want {
			t.Fatalf("%s: %d predictions, and %d of liblinear under %q, want %d and %q", c.model, len(ours), len(theirs)-1, theirs[0], c.want, head)
		}
		for i, line := range theirs[1:] {
			got := strings.Fields(line) // label, probability of the positive class, of the other
			probability, err := strconv.ParseFloat(ours[i], 64)
			if err != nil {
				t.Fatal(err)
			}
			class := c.negative
			if probability > 0.5 {
				class = c.positive
			}
			if q, err := strconv.ParseFloat(got[1], 64); err != nil || got[0] != class || math.Abs(q-probability) > 1e-5 {
				t.Errorf("%s, row %d: liblinear predicts %s, parley class %s with %v", c.model, i+1, line, class, probability)
			}
		}
	}
}

// TestExport: every format can be written, over an old file too, and what cannot be
// done is refused, says why and leaves nothing.
func TestExport(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.ok("train", "job.yaml")
	p.write("folder/kept", "")
	for _, c := range []struct {
		want string
		args []string
	}{
		{`unknown format "onx": choose one of liblinear, npz, onnx, csv, safetensors`, []string{"out", "--to", "onx", "--out", "x"}},
		{"give --to FORMAT (liblinear, npz, onnx, csv, safetensors) and --out FILE", []string{"out", "--to", "csv"}},
		{"folder is no regular file: choose another name", []string{"out", "--to", "csv", "--out", "folder"}},
		{"none/x: cannot write there: no such file or directory: choose another place", []string{"out", "--to", "csv", "--out", "none/x"}},
		{"--out s3://bucket/x: export writes files of this machine alone: choose one", []string{"out", "--to", "csv", "--out", "s3://bucket/x"}},
		{"none: there is no finished model here: neither model.json nor model/model.json is in it", []string{"none", "--to", "csv", "--out", "x"}},
	} {
		p.refused(exitUsage, c.want, append([]string{"model", "export"}, c.args...)...)
	}
	before := p.list(p.dir)
	p.refused(exitUsage, "Vowpal Wabbit loads binary models of its own alone (-i), whose layout is not documented; the text that it writes (--readable_model, --invert_hash) it cannot read: choose one of liblinear, npz, onnx, csv, safetensors",
		"model", "export", "out", "--to", "vw", "--out", "x")
	if after := p.list(p.dir); after != before {
		t.Errorf("what was refused has left something: %q, was %q", after, before)
	}
	for _, format := range []string{"liblinear", "npz", "safetensors", "csv"} {
		p.write("x", "old")
		p.ok("model", "export", "out/model", "--to", format, "--out", "x")
		if p.read("x") == "old" {
			t.Errorf("%s: the old file is still there", format)
		}
	}
	if rows, err := csv.NewReader(strings.NewReader(p.read("x"))).ReadAll(); err != nil || len(rows) != 8 || rows[7][0] != "6" {
		t.Errorf("csv: %v, %q", err, rows)
	}
	params := []byte(p.read("out/model/params.safetensors"))
	params[len(params)-1] ^= 1
	p.write("out/model/params.safetensors", string(params))
	o := p.run("model", "export", "out", "--to", "csv", "--out", "y")
	if o.code != exitFailed || p.exists("y") || !strings.Contains(o.stderr, "out/model/params.safetensors was changed: its SHA-256 is ") {
		t.Errorf("a damaged model: exit code %d\n%s", o.code, o.stderr)
	}
}

// TestExportZeroBased: ids that start at 0 are not those of liblinear, which is
// said.
func TestExportZeroBased(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("train.svm", smallData()+"1 0:1\n")
	p.ok("train", "job.yaml")
	if o := p.run("model", "export", "out", "--to", "liblinear", "--out", "x"); o.code != exitDone || !strings.Contains(o.stderr, "start at 0") {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
}

// TestShowHeaviest: names of columns stand beside the heaviest weights, in text and
// in JSON, as many as asked for.
func TestShowHeaviest(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("t.csv", "y,town,n\n1,Rome\x1b,3\n0,Oslo,1\n1,Rome\x1b,2\n0,Oslo,4\n")
	p.write("job.yaml", "data: {train: {path: t.csv}, label: {column: y}}\nmodel: {kind: logistic}\noutput: out\n")
	p.ok("train", "job.yaml")
	var shown struct {
		Kind     string
		Heaviest []explain.Output
	}
	if err := json.Unmarshal([]byte(p.ok("model", "show", "out", "--json", "--top", "1")), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.Kind != "logistic" || len(shown.Heaviest) != 1 || len(shown.Heaviest[0].Positive) != 1 || len(shown.Heaviest[0].Negative) != 1 {
		t.Fatalf("shown: %+v", shown)
	}
	names := strings.Split(p.read("out/model/vocabulary.txt"), "\n")
	for _, w := range []explain.Weight{shown.Heaviest[0].Positive[0], shown.Heaviest[0].Negative[0]} {
		if names[w.Column] != w.Feature || !strings.HasPrefix(w.Feature, "town=") {
			t.Errorf("heaviest: %+v of %q", w, names)
		}
	}
	out := p.ok("model", "show", "out")
	for _, want := range []string{"\nheaviest weights (bias ", `"town=Rome\x1b"` + "\n", "  town=Oslo\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out := p.ok("model", "show", "out", "--top", "0"); strings.Contains(out, "heaviest") {
		t.Errorf("--top 0 lists weights:\n%s", out)
	}
	p.refused(exitUsage, "--top must be at least 0", "model", "show", "out", "--top", "-1")
}
