package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"parley/internal/explain"
)

// newsFile writes documents about two subjects, in turn.
func newsFile(p *place) {
	subjects := [2][]string{
		{"rocket orbit launch shuttle", "orbit moon rocket crew", "launch crew shuttle moon"},
		{"hockey goal ice team", "team season goal hockey", "ice season hockey team"},
	}
	text := new(strings.Builder)
	for i := range 24 {
		fmt.Fprintf(text, `{"body": "%s %s"}`+"\n", subjects[i%2][i%3], subjects[i%2][(i+1)%3])
	}
	p.write("news.jsonl", text.String())
	p.write("news.yaml", "name: news\ndata:\n  train: {path: news.jsonl}\n  text: {field: body}\nmodel: {kind: lsi, topics: 2}\noutput: out\n")
}

// TestTopics trains on documents and goes through what can be asked of the model.
func TestTopics(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	newsFile(p)
	if out := p.ok("train", "news.yaml"); !strings.Contains(out, "next: parley transform out news.jsonl\n      parley topics out\n") || !strings.Contains(out, "tolerance 1e-06") {
		t.Errorf("train says\n%s", out)
	}
	r := p.report("out")
	if len(r.Topics) != 2 || !(r.Topics[1].Residual <= 1e-6) || !(r.Metrics.Train["explained"] > 0.5) {
		t.Errorf("report %+v", r)
	}

	var topics []explain.Topic
	if err := json.Unmarshal([]byte(p.ok("topics", "out", "--top", "3", "--json", "--corpus", "news.jsonl")), &topics); err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics { // of one subject, with one sign
		first := strings.Contains("rocket orbit launch shuttle moon crew", topic.Terms[0].Feature)
		for _, term := range topic.Terms {
			if term.Weight <= 0 || strings.Contains("rocket orbit launch shuttle moon crew", term.Feature) != first {
				t.Errorf("topic %+v", topic)
			}
		}
		if topic.Coherence == nil || !(topic.Coherence.NPMI > 0.3 && topic.Coherence.NPMI <= 1) || topic.Coherence.UMass > 0.1 {
			t.Errorf("coherence %+v", topic.Coherence)
		}
	}

	lines := strings.Split(strings.TrimSpace(p.ok("transform", "out", "news.jsonl")), "\n")
	squares := 0.0
	for _, line := range lines {
		for _, cell := range strings.Split(line, "\t") {
			x, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			squares += x * x
		}
	}
	want := r.Topics[0].SingularValue*r.Topics[0].SingularValue + r.Topics[1].SingularValue*r.Topics[1].SingularValue
	if len(lines) != 24 || math.Abs(squares-want) > 1e-4*want { // ‖A·V‖² = Σσ²
		t.Errorf("%d lines, squares %v, want %v", len(lines), squares, want)
	}

	var found []neighbour
	if err := json.Unmarshal([]byte(p.ok("similar", "out", "news.jsonl", "the ICE hockey", "--top", "5", "--json")), &found); err != nil {
		t.Fatal(err)
	}
	for _, n := range found {
		if n.Row%2 != 0 || n.Cosine < 0.99 {
			t.Errorf("similar: %+v", found)
		}
	}
	p.write("query.txt", "a rocket\nto the moon\n")
	if first := p.ok("similar", "out", "news.jsonl", "query.txt", "--top", "1"); !strings.HasPrefix(first, "1\t") {
		t.Errorf("similar to a file: %q", first)
	}
	p.ok("model", "export", "out", "--to", "npz", "--out", "topics.npz")
	p.ok("model", "verify", "out")

	p.refused(exitUsage, "the query has no term that the model knows: use other words", "similar", "out", "news.jsonl", "xyzzy")
	p.refused(exitUsage, "the query is empty: give a text, a file or - for standard input", "similar", "out", "news.jsonl", " ")
	p.refused(exitUsage, "out/model is an lsi model, which predicts nothing: use parley transform for the vectors of documents", "predict", "out", "news.jsonl")
	p.refused(exitUsage, "--top must be at least 1", "topics", "out", "--top", "0")
	p.ok("train", "job.yaml", "output=linear")
	p.refused(exitUsage, "linear/model is a logistic model, which has no topics: use one of kind lsi", "topics", "linear")
	p.refused(exitUsage, "linear/model is a logistic model, which has no topics: use one of kind lsi", "transform", "linear", "train.svm")
}
