package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/datashard/blockcache"
	"parley/internal/job"
	"parley/internal/param"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a node that answers what it was given, and notes what it was asked.
type fake struct {
	ready   error
	err     error // of everything else
	status  Status
	job     Job
	updates []Update

	submitted []*job.Job
	runs      []string
	resumed   []bool
	scaled    []string
	stopped   []string
}

func (f *fake) Ready() error { return f.ready }

func (f *fake) Status(context.Context) (*Status, error) { return &f.status, f.err }

func (f *fake) Job(_ context.Context, id string) (*Job, error) {
	if id != f.job.ID {
		return nil, param.Errorf(param.Invalid, "no job %q", id)
	}
	return &f.job, f.err
}

func (f *fake) Submit(_ context.Context, j *job.Job, resume bool, run string) (string, bool, error) {
	if f.err != nil {
		return "", false, f.err
	}
	f.submitted, f.runs, f.resumed = append(f.submitted, j), append(f.runs, run), append(f.resumed, resume)
	return j.Name + "-1", len(f.submitted) > 1, nil
}

func (f *fake) Scale(_ context.Context, id string, servers, trainers int) error {
	if f.job.Over() {
		return param.Errorf(param.Invalid, "job %s is over", id)
	}
	f.scaled = append(f.scaled, fmt.Sprint(id, " ", servers, " ", trainers))
	return nil
}

func (f *fake) Stop(_ context.Context, id, reason string) error {
	if _, err := f.Job(context.Background(), id); err != nil {
		return err
	}
	f.stopped = append(f.stopped, id+": "+reason)
	return nil
}

func (f *fake) Follow(_ context.Context, id string, tell func(Update) error) error {
	if _, err := f.Job(context.Background(), id); err != nil {
		return err
	}
	for _, u := range f.updates {
		if err := tell(u); err != nil {
			return err
		}
	}
	return nil
}

// handler is the endpoint of the node.
func (f *fake) handler() http.Handler {
	return New(Config{Reporter: f, Director: f, Follower: f, Leads: func() bool { return true }, Node: "n1", Version: "1", Hosts: []string{"node1"},
		Disk: func() (size, free int64, err error) { return 1 << 30, 1 << 28, nil },
		Cache: func() blockcache.Stats {
			return blockcache.Stats{Hits: 5, Misses: 3, Evicted: 2, Damaged: 1, Bytes: 1 << 20}
		}})
}

// cluster is a node of a cluster with a job that runs, one that has failed and one in the queue.
func cluster() *fake {
	loss := 0.25
	f := &fake{job: Job{ID: "j-1", Name: "j", Phase: "training", Owner: "n2", Why: "contributes to the round: worker 0", Since: 1.5, Round: 30, Rounds: 120, Epoch: 1, Epochs: 4,
		Rows: 480, Loss: &loss, Seconds: 3, Pushed: 1 << 20, Pulled: 1 << 21, Restarts: 1, Warning: "a warning <b>",
		Unsaved: 40, Interval: 30, Quarantined: 7}}
	failed := Job{ID: "k-2", Name: "k", Phase: "failed", Cause: "data.train.path: no such file: /<none>"}
	queued := Job{ID: "l-3", Name: "l", Phase: "queued", Place: 1, Owner: "queue", Why: "waits for the running job to end"}
	f.status = Status{Coordinator: "n1", Jobs: []Job{failed, f.job, queued}, Members: []Member{
		{Node: "n1", Bind: "127.0.0.1:7700", Roles: []string{"coordinator", "ps"}, Silent: 0.1, Workers: []string{}, Ranges: []string{"j-1/0", "j-1/1"}},
		{Node: "n2", Bind: "127.0.0.1:7702", Roles: []string{"trainer"}, Silent: 4, Workers: []string{"j-1/0"}, Ranges: []string{}}}}
	f.job.Spec = json.RawMessage(`{"name":"j"}`)
	f.job.Events = []json.RawMessage{json.RawMessage(`{"time":"2026-11-28T20:00:00Z","kind":"failure","message":"node n3 was lost","node":"n3"}`)}
	return f
}

// ask sends a request to the node at 127.0.0.1, with headers given as "Name: value".
func ask(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	q := httptest.NewRequest(method, path, strings.NewReader(body))
	q.Host = "127.0.0.1:80"
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if q.Header.Set(name, value); name == "Host" {
			q.Host = value
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(timed{w}, q)
	return w
}

// timed is a recorder that takes all the time it needs.
type timed struct{ *httptest.ResponseRecorder }

func (timed) SetWriteDeadline(time.Time) error { return nil }

// checkProblem reports whether an answer is a problem of this code that says has.
func checkProblem(t *testing.T, w *httptest.ResponseRecorder, code int, has string) {
	t.Helper()
	var p struct {
		Title, Detail string
		Status        int
	}
	err := json.Unmarshal(w.Body.Bytes(), &p)
	if err != nil || w.Code != code || p.Status != code || p.Title == "" || !strings.Contains(p.Detail, has) || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v %s, want %d with %q", w.Code, w.Header(), w.Body, code, has)
	}
}

func TestReports(t *testing.T) {
	for _, c := range []struct {
		name, path, host string
		node             *fake
		code             int
		has              string
	}{
		{"alive", "/healthz", "127.0.0.1:80", &fake{ready: errors.New("no")}, 200, "ok"},
		{"ready", "/readyz", "127.0.0.1:80", cluster(), 200, "ready"},
		{"not ready", "/readyz", "[::1]:80", &fake{ready: errors.New("no coordinator")}, 503, "no coordinator"},
		{"members", "/v1/members", "localhost", cluster(), 200, `"roles":["coordinator","ps"],"silent":0.1,"workers":[],"ranges":["j-1/0","j-1/1"]}`},
		{"jobs", "/v1/jobs", "[::1]", cluster(), 200, `"round":30,"rounds":120,"epoch":1,"epochs":4,"rows":480,"loss":0.25,`},
		{"no loss", "/v1/jobs", "node1:80", cluster(), 200, `"loss":null`},
		{"job", "/v1/jobs/j-1", "127.0.0.1", cluster(), 200, `"spec":{"name":"j"}`},
		{"its events", "/v1/jobs/j-1", "127.0.0.1", cluster(), 200, `"events":[{"time":"2026-11-28T20:00:00Z","kind":"failure",`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ask(c.node.handler(), "GET", c.path, "", "Host: "+c.host)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.has) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, method, path string
		node               *fake
		headers            []string
		code               int
		has                string
	}{
		{"unknown job", "GET", "/v1/jobs/none", cluster(), nil, 404, `no job "none"`},
		{"no id", "GET", "/v1/jobs/..%2f..%2fetc", cluster(), nil, 404, "is no id of a job"},
		{"long id", "GET", "/v1/jobs/" + strings.Repeat("x", 9999), cluster(), nil, 404, "is no id of a job"},
		{"no coordinator", "GET", "/v1/jobs", &fake{err: param.Errorf(param.Retryable, "gone")}, nil, 503, "gone"},
		{"our fault", "GET", "/v1/members", &fake{err: errors.New("oh")}, nil, 500, "oh"},
		{"nothing there", "GET", "/x", cluster(), nil, 404, "nothing at /x for GET"},
		{"no such method", "DELETE", "/v1/jobs/j-1", cluster(), nil, 404, "nothing at /v1/jobs/j-1 for DELETE"},
		{"no profiles", "GET", "/debug/pprof/", cluster(), nil, 404, "nothing at"},
		{"rebinding", "GET", "/v1/jobs", cluster(), []string{"Host: evil.example"}, 403, "evil.example"},
		{"rebinding by a name that looks like an address", "GET", "/v1/jobs", cluster(), []string{"Host: 127.0.0.1.evil.example:80"}, 403, "evil.example"},
		{"another site", "GET", "/v1/jobs", cluster(), []string{"Origin: http://evil.example"}, 403, "another site"},
		{"another port", "GET", "/v1/jobs", cluster(), []string{"Origin: http://127.0.0.1:81"}, 403, "another site"},
		{"a sandbox", "GET", "/v1/jobs", cluster(), []string{"Origin: null"}, 403, "another site"},
		{"an image elsewhere", "GET", "/v1/jobs", cluster(), []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403, "another site"},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkProblem(t, ask(c.node.handler(), c.method, c.path, "", c.headers...), c.code, c.has)
		})
	}
	for _, headers := range [][]string{{"Origin: http://127.0.0.1:80"}, {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}} {
		if w := ask(cluster().handler(), "GET", "/v1/jobs", "", headers...); w.Code != 200 {
			t.Errorf("%v: %d %s", headers, w.Code, w.Body)
		}
	}
}

// TestHeaders: no answer may be kept, read by other sites, or load from them.
func TestHeaders(t *testing.T) {
	for _, path := range []string{"/v1/jobs", "/none"} {
		h := ask(cluster().handler(), "GET", path, "").Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';") || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestServeEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- Serve(ctx, l, (&fake{}).handler()) }()
	reply, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
