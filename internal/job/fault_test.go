package job

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// minimal has a line a key, so that messages tell lines apart.
const minimal = `data:
  train:
    path: a.svm
model:
  kind: logistic
output: runs/a
`

// with returns minimal with more lines at its end.
func with(more string) string { return minimal + more }

// without returns minimal without the lines that hold part.
func without(part string) string {
	var kept []string
	for line := range strings.Lines(minimal) {
		if !strings.Contains(line, part) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

type faultCase struct {
	name      string
	text      string
	overrides []string
	want      string // lines
}

func checkFaults(t *testing.T, cases []faultCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			j, err := Parse("j.yaml", []byte(c.text), c.overrides)
			if err == nil {
				t.Fatalf("no error; the job is %s", j.Canonical())
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			var faults Faults
			if param.KindOf(err) != param.Invalid || !errors.As(err, &faults) {
				t.Errorf("error of kind %v, %T; want invalid Faults", param.KindOf(err), err)
			}
		})
	}
}

func TestFaultsOfText(t *testing.T) {
	const (
		empty   = "j.yaml: the file is empty; a job needs at least data.train.path, model.kind and output"
		noMap   = "j.yaml:1: the file is not a mapping of keys; write lines such as \"output: runs/a9a\""
		aliases = "anchors (&) and aliases (*) are not allowed; write the value out, and put text that starts with & or * in quotes"
	)
	checkFaults(t, []faultCase{
		{name: "empty", want: empty},
		{name: "comment", text: "# nothing\n", want: empty},
		{name: "empty document", text: "---\n", want: empty},
		{name: "list", text: "- a\n", want: noMap},
		{name: "scalar", text: "a9a.svm\n", want: noMap},
		{name: "null", text: "null\n", want: noMap},
		{name: "unclosed", text: "data: [1\nb: 2\n", want: "j.yaml:2: broken YAML: did not find expected ',' or ']' while parsing a flow sequence that starts on line 1"},
		{name: "nested value", text: "a: 1\nb: c: d\n", want: "j.yaml:2: broken YAML: mapping values are not allowed in this context"},
		{name: "tab", text: "data:\n\ttrain: 1\n", want: "j.yaml:2: a tab in the indentation; YAML allows only spaces there"},
		{name: "reserved character", text: "output: @x\n", want: "j.yaml:1: broken YAML: a value cannot start with @; put it in quotes"},
		{name: "binary", text: "a: 1\n\x00\x01", want: "j.yaml:2: control character U+0000: this is not a text file; a job file is YAML"},
		{name: "latin 1", text: "# caf\xe9\n", want: "j.yaml:1: byte 0xe9 is not UTF-8; save the job file as UTF-8 text"},
		{name: "utf-16", text: "\xff\xfea\x00", want: "j.yaml:1: byte 0xff is not UTF-8; save the job file as UTF-8 text"},
		{name: "two documents", text: with("---\nname: b\n"), want: "j.yaml:7: a second document begins here; a job file holds one job, so remove it and what follows"},
		{name: "anchor", text: with("run: &r\n  epochs: 3\nname: *r\n"), want: "j.yaml:7: run: " + aliases},
		{name: "anchor of a key", text: with("&n name: a\n"), want: "j.yaml:7: " + aliases},
		{name: "unquoted glob", text: "output: *.svm\n", want: "j.yaml:1: " + aliases},
		{name: "merge", text: with("run:\n  <<: {epochs: 3}\n"), want: "j.yaml:8: run: merge keys (<<) are not allowed; write the keys out"},
		{name: "tag", text: with("run:\n  epochs: !!int \"4\"\n"), want: "j.yaml:8: run.epochs: tags such as !!int are not allowed; remove it"},
		{name: "key is a list", text: with("? [a]\n: 1\n"), want: "j.yaml:7: a key must be a word, not a mapping or a list"},
		{name: "long line", text: "a: 1\n" + strings.Repeat("b", maxLine+1), want: "j.yaml:2: this line is longer than 64 KiB; a job file is YAML of short lines"},
		{name: "too large", text: strings.Repeat("#", maxBytes+1), want: "j.yaml: is larger than 1 MiB, so it is not a job file; give the YAML file that names the data"},
	})
}

func TestFaultsOfKeys(t *testing.T) {
	const here = "epochs, tolerance, batch, workers, ranges, max_servers, max_trainers, seed, consistency, staleness, replicas, wire, checkpoint, stop"
	checkFaults(t, []faultCase{
		{name: "misspelt", text: with("run:\n  epohcs: 3\n"), want: "j.yaml:8: run.epohcs: unknown key; did you mean run.epochs?"},
		{name: "other level", text: with("epochs: 3\n"), want: "j.yaml:7: epochs: unknown key; did you mean run.epochs?"},
		{name: "other mapping", text: with("run: {rate: 3}\n"), want: "j.yaml:7: run.rate: unknown key; did you mean optimizer.rate?"},
		{name: "case", text: with("Name: b\n"), want: "j.yaml:7: Name: unknown key; did you mean name?"},
		{name: "longer", text: with("run: {batch_size: 3}\n"), want: "j.yaml:7: run.batch_size: unknown key; did you mean run.batch?"},
		{name: "dotted", text: with("run.epochs: 3\n"), want: "j.yaml:7: run.epochs: unknown key; a file has no dotted keys, write epochs below run"},
		{name: "strange", text: with("run: {xyzzy: 3}\n"), want: "j.yaml:7: run.xyzzy: unknown key; the keys here are " + here},
		{name: "unprintable", text: with("\"a\\nb\\u200b\": 3\n"), want: "j.yaml:7: \"a\\nb\\u200b\": unknown key; the keys here are name, data, model, optimizer, run, output"},
		{name: "near a key", text: strings.Replace(minimal, "kind: logistic", "kind: linear\n  topcs: 3", 1), want: "j.yaml:6: model.topcs: unknown key; did you mean model.topics?"},
		{name: "short for another", text: with("run: {checkpoint: of}\n"), want: "j.yaml:7: run.checkpoint: must be a mapping of keys (every, keep, to), not \"of\""},
		{name: "twice", text: with("run:\n  epochs: 3\n  epochs: 0\n"), want: "j.yaml:9: run.epochs: is given twice, first on line 8; keep one of them"},
		{name: "mapping twice", text: with("run: {workers: 0}\nrun: {}\n"), want: "j.yaml:7: run.workers: must be at least 1, not 0\n" +
			"j.yaml:8: run: is given twice, first on line 7; keep one of them"},
		{name: "no value", text: with("run:\n"), want: "j.yaml:7: run: has no value; give it one, or remove the key"},
		{name: "all missing", text: "{}\n", want: "j.yaml:1: data.train.path: is required; add it\n" +
			"j.yaml:1: model.kind: is required; add it: logistic, softmax, linear, hinge, poisson, fm, mlp, wide_deep or lsi\nj.yaml:1: output: is required; add it"},
		{name: "missing in its mapping", text: with("") + "optimizer: {}\n" + "run: {epochs: 0}\n", want: "j.yaml:8: run.epochs: must be at least 1, not 0"},
		{name: "no path", text: "output: a\nmodel: {kind: linear}\ndata:\n  train:\n    format: libsvm\n", want: "j.yaml:4: data.train.path: is required; add it"},
		{name: "test without path", text: with("") + "name: a\n", overrides: []string{"data.test={}"}, want: "override data.test={}: data.test.path: is required; add it"},
	})
}

func TestPlannedKeysAreRefused(t *testing.T) {
	for _, key := range plannedKeys {
		_, err := Parse("j.yaml", []byte(minimal), []string{key + "=1", "data.test.path=b.svm"})
		want := "override " + key + "=1: is not yet supported; remove it"
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", key, err, want)
		}
	}
	for key, values := range plannedValues {
		for _, value := range values {
			_, err := Parse("j.yaml", []byte(minimal), []string{key + "=" + value, "data.test.path=b.svm"})
			if want := value + " is not yet supported; use "; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s=%s: got %v, want %s", key, value, err, want)
			}
		}
	}
}

func TestFaultsAreAllReportedInOrder(t *testing.T) {
	checkFaults(t, []faultCase{{
		name: "all", text: "run: {workers: 0, epochs: 4.7}\nmodel:\n  kind: logit\n  l3: 1\ndata: a.svm\n",
		overrides: []string{"run.batch=x", "seed=3", "run.ranges=0"},
		want: `j.yaml:1: output: is required; add it
j.yaml:1: run.workers: must be at least 1, not 0
j.yaml:1: run.epochs: must be an integer, not 4.7
j.yaml:3: model.kind: unknown value "logit"; use logistic, softmax, linear, hinge, poisson, fm, mlp, wide_deep or lsi
j.yaml:4: model.l3: unknown key; did you mean model.l2?
j.yaml:5: data: must be a mapping of keys (train, test, holdout, hash, text, label, weight, exposure, features, scale, cache, quality), not "a.svm"
override run.batch=x: must be an integer, not "x"
override seed=3: unknown key; did you mean run.seed?
override run.ranges=0: must be at least 1, not 0`,
	}})
}

func TestFaultsAreBounded(t *testing.T) {
	var text strings.Builder
	for i := range 20_000 {
		text.WriteString("k")
		text.WriteString(strings.Repeat("x", i%7))
		text.WriteString(string(rune('a'+i%26)) + ": 1\n")
	}
	_, err := Parse("j.yaml", []byte(text.String()), nil)
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxFaults+1 || !strings.HasSuffix(lines[maxFaults], "more faults") {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}
