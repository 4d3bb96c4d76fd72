// Package httpapi is a node's HTTP endpoint: whether it lives, whether it is
// ready, and what the cluster does, as JSON. It changes nothing. It knows the
// node as a Reporter alone; internal/node makes one.
//
// The handler is safe for concurrent use.
package httpapi

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"time"

	"parley/internal/param"
)

// Reporter answers for the node and its cluster.
type Reporter interface {
	// Ready returns nil when the node can take part in jobs, or why it cannot.
	Ready() error
	// Members, Jobs and Job answer with JSON what the coordinator knows. A job that
	// it does not know is a param.Invalid error.
	Members(ctx context.Context) (json.RawMessage, error)
	Jobs(ctx context.Context) (json.RawMessage, error)
	Job(ctx context.Context, id string) (json.RawMessage, error)
}

// askWithin bounds the question to the coordinator.
const askWithin = 3 * time.Second

// New returns the handler of a node's endpoint.
func New(r Reporter) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := r.Ready(); err != nil {
			writeText(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		writeText(w, http.StatusOK, "ready")
	})
	mux.HandleFunc("GET /v1/members", ask(func(ctx context.Context, _ *http.Request) (json.RawMessage, error) { return r.Members(ctx) }))
	mux.HandleFunc("GET /v1/jobs", ask(func(ctx context.Context, _ *http.Request) (json.RawMessage, error) { return r.Jobs(ctx) }))
	mux.HandleFunc("GET /v1/jobs/{id}", ask(func(ctx context.Context, q *http.Request) (json.RawMessage, error) {
		return r.Job(ctx, q.PathValue("id"))
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		problem(w, http.StatusNotFound, "there is nothing at "+q.URL.Path)
	})
	return local(mux)
}

// ask answers with what the coordinator says.
func ask(question func(context.Context, *http.Request) (json.RawMessage, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		ctx, cancel := context.WithTimeout(q.Context(), askWithin)
		defer cancel()
		text, err := question(ctx, q)
		if err != nil {
			problem(w, codeOf(err), err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(text) // whoever went away does not want it
	}
}

func codeOf(err error) int {
	switch param.KindOf(err) {
	case param.Invalid:
		return http.StatusNotFound // the only input is the job's id
	case param.Retryable, param.NotOwner:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// local refuses requests that name another host than an address or localhost: a
// page that a browser has loaded from elsewhere could send them to a name that it
// has bound to this machine (DNS rebinding).
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		host, _, err := net.SplitHostPort(q.Host)
		if err != nil {
			host = q.Host
		}
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
			problem(w, http.StatusForbidden, "ask by address, not by the name "+host)
			return
		}
		next.ServeHTTP(w, q)
	})
}

func writeText(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	w.Write([]byte(text + "\n"))
}

// problem writes an error as RFC 9457 has it.
func problem(w http.ResponseWriter, code int, detail string) {
	text, err := json.Marshal(map[string]any{"title": http.StatusText(code), "status": code, "detail": detail})
	if err != nil {
		panic("httpapi: a string and a number: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(code)
	w.Write(text)
}
