package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"parley/internal/artifact"
)

const (
	// maxStreams bounds the open event streams: each is a call to the coordinator.
	maxStreams = 256
	// readWithin is how long a client may read nothing of an event stream while the
	// buffers of its connection are full. Nothing is kept for it: the coordinator
	// holds the events, and the client asks for those that it missed.
	readWithin = 10 * time.Second
)

// events streams what happens to a job, from its first event or from the one
// after Last-Event-ID, to its outcome.
func (a *api) events(w http.ResponseWriter, q *http.Request) {
	id, err := idOf(q)
	if err != nil {
		refuse(w, err, http.StatusNotFound)
		return
	}
	s := &stream{w: w, control: http.NewResponseController(w)}
	if last := q.Header.Get("Last-Event-ID"); last != "" {
		if s.from, err = strconv.Atoi(last); err != nil || s.from < 0 {
			problem(w, http.StatusBadRequest, fmt.Sprintf("Last-Event-ID %.40q is no number of an event", last))
			return
		}
	}
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, fmt.Sprintf("%d event streams are open, which is as many as this node serves", maxStreams))
		return
	}
	a.metrics.streams.Inc()
	defer a.metrics.streams.Dec()
	err = a.Follower.Follow(q.Context(), id, s.tell)
	switch {
	case err != nil && !s.begun:
		refuse(w, err, http.StatusNotFound)
	case errors.Is(err, os.ErrDeadlineExceeded) && s.broke:
		a.metrics.dropped.Inc()
	}
}

// stream is an open event stream.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	from    int // the client has the events up to this one
	at      int
	begun   bool
	broke   bool // writing failed
}

// tell writes an update: events with their numbers, then status, then outcome.
func (s *stream) tell(u Update) error {
	var b bytes.Buffer
	if !s.begun {
		s.begin()
		b.WriteString("retry: 1000\n\n")
	}
	for _, e := range u.Events {
		if s.at++; s.at > s.from {
			fmt.Fprintf(&b, "id: %d\nevent: event\ndata: %s\n\n", s.at, withoutRows(e))
		}
	}
	if u.Status != nil {
		put(&b, "status", u.Status)
	}
	if u.Outcome != nil {
		put(&b, "outcome", u.Outcome)
	}
	err := s.control.SetWriteDeadline(time.Now().Add(readWithin))
	if err == nil {
		_, err = s.w.Write(b.Bytes())
	}
	if err == nil {
		err = s.control.Flush()
	}
	s.broke = err != nil
	return err
}

// begin writes the header. The limits of short answers do not hold for a stream.
func (s *stream) begin() {
	s.begun = true
	s.control.SetReadDeadline(time.Time{}) // where it is not supported there is none
	s.w.Header().Set("Content-Type", "text/event-stream")
	s.w.WriteHeader(http.StatusOK)
}

func put(b *bytes.Buffer, kind string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic("httpapi: plain values: " + err.Error())
	}
	fmt.Fprintf(b, "event: %s\ndata: %s\n\n", kind, text)
}

// withoutRows leaves out the rows of a quarantine: they may be many megabytes.
func withoutRows(line json.RawMessage) json.RawMessage {
	var e artifact.Event
	if !bytes.Contains(line, []byte(`"rows":[`)) || json.Unmarshal(line, &e) != nil {
		return line
	}
	e.Rows = nil
	slim, err := json.Marshal(e)
	if err != nil {
		panic("httpapi: an event: " + err.Error())
	}
	return slim
}
