package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// networkPlace is a folder with rows of two numbers, x and y, in the classes 0 to 2 by
// their distance from the origin, and a job.
func networkPlace(t *testing.T) *place {
	p := newPlace(t)
	rng := rand.New(rand.NewPCG(1, 2))
	rows := func(n int) string {
		var b strings.Builder
		b.WriteString("x,y,class\n")
		for range n {
			x, y := rng.NormFloat64(), rng.NormFloat64()
			fmt.Fprintf(&b, "%.4f,%.4f,%d\n", x, y, min(2, int(x*x+y*y)))
		}
		return b.String()
	}
	p.write("train.csv", rows(600))
	p.write("test.csv", rows(200))
	p.write("net.yaml", `data:
  train: {path: train.csv}
  test: {path: test.csv}
  label: {column: class}
  features: [{numeric: x}, {numeric: y}]
model: {kind: mlp, layers: [2, 24, 3]}
optimizer: {rate: 0.02}
run: {epochs: 20, batch: 8, workers: 2}
output: out
`)
	return p
}

// TestNetwork: a network learns what is not linear, and a saved one predicts what was
// measured in training.
func TestNetwork(t *testing.T) {
	t.Parallel()
	p := networkPlace(t)
	p.ok("train", "net.yaml")
	report := p.report("out")
	if report.Metrics.Test["accuracy"] < 0.9 {
		t.Errorf("metrics %v", report.Metrics.Test)
	}
	rows := strings.Split(strings.TrimSpace(p.read("test.csv")), "\n")[1:]
	right := 0
	for i, label := range strings.Fields(p.ok("predict", "out", "test.csv")) {
		if label == rows[i][len(rows[i])-1:] {
			right++
		}
	}
	if got := float64(right) / float64(len(rows)); math.Abs(got-report.Metrics.Test["accuracy"]) > 1e-9 {
		t.Errorf("predictions are right in %v, the report says %v", got, report.Metrics.Test["accuracy"])
	}
	if shown := p.ok("model", "show", "out"); !strings.Contains(shown, "layer0.weight F32 [24 2]") || !strings.Contains(shown, "0, 1, 2") {
		t.Error(shown)
	}
	p.ok("model", "verify", "out")
	p.ok("model", "export", "out", "--to", "npz", "--out", "model.npz")
	for _, format := range []string{"liblinear", "csv"} { // they have no place for layers
		if o := p.run("model", "export", "out", "--to", format, "--out", "model."+format); o.code == exitDone {
			t.Errorf("exported as %s", format)
		}
	}
}

// TestNetworkONNX evaluates exported graphs by other means.
func TestNetworkONNX(t *testing.T) {
	t.Parallel()
	python := ""
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(program, "-c", "import numpy").Run() == nil {
			python = program
		}
	}
	if python == "" {
		t.Skip("there is no Python with NumPy (Debian: python3-numpy)")
	}
	p := networkPlace(t)
	inputs := strings.ReplaceAll(strings.ReplaceAll(strings.SplitN(p.read("test.csv"), "\n", 2)[1], ",", " "), "\r", "")
	for _, c := range []struct {
		of      []string
		columns int // of the last, the label, that rows have too
	}{
		{[]string{"model.layers=[2, 9, 8, 3]"}, 3},
		{[]string{"model.activation=tanh", "model.dropout=0.1"}, 3},
		{[]string{"model.activation=gelu", "model.layers=[2, 9, 7, 3]"}, 3},
		{[]string{"model={kind: mlp, loss: mse, layers: [2, 9, 1]}"}, 1},
		{[]string{"model={kind: mlp, loss: logistic, layers: [2, 9, 1]}", "data.label.above=0.5"}, 1},
	} {
		p.ok(append([]string{"train", "net.yaml", "--force", "run.epochs=2"}, c.of...)...)
		p.ok("model", "export", "out", "--to", "onnx", "--out", "model.onnx")
		ask := []string{"predict", "out", "test.csv"}
		if c.columns > 1 {
			ask = append(ask, "--probabilities")
		}
		want := strings.Fields(p.ok(ask...))
		cmd := exec.Command(python, "testdata/onnx.py", p.path("model.onnx"))
		cmd.Stdin = strings.NewReader(withoutLast(inputs))
		text, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", c.of, err)
		}
		got := strings.Fields(string(text))
		if len(got) != 200*c.columns || len(want) != len(got) {
			t.Fatalf("%v: %d numbers, want %d", c.of, len(got), len(want))
		}
		for i := range got {
			a, errA := strconv.ParseFloat(got[i], 64)
			b, errB := strconv.ParseFloat(want[i], 64)
			if errA != nil || errB != nil || math.Abs(a-b) > 1e-5 {
				t.Fatalf("%v: number %d is %s, want %s", c.of, i, got[i], want[i])
			}
		}
	}
}

// withoutLast leaves out the last word of each line.
func withoutLast(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		b.WriteString(strings.Join(words[:len(words)-1], " ") + "\n")
	}
	return b.String()
}

// TestNetworkBegin: training goes on where an earlier model ended.
func TestNetworkBegin(t *testing.T) {
	t.Parallel()
	p := networkPlace(t)
	p.goesOn("net.yaml", "logloss", 5)
	if o := p.run("train", "net.yaml", "output=other", "model.init=earlier", "model.layers=[2, 9, 3]"); o.code == exitDone || !strings.Contains(o.stderr, "has layers of [24 3] units behind its inputs, and the job's model.layers are [9 3]") {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
}

// TestEmbeddings: a network on embeddings tells what hangs on pairs of names, and a
// saved one predicts what was measured in training, and is gone on from.
func TestEmbeddings(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var b strings.Builder
	b.WriteString("who,what,size,likes\n")
	for i := range 600 {
		who, what := i%9, i/9%11
		fmt.Fprintf(&b, "w%d,t%d,%.2f,%d\n", who, what, float64(i%7)/7, (who%2+what%2)%2)
	}
	p.write("likes.csv", b.String())
	p.write("wide.yaml", `data:
  train: {path: likes.csv}
  label: {column: likes}
  features: [{category: who}, {category: what}, {numeric: size}]
model: {kind: wide_deep, dim: 4, layers: [16], init_scale: 0.1}
optimizer: {rate: 0.02}
run: {epochs: 20, batch: 8, workers: 2}
output: out
`)
	p.ok("train", "wide.yaml")
	report := p.report("out")
	if a := report.Metrics.Train["accuracy"]; a < 0.99 {
		t.Errorf("accuracy %v: pairs are not told apart", a)
	}
	rows := strings.Split(strings.TrimSpace(p.read("likes.csv")), "\n")[1:]
	loss := 0.0
	for i, cell := range strings.Fields(p.ok("predict", "out", "likes.csv")) {
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			t.Fatal(err)
		}
		if rows[i][len(rows[i])-1] == '0' {
			v = 1 - v
		}
		loss -= math.Log(v) / float64(len(rows))
	}
	if want := report.Metrics.Train["logloss"]; math.Abs(loss-want) > 1e-5 {
		t.Errorf("predictions have the log loss %v, the report %v", loss, want)
	}
	if shown := p.ok("model", "show", "out"); !strings.Contains(shown, "embeddings F32 [21 4]") || !strings.Contains(shown, "wide F32 [21]") {
		t.Error(shown)
	}
	p.ok("model", "verify", "out")
	p.ok("model", "export", "out", "--to", "npz", "--out", "model.npz")
	if o := p.run("model", "export", "out", "--to", "onnx", "--out", "model.onnx"); o.code == exitDone || !strings.Contains(o.stderr, "onnx is for mlp models, and this is a wide_deep model") {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
	p.ok("train", "wide.yaml", "output=deep", "model.layers=[2, 2, 2, 2, 2, 2, 2, 2]", "run.epochs=1") // as many as there may be
	p.ok("model", "verify", "deep")
	p.goesOn("wide.yaml", "logloss", 5)
}

// TestNetworkFaults: what does not fit is said with both numbers, and what diverges with
// the round and the layer.
func TestNetworkFaults(t *testing.T) {
	t.Parallel()
	p := networkPlace(t)
	p.write("other.csv", "x,y,class\n1,2,7\n")
	for _, c := range []struct{ override, want string }{
		{"model.layers=[3, 24, 3]", "model.layers [3 24 3] begin with 3 units, and the data has 2 columns: begin with 2"},
		{"model.layers=[2, 24, 4]", "end with 4 units, and the data has 3 classes"},
		{"model.layers=[]", "model.layers"},
		{"model.dropout=1.0", "must be less than 1"},
		{"data.test.path=other.csv", "other.csv:2: label 7 is not one of the training data's"},
		{"optimizer={kind: sgd, rate: 1e9}", "NaN or Inf in the contribution to round"},
	} {
		o := p.run("train", "net.yaml", c.override)
		if o.code == exitDone || !strings.Contains(o.stderr, c.want) {
			t.Errorf("%s: exit code %d\n%s", c.override, o.code, o.stderr)
		}
		if strings.Contains(c.want, "NaN") && (!strings.Contains(o.stderr, " of layer ") || !strings.Contains(o.stderr, "lower optimizer.rate")) {
			t.Errorf("neither layer nor advice:\n%s", o.stderr)
		}
	}
}
