package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"parley/internal/param"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a node that answers what it was given.
type fake struct {
	ready  error
	answer string
	err    error
}

func (f fake) Ready() error { return f.ready }

func (f fake) Members(context.Context) (json.RawMessage, error) {
	return json.RawMessage(f.answer), f.err
}

func (f fake) Jobs(context.Context) (json.RawMessage, error) { return json.RawMessage(f.answer), f.err }

func (f fake) Job(_ context.Context, id string) (json.RawMessage, error) {
	if id == "none" {
		return nil, param.Errorf(param.Invalid, "no job %q", id)
	}
	return json.RawMessage(`{"job":"` + id + `"}`), f.err
}

func TestEndpoint(t *testing.T) {
	good := fake{answer: `{"node":"n1"}`}
	for _, c := range []struct {
		name, method, path, host string
		node                     fake
		code                     int
		has                      string
	}{
		{"alive", "GET", "/healthz", "127.0.0.1:80", fake{ready: errors.New("no")}, 200, "ok"},
		{"ready", "GET", "/readyz", "127.0.0.1:80", good, 200, "ready"},
		{"not ready", "GET", "/readyz", "[::1]:80", fake{ready: errors.New("no coordinator")}, 503, "no coordinator"},
		{"members", "GET", "/v1/members", "localhost", good, 200, `"node":"n1"`},
		{"jobs", "GET", "/v1/jobs", "127.0.0.1", good, 200, `"node":"n1"`},
		{"job", "GET", "/v1/jobs/j1", "127.0.0.1", good, 200, `"job":"j1"`},
		{"unknown job", "GET", "/v1/jobs/none", "127.0.0.1", good, 404, `"status":404`},
		{"no coordinator", "GET", "/v1/jobs", "127.0.0.1", fake{err: param.Errorf(param.Retryable, "gone")}, 503, "gone"},
		{"nothing there", "GET", "/x", "127.0.0.1", good, 404, "nothing at /x"},
		{"no changes", "POST", "/v1/jobs", "127.0.0.1", good, 404, "nothing at"},
		{"rebinding", "GET", "/v1/jobs", "evil.example", good, 403, "evil.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := httptest.NewRequest(c.method, c.path, nil)
			q.Host = c.host
			w := httptest.NewRecorder()
			New(c.node).ServeHTTP(w, q)
			if body := w.Body.String(); w.Code != c.code || !strings.Contains(body, c.has) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if kind := w.Header().Get("Content-Type"); c.code >= 400 && c.path != "/readyz" && kind != "application/problem+json" {
				t.Errorf("content type %s", kind)
			}
		})
	}
}

func TestServeEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- Serve(ctx, l, New(fake{})) }()
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
