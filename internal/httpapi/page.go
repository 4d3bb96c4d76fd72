package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"parley/coordinator"
	"parley/internal/artifact"
	"parley/internal/param"
)

// pages lists what people look at. What moves on a page is rendered here as well:
// web/app.js asks for the page again and puts the new parts in place, and draws
// curves from the event stream.
func (a *api) pages() []route {
	return []route{
		{"GET /{$}", a.clusterPage},
		{"GET /jobs/{id}", a.jobPage},
		{"GET /web/app.js", file("app.js", "text/javascript; charset=utf-8")},
		{"GET /web/style.css", file("style.css", "text/css; charset=utf-8")},
		{"GET /web/icon.svg", file("icon.svg", "image/svg+xml")},
	}
}

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"count": count, "bytes": byteCount, "seconds": seconds, "loss": lossText, "join": strings.Join,
}).ParseFS(web, "web/*.html"))

// page is what a template shows.
type page struct {
	Node, Version string
	Problem       string // why there is nothing to show
	Status        *Status
	Running       int // jobs
	Queued        int
	Failed        int
	Job           *Job
	Events        []artifact.Event // the newest first
	Places        []place
	Spec          string
}

// place is what a node has of a job.
type place struct {
	Node            string
	Workers, Ranges []string // numbers
}

func (a *api) clusterPage(w http.ResponseWriter, q *http.Request) {
	ctx, cancel := context.WithTimeout(q.Context(), askWithin)
	defer cancel()
	s, err := a.Reporter.Status(ctx)
	if err != nil {
		a.showProblem(w, "cluster.html", err)
		return
	}
	p := a.page()
	p.Status = s
	for i := range s.Jobs {
		switch j := &s.Jobs[i]; {
		case j.Place > 0:
			p.Queued++
		case !j.Over():
			p.Running++
		case j.Failed():
			p.Failed++
		}
	}
	slices.Reverse(s.Jobs)
	show(w, http.StatusOK, "cluster.html", p)
}

func (a *api) jobPage(w http.ResponseWriter, q *http.Request) {
	j, err := a.find(q)
	if err != nil {
		a.showProblem(w, "job.html", err)
		return
	}
	ctx, cancel := context.WithTimeout(q.Context(), askWithin)
	defer cancel()
	s, err := a.Reporter.Status(ctx)
	if err != nil {
		a.showProblem(w, "job.html", err)
		return
	}
	p := a.page()
	p.Job, p.Places, p.Spec = j, placesOf(j.ID, s.Members), indented(j.Spec)
	for _, line := range slices.Backward(j.Events[max(0, len(j.Events)-showEvents):]) {
		var e artifact.Event
		if json.Unmarshal(line, &e) == nil { // what a newer coordinator adds is not for us
			p.Events = append(p.Events, e)
		}
	}
	show(w, http.StatusOK, "job.html", p)
}

// showEvents is how many of the last events a page shows.
const showEvents = 20

func (a *api) page() page { return page{Node: a.Node, Version: a.Version} }

// showProblem shows a page that says why there is nothing else on it.
func (a *api) showProblem(w http.ResponseWriter, name string, err error) {
	code := http.StatusServiceUnavailable
	if param.KindOf(err) == param.Invalid {
		code = http.StatusNotFound
	}
	p := a.page()
	p.Problem = err.Error()
	show(w, code, name, p)
}

func show(w http.ResponseWriter, code int, name string, p page) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, p); err != nil {
		problem(w, http.StatusInternalServerError, "page: "+err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	w.Write(b.Bytes())
}

// placesOf returns the nodes that have workers or ranges of a job.
func placesOf(id string, members []Member) (places []place) {
	numbers := func(held []string) (out []string) {
		for _, h := range held {
			if n, ok := strings.CutPrefix(h, id+"/"); ok {
				out = append(out, n)
			}
		}
		return out
	}
	for _, m := range members {
		if p := (place{m.Node, numbers(m.Workers), numbers(m.Ranges)}); len(p.Workers)+len(p.Ranges) > 0 {
			places = append(places, p)
		}
	}
	return places
}

func indented(spec json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, spec, "", "  ") != nil {
		return ""
	}
	return b.String()
}

// Failed reports whether the job has failed.
func (j *Job) Failed() bool { return coordinator.Phase(j.Phase) == coordinator.Failed }

// Bar is how far training has come, in rounds, and how far it goes: 1 while that is
// not known.
func (j *Job) Bar() (b struct{ At, Of uint64 }) {
	b.At, b.Of = j.Round, max(j.Rounds, 1)
	return b
}

// count writes a number of things with three digits.
func count(n any) string { return scaled(number(n), "", " k", " M", " G", " T") }

func byteCount(n int64) string {
	return scaled(float64(n), " B", " kB", " MB", " GB", " TB", " PB")
}

func number(n any) float64 {
	switch n := n.(type) {
	case int:
		return float64(n)
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	}
	panic(fmt.Sprintf("httpapi: a template counts a %T", n))
}

func scaled(x float64, units ...string) string {
	i := 0
	for ; x >= 999.5 && i < len(units)-1; i++ {
		x /= 1000
	}
	if i == 0 || x >= 999.5 {
		return fmt.Sprintf("%.0f%s", x, units[i])
	}
	return fmt.Sprintf("%.3g%s", x, units[i])
}

func seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1f s", s)
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

func lossText(l *float64) string {
	if l == nil {
		return "–"
	}
	return fmt.Sprintf("%.5g", *l)
}

// lateAfter is when a member is shown as late, in seconds: it speaks several times
// a second, and its lease ends soon.
const lateAfter = 1

// Heard is fresh or late.
func (m Member) Heard() string {
	if m.Silent > lateAfter {
		return "late"
	}
	return "fresh"
}
