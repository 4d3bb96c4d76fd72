package job

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

func parsed(t *testing.T, text string, overrides ...string) *Job {
	t.Helper()
	j, err := Parse("a9a.yaml", []byte(text), overrides)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestDefaults(t *testing.T) {
	want := &Job{
		Name:      "a9a",
		Data:      Data{Train: Source{Path: "a.svm", Format: "libsvm"}, Scale: 1, Cache: "on"},
		Model:     Model{Kind: "logistic"},
		Optimizer: Optimizer{Kind: "adagrad", Rate: 0.5},
		Run:       Run{Epochs: 5, Batch: 1024, Workers: 8, Ranges: 4, Seed: 1, Consistency: "bsp", Replicas: 1, Wire: "f32", Checkpoint: &Checkpoint{"30s", 3, "runs/a/checkpoints"}},
		Output:    "runs/a",
	}
	if diff := cmp.Diff(want, parsed(t, minimal)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if rate := parsed(t, minimal, "optimizer.kind=sgd").Optimizer.Rate; rate != 0.05 {
		t.Errorf("rate of sgd is %v, want 0.05", rate)
	}
	if rate := parsed(t, minimal, "optimizer={kind: sgd, rate: 3}").Optimizer.Rate; rate != 3 {
		t.Errorf("rate is %v, want 3", rate)
	}
}

// full gives every key a value that is not its default, where there is one.
const full = `# a comment
name: other
data:
  train: {path: "*.svm", format: libsvm}
  test: {path: b.svm}
  cache: off
  quality: {max_bad_rows: 0}
model: {kind: linear, l2: 1e-5, penalize_bias: true, init: ../old}
optimizer: {kind: sgd, rate: 2}
run: {epochs: 1, batch: 2, workers: 3, ranges: 40, max_servers: 2, max_trainers: 3, seed: 18446744073709551615, consistency: bsp, staleness: 0, replicas: 1}
output: 'runs: a'
`

func TestEveryKeyReachesTheJob(t *testing.T) {
	want := &Job{
		Name: "other",
		Data: Data{
			Train: Source{Path: "*.svm", Format: "libsvm"},
			Test:  &Source{Path: "b.svm", Format: "libsvm"},
			Scale: 1, Cache: "off", Quality: &Quality{},
		},
		Model:     Model{Kind: "linear", L2: 1e-5, PenalizeBias: true, Init: "../old"},
		Optimizer: Optimizer{Kind: "sgd", Rate: 2},
		Run:       Run{Epochs: 1, Batch: 2, Workers: 3, Ranges: 40, MaxServers: 2, MaxTrainers: 3, Seed: 1<<64 - 1, Consistency: "bsp", Replicas: 1, Wire: "f32", Checkpoint: &Checkpoint{"30s", 3, "runs: a/checkpoints"}},
		Output:    "runs: a",
	}
	if diff := cmp.Diff(want, parsed(t, full)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := parsed(t, minimal, "data.holdout=0.1").Data.Holdout; got != 0.1 {
		t.Errorf("holdout is %v, want 0.1", got)
	}
}

func TestOverrides(t *testing.T) {
	cases := []struct {
		overrides []string
		change    func(*Job)
	}{
		{[]string{"run.epochs=7"}, func(j *Job) { j.Run.Epochs = 7 }},
		{[]string{"run.epochs=7", "run.epochs=8"}, func(j *Job) { j.Run.Epochs = 8 }},
		{[]string{"run={epochs: 2}"}, func(j *Job) {
			j.Run = Run{Epochs: 2, Batch: 1024, Workers: 8, Ranges: 4, Seed: 1, Consistency: "bsp", Replicas: 1, Wire: "f32", Checkpoint: j.Run.Checkpoint}
		}},
		{[]string{"run.epochs=null", "run=~"}, func(j *Job) {
			j.Run = Run{Epochs: 5, Batch: 1024, Workers: 8, Ranges: 4, Seed: 1, Consistency: "bsp", Replicas: 1, Wire: "f32", Checkpoint: j.Run.Checkpoint}
		}},
		{[]string{"data.test=null", "data.holdout=0.5"}, func(j *Job) { j.Data.Test, j.Data.Holdout = nil, 0.5 }},
		{[]string{"data.train.path=*.gz"}, func(j *Job) { j.Data.Train.Path = "*.gz" }},
		{[]string{"data.train.path=a=b #c: @"}, func(j *Job) { j.Data.Train.Path = "a=b #c: @" }},
		{[]string{"name=2024"}, func(j *Job) { j.Name = "2024" }},
		{[]string{"run.seed=-0"}, func(j *Job) { j.Run.Seed = 0 }},
		{[]string{"run.seed=+7", "run.epochs=+9"}, func(j *Job) { j.Run.Seed, j.Run.Epochs = 7, 9 }},
		{[]string{`name="a"`}, func(j *Job) { j.Name = "a" }},
		{[]string{"optimizer.rate=1", "model.l2=-0.0"}, func(j *Job) { j.Optimizer.Rate, j.Model.L2 = 1, 0 }},
	}
	for _, c := range cases {
		want := parsed(t, full)
		c.change(want)
		if diff := cmp.Diff(string(want.Canonical()), string(parsed(t, full, c.overrides...).Canonical())); diff != "" {
			t.Errorf("%q: -want +got\n%s", c.overrides, diff)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my run")
	path := filepath.Join(dir, "job.yaml")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(full), 0o644); err != nil {
		t.Fatal(err)
	}
	j, err := Load(path, []string{"data.test.path=/data/b.svm", "name=null", "output=../out"})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{j.Name, j.Data.Train.Path, j.Data.Test.Path, j.Output}
	want := []string{"my-run", filepath.Join(dir, "*.svm"), "/data/b.svm", filepath.Join(filepath.Dir(dir), "out")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	_, err = Load(path, []string{"run.epochs=x"})
	if want := `override run.epochs=x: must be an integer, not "x"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLoadOfNoFile(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "no.yaml")
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, make([]byte, 2*maxBytes), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		missing: missing + ": there is no such file; give the path of a job file",
		dir:     dir + ": is a folder; give the path of a job file",
		large:   large + ": is larger than 1 MiB, so it is not a job file; give the YAML file that names the data",
	} {
		_, err := Load(path, nil)
		if err == nil || err.Error() != want || param.KindOf(err) != param.Invalid {
			t.Errorf("got %v of kind %v, want %s", err, param.KindOf(err), want)
		}
	}
}

func TestDefaultName(t *testing.T) {
	for path, want := range map[string]string{
		"/x/a9a.yaml": "a9a", "/x/job.yaml": "x", "job.yaml": "job", "/job.yaml": "job", "/x/.yaml": "job",
		"/x/my run (2).yml": "my-run--2-", "/x/" + strings.Repeat("a", 80): strings.Repeat("a", 64), "": "job",
	} {
		if got := defaultName(path); got != want {
			t.Errorf("defaultName(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestCanonicalAndDecode(t *testing.T) {
	for _, text := range []string{minimal, full, columns, documents, trained} {
		j := parsed(t, text)
		got, err := Decode(j.Canonical())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(j, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(parsed(t, minimal).Canonical())
	for _, text := range []string{
		"", "{}", "null", good + " ", good + good, good[1:], " " + good,
		strings.Replace(good, `"name":`, `"Name":`, 1),
		strings.Replace(good, `"name":`, `"x":1,"name":`, 1),
		strings.Replace(good, `"seed":1,`, "", 1),
		strings.Replace(good, `"scale":1`, `"features":[],"scale":1`, 1),
		strings.Replace(good, `"scale":1`, `"label":null,"scale":1`, 1),
		strings.Replace(good, `"epochs":5`, `"epochs":0`, 1),
		strings.Replace(good, `"30s"`, `"1 day"`, 1),
		strings.Replace(good, `,"to":"runs/a/checkpoints"`, "", 1),
		strings.Replace(good, `"rate":0.5`, `"rate":0.5,"beta1":0.5`, 1),
		strings.Replace(good, `"epochs":5`, `"epochs":5.5`, 1),
		strings.Replace(good, `"rate":0.5`, `"rate":5e-1`, 1),
		strings.Repeat(" ", maxBytes+1),
	} {
		if j, err := Decode([]byte(text)); err == nil || param.KindOf(err) != param.Invalid {
			t.Errorf("Decode(%.200s) = %+v, %v of kind %v", text, j, err, param.KindOf(err))
		}
	}
}

func TestHugeInputCostsLittle(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x]\n")
	for i := range 30 {
		n, m := string(rune('a'+i)), "a0"
		bomb.WriteString("b" + n + ": &b" + n + " [*" + m + ", *" + m + ", *" + m + "]\n")
	}
	for name, text := range map[string]string{
		"block of keys":     strings.Repeat("a:\n", maxBytes/24),
		"aliases":           bomb.String(),
		"depth":             strings.Repeat("[", maxBytes/2) + strings.Repeat("]", maxBytes/2),
		"depth of mappings": strings.Repeat("{a: ", maxBytes/8) + "1" + strings.Repeat("}", maxBytes/8),
		"dashes":            strings.Repeat("- ", maxBytes/2),
		"questions":         strings.Repeat("? ", maxBytes/2),
		"one key":           strings.Repeat("k", maxLine-3) + ": 1",
		"keys":              strings.Repeat("{"+strings.Repeat("a,", maxLine/2-2)+"}\n", 4),
		"items":             "output: [" + strings.Repeat("a,", maxBytes/2-10) + "]",
		"columns":           "data: {train: {columns: [\n" + strings.Repeat("a,\n", maxBytes/12) + "]}}",
		"labels":            "data: {quality: {labels: [\n" + strings.Repeat("a,\n", maxBytes/12) + "]}}",
		"features":          "data: {features: [\n" + strings.Repeat("{},\n", maxBytes/16) + "]}",
		"string":            with("name: " + strings.Repeat("a", maxLine-10)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("j.yaml", []byte(text), nil)
			if err == nil {
				t.Fatal("no error")
			}
			if n := len(err.Error()); n > 50_000 {
				t.Errorf("a message of %d bytes", n)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{minimal, full, columns, documents, trained, "", "a: &x [*x]", "run: {epochs: 1e5, seed: -0}", "\xff\xfe"} {
		f.Add([]byte(text), "run.epochs=3")
		f.Add([]byte(text), "data.test={path: '*'}")
		f.Add([]byte(text), "data.features[0]={cross: [a, b]}")
		f.Add([]byte(text), "data.quality={range: {a: [0, 1]}, labels: [1]}")
		f.Add([]byte(text), "data.text={max_df: 0.5, ngrams: []}")
	}
	f.Fuzz(func(t *testing.T, text []byte, override string) {
		j, err := Parse("j.yaml", text, []string{override})
		if err != nil {
			if param.KindOf(err) != param.Invalid || err.Error() == "" || len(err.Error()) > 100_000 {
				t.Errorf("error of kind %v: %v", param.KindOf(err), err)
			}
			return
		}
		if err := j.Validate(); err != nil {
			t.Errorf("parsed but invalid: %v", err)
		}
		if again, err := Decode(j.Canonical()); err != nil || !cmp.Equal(j, again) {
			t.Errorf("round trip of %s: %v", j.Canonical(), err)
		}
	})
}
