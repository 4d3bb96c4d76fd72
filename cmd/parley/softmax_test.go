package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"parley/internal/artifact"
)

// softmaxPlace is a folder with a job of three named classes, which the first
// column tells apart.
func softmaxPlace(t *testing.T) *place {
	p := newPlace(t)
	var b strings.Builder
	b.WriteString("x,y,label\n")
	for i := range 300 {
		fmt.Fprintf(&b, "%d.%d,%d,%s\n", i%3-1, i%7, i%5, []string{"low", "middle", "high"}[i%3])
	}
	p.write("classes.csv", b.String())
	p.write("softmax.yaml", `data:
  train: {path: classes.csv}
  label: {column: label}
  features: [{category: x}, {numeric: y}]
model: {kind: softmax}
run: {epochs: 5, batch: 10, workers: 3, ranges: 5}
output: out
`)
	return p
}

// TestSoftmax: from train to predict, show and verify.
func TestSoftmax(t *testing.T) {
	t.Parallel()
	p := softmaxPlace(t)
	p.ok("train", "softmax.yaml")
	m, err := artifact.Open(p.path("out"))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(m.Labels, m.LabelNames) != "[0 1 2] [high low middle]" || fmt.Sprint(m.Tensors) != fmt.Sprintf("[bias F32[3] weights F32[3 %d]]", m.Columns) {
		t.Errorf("labels %v %q, tensors %v", m.Labels, m.LabelNames, m.Tensors)
	}
	report := p.report("out")
	right, loss := 0, 0.0
	rows := strings.Split(strings.TrimSpace(p.read("classes.csv")), "\n")[1:]
	predicted := p.ok("predict", "out", "classes.csv")
	probable := p.ok("predict", "out", "classes.csv", "--probabilities")
	probabilities := strings.Split(strings.TrimSpace(probable), "\n")
	for i, name := range strings.Fields(predicted) {
		label := rows[i][strings.LastIndex(rows[i], ",")+1:]
		if name == label {
			right++
		}
		for k, cell := range strings.Split(probabilities[i], "\t") {
			if m.LabelNames[k] == label {
				v, err := strconv.ParseFloat(cell, 64)
				if err != nil {
					t.Fatal(err)
				}
				loss -= math.Log(v) / float64(len(rows))
			}
		}
	}
	if accuracy := float64(right) / float64(len(rows)); accuracy != report.Metrics.Train["accuracy"] || accuracy < 0.9 {
		t.Errorf("predictions have the accuracy %v, the report %v", accuracy, report.Metrics.Train)
	}
	if math.Abs(loss-report.Metrics.Train["logloss"]) > 1e-5 {
		t.Errorf("probabilities have the logloss %v, the report %v", loss, report.Metrics.Train)
	}
	if shown := p.ok("model", "show", "out"); !strings.Contains(shown, "high, low, middle") {
		t.Error(shown)
	}
	p.ok("model", "verify", "out")
}

// TestSoftmaxBegin: training goes on where an earlier model ended.
func TestSoftmaxBegin(t *testing.T) {
	t.Parallel()
	p := softmaxPlace(t)
	p.ok("train", "softmax.yaml", "output=earlier")
	want := p.report("earlier").Metrics.Train["logloss"]
	p.ok("train", "softmax.yaml", "output=still", "model.init=earlier", "optimizer={kind: sgd, rate: 1e-12}", "run.epochs=1") // hardly moves
	if got := firstLoss(t, p.read("still/events.jsonl")); math.Abs(got-want) > 1e-6 {
		t.Errorf("the first epoch has the loss %v, the earlier model %v", got, want)
	}
	p.ok("train", "softmax.yaml", "model.init=earlier")
	p.ok("train", "softmax.yaml", "model.init=earlier", "run.ranges=7", "output=many", "--servers", "3", "--trainers", "2")
	if p.report("many").ModelSHA256 != p.report("out").ModelSHA256 {
		t.Error("another model on three servers")
	}
}
