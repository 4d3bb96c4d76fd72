package job

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// trained gives the keys of model, optimizer and run that full has no use for
// values that are not their defaults.
const trained = `data: {train: {path: a.svm}, test: {path: b.svm}}
model: {kind: logistic, l1: 1e-4}
optimizer: {kind: ftrl, beta: 2}
run:
  consistency: ssp
  staleness: 3
  wire: bf16
  checkpoint: {every: 90m, keep: 1, to: saved}
  stop: {metric: auc, patience: 5, min_delta: 0.01}
output: runs/b
`

func TestEveryKeyOfTrainingReachesTheJob(t *testing.T) {
	j := parsed(t, trained)
	if diff := cmp.Diff(Model{Kind: "logistic", L1: 1e-4}, j.Model); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	want := Run{Epochs: 5, Batch: 1024, Workers: 8, Ranges: 4, Seed: 1, Consistency: "ssp", Staleness: 3, Replicas: 1, Wire: "bf16",
		Checkpoint: &Checkpoint{Every: "1h30m", Keep: 1, To: "saved"}, Stop: &Stop{Metric: "auc", Patience: 5, MinDelta: 0.01}}
	if diff := cmp.Diff(want, j.Run); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for override, want := range map[string]Optimizer{
		"":                           {Kind: "ftrl", Rate: 0.5, Beta: 2},
		"{kind: ftrl, rate: 3}":      {Kind: "ftrl", Rate: 3, Beta: 1},
		"{kind: momentum}":           {Kind: "momentum", Rate: 0.1, Momentum: 0.9},
		"{kind: adam}":               {Kind: "adam", Rate: 0.03, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8},
		"{kind: adam, beta1: 0}":     {Kind: "adam", Rate: 0.03, Beta2: 0.999, Epsilon: 1e-8},
		"{kind: adam, epsilon: 0.5}": {Kind: "adam", Rate: 0.03, Beta1: 0.9, Beta2: 0.999, Epsilon: 0.5},
		"{kind: adam, beta2: 0.5}":   {Kind: "adam", Rate: 0.03, Beta1: 0.9, Beta2: 0.5, Epsilon: 1e-8},
		"{kind: sgd}":                {Kind: "sgd", Rate: 0.05},
		"{kind: adagrad}":            {Kind: "adagrad", Rate: 0.5},
		"{kind: momentum, momentum: 0, nesterov: true}": {Kind: "momentum", Rate: 0.1, Nesterov: true},
	} {
		overrides := []string{"model.l1=0"}
		if override != "" {
			overrides = append(overrides, "optimizer="+override)
		}
		j := parsed(t, trained, overrides...)
		if diff := cmp.Diff(want, j.Optimizer); diff != "" {
			t.Errorf("%s: -want +got\n%s", override, diff)
		}
		if again, err := Decode(j.Canonical()); err != nil || !cmp.Equal(j, again) {
			t.Errorf("%s: round trip: %v", override, err)
		}
	}
}

func TestDefaultsOfRun(t *testing.T) {
	if got := parsed(t, minimal, "run.consistency=ssp").Run.Staleness; got != 4 {
		t.Errorf("staleness %d of ssp, want 4", got)
	}
	for kind, want := range map[string]string{"logistic": "logloss", "softmax": "logloss", "linear": "rmse", "hinge": "hinge_loss", "poisson": "poisson_deviance"} {
		j := parsed(t, minimal, "data.holdout=0.1", "run.stop={}", "model.kind="+kind)
		if diff := cmp.Diff(&Stop{Metric: want, Patience: 2}, j.Run.Stop); diff != "" || j.Run.Stop.HigherIsBetter() {
			t.Errorf("%s: -want +got\n%s", kind, diff)
		}
	}
	if s := parsed(t, minimal, "data.holdout=0.1", "run.stop.metric=auc").Run.Stop; !s.HigherIsBetter() {
		t.Errorf("lower is better of %+v", s)
	}
	for override, want := range map[string]Checkpoint{
		"run.checkpoint=off":            {Every: "off", Keep: 3, To: "runs/a/checkpoints"},
		"run.checkpoint={every: off}":   {Every: "off", Keep: 3, To: "runs/a/checkpoints"},
		"run.checkpoint.every=off":      {Every: "off", Keep: 3, To: "runs/a/checkpoints"},
		"run.checkpoint.every=3600s":    {Every: "1h", Keep: 3, To: "runs/a/checkpoints"},
		"run.checkpoint.every=1440m":    {Every: "24h", Keep: 3, To: "runs/a/checkpoints"},
		"run.checkpoint.every=600000ms": {Every: "10m", Keep: 3, To: "runs/a/checkpoints"},
		"run.checkpoint.every=1.5s":     {Every: "1.5s", Keep: 3, To: "runs/a/checkpoints"},
		"run.checkpoint=~":              {Every: "30s", Keep: 3, To: "runs/a/checkpoints"},
		"output=s3://b/o/":              {Every: "30s", Keep: 3, To: "s3://b/o/checkpoints"},
		"run.checkpoint.to=s3://b/c":    {Every: "30s", Keep: 3, To: "s3://b/c"},
	} {
		if diff := cmp.Diff(&want, parsed(t, minimal, override).Run.Checkpoint); diff != "" {
			t.Errorf("%s: -want +got\n%s", override, diff)
		}
	}
}

func TestInterval(t *testing.T) {
	for every, want := range map[string]time.Duration{"off": 0, "30s": 30 * time.Second, "1h30m": 90 * time.Minute} {
		if got := (&Checkpoint{Every: every}).Interval(); got != want {
			t.Errorf("%s is %v, want %v", every, got, want)
		}
	}
	if got := (*Checkpoint)(nil).Interval(); got != 0 {
		t.Errorf("nil is %v", got)
	}
}

// TestLoadMovesPlaces wants absolute folders, and URLs as they are.
func TestLoadMovesPlaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "job.yaml")
	if err := os.WriteFile(path, []byte(trained), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		overrides []string
		want      []string // init, to
	}{
		{[]string{"model={kind: logistic, init: ../old}", "optimizer=null"}, []string{filepath.Join(filepath.Dir(dir), "old"), filepath.Join(dir, "saved")}},
		{[]string{"run.checkpoint=null", "model.init=null"}, []string{"", filepath.Join(dir, "runs/b/checkpoints")}},
		{[]string{"run.checkpoint=off", "output=/x/"}, []string{"", "/x/checkpoints"}},
		{[]string{"run.checkpoint=null", "output=s3://b/o", "model={kind: linear, init: s3://b/m}", "optimizer=null", "run.stop=null"}, []string{"s3://b/m", "s3://b/o/checkpoints"}},
	} {
		j, err := Load(path, c.overrides)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, []string{j.Model.Init, j.Run.Checkpoint.To}); diff != "" {
			t.Errorf("%q: -want +got\n%s", c.overrides, diff)
		}
	}
}

// TestFaultsOfTraining wants the faults of one override of trained.
func TestFaultsOfTraining(t *testing.T) {
	const other = "; remove it, or set the kind"
	for _, c := range []struct{ override, key, want string }{
		{"optimizer.momentum=0.5", "", "does nothing for optimizer.kind ftrl, only for momentum" + other},
		{"optimizer.nesterov=false", "", "does nothing for optimizer.kind ftrl, only for momentum" + other},
		{"optimizer.beta1=0.9", "", "does nothing for optimizer.kind ftrl, only for adam" + other},
		{"optimizer.beta2=0.9", "", "does nothing for optimizer.kind ftrl, only for adam" + other},
		{"optimizer.epsilon=1", "", "does nothing for optimizer.kind ftrl, only for adam" + other},
		{"optimizer.beta=0", "", "must be more than 0, not 0"},
		{"optimizer={kind: momentum, momentum: 1}", "optimizer.momentum", "must be less than 1, not 1"},
		{"optimizer={kind: adam, beta: 1}", "optimizer.beta", "does nothing for optimizer.kind adam, only for ftrl" + other},
		{"model.l1=-1", "", "must be at least 0, not -1"},
		{"model.init=''", "", "must not be empty"},
		{"model.init=/old", "", "cannot be used with optimizer.kind ftrl, whose weights follow from sums that a model does not hold; set another kind, or remove it"},
		{"model={kind: logistic, init: https://x/y}", "model.init", `must be a folder or an s3:// URL, not "https://x/y"`},
		{"run.staleness=0", "", "must be at least 1 for run.consistency ssp, not 0; with no round to run ahead that is bsp"},
		{"run.staleness=-1", "", "must be at least 0, not -1"},
		{"run={consistency: asp, staleness: 1}", "run.staleness", "does nothing for run.consistency asp, only for ssp; remove it, or set the consistency"},
		{"run={staleness: 1}", "run.staleness", "does nothing for run.consistency bsp, only for ssp; remove it, or set the consistency"},
		{"run.wire=fp16", "", `unknown value "fp16"; did you mean f16?`},
		{"run.checkpoint.every=30", "", `must be a time with its unit, such as 30s, 5m or 1h30m, or off, not "30"`},
		{"run.checkpoint.every=1 day", "", `must be a time with its unit, such as 30s, 5m or 1h30m, or off, not "1 day"`},
		{"run.checkpoint.every=-3s", "", "must be at least 1s, not -3s"},
		{"run.checkpoint.every=0.9s", "", "must be at least 1s, not 0.9s"},
		{"run.checkpoint.every=24h1s", "", "must be at most 24h, not 24h1s"},
		{"run.checkpoint={every: 30s, keep: 0}", "run.checkpoint.keep", "must be at least 1, not 0"},
		{"run.checkpoint={every: off, keep: 1}", "run.checkpoint.keep", "does nothing when run.checkpoint.every is off; remove it, or give a time"},
		{"run.checkpoint={every: off, to: x}", "run.checkpoint.to", "does nothing when run.checkpoint.every is off; remove it, or give a time"},
		{"run.checkpoint.to=http://x/y", "", `must be a folder or an s3:// URL, not "http://x/y"`},
		{"run.checkpoint.to=''", "", "must not be empty"},
		{"run.stop.metric=rmse", "", "the model logistic has no rmse; use logloss, accuracy, auc, precision, recall, f1 or ece"},
		{"run.stop.metric=logllos", "", `unknown value "logllos"; did you mean logloss?`},
		{"run.stop.patience=0", "", "must be at least 1, not 0"},
		{"run.stop.min_delta=-1", "", "must be at least 0, not -1"},
	} {
		text := trained
		if strings.HasPrefix(c.override, "optimizer={") {
			text = strings.Replace(text, ", l1: 1e-4", "", 1)
		}
		_, err := Parse("j.yaml", []byte(text), []string{c.override})
		want := "override " + c.override + ": "
		if c.key != "" {
			want += c.key + ": "
		}
		if want += c.want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	checkFaults(t, []faultCase{
		{name: "l1", text: with("") + "optimizer: {kind: sgd}\n", overrides: []string{"model.l1=1"}, want: "override model.l1=1: is only for optimizer.kind ftrl yet, and this is sgd; remove it, or set the kind"},
		{name: "nothing to measure on", text: with("run: {stop: {patience: 3}}\n"), want: "j.yaml:7: run.stop: needs rows to measure on; add data.test or data.holdout"},
	})
}

// TestValidateOfTraining wants the faults of jobs that did not come from text.
func TestValidateOfTraining(t *testing.T) {
	j := parsed(t, trained)
	j.Optimizer = Optimizer{Kind: "adam", Rate: 1, Momentum: 0.5}
	j.Run.Checkpoint.To, j.Run.Checkpoint.Every, j.Run.Stop.Metric, j.Run.Wire = "", "x", "r2", ""
	const want = `run.wire: must not be empty; use f32, f16, bf16 or int8
optimizer.momentum: does nothing for optimizer.kind adam, only for momentum; remove it, or set the kind
optimizer.epsilon: must be more than 0, not 0
model.l1: is only for optimizer.kind ftrl yet, and this is adam; remove it, or set the kind
run.checkpoint.every: must be a time with its unit, such as 30s, 5m or 1h30m, or off, not "x"
run.checkpoint.to: must not be empty
run.stop.metric: the model logistic has no r2; use logloss, accuracy, auc, precision, recall, f1 or ece`
	if got := j.Validate(); got == nil || got.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", got, want)
	}
}

// TestInitSHA256 is part of the canonical job and no key of the file.
func TestInitSHA256(t *testing.T) {
	j := parsed(t, full)
	j.Model.InitSHA256 = strings.Repeat("0a", 32)
	got, err := Decode(j.Canonical())
	if err != nil || got.Model.InitSHA256 != j.Model.InitSHA256 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, change := range []func(*Model){func(m *Model) { m.Init = "" }, func(m *Model) { m.InitSHA256 = "0A" }} {
		bad := *j
		change(&bad.Model)
		if _, err := Decode(bad.Canonical()); err == nil {
			t.Errorf("accepted: %+v", bad.Model)
		}
	}
	if _, err := Parse("j.yaml", []byte(full), []string{"model.init_sha256=" + j.Model.InitSHA256}); err == nil {
		t.Error("a key of the file")
	}
}
