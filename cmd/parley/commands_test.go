package main

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/internal/artifact"
	"parley/internal/linalg"
)

// TestSources: the data is the same however it is cut and compressed.
func TestSources(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	rows := strings.SplitAfter(smallData(), "\n")
	p.write("parts/a.svm", strings.Join(rows[:17], ""))
	p.write("parts/b.svm.gz", gzipped(t, strings.Join(rows[17:], "")))
	p.write("x.svm.gz", gzipped(t, smallData()))
	p.write("x.svm.zst", zstdded(t, smallData()))
	p.write("x.svm.bz2", smallBzip2)
	p.ok("train", "job.yaml")
	want := p.report("out").ModelSHA256
	for _, path := range []string{"parts", "parts/*.svm*", "x.svm.gz", "x.svm.zst", "x.svm.bz2", p.path("train.svm")} {
		out := p.ok("train", "job.yaml", "data.train.path="+path, "--force")
		if got := p.report("out").ModelSHA256; got != want {
			t.Errorf("%s: hash %s, want %s", path, got, want)
		}
		if path == "parts/*.svm*" && !strings.Contains(out, "next: parley predict out 'parts/*.svm*'\n") {
			t.Errorf("the next command cannot be pasted:\n%s", out)
		}
	}
}

// TestHoldout: rows may be kept out in place of test data.
func TestHoldout(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("job.yaml", strings.Replace(smallJob, "model:", "  test: {path: train.svm}\nmodel:", 1))
	p.refused(exitUsage, "override data.holdout=0.2: cannot be used together with data.test; keep one of them", "train", "job.yaml", "data.holdout=0.2")
	out := p.ok("train", "job.yaml", "data.holdout=0.2", "data.test=null")
	r := p.report("out")
	if r.Rows >= 60 || r.Rows < 30 || len(r.Metrics.Test) != 0 || len(r.Metrics.Holdout) == 0 || !strings.Contains(out, "holdout") {
		t.Errorf("%d rows, metrics %v\n%s", r.Rows, r.Metrics, out)
	}
}

// TestReport: what train --json prints is the report in the output folder, with
// every key that it is to have.
func TestReport(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("test.svm", smallData())
	text := p.ok("train", "job.yaml", "data.test.path=test.svm", "--json")
	if text != p.read("out/report.json") {
		t.Errorf("standard output differs from report.json:\n%s", text)
	}
	var report map[string]any
	if err := json.Unmarshal([]byte(text), &report); err != nil { // fails for two documents, too
		t.Fatal(err)
	}
	for _, key := range strings.Fields(`job model_sha256 data_sha256 plan_sha256 reproducible consistency kernels rows epochs rounds objective
		evaluation.train.confusion.labels evaluation.test.confusion.counts evaluation.test.calibration metrics.test.ece
		metrics.train.logloss metrics.train.accuracy metrics.train.auc metrics.test.logloss metrics.test.accuracy metrics.test.auc
		seconds.total seconds.profile seconds.train seconds.evaluate rows_per_second bytes.pushed bytes.pulled nodes restarts
		quarantined_rows unknown_features`) {
		var value any = report
		for part := range strings.SplitSeq(key, ".") {
			object, _ := value.(map[string]any)
			value = object[part]
		}
		if value == nil {
			t.Errorf("the report has no %s", key)
		}
	}
	if report["consistency"] != "bsp" || report["reproducible"] != true || report["rows"] != 60.0 || report["epochs"] != 2.0 {
		t.Errorf("report: %s", text)
	}
	checkEvents(t, p.read("out/events.jsonl"))
}

// checkEvents parses events.jsonl and looks for what every run has.
func checkEvents(t *testing.T, text string) {
	t.Helper()
	kinds := map[artifact.EventKind]int{}
	last := artifact.Event{}
	for line := range strings.Lines(text) {
		var e artifact.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Kind == "" || e.Time.Before(last.Time) {
			t.Errorf("%v: %s", err, line)
		}
		kinds[e.Kind]++
		last = e
	}
	want := map[artifact.EventKind]int{artifact.EventProfile: 1, artifact.EventEpoch: 2, artifact.EventSaved: 1, artifact.EventEnd: 1}
	for kind, n := range want {
		if kinds[kind] != n {
			t.Errorf("%d events %s, want %d", kinds[kind], kind, n)
		}
	}
	if kinds[artifact.EventAssignment] == 0 || kinds[artifact.EventEvaluation] == 0 || last.Kind != artifact.EventEnd {
		t.Errorf("events: %v, the last %s", slices.Collect(maps.Keys(kinds)), last.Kind)
	}
}

func TestModelCommands(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.ok("train", "job.yaml")
	hash := p.report("out").ModelSHA256
	for _, path := range []string{"out", "out/model"} {
		out := p.ok("model", "show", path)
		for _, want := range []string{"logistic\n", "columns          6\n", "weights F32 [6]", "train logloss", "SHA-256 " + hash} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	}
	var shown map[string]any
	if err := json.Unmarshal([]byte(p.ok("model", "show", "out", "--json")), &shown); err != nil || shown["kind"] != "logistic" {
		t.Errorf("%v: %v", err, shown)
	}
	if out := p.ok("model", "verify", "out"); out != "out/model is whole; SHA-256 "+hash+"\n" {
		t.Errorf("verify: %s", out)
	}
	params := []byte(p.read("out/model/params.safetensors"))
	params[len(params)-1] ^= 1
	p.write("out/model/params.safetensors", string(params))
	o := p.run("model", "verify", "out")
	if o.code != exitFailed || o.stdout != "" || !strings.Contains(o.stderr, "out/model/params.safetensors was changed: its SHA-256 is ") {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}

// TestPredictColumns: rows to predict may lack the header that the training data
// has, or have one that it lacks.
func TestPredictColumns(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	const rows = "1,Rome,3\n0,Oslo,1\n1,Rome,2\n0,Oslo,4\n"
	p.write("job.yaml", "data: {train: {path: t.csv}, label: {column: y}}\nmodel: {kind: logistic}\noutput: out\n")
	p.write("t.csv", "y,town,n\n"+rows)
	p.write("bare.csv", rows)
	p.write("new.csv", "Rome,3\nOslo,1\nRome,2\nOslo,4\n")
	p.ok("train", "job.yaml")
	p.ok("train", "job.yaml", "data.train={path: bare.csv, columns: [y, town, n]}", "output=bare")
	want := p.ok("predict", "out", "t.csv")
	if strings.Count(want, "\n") != 4 {
		t.Fatalf("predictions of 4 rows: %q", want)
	}
	for _, args := range [][]string{
		{"out", "bare.csv", "--columns", "y,town,n"},
		{"out", "new.csv", "--columns", "town,n"},
		{"bare", "bare.csv"},
		{"bare", "new.csv", "--columns", "town,n"},
		{"bare", "t.csv", "--columns", ""},
	} {
		if got := p.ok(append([]string{"predict"}, args...)...); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
	p.refused(exitUsage, "new.csv:1: has 2 cells, but 3 columns are named: correct the row or the names", "predict", "bare", "new.csv")
}

// TestPredict compares the metrics of the predictions with the report's.
func TestPredict(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("test.svm", smallData()+strings.Repeat("0 1:1 2:1 5:1\n", 7))
	p.ok("train", "job.yaml", "data.test.path=test.svm")
	out := p.ok("predict", "out", "test.svm")
	labels := strings.Fields(strings.Join(firstFields(p.read("test.svm")), " "))
	predictions := strings.Fields(out)
	if len(predictions) != len(labels) || strings.Count(out, "\n") != len(labels) {
		t.Fatalf("%d predictions of %d rows", len(predictions), len(labels))
	}
	loss, right := 0.0, 0.0
	for i, text := range predictions {
		q, err := strconv.ParseFloat(text, 64)
		if err != nil || !(q > 0 && q < 1) {
			t.Fatalf("row %d: prediction %q", i+1, text)
		}
		if labels[i] == "0" {
			q = 1 - q
		}
		loss -= math.Log(q)
		if q > 0.5 {
			right++
		}
	}
	n, want := float64(len(labels)), p.report("out").Metrics.Test
	if math.Abs(loss/n-want["logloss"]) > 1e-4 || math.Abs(right/n-want["accuracy"]) > 1e-4 {
		t.Errorf("logloss %v and accuracy %v, the report says %v", loss/n, right/n, want)
	}

	if said := p.ok("predict", "out", "test.svm", "--out", "p.txt"); said != "" || p.read("p.txt") != out {
		t.Errorf("--out has written other predictions, and said %q", said)
	}
	p.write("bad.svm", "1 1:1\nx 1:1\n")
	p.refused(exitUsage, `bad.svm:2: label "x" is not a number: write it in plain decimal digits`, "predict", "out", "bad.svm", "--out", "p.txt")
	p.refused(exitUsage, `bad.svm:2: label "x" is not a number: write it in plain decimal digits`, "predict", "out", "bad.svm")
	if p.read("p.txt") != out {
		t.Error("a run that failed has touched the file of --out")
	}
	p.refused(exitUsage, "--out none/p.txt: cannot write there: no such file or directory: choose another file", "predict", "out", "test.svm", "--out", "none/p.txt")
	p.refused(exitUsage, "none.svm: no such file or directory: correct the path", "predict", "out", "none.svm")

	p.write("wide.svm", "1 1:1\n0 9:1 12:1\n")
	if o := p.run("predict", "out", "wide.svm"); o.code != exitDone || strings.Count(o.stdout, "\n") != 2 || o.stderr != "parley: 2 values in columns beyond the model's 6 were ignored\n" {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}

// TestPredictHinge: of a model without probabilities the predicted classes are
// printed, and they are those that the report has counted.
func TestPredictHinge(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("job.yaml", "data: {train: {path: t.csv}, label: {column: y}}\nmodel: {kind: hinge}\noutput: out\n")
	p.write("t.csv", "y,n\n"+strings.Repeat("no,1\nyes,3\nyes,4\nno,2\nno,5\n", 20))
	p.ok("train", "job.yaml")
	counts := map[string]int64{}
	for i, label := range strings.Fields(p.ok("predict", "out", "t.csv")) {
		counts[[]string{"no", "yes", "yes", "no", "no"}[i%5]+" as "+label]++
	}
	c := p.report("out").Evaluation.Train.Confusion
	for i, actual := range c.Labels {
		for j, predicted := range c.Labels {
			if n := counts[actual+" as "+predicted]; n != c.Counts[i][j] {
				t.Errorf("%d rows of %s are predicted as %s, the report says %d", n, actual, predicted, c.Counts[i][j])
			}
		}
	}
	if len(c.Labels) != 2 || c.Counts[0][0]+c.Counts[0][1] != 60 {
		t.Errorf("confusion %+v", c)
	}
	p.write("t.svm", smallData())
	p.ok("train", "job.yaml", "data={train: {path: t.svm}}", "output=numbers")
	if out := p.ok("predict", "numbers", "t.svm"); strings.Trim(out, "01\n") != "" || strings.Count(out, "\n") != 60 {
		t.Errorf("predictions %q", out)
	}
}

// TestPredictPoisson: a prediction is the mean of the row's exposure where the rows
// have it, and the rate where they have not.
func TestPredictPoisson(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("job.yaml", "data: {train: {path: t.csv}, label: {column: y}, exposure: {column: e}}\nmodel: {kind: poisson}\noutput: out\n")
	p.write("t.csv", "y,n,e\n"+strings.Repeat("0,1,0.5\n1,3,2\n0,1,1\n2,3,1.5\n", 20))
	p.write("bare.csv", "n\n1\n3\n1\n3\n")
	p.ok("train", "job.yaml")
	means, rates := numbers(t, p.ok("predict", "out", "t.csv")), numbers(t, p.ok("predict", "out", "bare.csv"))
	for i, e := range []float64{0.5, 2, 1, 1.5} {
		if math.Abs(means[i]-e*rates[i]) > 1e-6*means[i] {
			t.Errorf("row %d: mean %v of exposure %v, and the rate is %v", i+1, means[i], e, rates[i])
		}
	}
	if rates[1] < 2*rates[0] || rates[0] != rates[2] {
		t.Errorf("rates %v", rates)
	}
}

func numbers(t *testing.T, text string) (numbers []float64) {
	for _, field := range strings.Fields(text) {
		x, err := strconv.ParseFloat(field, 64)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, x)
	}
	return numbers
}

// firstFields returns the first field of every line.
func firstFields(text string) (fields []string) {
	for line := range strings.Lines(text) {
		fields = append(fields, strings.Fields(line)[0])
	}
	return fields
}

func TestSchema(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties map[string]any `json:"properties"`
		Required   []string       `json:"required"`
	}
	if err := json.Unmarshal([]byte(newPlace(t).ok("job", "schema")), &schema); err != nil {
		t.Fatal(err)
	}
	if len(schema.Properties) < 6 || !slices.Contains(schema.Required, "output") {
		t.Errorf("schema: %+v", schema)
	}
}

func TestKernels(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	run := func(kernels string) outcome {
		c := parley(t, "train", "job.yaml", "--force")
		c.Dir, c.Env = p.dir, append(c.Env, "TMPDIR="+p.tmp, "PARLEY_KERNELS="+kernels)
		return p.end(startCommand(t, c))
	}
	if o := run("portable"); o.code != exitDone || p.report("out").Kernels != "portable" {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
	portable := p.report("out").ModelSHA256
	if o := run("foo"); o.code != exitUsage || !strings.Contains(o.stderr, "PARLEY_KERNELS=foo: ") || o.stdout != "" {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if run(""); p.report("out").ModelSHA256 != portable {
		t.Error("the kernels of this machine give another model")
	}
	if k := p.report("out").Kernels; os.Getenv("PARLEY_KERNELS") == "" && k != linalg.Kernels() {
		t.Errorf("the report names %s, and this machine has %s", k, linalg.Kernels())
	}
}
