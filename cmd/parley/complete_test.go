package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestCompletion asks as the scripts for shells do.
func TestCompletion(t *testing.T) {
	t.Parallel()
	p, node := newPlace(t), startNode(t, "--chaos", "slow=20x") // a job that runs leaves us the processor
	submit := func(args ...string) string {
		return strings.TrimSpace(p.ok(append([]string{"train", "job.yaml", "--detach", "--cluster", node.Bind, "name=small"}, args...)...))
	}
	done, stopped := submit(), submit("run.epochs=1000000")
	p.ok("wait", done, "--cluster", node.Bind)
	p.ok("job", "stop", stopped, "--cluster", node.Bind)
	running := submit("run.epochs=1000000")
	isDone, isStopped, isRunning := done+"\tdone, small\n", stopped+"\tstopped, small\n", running+"\t"

	for _, c := range []struct {
		line          string // the last word is being typed, _ for nothing yet
		want, wantNot []string
	}{
		{"job show CLUSTER _", []string{isDone, isStopped, isRunning, ":4\n"}, nil},
		{"job why CLUSTER _", []string{isDone, isStopped, isRunning, ":4\n"}, nil},
		{"job stop CLUSTER _", []string{isRunning}, []string{done, stopped}},
		{"job scale CLUSTER _", []string{isRunning}, []string{done, stopped}},
		{"job fetch CLUSTER _", []string{isDone}, []string{running, stopped}},
		{"job fetch CLUSTER " + done + " _", []string{":16\n"}, []string{done}},
		{"job show CLUSTER " + done + " _", []string{":4\n"}, []string{running}},
		{"wait CLUSTER " + done + " _", []string{isStopped, isRunning}, []string{done}},
		{"resume CLUSTER _", []string{isStopped, ":4\n"}, []string{done, running}},
		{"resume CLUSTER runs/", []string{":16\n"}, []string{stopped}},
		{"resume _", []string{":16\n"}, []string{stopped}},
		{"train _", []string{"yaml\n", ":8\n"}, nil},
		{"train job.yaml _", []string{"run.epochs=\t", "model.kind=\t", ":6\n"}, []string{"\nrun=", "\nmodel="}},
		{"train job.yaml model.kind=", []string{"model.kind=softmax\n"}, []string{"epochs"}},
		{"train job.yaml data.train.path=", []string{":0\n"}, []string{"data"}},
		{"predict _", []string{":16\n"}, nil},
		{"predict out _", []string{":0\n"}, nil},
		{"predict out x.svm _", []string{":4\n"}, nil},
		{"model export out --to _", []string{"onnx\n", ":4\n"}, nil},
		{"data convert --format _", []string{"parquet\n", ":4\n"}, nil},
		{"agent --roles ps,", []string{"ps,trainer\n", ":6\n"}, []string{"ps,ps"}},
		{"completion _", []string{"zsh\n", ":4\n"}, nil},
		{"help job _", []string{"stop\tStop a job", ":4\n"}, nil},
		{"status _", []string{":4\n"}, nil},
	} {
		words := strings.Fields(strings.Replace(c.line, "CLUSTER", "--cluster "+node.Bind, 1))
		if last := len(words) - 1; words[last] == "_" {
			words[last] = ""
		}
		out := "\n" + completed(t, words...)
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in%s", c.line, want, out)
			}
		}
		for _, bad := range c.wantNot {
			if strings.Contains(out, bad) {
				t.Errorf("%s: there is %q in%s", c.line, bad, out)
			}
		}
	}
}

// completed returns what is proposed for the last of the words.
func completed(t *testing.T, words ...string) string {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs(append([]string{"__complete"}, words...))
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestCompletionWithoutCluster: a prompt does not hang, and is not spoilt.
func TestCompletionWithoutCluster(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, address := range []string{silent.Addr().String(), unusedAddress(t), "here"} {
		at := time.Now()
		if out := completed(t, "job", "show", "--cluster", address, ""); out != ":4\n" {
			t.Errorf("%s: %s", address, out)
		}
		if took := time.Since(at); took > 2*completeWithin*slower {
			t.Errorf("%s: it took %v", address, took)
		}
	}
}

// TestCompletionOfAll: every command says what its arguments may be.
func TestCompletionOfAll(t *testing.T) {
	t.Parallel()
	for _, c := range commandsOf(t) {
		if !c.HasSubCommands() && c.ValidArgsFunction == nil && c.ValidArgs == nil {
			t.Errorf("nothing is proposed for the arguments of %s, and files neither ruled out nor in", c.CommandPath())
		}
	}
}
