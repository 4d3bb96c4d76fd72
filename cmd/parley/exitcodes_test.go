package main

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestUsageCodes: whatever cobra finds wrong is usage, and the message names the
// command to ask for help.
func TestUsageCodes(t *testing.T) {
	t.Parallel()
	for _, c := range commandsOf(t) {
		path := strings.Fields(c.CommandPath())[1:]
		lines := [][]string{append(path[:len(path):len(path)], "--no-such-flag")}
		for n := range 5 {
			args := strings.Fields("a b c d e")[:n]
			if c.HasSubCommands() && n > 0 || !c.HasSubCommands() && c.ValidateArgs(args) != nil {
				lines = append(lines, append(path[:len(path):len(path)], args...))
			}
		}
		for _, line := range lines {
			if err := run(t.Context(), line); codeOf(err) != exitUsage || !strings.Contains(err.Error(), "see parley") {
				t.Errorf("%q: exit code %d, %v", line, codeOf(err), err)
			}
		}
	}
}

// codes notes which exit codes of commands have been seen.
type codes map[string]bool

// seenElsewhere are the codes that other tests see, or none, and why.
var seenElsewhere = map[string]string{
	"parley train 130":     "TestInterruptEmbedded",
	"parley resume 0":      "TestAllKilled",
	"parley resume 1":      "it ends as train does",
	"parley resume 130":    "it ends as train does",
	"parley agent 0":       "TestAgentTerminated",
	"parley dev 0":         "TestDev",
	"parley health 1":      "TestHealth",
	"parley bench parse 0": "it takes 20 s",
	"parley bench ps 0":    "TestBenchPS",
	"parley job stop 1":    "it takes 20 s",
}

// TestExitCodes: every exit code that the help of a command has is one that it ends
// with, and it ends with no others.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	p, seen := newPlace(t), codes{}
	newsFile(p)
	node := startNode(t, "--http", "127.0.0.1:0", "--chaos", "slow=20x") // a job that runs leaves us the processor
	gone := unusedAddress(t)
	ends := func(code int, says, line string) {
		t.Helper()
		line = strings.NewReplacer("CLUSTER", "--cluster "+node.Bind, "GONE", "--cluster "+gone).Replace(line)
		seen.check(t, p.run(strings.Fields(line)...), code, says, line)
	}
	ends(0, "", "train job.yaml")
	ends(0, "", "train news.yaml output=news")
	for _, model := range []string{"out", "news"} {
		if err := os.CopyFS(p.path("damaged-"+model), os.DirFS(p.path(model))); err != nil {
			t.Fatal(err)
		}
		p.write("damaged-"+model+"/model/params.safetensors", "damaged")
	}
	p.write("broken/model/model.json", "{")
	p.write("bad.svm", "1 2:1 1:1\n")
	p.write("empty/README", "")
	for _, c := range []struct {
		code       int
		says, line string
	}{
		{0, "", "train job.yaml output=fetched CLUSTER"},
		{1, "the model has diverged", "train job.yaml output=x model.kind=linear optimizer.kind=sgd optimizer.rate=1e9 run.epochs=50"},
		{2, "there is no such file", "train none.yaml"},
		{3, "nobody answers", "train job.yaml output=x GONE"},
		{2, "no checkpoint", "resume empty"},
		{3, "nobody answers", "resume job-000000 GONE"},
		{2, "no such job there", "resume job-000000 CLUSTER"},
		{2, "address already in use", "agent --bind " + node.Bind},
		{2, "host:port: give", "agent --bind here"},
		{2, "an agent did not start", "dev --nodes 1 --bind " + node.Bind},
		{0, "", "health --http " + node.HTTP},
		{2, "host:port: give", "health --http here"},
		{3, "nobody answers", "health --http " + gone},
		{0, "", "status CLUSTER"},
		{2, "host:port: give", "status --cluster here"},
		{3, "nobody answers", "status GONE"},
		{0, "", "runs out"},
		{2, "there is no finished run", "runs none"},
		{0, "", "predict out train.svm"},
		{1, "damaged-out", "predict damaged-out train.svm"},
		{2, "no such file", "predict out none.svm"},
		{0, "", "transform news news.jsonl"},
		{1, "damaged-news", "transform damaged-news news.jsonl"},
		{2, "has no topics", "transform out news.jsonl"},
		{0, "", "topics news"},
		{1, "damaged-news", "topics damaged-news"},
		{2, "has no topics", "topics out"},
		{0, "", "similar news news.jsonl hockey"},
		{1, "damaged-news", "similar damaged-news news.jsonl hockey"},
		{2, "has no topics", "similar out news.jsonl hockey"},
		{0, "", "model show out"},
		{1, "damaged-out", "model show damaged-out"},
		{2, "there is no finished model", "model show none"},
		{0, "", "model verify out"},
		{1, "params.safetensors was changed", "model verify damaged-out"},
		{2, "there is no finished model", "model verify none"},
		{0, "", "model export out --to csv --out x.csv"},
		{1, "params.safetensors was changed", "model export damaged-out --to csv --out x.csv"},
		{2, "give --to", "model export out"},
		{0, "", "data profile train.svm"},
		{2, "no such file", "data profile none.svm"},
		{2, "the formats are", "data profile train.svm --format xls"},
		{0, "", "data check job.yaml"},
		{2, "not what the job asks for", "data check job.yaml data.train.path=bad.svm"},
		{0, "", "data convert train.svm train.csv"},
		{1, "broken", "data convert train.svm y.csv --model broken"},
		{2, "exists", "data convert train.svm train.csv"},
		{0, "", "job schema"},
		{2, "there are no arguments", "job schema x"},
		{0, "", "completion fish"},
		{2, "unknown shell", "completion csh"},
		{0, "", "help train"},
		{2, "unknown command", "help none"},
		{2, "--dir none: cannot write there", "bench parse --dir none"},
		{2, "there must be", "bench ps --servers 0"},
	} {
		ends(c.code, c.says, c.line)
	}
	done := strings.TrimSpace(p.ok("train", "job.yaml", "--detach", "--cluster", node.Bind))
	ends(0, "", "wait CLUSTER "+done)
	ends(0, "", "job fetch CLUSTER "+done+" copy")
	running := strings.TrimSpace(p.ok("train", "job.yaml", "--detach", "--cluster", node.Bind, "run.epochs=1000000"))
	ends(1, "is not over", "wait CLUSTER --timeout 1ms "+running)
	ends(1, "only a job that is done", "job fetch CLUSTER "+running+" none")
	seen.check(t, interruptedWait(p), exitInterrupted, "interrupted", "wait")
	for _, line := range []string{"job show", "job why", "job profile", "job scale --servers 1", "job stop"} {
		ends(0, "", line+" CLUSTER "+running)
	}
	for _, line := range []string{"wait", "job show", "job why", "job profile", "job stop"} {
		ends(2, "no job", line+" job-000000 CLUSTER")
		ends(3, "nobody answers", line+" job-000000 GONE")
	}
	ends(2, "how many", "job scale job-000000 CLUSTER")
	ends(3, "nobody answers", "job scale job-000000 --servers 1 GONE")
	ends(2, "no job", "job fetch job-000000 x CLUSTER")
	ends(3, "nobody answers", "job fetch job-000000 x GONE")
	seen.check(t, devWithoutAgents(p), exitFailed, "all nodes have ended", "dev")
	seen.complete(t)
}

// check compares the end of a command with what was to come, and with its help.
func (seen codes) check(t *testing.T, o outcome, code int, says, line string) {
	t.Helper()
	if o.code != code || !strings.Contains(o.stderr, says) {
		t.Errorf("%s: exit code %d, want %d and %q:\n%s", line, o.code, code, says, o.stderr)
	}
	root := rootCommand()
	root.InitDefaultHelpCmd()
	c, _, err := root.Find(strings.Fields(line))
	if err != nil {
		t.Fatal(err)
	}
	seen[c.CommandPath()+" "+strconv.Itoa(code)] = true
}

// complete holds what was seen against what is documented.
func (seen codes) complete(t *testing.T) {
	t.Helper()
	documented := codes{}
	for _, c := range commandsOf(t) {
		if c.HasSubCommands() {
			continue
		}
		_, says := helpOf(c)
		for _, code := range says {
			key := c.CommandPath() + " " + code.number
			documented[key] = true
			if !seen[key] && seenElsewhere[key] == "" {
				t.Errorf("no test has the exit code %s", key)
			}
			if seen[key] && seenElsewhere[key] != "" {
				t.Errorf("the exit code %s is seen here", key)
			}
		}
	}
	for key := range seen {
		if !documented[key] {
			t.Errorf("the help does not tell of the exit code %s", key)
		}
	}
	for key := range seenElsewhere {
		if !documented[key] {
			t.Errorf("there is no exit code %s", key)
		}
	}
}

// unusedAddress is one at which nobody answers.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// interruptedWait presses Ctrl-C while a cluster is waited for.
func interruptedWait(p *place) outcome {
	p.t.Helper()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer silent.Close()
	b := p.start("wait", "job-000000", "--cluster", silent.Addr().String())
	conn, err := silent.Accept()
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	b.send(p.t, syscall.SIGINT)
	return p.end(b)
}

// devWithoutAgents kills the agent of parley dev.
func devWithoutAgents(p *place) outcome {
	p.t.Helper()
	b := p.start("dev", "--nodes", "1", "--bind", "127.0.0.1:0")
	says(p.t, b, "Ctrl-C ends them")
	killProcess(p.t, devNode.FindStringSubmatch(b.out.String())[2])
	return p.end(b)
}
