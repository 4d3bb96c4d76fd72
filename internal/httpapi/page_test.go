package httpapi

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"testing"

	"parley/internal/param"
)

func TestClusterPage(t *testing.T) {
	w := ask(cluster().handler(), "GET", "/", "")
	text := w.Body.String()
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, has := range []string{
		`<b>2</b> <span>members</span>`, `<b>1</b> <span>running</span>`, `<b>1</b> <span>queued</span>`, `<span class="phase queued">queued</span>`, `Waits for <strong>queue</strong>, for 0.0 s: waits for the running job to end`, `<div class="tile bad"><b>1</b> <span>failed</span>`,
		`<a href="/jobs/j-1">j-1</a> <span class="phase training">training</span>`, `<progress value="30" max="120" aria-label="Rounds of j-1">`, `round 30 of 120`,
		`<dd>1 of 4</dd>`, `<dd>0.25</dd>`, `<dd>480</dd>`, `<dd>1.05 MB</dd>`, `Waits for <strong>n2</strong>, for 1.5 s: contributes to the round: worker 0`,
		`<strong>Warning:</strong> a warning &lt;b&gt;`, `<p class="failure"><strong>Failed:</strong> data.train.path: no such file: /&lt;none&gt;</p>`,
		`<tr data-node="n1" class="fresh">`, `<span class="chip leads">leads</span>`, `<tr data-node="n2" class="late">`, `4.0 s ago`, `<span class="chip range">j-1/1</span>`,
	} {
		if !strings.Contains(text, has) {
			t.Errorf("no %s in\n%s", has, text)
		}
	}
}

func TestJobPage(t *testing.T) {
	f := cluster()
	f.job.Events = append(f.job.Events, json.RawMessage(`{"time":"2026-11-28T20:00:09Z","kind":"recovery","message":"rounds advance <again>"}`))
	text := ask(f.handler(), "GET", "/jobs/j-1", "").Body.String()
	for _, has := range []string{
		`<title>j-1 · Parley</title>`, `<span aria-current="page">j-1</span>`, `<button id="stop" type="button" data-job="j-1">`, `id="charts" data-job="j-1"`,
		`<code>n1</code>`, `<span class="chip range">range 1</span>`, `<code>n2</code>`, `<span class="chip worker">worker 0</span>`,
		`<li class="failure"><time datetime="2026-11-28T20:00:00.000Z">20:00:00</time> <span class="kind">failure</span> <span>node n3 was lost</span></li>`,
		`rounds advance &lt;again&gt;`, html.EscapeString("{\n  \"name\": \"j\"\n}"),
	} {
		if !strings.Contains(text, has) {
			t.Errorf("no %s in\n%s", has, text)
		}
	}
	if strings.Index(text, "rounds advance") > strings.Index(text, "was lost") {
		t.Error("the newest event is not the first")
	}
	f.job.Phase = "done"
	if text := ask(f.handler(), "GET", "/jobs/j-1", "").Body.String(); !strings.Contains(text, `data-job="j-1" hidden>`) || strings.Contains(text, "Waits for") {
		t.Errorf("a job that is over can be stopped:\n%s", text)
	}
}

func TestPageProblems(t *testing.T) {
	for _, c := range []struct {
		path string
		node *fake
		code int
		has  string
	}{
		{"/jobs/none", cluster(), 404, `<p class="failure">no job &#34;none&#34;</p>`},
		{"/jobs/%3Cb%3E", cluster(), 404, "&lt;b&gt;"},
		{"/", &fake{err: param.Errorf(param.Retryable, "no coordinator")}, 503, `<p class="failure">no coordinator</p>`},
	} {
		if w := ask(c.node.handler(), "GET", c.path, ""); w.Code != c.code || !strings.Contains(w.Body.String(), c.has) || !strings.Contains(w.Body.String(), "</html>") {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/web/cluster.html", "/web/", "/web/openapi.json", "/web/..%2fapp.js"} {
		if w := ask(cluster().handler(), "GET", path, ""); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// inline is what the policy of the pages does not let a browser run or load.
var inline = regexp.MustCompile(`(?i)<script>|<style|\son\w+=|\sstyle=|(?:src|href)="(?:https?:)?//|javascript:`)

// TestPagesAreSelfContained: whatever a page loads is served by the node, and its
// parts are where app.js looks for them.
func TestPagesAreSelfContained(t *testing.T) {
	h := cluster().handler()
	loads := regexp.MustCompile(`(?:src|href)="(/[^"]*)"`)
	for _, path := range []string{"/", "/jobs/j-1"} {
		text := ask(h, "GET", path, "").Body.String()
		if found := inline.FindString(text); found != "" {
			t.Errorf("%s has %s", path, found)
		}
		for _, link := range loads.FindAllStringSubmatch(text, -1) {
			if w := ask(h, "GET", link[1], ""); w.Code != 200 && link[1] != "/jobs/k-2" && link[1] != "/jobs/l-3" { // the fake knows one job
				t.Errorf("%s links to %s: %d", path, link[1], w.Code)
			}
		}
	}
	script := ask(h, "GET", "/web/app.js", "").Body.String()
	page := ask(h, "GET", "/jobs/j-1", "").Body.String()
	for _, id := range regexp.MustCompile(`\$\("([^"]+)"\)`).FindAllStringSubmatch(script, -1) {
		if !strings.Contains(page, `id="`+id[1]+`"`) {
			t.Errorf("app.js looks for %s, which the page of a job does not have", id[1])
		}
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{count(0), "0"}, {count(int64(999)), "999"}, {count(uint64(1000)), "1 k"}, {count(12345), "12.3 k"}, {count(int64(999999)), "1 M"}, {count(int64(2e15)), "2000 T"},
		{byteCount(999), "999 B"}, {byteCount(1048576), "1.05 MB"}, {seconds(1.26), "1.3 s"}, {seconds(3723.4), "1h2m3s"}, {lossText(nil), "–"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
