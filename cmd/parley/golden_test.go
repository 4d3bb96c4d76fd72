package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/datashard/parsebench"
	"parley/ps/psbench"
)

// TestJSON compares what the commands print with --json, and events.jsonl, with
// testdata/golden: keys, their order, types, and all values that are the same on
// every machine. -update writes the files anew.
func TestJSON(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	newsFile(p)
	p.write("job.yaml", "name: small\n"+smallJob)
	p.write("visits.csv", "when,pages,browser,bought\n2001-01-01,3,a,no\n2001-01-02,,b,yes\n2001-01-03,8,a\n2001-01-04,2,a,no\n")
	p.write("bad.svm", smallData()+"1 2:1 1:1\n")
	node := startNode(t)
	at := func(args ...string) []string { return append(args, "--cluster", node.Bind) }
	same := func(name, text string) {
		t.Helper()
		matches(t, "testdata/golden/"+name, normal(t, text, strings.HasSuffix(name, ".jsonl")))
	}
	shown := map[string]bool{"parley bench parse": true, "parley bench ps": true, "parley resume": true} // which prints a report as train does
	shows := func(name string, code int, args ...string) string {
		t.Helper()
		if c, _, err := rootCommand().Find(args); err == nil {
			shown[c.CommandPath()] = true
		}
		o := p.run(append(args, "--json")...)
		if o.code != code {
			t.Fatalf("%v: exit code %d\n%s", args, o.code, o.stderr)
		}
		same(name, o.stdout)
		return o.stdout
	}

	one := func(args ...string) []string { return append(args, "--servers", "1", "--trainers", "1") }
	shows("train.json", exitDone, one("train", "job.yaml", "data.holdout=0.2")...)
	same("events.jsonl", p.read("out/events.jsonl"))
	shows("model-show.json", exitDone, "model", "show", "out", "--top", "1")
	shows("train-softmax.json", exitDone, one("train", "job.yaml", "model.kind=softmax", "output=softmax")...)
	shows("model-show-softmax.json", exitDone, "model", "show", "softmax", "--top", "1")
	shows("train-lsi.json", exitDone, one("train", "news.yaml", "output=news")...)
	shows("runs.json", exitDone, "runs", "softmax", "news")
	shows("topics.json", exitDone, "topics", "news", "--top", "2", "--corpus", "news.jsonl")
	shows("similar.json", exitDone, "similar", "news", "news.jsonl", "hockey", "--top", "2")
	shows("data-profile.json", exitDone, "data", "profile", "visits.csv")
	shows("data-check.json", exitDone, "data", "check", "job.yaml")
	shows("data-check-bad.json", exitUsage, "data", "check", "job.yaml", "data.train.path=bad.svm")
	shows("data-check-none.json", exitUsage, "data", "check", "job.yaml", "data.train.path=none.svm")
	for name, figures := range map[string]any{"bench-parse.json": parsebench.Results{}, "bench-ps.json": psbench.Results{}} { // they take long to measure
		var b bytes.Buffer
		if err := printJSON(&b, figures); err != nil {
			t.Error(err)
		}
		same(name, b.String())
	}

	shows("status-none.json", exitDone, at("status")...)
	var submitted struct{ Job string }
	if err := json.Unmarshal([]byte(shows("train-detach.json", exitDone, at("train", "job.yaml", "--detach")...)), &submitted); err != nil {
		t.Fatal(err)
	}
	shows("wait.json", exitDone, at("wait", submitted.Job)...)
	shows("job-show.json", exitDone, at("job", "show", submitted.Job)...)
	shows("job-show.json", exitDone, at("job", "why", submitted.Job)...)
	shows("job-profile.json", exitDone, at("job", "profile", submitted.Job)...)
	diverged := strings.TrimSpace(p.ok(at("train", "job.yaml", "--detach", "model.kind=linear", "optimizer.kind=sgd", "optimizer.rate=1e9", "run.epochs=50", "run.workers=1")...))
	shows("wait-failed.json", exitFailed, at("wait", submitted.Job, diverged)...)
	shows("status.json", exitDone, at("status")...)
	for _, c := range commandsOf(t) {
		if c.Flags().Lookup("json") != nil && !shown[c.CommandPath()] {
			t.Errorf("nothing is said of what %s prints with --json", c.CommandPath())
		}
	}
}

// varying are the keys whose values differ between runs, with all that is below
// them.
var varying = []string{"time", "seconds", "rows_per_second", "silent", "since", "bytes", "pushed", "pulled", "kernels", "residual", "straggler"}

// normal returns JSON with its keys in their order, without what differs between
// runs and machines.
func normal(t *testing.T, text string, lines bool) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var out bytes.Buffer
	for {
		var b bytes.Buffer
		err := normalValue(d, &b, false)
		if err == io.EOF {
			return out.String()
		}
		if err == nil && lines {
			out.Write(b.Bytes())
		} else if err == nil {
			err = json.Indent(&out, b.Bytes(), "", "  ")
		}
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		out.WriteByte('\n')
	}
}

// normalValue copies a value, without its content if it varies.
func normalValue(d *json.Decoder, b *bytes.Buffer, varies bool) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		return normalParts(d, b, v, varies)
	case json.Number:
		if varies {
			v = "0"
		}
		b.WriteString(shortened(v))
	case string:
		if varies {
			v = "..."
		}
		writeString(b, madeSame(v))
	case nil:
		b.WriteString("null")
	default:
		fmt.Fprint(b, v)
	}
	return nil
}

func normalParts(d *json.Decoder, b *bytes.Buffer, open json.Delim, varies bool) error {
	b.WriteString(open.String())
	for i := 0; d.More(); i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		below := varies
		if open == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			writeString(b, key.(string))
			b.WriteByte(':')
			below = varies || slices.Contains(varying, key.(string)) || strings.Contains(key.(string), "_per_")
		}
		if err := normalValue(d, b, below); err != nil {
			return err
		}
	}
	end, err := d.Token()
	fmt.Fprint(b, end)
	return err
}

func writeString(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string into memory
	b.Truncate(b.Len() - 1)
}

// shortened rounds a number to what all processors agree on.
func shortened(n json.Number) string {
	if x, err := n.Float64(); err == nil && strings.ContainsAny(n.String(), ".eE") {
		return strconv.FormatFloat(x, 'g', 5, 64)
	}
	return n.String()
}

// variable are the parts of texts that differ between runs.
var variable = []struct {
	part *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "SHA-256"},
	{regexp.MustCompile(`\bsmall-[0-9a-f]{6}\b`), "small-ID"},
	{regexp.MustCompile(`\b127\.0\.0\.1:\d+-[0-9a-f]{4}\b`), "NODE"},
	{regexp.MustCompile(`\b127\.0\.0\.1:\d+\b`), "HOST:PORT"},
	{regexp.MustCompile(`\b[0-9.]+ m?s\b`), "TIME"},
}

func madeSame(text string) string {
	for _, v := range variable {
		text = v.part.ReplaceAllString(text, v.as)
	}
	return text
}
