package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/healthz":
			w.Write([]byte("ok\n"))
		case "/readyz":
			http.Error(w, "no coordinator yet", http.StatusServiceUnavailable)
		}
	}))
	host := strings.TrimPrefix(s.URL, "http://")
	ask := func(path string) (string, error) {
		var out bytes.Buffer
		err := health(t.Context(), &out, url.URL{Scheme: "http", Host: host, Path: path})
		return out.String(), err
	}
	if out, err := ask("/healthz"); err != nil || out != "ok\n" {
		t.Errorf("healthz: %q, %v", out, err)
	}
	if _, err := ask("/readyz"); codeOf(err) != exitFailed || !strings.Contains(err.Error(), "no coordinator yet") {
		t.Errorf("readyz: %v", err)
	}
	s.Close()
	if _, err := ask("/readyz"); codeOf(err) != exitUnreachable || !strings.Contains(err.Error(), host) {
		t.Errorf("where nobody listens: %v", err)
	}
}
