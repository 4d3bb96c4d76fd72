package main

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"parley/internal/artifact"
)

// TestBeginWith: training goes on where an earlier model ended, with the same bits
// on any number of servers.
func TestBeginWith(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.ok("train", "job.yaml", "output=earlier")
	want := *p.report("earlier").Metrics.Train["logloss"].p()
	still := []string{"model.init=earlier", "optimizer={kind: sgd, rate: 1e-12}", "run.epochs=1"} // hardly moves
	p.ok(append([]string{"train", "job.yaml", "output=still"}, still...)...)
	if got := firstLoss(t, p.read("still/events.jsonl")); math.Abs(got-want) > 1e-6 {
		t.Errorf("the first epoch has the loss %v, the earlier model %v", got, want)
	}
	p.ok("train", "job.yaml", "model.init=earlier")
	one := p.report("out")
	if one.ModelSHA256 == p.report("earlier").ModelSHA256 || *one.Metrics.Train["logloss"].p() >= want {
		t.Errorf("nothing was learned: %v, then %v", want, one.Metrics.Train)
	}
	p.ok("train", "job.yaml", "model.init=earlier/model", "run.ranges=5", "output=many", "--servers", "3", "--trainers", "2")
	if many := p.report("many"); many.ModelSHA256 != one.ModelSHA256 || many.PlanSHA256 != one.PlanSHA256 {
		t.Errorf("model and plan %s %s on one server, %s %s on three", one.ModelSHA256, one.PlanSHA256, many.ModelSHA256, many.PlanSHA256)
	}
}
