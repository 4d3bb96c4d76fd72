package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// story is a job that is told in two updates.
func story() *fake {
	f := cluster()
	line := func(s string) json.RawMessage { return json.RawMessage(s) }
	f.updates = []Update{
		{Events: []json.RawMessage{line(`{"time":"2026-11-28T20:00:00Z","kind":"profile"}`),
			line(`{"time":"2026-11-28T20:00:00Z","kind":"quarantine","message":"1 row","rows":[{"file":"a"}]}`)}, Status: &f.job},
		{Events: []json.RawMessage{line(`{"time":"2026-11-28T20:00:01Z","kind":"end"}`)}, Status: &f.job, Outcome: &Outcome{Phase: "done", Report: line(`{"rows":1}`)}},
	}
	return f
}

// messages returns the messages of an event stream without their data, and the
// stream as a whole.
func messages(text string) (kinds string) {
	var list []string
	for _, m := range strings.Split(text, "\n\n") {
		id, kind := "", ""
		for line := range strings.Lines(m + "\n") {
			if name, value, _ := strings.Cut(strings.TrimSpace(line), ": "); name == "id" {
				id = value + " "
			} else if name == "event" {
				kind = value
			}
		}
		if kind != "" {
			list = append(list, id+kind)
		}
	}
	return strings.Join(list, ", ")
}

func TestEvents(t *testing.T) {
	w := ask(story().handler(), "GET", "/v1/jobs/j-1/events", "")
	text := w.Body.String()
	if got := messages(text); w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" || got != "1 event, 2 event, status, 3 event, status, outcome" {
		t.Errorf("%d %v: %s\n%s", w.Code, w.Header(), got, text)
	}
	for _, has := range []string{"id: 1\nevent: event\ndata: {\"time\":\"2026-11-28T20:00:00Z\",\"kind\":\"profile\"}\n\n", `data: {"phase":"done","report":{"rows":1}}`, `data: {"job":"j-1",`} {
		if !strings.Contains(text, has) {
			t.Errorf("no %q in\n%s", has, text)
		}
	}
	if strings.Contains(text, `"file"`) || !strings.Contains(text, `"message":"1 row"`) {
		t.Errorf("the rows of a quarantine are not left out:\n%s", text)
	}
	if got := messages(ask(story().handler(), "GET", "/v1/jobs/j-1/events", "", "Last-Event-ID: 2").Body.String()); got != "status, 3 event, status, outcome" {
		t.Errorf("after event 2: %s", got)
	}
	for _, id := range []string{"-1", "x", "99999999999999999999"} {
		checkProblem(t, ask(story().handler(), "GET", "/v1/jobs/j-1/events", "", "Last-Event-ID: "+id), 400, "Last-Event-ID")
	}
	checkProblem(t, ask(story().handler(), "GET", "/v1/jobs/none/events", ""), 404, "no job")
	checkProblem(t, ask(story().handler(), "GET", "/v1/jobs/a%2fb/events", ""), 404, "no id")
}

// endless is a job that has much to tell, at once, for ever.
type endless struct {
	*fake
	failed chan error // of tell
}

func (e endless) Follow(ctx context.Context, _ string, tell func(Update) error) error {
	u := e.updates[0]
	for ctx.Err() == nil {
		if err := tell(u); err != nil {
			e.failed <- err
			return err
		}
	}
	return ctx.Err()
}

// pipes is a network of one process, whose connections have no buffers: time passes
// as the test's bubble wants.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p pipes) dial(t *testing.T, request string) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	p.conns <- far
	if _, err := io.WriteString(near, request); err != nil {
		t.Fatal(err)
	}
	return near
}

// node is a node that follows a job.
type node interface {
	Reporter
	Director
	Follower
}

// serve serves the node that start makes over pipes, for the time of a test in its
// bubble.
func serve[N node](t *testing.T, start func() N, f func(n N, h http.Handler, p pipes)) {
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn), make(chan struct{})}
		n := start()
		h := New(Config{Reporter: n, Director: n, Follower: n, Leads: func() bool { return false }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Serve(ctx, p, h) }()
		f(n, h, p)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

const follow = "GET /v1/jobs/j-1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

// TestSlowClient: one that never reads is dropped, and counted; what it does not
// read is not kept for it.
func TestSlowClient(t *testing.T) {
	serve(t, func() endless { return endless{story(), make(chan error, 1)} }, func(e endless, h http.Handler, p pipes) {
		begin := time.Now()
		c := p.dial(t, follow)
		defer c.Close()
		err := <-e.failed
		var late net.Error
		if took := time.Since(begin); !errors.As(err, &late) || !late.Timeout() || took != readWithin {
			t.Errorf("after %v: %v", took, err)
		}
		synctest.Wait()
		if text := ask(h, "GET", "/metrics", "").Body.String(); !strings.Contains(text, "\nparley_http_dropped_streams_total 1\n") || !strings.Contains(text, "\nparley_http_event_streams 0\n") {
			t.Errorf("not counted:\n%s", text)
		}
	})
}

// quiet is a job that tells something once a minute.
type quiet struct{ *fake }

func (q quiet) Follow(ctx context.Context, _ string, tell func(Update) error) error {
	for {
		if err := tell(q.updates[0]); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Minute):
		}
	}
}

// TestLongStream: a stream outlives the limits of other answers, and the node's end
// ends it.
func TestLongStream(t *testing.T) {
	serve(t, func() quiet { return quiet{story()} }, func(_ quiet, _ http.Handler, p pipes) {
		c := p.dial(t, follow)
		begin, read := time.Now(), 0
		go func() {
			for b := make([]byte, 4096); ; {
				n, err := c.Read(b)
				if read += strings.Count(string(b[:n]), "event: status"); err != nil {
					return
				}
			}
		}()
		<-time.After(time.Hour + time.Second)
		synctest.Wait()
		if read != 61 {
			t.Errorf("%d messages in %v, want 61", read, time.Since(begin))
		}
	})
}

// TestTooManyStreams: as many as are open are served, and the next one is refused
// until one ends.
func TestTooManyStreams(t *testing.T) {
	serve(t, func() quiet { return quiet{story()} }, func(_ quiet, h http.Handler, p pipes) {
		for range maxStreams {
			go io.Copy(io.Discard, p.dial(t, follow))
		}
		synctest.Wait()
		w := ask(h, "GET", "/v1/jobs/j-1/events", "")
		checkProblem(t, w, 503, "256 event streams are open")
		if w.Header().Get("Retry-After") == "" {
			t.Error("no word of when to come again")
		}
	})
}
