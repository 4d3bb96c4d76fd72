package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/artifact"
)

// TestJobErrors: a job file that is wrong is refused before anything happens.
func TestJobErrors(t *testing.T) {
	t.Parallel()
	edit := func(old, new string) string { return strings.Replace(smallJob, old, new, 1) }
	for _, c := range []struct {
		name, job string
		overrides []string
		want      string
	}{
		{"unknown key", smallJob + "optimzer: {kind: sgd}\n", nil, "x.yaml:6: optimzer: unknown key; did you mean optimizer?"},
		{"wrong type", edit("epochs: 2", "epochs: two"), nil, `x.yaml:4: run.epochs: must be an integer, not "two"`},
		{"no workers", edit("epochs: 2", "workers: 0"), nil, "x.yaml:4: run.workers: must be at least 1, not 0"},
		{"two faults", edit("kind: logistic", "kind: logistik") + "optimizer: {rate: -1}\n", nil,
			"x.yaml:3: model.kind: unknown value \"logistik\"; did you mean logistic?\nx.yaml:6: optimizer.rate: must be more than 0, not -1"},
		{"alias bomb", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\noutput: *c\n", nil,
			"x.yaml:1: a: anchors (&) and aliases (*) are not allowed; write the value out, and put text that starts with & or * in quotes"},
		{"broken YAML", "data:\n  train: {path: x\nmodel: {kind\n", nil,
			"x.yaml:3: broken YAML: did not find expected ',' or '}' while parsing a flow mapping that starts on line 2"},
		{"overrides", smallJob, []string{"run.epoch=3", "run.epochs=x"},
			"override run.epoch=3: unknown key; did you mean run.epochs?\noverride run.epochs=x: must be an integer, not \"x\""},
		{"rate", smallJob, []string{"optimizer.rate=1e10"}, "override optimizer.rate=1e10: must be at most 1e9, not 1e+10"},
		{"no key", smallJob, []string{"fast"}, `override fast: must be key.path=value, such as run.epochs=3`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			p.write("x.yaml", c.job)
			p.refused(exitUsage, c.want, append([]string{"train", "x.yaml"}, c.overrides...)...)
		})
	}
	newPlace(t).refused(exitUsage, "none.yaml: there is no such file; give the path of a job file", "train", "none.yaml")
}

// TestDataErrors: data that cannot be trained on is refused with the place of the
// first fault in it.
func TestDataErrors(t *testing.T) {
	t.Parallel()
	whole := gzipped(t, strings.Repeat(smallData(), 50))
	const good = "1 1:1\n0 2:1\n"
	for _, c := range []struct{ name, file, text, path, want string }{
		{"file missing", "", "", "none.svm", "data.train: none.svm: no such file or directory: correct the path"},
		{"glob without a match", "", "", "x*.svm", "data.train: x*.svm: no file matches: correct the pattern"},
		{"empty directory", "", "", "empty", "data.train: empty: the directory holds no data files (hidden files and subdirectories that are not named key=value do not count): put some into it, or give a file or a glob"},
		{"empty file", "x.svm", "", "", "data.train: x.svm: no rows: give data with at least one"},
		{"label", "x.svm", good + "abc 1:1\n", "", `data.train: x.svm:3: label "abc" is not a number: write it in plain decimal digits`},
		{"descending", "x.svm", good + "1 3:1 2:1\n", "", `data.train: x.svm:3: feature id "2" comes after 3: sort the features of a row by id`},
		{"repeated", "x.svm", good + "1 3:1 3:1\n", "", `data.train: x.svm:3: feature id "3" is repeated: a row may have an id once, so merge the two`},
		{"2^63", "x.svm", good + "1 9223372036854775808:1\n", "", `data.train: x.svm:3: feature id "9223372036854775808" is too large: ids must be below 2^63, so renumber the features`},
		{"nan", "x.svm", good + "1 1:nan\n", "", `data.train: x.svm:3: value "nan" is not finite: leave the row or the feature out`},
		{"truncated gzip", "x.svm.gz", whole[:len(whole)/2], "", "data.train: x.svm.gz: the gzip data is truncated: copy or download it again"},
		{"no gzip", "x.svm.gz", good, "", "data.train: x.svm.gz: is not gzip data: correct the file's suffix"},
		{"junk", "x.svm", "\x7fELF\x02\x01\x01\x00\x00\xff\xfe\n\x80\x81", "", "data.train: x.svm:1: is not libsvm text but binary data: give rows such as 1 3:0.5 7:1"},
		{"one class", "x.svm", "1 1:1\n1 2:1\n", "", "x.svm: model.kind logistic needs labels of two classes, and here is one: all rows have the label 1: add rows of the other"},
		{"three classes", "x.svm", good + "2 1:1\n", "", "x.svm: model.kind logistic needs labels of two classes, and here are 3 (0 first at x.svm:2, 1 first at x.svm:1, 2 first at x.svm:3): use model.kind softmax for several classes or linear for numbers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			if err := os.Mkdir(p.path("empty"), 0o755); err != nil {
				t.Fatal(err)
			}
			path := c.path
			if c.file != "" {
				p.write(c.file, c.text)
				path = c.file
			}
			p.refused(exitUsage, c.want, "train", "job.yaml", "data.train.path="+path)
			if c.name == "label" {
				p.refused(exitUsage, strings.Replace(c.want, "train", "test", 1), "train", "job.yaml", "data.test.path="+path)
			}
		})
	}
}

// TestCountErrors: rows that count nothing, or in no time, are refused before
// training, with their places.
func TestCountErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, row, want string }{
		{"negative count", "-1,5,1", "x.csv:4: model.kind poisson needs labels that are counts, and here is -1: correct it, or use model.kind linear"},
		{"no exposure", "1,5,0", "data.train: x.csv:4: exposure e is 0: it must be above 0"},
		{"negative exposure", "1,5,-0.5", "data.train: x.csv:4: exposure e is -0.5: it must be above 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			p.write("x.csv", "y,n,e\n0,1,1\n2,2,0.5\n"+c.row+"\n")
			p.write("job.yaml", "data: {train: {path: x.csv}, label: {column: y}, exposure: {column: e}}\nmodel: {kind: poisson}\noutput: out\n")
			o := p.run("train", "job.yaml")
			if o.code != exitUsage || !strings.Contains(o.stderr, c.want) {
				t.Errorf("exit code %d\n%s\nwant %s", o.code, o.stderr, c.want)
			}
		})
	}
}

// TestPoorModels: a model that a constant would beat is not handed over in silence.
func TestPoorModels(t *testing.T) {
	t.Parallel()
	for want, metrics := range map[string]artifact.Values{
		"above 0.6931": {"logloss": 0.7}, "hinge_loss is above 1": {"hinge_loss": 1.5}, "d2 is below 0": {"d2": -0.1, "poisson_deviance": 3}, "r2 is below 0": {"r2": -2},
	} {
		if hint := poor(metrics); !strings.Contains(hint, want) {
			t.Errorf("of %v: %q, want %q", metrics, hint, want)
		}
	}
	if hint := poor(artifact.Values{"logloss": 0.6, "hinge_loss": 0.9, "d2": 0, "r2": 0.5}); hint != "" {
		t.Errorf("of models that are none: %q", hint)
	}
}

// TestUnknownFeatures: a feature that training never saw is ignored, and counted.
func TestUnknownFeatures(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("test.svm", "1 1:1 2:1\n0 1:0 7:2 900:1\n0 8:1\n")
	o := p.run("train", "job.yaml", "data.test.path=test.svm")
	if o.code != exitDone || !strings.Contains(o.stdout, "\n3 values of the test data are in columns that the training data lacks: they were ignored\n") {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if r := p.report("out"); r.UnknownFeatures != 3 || r.Columns != 6 {
		t.Errorf("%d unknown features and %d columns, want 3 and 6", r.UnknownFeatures, r.Columns)
	}
}

func TestOutputErrors(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.refused(exitUsage, "output train.svm/out: train.svm is a file, not a folder: choose another output", "train", "job.yaml", "output=train.svm/out")
	if os.Geteuid() == 0 {
		p.refused(exitUsage, "output /proc/out: cannot write to /proc: no such file or directory: choose another output", "train", "job.yaml", "output=/proc/out")
	} else {
		if err := os.Mkdir(p.path("locked"), 0o555); err != nil {
			t.Fatal(err)
		}
		p.refused(exitUsage, "output locked/out: cannot write to locked: permission denied: choose another output", "train", "job.yaml", "output=locked/out")
	}
	p.ok("train", "job.yaml")
	first := p.report("out").ModelSHA256
	p.refused(exitUsage, "out/model already holds a finished model: choose another output, or replace it with --force", "train", "job.yaml", "run.seed=2")
	if p.report("out").ModelSHA256 != first {
		t.Error("the refused run has changed the report")
	}
	p.ok("train", "job.yaml", "run.seed=2", "--force")
	if p.report("out").ModelSHA256 == first {
		t.Error("--force has not replaced the model")
	}
	p.ok("model", "verify", "out")
}

// TestUnreachable: nobody, or somebody who never answers.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for address, args := range map[string][]string{silent.Addr().String(): {"train", "job.yaml"}, gone.Addr().String(): {"status"}} {
		at := time.Now()
		p.refused(exitUnreachable, "cluster unreachable: nobody answers at "+address+": is an agent running there?", append(args, "--cluster", address)...)
		if took := time.Since(at); took > 5*slower*time.Second {
			t.Errorf("%v took %v", args, took)
		}
	}
	p.refused(exitUsage, `--cluster "here" is not host:port: give the bind address of an agent, such as 127.0.0.1:7700`, "train", "job.yaml", "--cluster", "here")
}

func TestNoCoordinator(t *testing.T) {
	t.Parallel()
	p, c := newPlace(t), startCluster(t, "trainer")
	p.refused(exitUnreachable, "cluster unreachable: the node at "+c.address()+" knows no node with the role coordinator: start an agent that has it", "train", "job.yaml", "--cluster", c.address())
}

func TestAgentErrors(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	taken := startNode(t)
	p.refused(exitUsage, "listen on "+taken.Bind+": address already in use: stop the process that has it or choose another address",
		"agent", "--bind", taken.Bind, "--data-dir", p.tmp+"/..")
	p.refused(exitUsage, "gossip: listen on "+taken.Gossip+" (TCP): address already in use: stop the process that has it or choose another address",
		"agent", "--bind", "127.0.0.1:0", "--gossip", taken.Gossip)
	p.refused(exitUsage, "refused by another cluster: node "+taken.Node+` is of cluster "parley", not "other": give the agent the same --label`,
		"agent", "--bind", "127.0.0.1:0", "--label", "other", "--join", taken.Bind)
	if said := taken.errOut.String(); !strings.Contains(said, `refused a node of another cluster that wanted to join`) || !strings.Contains(said, "its_label=other") {
		t.Errorf("the node that was asked says nothing of the refusal:\n%s", said)
	}
	p.refused(exitUsage, `unknown role "worker": the roles are [coordinator ps trainer]`, "agent", "--bind", "127.0.0.1:0", "--roles", "worker")
	p.refused(exitUsage, "--max-jobs is 0: a coordinator that runs no jobs would leave all of them in its queue; give 1 or more", "agent", "--bind", "127.0.0.1:0", "--max-jobs", "0")
	p.refused(exitUsage, "--max-queued is -1: give 0, for no queue, or more", "agent", "--bind", "127.0.0.1:0", "--max-queued", "-1")
	p.refused(exitUsage, "--pprof needs --http: profiles are served there", "agent", "--bind", "127.0.0.1:0", "--pprof")
	o := p.run("agent", "--bind", "0.0.0.0:0")
	if o.code != exitUsage || !strings.Contains(o.stderr, "--insecure") {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, c := range []struct {
		want string
		args []string
	}{
		{`unknown command "trian": did you mean train? see parley --help`, []string{"trian"}},
		{`unknown command "shwo": did you mean show? see parley model --help`, []string{"model", "shwo"}},
		{"which command of parley job? see parley job --help", []string{"job"}},
		{`unknown command "trian": did you mean train? see parley --help`, []string{"help", "trian"}},
		{`unknown command "shwo": did you mean show? see parley model --help`, []string{"help", "model", "shwo"}},
		{`unknown command "x": see parley train --help`, []string{"help", "train", "x"}},
		{"give SHELL (0 given) (see parley completion --help)", []string{"completion"}},
		{`unknown shell "csh": choose one of bash, fish, powershell, zsh`, []string{"completion", "csh"}},
		{"which job? give the path of a job file (see parley train --help)", []string{"train"}},
		{"unknown flag: --fast (see parley train --help)", []string{"train", "job.yaml", "--fast"}},
		{"give MODEL and PATH (1 given) (see parley predict --help)", []string{"predict", "x"}},
		{`what is "x"? there are no arguments to give (see parley status --help)`, []string{"status", "x"}},
		{"--detach needs --cluster: without it the job ends with this process", []string{"train", "job.yaml", "--detach"}},
		{"--servers and --trainers must be at least 1", []string{"train", "job.yaml", "--servers", "0"}},
		{"--nodes must be between 1 and 64", []string{"dev", "--nodes", "0"}},
		{"none: there is no finished model here: neither model.json nor model/model.json is in it", []string{"predict", "none", "train.svm"}},
		{"none: there is no finished model here: neither model.json nor model/model.json is in it", []string{"model", "verify", "none"}},
	} {
		p.refused(exitUsage, c.want, c.args...)
	}
}

// TestHelp: help shows the examples, which TestExamples looks at.
func TestHelp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, args := range [][]string{{}, {"train"}, {"job"}, {"job", "show"}} {
		if out := p.ok(append(args, "--help")...); !strings.Contains(out, "Examples:\n  parley "+strings.Join(args, " ")) {
			t.Errorf("parley %s --help has no example:\n%s", strings.Join(args, " "), out)
		}
		if out := p.ok(append([]string{"help"}, args...)...); !strings.Contains(out, "Examples:\n  parley "+strings.Join(args, " ")) {
			t.Errorf("parley help %s has no example:\n%s", strings.Join(args, " "), out)
		}
	}
}

// TestDiverged: a model whose numbers leave the floats ends the job, and says
// which rows of which worker did it.
func TestDiverged(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write("train.svm", strings.ReplaceAll(smallData(), " 2:", " 2:1000"))
	o := p.run("train", "job.yaml", "model.kind=linear", "optimizer.kind=sgd", "optimizer.rate=1e6")
	if o.code != exitFailed || o.stdout != "" || p.exists("out/model") || p.exists("out/report.json") {
		t.Errorf("exit code %d, output:\n%s", o.code, p.list(p.dir))
	}
	for _, want := range []string{"failed: worker ", "NaN or Inf in the contribution to round 0 (epoch 1, data shards ", " (rows ", "the model has diverged: lower optimizer.rate or scale the features"} {
		if !strings.Contains(o.stderr, want) {
			t.Errorf("no %q in: %s", want, o.stderr)
		}
	}
}

// TestBlindNode: data that one trainer of a cluster cannot see is an error before
// training that names the node.
func TestBlindNode(t *testing.T) {
	t.Parallel()
	unshare, err := exec.LookPath("unshare")
	if err != nil || exec.Command(unshare, "--mount", "mount", "-t", "tmpfs", "none", os.TempDir()).Run() != nil {
		t.Skip("no mount namespaces for this user: no node can be made blind")
	}
	p := newPlace(t)
	p.write("data/train.svm", smallData())
	c := startCluster(t, "coordinator,ps,trainer", "trainer")
	agent := parley(t, "agent", "--bind", "127.0.0.1:0", "--roles", "trainer", "--join", c.address(), "--data-dir", t.TempDir())
	script := `mount -t tmpfs none "$0" && exec "$@"`
	agent.Args = append([]string{unshare, "--mount", "sh", "-c", script, p.path("data")}, agent.Args...)
	agent.Path = unshare
	blind := startAgentCommand(t, agent)
	o := p.run("train", "job.yaml", "data.train.path="+filepath.Join("data", "train.svm"), "--cluster", c.address())
	want := "parley: node " + blind.Node + ": data.train: data/train.svm: no such file or directory: correct the path\n"
	if o.code != exitUsage || !strings.HasSuffix(o.stderr, want) || p.exists("out") {
		t.Errorf("exit code %d\n got %s\nwant %s", o.code, o.stderr, want)
	}
}
