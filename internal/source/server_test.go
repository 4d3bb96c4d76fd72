package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an HTTP server of one file that misbehaves by a script.
type server struct {
	*httptest.Server
	mu struct {
		sync.Mutex
		data     []byte
		tag      string
		script   []fault // the next requests get one each
		requests []http.Header
	}
}

// fault answers a request in some other way than well; serve is the right way.
type fault func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)

// fine is no fault.
func fine(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) { serve(w, r) }

func newServer(t *testing.T, data []byte, script ...fault) *server {
	s := &server{}
	s.mu.data, s.mu.tag, s.mu.script = data, `"one"`, script
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.mu.requests = append(s.mu.requests, r.Header.Clone())
	next := fault(fine)
	if len(s.mu.script) > 0 {
		next, s.mu.script = s.mu.script[0], s.mu.script[1:]
	}
	data, tag := s.mu.data, s.mu.tag
	s.mu.Unlock()
	next(w, r, func(w http.ResponseWriter, r *http.Request) {
		if tag != "" && w.Header().Get("ETag") == "" {
			w.Header().Set("ETag", tag)
		}
		http.ServeContent(w, r, "data.bin", time.Time{}, bytes.NewReader(data))
	})
}

// play sets what the next requests get.
func (s *server) play(script ...fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.script, s.mu.requests = script, nil
}

// replace changes the file.
func (s *server) replace(data []byte, tag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.data, s.mu.tag = data, tag
}

// seen returns the headers of the requests since the last play.
func (s *server) seen() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.requests
}

// short stops writing after n bytes of a body.
type short struct {
	http.ResponseWriter
	left int
	stop func()
}

func (s *short) Write(p []byte) (int, error) {
	if len(p) > s.left {
		s.ResponseWriter.Write(p[:s.left])
		http.NewResponseController(s.ResponseWriter).Flush()
		s.stop()
	}
	s.left -= len(p)
	return s.ResponseWriter.Write(p)
}

// cut closes the connection after n bytes of the body.
func cut(n int) fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&short{w, n, func() { panic(http.ErrAbortHandler) }}, r)
	}
}

// stall sends no more after n bytes of the body.
func stall(n int) fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		serve(&short{w, n, func() {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}}, r)
	}
}

// hang never answers.
func hang(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// drop closes the connection before it answers.
func drop(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }

// status answers with a status and header fields.
func status(code int, header ...string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		set(w, header)
		w.WriteHeader(code)
		io.WriteString(w, "a page that says what is wrong")
	}
}

func set(w http.ResponseWriter, header []string) {
	for i := 0; i < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
}

// send answers with a status, header fields and a body without a length.
func send(code int, body string, header ...string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		set(w, header)
		w.WriteHeader(code)
		http.NewResponseController(w).Flush()
		io.WriteString(w, body)
	}
}

// ignoreRange sends all of the file.
func ignoreRange(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	r.Header.Del("Range")
	serve(w, r)
}

// retag serves the file as another version, whatever the request demands.
func retag(tag string) fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		r.Header.Del("If-Match")
		w.Header().Set("ETag", tag)
		serve(w, r)
	}
}

// twice is so many times the same fault.
func times(n int, f fault) []fault {
	var all []fault
	for range n {
		all = append(all, f)
	}
	return all
}

// quick is a Remote for tests: it does not wait long.
func quick(t *testing.T, timeout time.Duration) *Remote {
	r := New(Options{Timeout: timeout, Backoff: time.Millisecond, Getenv: func(string) string { return "" }})
	t.Cleanup(r.Close)
	return r
}

// patient is a timeout that no request of a test meets unless it is meant to.
const patient = 20 * time.Second

// open lists and opens the only object of a URL.
func open(t *testing.T, r *Remote, url string) *File {
	t.Helper()
	objects, err := r.List(context.Background(), url)
	if err != nil || len(objects) != 1 {
		t.Fatalf("list: %v, %v", objects, err)
	}
	f, err := r.Open(context.Background(), objects[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// noise returns bytes that do not repeat.
func noise(n int) []byte {
	var seed [32]byte
	data := make([]byte, n)
	rand.NewChaCha8(seed).Read(data)
	return data
}

// rangeOf returns the bytes that a request asked for.
func rangeOf(h http.Header) (from, to int) {
	var last int
	if _, err := fmt.Sscanf(h.Get("Range"), "bytes=%d-%d", &from, &last); err != nil {
		panic(strconv.Quote(h.Get("Range")))
	}
	return from, last + 1
}
