// Package browsertest looks at a node's pages with a real browser, on a cluster of
// processes whose nodes die. It is a module of its own, since the driver of the
// browser is large; without a browser it is skipped. PARLEY_SCREENSHOTS=DIR leaves
// pictures there, to be looked at.
package browsertest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// agent is a process of the cluster.
type agent struct {
	process    *exec.Cmd
	Bind, HTTP string
	Node       string
}

// build builds parley.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "parley")
	c := exec.Command("go", "build", "-o", binary, "./cmd/parley")
	c.Dir = "../../.."
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

func start(t *testing.T, binary string, roles string, join ...string) *agent {
	t.Helper()
	args := []string{"agent", "--bind", "127.0.0.1:0", "--http", "127.0.0.1:0", "--roles", roles, "--data-dir", t.TempDir()}
	for _, j := range join {
		args = append(args, "--join", j)
	}
	a := &agent{process: exec.Command(binary, args...)}
	out, err := a.process.StdoutPipe()
	if err == nil {
		err = a.process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.end(syscall.SIGTERM) })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, a)
	}
	if err != nil {
		t.Fatalf("agent: %v: %s", err, line)
	}
	return a
}

func (a *agent) end(s syscall.Signal) {
	a.process.Process.Signal(s) // one that has ended does not mind
	a.process.Wait()
}

// submit posts a job that runs until it is stopped, and returns its id.
func submit(t *testing.T, a *agent) string {
	t.Helper()
	dir, g := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	var rows bytes.Buffer
	for range 4000 {
		margin, row := g.NormFloat64(), ""
		for id := 1; id <= 60; id++ {
			if g.IntN(5) == 0 {
				row += fmt.Sprintf(" %d:1", id)
				margin += float64(id%7) - 3
			}
		}
		fmt.Fprintf(&rows, "%+d%s\n", map[bool]int{true: 1, false: -1}[margin > 0], row)
	}
	path := filepath.Join(dir, "train.svm")
	if err := os.WriteFile(path, rows.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	spec := fmt.Sprintf(`{"name": "clicks", "data": {"train": {"path": %q}, "holdout": 0.2}, "model": {"kind": "logistic"}, "run": {"epochs": 100000, "batch": 16, "workers": 6, "ranges": 4, "stop": {"patience": 100000}}, "output": %q}`, path, dir)
	reply, err := http.Post("http://"+a.HTTP+"/v1/jobs", "application/json", strings.NewReader(spec))
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var submitted struct{ Job string }
	if text, err := io.ReadAll(reply.Body); err != nil || json.Unmarshal(text, &submitted) != nil || submitted.Job == "" {
		t.Fatalf("%s %v %s", reply.Status, err, text)
	}
	return submitted.Job
}

// browser is a page, and what it should not have done.
type browser struct {
	t    *testing.T
	ctx  context.Context
	host string
	mu   sync.Mutex
	bad  []string
}

// open starts the browser, or skips the test where there is none.
func open(t *testing.T, host string) *browser {
	t.Helper()
	b := &browser{t: t, host: host}
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	b.ctx = ctx
	b.do(0, func(ctx context.Context, s *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, s, cdplog.Enable, cdp.Empty{})
		return chromedp.Void{}, err
	})
	return b
}

// listen notes errors on the console, and requests to others.
func (b *browser) listen(e any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		b.bad = append(b.bad, fmt.Sprintf("exception: %+v", e.ExceptionDetails))
	case *cdplog.EventEntryAdded:
		b.bad = append(b.bad, fmt.Sprintf("console: %+v", e.Entry))
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "http://"+b.host+"/") {
			b.bad = append(b.bad, "asked "+e.Request.URL)
		}
	}
}

// patience bounds each wait for a page.
const patience = 30 * time.Second

func (b *browser) do(within time.Duration, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx := b.ctx
	if within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// until waits for an expression to be true on the page.
func (b *browser) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool]("!!("+expression+")")); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		b.t.Fatalf("%s: %v\n%s", expression, err, text)
	}
}

func (b *browser) eval(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// show sets the size of the page and the scheme of its colours.
func (b *browser) show(width int64, scheme string) {
	b.t.Helper()
	b.do(patience, chromedp.EmulateViewport(width, 900), func(ctx context.Context, s *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, s, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return chromedp.Void{}, err
	})
}

// looks checks a page in both schemes and at two widths, and takes its pictures.
func (b *browser) looks(name string) {
	b.t.Helper()
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			b.show(width, scheme)
			if wide := b.eval("String(document.documentElement.scrollWidth)"); wide != fmt.Sprint(width) {
				b.t.Errorf("%s at %d: the page is %s wide", name, width, wide)
			}
			if bad := b.eval(faults); bad != "" {
				b.t.Errorf("%s, %s: %s", name, scheme, bad)
			}
			if dir := os.Getenv("PARLEY_SCREENSHOTS"); dir != "" {
				picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", name, scheme, width)), picture, 0o644)
				}
				if err != nil {
					b.t.Error(err)
				}
			}
		}
	}
	b.show(1280, "light")
}

// faults lists what a reader with weak eyes, a keyboard or a screen reader would
// stumble over: text of too little contrast, and things without a name.
const faults = `(() => {
  const bad = [];
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m[3] ?? 1 }; };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a > 0) return c.rgb; } return [255, 255, 255]; };
  const light = (rgb) => { const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  for (const e of document.querySelectorAll("body *")) {
    const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!text || !e.getClientRects().length || e.closest(".skip, .hidden")) continue;
    const style = getComputedStyle(e), [a, b] = [light(parse(e instanceof SVGElement ? style.fill : style.color).rgb), light(ground(e))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) bad.push("contrast " + contrast.toFixed(2) + ": " + e.textContent.trim().slice(0, 40));
  }
  for (const e of document.querySelectorAll("svg, progress")) if (!e.getAttribute("aria-label")) bad.push("no label: " + e.outerHTML.slice(0, 60));
  for (const e of document.querySelectorAll("a, button")) if (!e.textContent.trim()) bad.push("no name: " + e.outerHTML.slice(0, 60));
  for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) bad.push("no alt: " + e.outerHTML.slice(0, 60));
  for (const e of document.querySelectorAll("[aria-labelledby]")) if (!document.getElementById(e.getAttribute("aria-labelledby"))) bad.push("labelled by nothing: " + e.outerHTML.slice(0, 60));
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) bad.push("an id is there twice");
  if (document.querySelectorAll("h1").length !== 1 || !document.documentElement.lang || !document.querySelector("main")) bad.push("no heading, language or main part");
  return [...new Set(bad)].join("; ");
})()`

// TestPages follows a job on its page while a node dies, and looks at the cluster.
func TestPages(t *testing.T) {
	found := false
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		_, err := exec.LookPath(name)
		found = found || err == nil
	}
	if !found {
		t.Skip("there is no Chromium here")
	}
	binary := build(t)
	first := start(t, binary, "coordinator,ps,trainer")
	other := start(t, binary, "ps,trainer", first.Bind)
	doomed := start(t, binary, "trainer", first.Bind)
	id := submit(t, other)
	b := open(t, other.HTTP)

	b.do(patience, chromedp.Navigate("http://"+other.HTTP+"/"))
	b.until(`document.querySelectorAll("tr[data-node]").length === 3`)
	b.until(`document.querySelector(".phase.training") && document.querySelector(".chip.worker")`)
	if end := b.eval(`document.querySelector("article a").focus(), document.activeElement.getAttribute("href")`); end != "/jobs/"+id {
		t.Errorf("the first job leads to %s", end)
	}
	before := b.eval(`document.querySelector("progress").value + ""`)
	b.until(`document.querySelector("progress").value > ` + before)
	if focus := b.eval(`document.activeElement.getAttribute("href") + ""`); focus != "/jobs/"+id {
		t.Errorf("a refresh moved the focus to %s", focus)
	}

	b.do(patience, chromedp.Navigate("http://"+other.HTTP+"/jobs/"+id))
	b.until(`document.querySelectorAll("#loss path").length === 2 && document.querySelector("#rate path")`)
	curve := b.eval(`document.querySelector("#loss path").getAttribute("d")`)
	b.until(`document.querySelector("#loss path").getAttribute("d") !== "` + curve + `"`)
	b.until(`/holdout/.test(document.querySelector("#loss-legend").textContent) && /\d/.test(document.querySelector("#speed").textContent)`)
	b.until(`[...document.querySelectorAll(".map code")].some((e) => e.textContent === "` + doomed.Node + `")`)
	b.looks("job")

	b.do(patience, chromedp.Navigate("http://"+other.HTTP+"/"))
	b.until(`document.querySelectorAll("tr[data-node]").length === 3`)
	doomed.end(syscall.SIGKILL)
	b.until(`document.querySelector('tr.gone[data-node="` + doomed.Node + `"]')`)
	b.looks("cluster")

	b.do(patience, chromedp.Navigate("http://"+other.HTTP+"/jobs/"+id))
	b.until(`[...document.querySelectorAll("#failure-list .failure")].some((e) => e.textContent.includes("` + doomed.Node + ` was lost"))`)
	b.do(patience, func(ctx context.Context, s *chromedp.Target) (chromedp.Void, error) {
		return chromedp.Evaluate[chromedp.Void](`window.confirm = () => true; document.getElementById("stop").click()`)(ctx, s)
	})
	b.until(`document.querySelector(".phase.stopped") && document.getElementById("stop").hidden`)
	b.looks("stopped")
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.bad) > 0 {
		t.Errorf("the pages did what they should not:\n%s", strings.Join(b.bad, "\n"))
	}
}
