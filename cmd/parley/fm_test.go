package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// fmPlace is a folder with a job of ratings, 1 to 5, that follow from pairs of names.
func fmPlace(t *testing.T) *place {
	p := newPlace(t)
	var b strings.Builder
	b.WriteString("who,what,rating\n")
	for i := range 400 {
		who, what := i%9, i/9%11
		fmt.Fprintf(&b, "w%d,t%d,%d\n", who, what, 1+(who%2+what%2)%2*4-(i%23)/22)
	}
	p.write("ratings.csv", strings.ReplaceAll(b.String(), ",0\n", ",1\n"))
	p.write("fm.yaml", `data:
  train: {path: ratings.csv}
  label: {column: rating}
  features: [{category: who}, {category: what}]
model: {kind: fm, rank: 9, init_scale: 0.3}
optimizer: {rate: 0.2}
run: {epochs: 10, batch: 10, workers: 3, ranges: 5}
output: out
`)
	return p
}

// TestFM: predictions of a saved model are those that were measured in training, and
// keep to the ratings.
func TestFM(t *testing.T) {
	t.Parallel()
	p := fmPlace(t)
	p.ok("train", "fm.yaml")
	report := p.report("out")
	rows := strings.Split(strings.TrimSpace(p.read("ratings.csv")), "\n")[1:]
	sum, atBound := 0.0, 0
	for i, cell := range strings.Fields(p.ok("predict", "out", "ratings.csv")) {
		v, err := strconv.ParseFloat(cell, 64)
		if err != nil || v < 1 || v > 5 {
			t.Fatalf("row %d: prediction %s, %v", i, cell, err)
		}
		if v == 1 || v == 5 {
			atBound++
		}
		label := float64(rows[i][len(rows[i])-1] - '0')
		sum += (v - label) * (v - label)
	}
	rmse := math.Sqrt(sum / float64(len(rows)))
	if math.Abs(rmse-report.Metrics.Train["rmse"]) > 1e-5 || rmse > 1 || atBound == 0 {
		t.Errorf("predictions have the rmse %v, %d at the bounds, the report %v", rmse, atBound, report.Metrics.Train)
	}
	if shown := p.ok("model", "show", "out"); !strings.Contains(shown, "factors F32 [20 9]") {
		t.Error(shown)
	}
	p.ok("model", "verify", "out")
	for _, format := range []string{"npz", "safetensors"} {
		p.ok("model", "export", "out", "--to", format, "--out", "model."+format)
	}
	for _, format := range []string{"liblinear", "csv"} { // they have no place for factors
		if o := p.run("model", "export", "out", "--to", format, "--out", "model."+format); o.code == exitDone {
			t.Errorf("exported as %s", format)
		}
	}
}

// TestFMBegin: training goes on where an earlier model ended, factors included.
func TestFMBegin(t *testing.T) {
	t.Parallel()
	p := fmPlace(t)
	p.goesOn("fm.yaml", "rmse", 3)
	if o := p.run("train", "fm.yaml", "output=other", "model.init=earlier", "model.rank=4"); o.code == exitDone || !strings.Contains(o.stderr, "model.rank is 4") {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
}
