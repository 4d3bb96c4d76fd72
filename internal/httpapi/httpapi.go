// Package httpapi is a node's HTTP endpoint: whether it lives and is ready, what
// the cluster does as JSON, as events and as pages to look at, metrics for
// Prometheus, and the changes that a client may ask for: to submit, stop, resume and
// scale jobs. It knows the node by the small interfaces of Config; internal/node
// implements them.
//
// The handler is safe for concurrent use.
package httpapi

import (
	"context"
	"embed"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"regexp"
	"time"

	"parley/datashard/blockcache"
	"parley/internal/job"
	"parley/internal/param"
)

// Reporter answers for the node and its cluster.
type Reporter interface {
	// Ready returns nil when the node can take part in jobs, or why it cannot.
	Ready() error
	// Status tells what the coordinator knows of members and jobs.
	Status(ctx context.Context) (*Status, error)
	// Job tells of one job, with its last events and its job file. One that the
	// coordinator does not know is a param.Invalid error.
	Job(ctx context.Context, id string) (*Job, error)
}

// Director changes what the cluster does.
type Director interface {
	// Submit starts a job, with resume from its last checkpoint. A run that was
	// submitted before, by the client's name of it, is not started again; the empty
	// name is no name.
	Submit(ctx context.Context, j *job.Job, resume bool, run string) (id string, known bool, err error)
	// Scale bounds how many servers and trainers a job uses; 0 leaves that as it is.
	Scale(ctx context.Context, id string, servers, trainers int) error
	// Stop asks a job to end.
	Stop(ctx context.Context, id, reason string) error
}

// Follower tells of a job from its first event to its end.
type Follower interface {
	// Follow calls tell several times a second until the outcome was told, tell
	// fails or ctx ends.
	Follow(ctx context.Context, id string, tell func(Update) error) error
}

// Config says for whom the endpoint speaks.
type Config struct {
	Reporter Reporter
	Director Director
	Follower Follower
	// Leads reports whether the node is the coordinator that jobs go to. Metrics of
	// the cluster are told by that one alone: sums over nodes count them once.
	Leads   func() bool
	Node    string   // its name
	Version string   // of Parley
	Hosts   []string // names by which the node may be asked, beside addresses and localhost
	Pprof   bool     // serve /debug/pprof/
	// Disk returns the size of the file system that the node's files are on, and what is
	// free of it; nil where nobody can tell.
	Disk func() (size, free int64, err error)
	// Cache returns what the cache of parsed rows did; nil without one.
	Cache func() blockcache.Stats
}

// askWithin bounds a question to the coordinator.
const askWithin = 3 * time.Second

// api is what the handlers share.
type api struct {
	Config
	metrics *metrics
	streams chan struct{} // holds one token an event stream
}

// route is a pattern of http.ServeMux and what answers it.
type route struct {
	pattern string
	handle  http.HandlerFunc
}

// New returns the handler of a node's endpoint.
func New(c Config) http.Handler {
	a := &api{Config: c, metrics: newMetrics(c), streams: make(chan struct{}, maxStreams)}
	mux := http.NewServeMux()
	for _, r := range append(a.routes(), a.pages()...) {
		mux.HandleFunc(r.pattern, r.handle)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		problem(w, http.StatusNotFound, "there is nothing at "+q.URL.Path+" for "+q.Method)
	})
	return a.metrics.count(a.guard(mux))
}

// profiles are of the process, and tell much of it: they are served on request.
var profiles = []route{
	{"GET /debug/pprof/", pprof.Index},
	{"GET /debug/pprof/cmdline", pprof.Cmdline},
	{"GET /debug/pprof/profile", pprof.Profile},
	{"GET /debug/pprof/symbol", pprof.Symbol},
	{"GET /debug/pprof/trace", pprof.Trace},
}

//go:embed web
var web embed.FS

// file serves an embedded file.
func file(name, kind string) http.HandlerFunc {
	text, err := web.ReadFile("web/" + name)
	if err != nil {
		panic("httpapi: no " + name)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Write(text)
	}
}

// routes lists what the endpoint answers. openapi.json describes each.
func (a *api) routes() []route {
	all := []route{
		{"GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") }},
		{"GET /readyz", a.ready},
		{"GET /metrics", a.metrics.handler().ServeHTTP},
		{"GET /v1/openapi.json", file("openapi.json", "application/json")},
		{"GET /v1/members", a.status("members", func(s *Status) any { return s.Members })},
		{"GET /v1/jobs", a.status("jobs", func(s *Status) any { return s.Jobs })},
		{"POST /v1/jobs", a.submit},
		{"GET /v1/jobs/{id}", a.job},
		{"POST /v1/jobs/{id}/stop", a.stop},
		{"POST /v1/jobs/{id}/resume", a.resume},
		{"POST /v1/jobs/{id}/scale", a.scale},
		{"GET /v1/jobs/{id}/events", a.events},
	}
	if a.Pprof {
		all = append(all, profiles...)
	}
	return all
}

func (a *api) ready(w http.ResponseWriter, _ *http.Request) {
	if err := a.Reporter.Ready(); err != nil {
		writeText(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	writeText(w, http.StatusOK, "ready")
}

// status answers with a part of what the coordinator knows, under its name.
func (a *api) status(name string, part func(*Status) any) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		ctx, cancel := context.WithTimeout(q.Context(), askWithin)
		defer cancel()
		s, err := a.Reporter.Status(ctx)
		if err != nil {
			refuse(w, err, http.StatusBadRequest)
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"coordinator": s.Coordinator, name: part(s)})
	}
}

func (a *api) job(w http.ResponseWriter, q *http.Request) {
	j, err := a.find(q)
	if err != nil {
		refuse(w, err, http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusOK, j)
}

// find asks for the job that a request names.
func (a *api) find(q *http.Request) (*Job, error) {
	id, err := idOf(q)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(q.Context(), askWithin)
	defer cancel()
	return a.Reporter.Job(ctx, id)
}

// jobID is what ids of jobs look like: the job's name and six digits.
var jobID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$`)

func idOf(q *http.Request) (string, error) {
	id := q.PathValue("id")
	if !jobID.MatchString(id) {
		return "", param.Errorf(param.Invalid, "%.100q is no id of a job: GET /v1/jobs lists them", id)
	}
	return id, nil
}

func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	w.Write([]byte(text + "\n"))
}

// writeJSON writes plain values; whoever went away does not want them.
func writeJSON(w http.ResponseWriter, code int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic("httpapi: plain values: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(text)
}
