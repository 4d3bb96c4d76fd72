package main

import (
	"encoding/json"
	"fmt"
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
	want := p.report("earlier").Metrics.Train["logloss"]
	p.ok("train", "job.yaml", "output=still", "model.init=earlier", "optimizer={kind: sgd, rate: 1e-12}", "run.epochs=1") // hardly moves
	if got := firstLoss(t, p.read("still/events.jsonl")); math.Abs(got-want) > 1e-6 {
		t.Errorf("the first epoch has the loss %v, the earlier model %v", got, want)
	}
	p.ok("train", "job.yaml", "model.init=earlier")
	one := p.report("out")
	if one.ModelSHA256 == p.report("earlier").ModelSHA256 || one.Metrics.Train["logloss"] >= want {
		t.Errorf("nothing was learned: %v, then %v", want, one.Metrics.Train)
	}
	p.ok("train", "job.yaml", "model.init=earlier/model", "run.ranges=5", "output=many", "--servers", "3", "--trainers", "2")
	if many := p.report("many"); many.ModelSHA256 != one.ModelSHA256 || many.PlanSHA256 != one.PlanSHA256 {
		t.Errorf("model and plan %s %s on one server, %s %s on three", one.ModelSHA256, one.PlanSHA256, many.ModelSHA256, many.PlanSHA256)
	}
	if again := p.report("earlier"); again.PlanSHA256 == one.PlanSHA256 {
		t.Error("what the parameters begin with is not part of the plan")
	}
}

// firstLoss returns the loss of the first epoch.
func firstLoss(t *testing.T, events string) float64 {
	t.Helper()
	for line := range strings.Lines(events) {
		var e artifact.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Kind == artifact.EventEpoch {
			return e.Metrics["progressive_loss"]
		}
	}
	t.Fatal("no epoch")
	return 0
}

// TestBeginWithZeros: a model of zeros is what a job without an earlier one begins
// with.
func TestBeginWithZeros(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.ok("train", "job.yaml")
	m, err := artifact.Open(p.path("out"))
	if err != nil {
		t.Fatal(err)
	}
	m.Files = nil
	if _, err := artifact.Save(p.path("zeros"), m, nil, func(w *artifact.Writer) error { return w.Float32(make([]float32, m.Columns+1)) }, false); err != nil {
		t.Fatal(err)
	}
	p.ok("train", "job.yaml", "model.init=zeros", "output=again")
	if got, want := p.report("again").ModelSHA256, p.report("out").ModelSHA256; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// goesOn trains a job's model to earlier, and from there on: a model that hardly moves
// has the metric that it had, and one that moves is the same on three servers.
func (p *place) goesOn(job, metric string, epochs int) {
	p.t.Helper()
	p.ok("train", job, "output=earlier", fmt.Sprintf("run.epochs=%d", epochs))
	p.ok("train", job, "output=still", "model.init=earlier", "optimizer={kind: sgd, rate: 1e-12}", "run.epochs=1")
	still, earlier := p.report("still").Metrics.Train[metric], p.report("earlier").Metrics.Train[metric]
	if math.Abs(still-earlier) > 1e-6 {
		p.t.Errorf("a model that hardly moves has the %s %v, the earlier one %v", metric, still, earlier)
	}
	p.ok("train", job, "output=on", "model.init=earlier")
	for _, ranges := range []string{"7", "17"} {
		p.ok("train", job, "output=many", "--force", "model.init=earlier", "run.ranges="+ranges, "--servers", "3", "--trainers", "2")
		if p.report("many").ModelSHA256 != p.report("on").ModelSHA256 {
			p.t.Errorf("another model of %s ranges on three servers", ranges)
		}
	}
}

// TestBeginByNames: weights go to the columns of their names, and new ones begin
// at 0.
func TestBeginByNames(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("job.yaml", "data: {train: {path: old.csv}, features: [{category: town}], label: {column: y}}\nmodel: {kind: logistic}\noutput: old\n")
	rows := func(towns ...string) string {
		text := "y,town\n"
		for i := range 40 {
			text += fmt.Sprintf("%d,%s\n", i%2, towns[i%len(towns)])
		}
		return text
	}
	p.write("old.csv", rows("Oslo", "Rome", "Bern", "Nice"))
	p.write("new.csv", rows("Paris", "Rome", "Aachen", "Nice"))
	p.ok("train", "job.yaml")
	p.ok("train", "job.yaml", "data.train.path=new.csv", "model.init=old", "optimizer={kind: sgd, rate: 1e-12}", "output=new", "--servers", "2")
	old, now := weightsByName(t, p.path("old")), weightsByName(t, p.path("new"))
	for name, w := range now {
		if math.Abs(float64(w-old[name])) > 1e-6 {
			t.Errorf("%s: %v, was %v", name, w, old[name])
		}
	}
	if old["town=Rome"] == 0 || len(now) != 4 {
		t.Errorf("weights %v, then %v", old, now)
	}
}

func weightsByName(t *testing.T, output string) map[string]float32 {
	t.Helper()
	m, err := artifact.Open(output)
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.Read(artifact.VocabularyFile)
	if err != nil {
		t.Fatal(err)
	}
	params, err := m.Params()
	if err != nil {
		t.Fatal(err)
	}
	defer params.Close()
	weights, err := params.Float32("weights")
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]float32{}
	for i, name := range strings.Fields(string(text)) {
		byName[name] = weights[i]
	}
	return byName
}

// TestBeginErrors: what cannot be begun with is refused before training.
func TestBeginErrors(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.ok("train", "job.yaml", "output=earlier")
	p.ok("train", "job.yaml", "output=damaged")
	file := "damaged/model/params.safetensors"
	text := []byte(p.read(file))
	text[len(text)-1] ^= 1
	if err := os.WriteFile(p.path(file), text, 0o644); err != nil {
		t.Fatal(err)
	}
	p.write("others.svm", strings.ReplaceAll("\n"+smallData(), "\n1", "\n2")[1:])
	p.write("t.csv", "label,n\n0,1\n1,2\n0,3\n1,5\n")
	early := func(want string, overrides ...string) {
		t.Helper()
		p.refused(exitUsage, want, append([]string{"train", "job.yaml"}, overrides...)...)
	}
	early("model.init: none: there is no finished model here: neither model.json nor model/model.json is in it", "model.init=none")
	early("model.init: earlier is a logistic model, and model.kind is linear: set the kind, or give another model", "model.init=earlier", "model.kind=linear")
	early("model.init: earlier was trained with another data.hash, so its columns are others: give the job the same, or another model", "model.init=earlier", "data.hash.bits=4")
	early("override model.init=earlier: cannot be used with optimizer.kind ftrl, whose weights follow from sums that a model does not hold; set another kind, or remove it",
		"model.init=earlier", "optimizer.kind=ftrl")
	for _, c := range []struct{ init, data, want string }{
		{"damaged", "train.svm", "damaged/model/params.safetensors was changed: its SHA-256 is "},
		{"earlier", "others.svm", "earlier/model tells the labels [0 1] from each other, and the data has [0 2]: give a model of the same labels\n"},
		{"earlier", "t.csv", "the columns of the data have names, and those of earlier/model have none: give a model of data in the same form\n"},
	} {
		o := p.run("train", "job.yaml", "model.init="+c.init, "data.train={path: "+c.data+"}")
		if o.code != exitUsage || !strings.Contains(o.stderr, "parley: make the parameter ranges: model.init: "+c.want) || p.exists("out/model") {
			t.Errorf("%s on %s: exit code %d\n%s", c.init, c.data, o.code, o.stderr)
		}
	}
}
