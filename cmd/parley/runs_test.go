package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestRuns: what differs between two runs is shown, and nothing else of their
// settings.
func TestRuns(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.ok("train", "job.yaml")
	p.ok("train", "job.yaml", "output=other", "optimizer.rate=0.001", "run.stop={metric: auc}", "data.holdout=0.2")
	lines := map[string][]string{}
	for line := range strings.Lines(p.ok("runs", "out", "other")) {
		words := strings.Fields(line)
		if title := len(words); title > 2 && strings.HasPrefix(line, "train ") {
			lines[words[0]+" "+words[1]] = words[2:]
		} else if title > 1 {
			lines[words[0]] = words[1:]
		}
	}
	for key, want := range map[string]string{"optimizer.rate": "0.5 0.001", "run.stop.metric": "- auc", "data.holdout": "- 0.2", "rows": "60 "} {
		if got := strings.Join(lines[key], " "); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if got := lines["train logloss"]; len(got) != 3 || got[1] != "+" {
		t.Errorf("the better log loss is not marked: %v", got)
	}
	for _, key := range []string{"output", "model.kind", "run.seed", "run.checkpoint.to"} {
		if lines[key] != nil {
			t.Errorf("%s is shown: %v", key, lines[key])
		}
	}
	if got := lines["model"]; len(got) != 2 || !strings.HasPrefix(p.report("out").ModelSHA256, got[0]) || len(got[0]) != 12 {
		t.Errorf("model %v", got)
	}
	var shown []struct {
		Output   string
		Settings map[string]string
		Report   struct {
			Hash string `json:"model_sha256"`
		}
	}
	if err := json.Unmarshal([]byte(p.ok("runs", "out", "other", "--json")), &shown); err != nil || len(shown) != 2 || shown[1].Settings["optimizer.rate"] != "0.001" || shown[0].Report.Hash != p.report("out").ModelSHA256 {
		t.Errorf("%v: %+v", err, shown)
	}
	p.refused(exitUsage, "nowhere: there is no finished run here, as report.json is missing", "runs", "out", "nowhere")
	p.refused(exitUsage, "give the output folders of some runs (see parley runs --help)", "runs")
}
