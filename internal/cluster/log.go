package cluster

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// quietTime is how long a line that memberlist repeats goes to Debug: the
	// probes of one dead member alone would give ten a second.
	quietTime = 10 * time.Second
	// maxNoted bounds the memory of what was said.
	maxNoted = 1024
)

// logWriter takes memberlist's lines, "[WARN] memberlist: text", and passes them
// to slog.
type logWriter struct {
	log      *slog.Logger
	now      func() time.Time
	stopping context.Context

	mu struct {
		sync.Mutex
		said      map[string]time.Time // by the beginning of the text
		strangers map[string]bool      // peers of another label, by host and label
	}
}

// newLog returns the logger to give to memberlist. Once stopping ends, nothing
// is worth more than Debug: sends fail because the sockets are closed.
func newLog(to *slog.Logger, stopping context.Context) *log.Logger {
	w := newLogWriter(to)
	w.stopping = stopping
	return log.New(w, "", 0)
}

func newLogWriter(to *slog.Logger) *logWriter {
	w := &logWriter{log: to, now: time.Now, stopping: context.Background()}
	w.mu.said = map[string]time.Time{}
	w.mu.strangers = map[string]bool{}
	return w
}

// levels are ours for memberlist's: what it calls an error is one packet or one
// connection that failed, and is repaired by the next. It has no other form of
// telling what it refuses than these lines.
var levels = map[string]slog.Level{
	"DEBUG": slog.LevelDebug,
	"INFO":  slog.LevelInfo,
	"WARN":  slog.LevelWarn,
	"ERR":   slog.LevelWarn,
	"ERROR": slog.LevelWarn,
}

var (
	linePattern  = regexp.MustCompile(`^(?:\[(\w+)\] )?(?:memberlist: ?)?(.*)$`)
	labelPattern = regexp.MustCompile(`unacceptable label "(.*)": from=(\S+)`)
)

// Write takes one line.
func (w *logWriter) Write(line []byte) (int, error) {
	parts := linePattern.FindStringSubmatch(strings.TrimSpace(string(line)))
	if parts == nil {
		return len(line), nil
	}
	level, ok := levels[parts[1]]
	if !ok {
		level = slog.LevelInfo
	}
	text := parts[2]
	if m := labelPattern.FindStringSubmatch(text); m != nil {
		w.stranger(m[1], m[2])
		return len(line), nil
	}
	if level > slog.LevelDebug && (w.stopping.Err() != nil || w.repeated(text)) {
		level = slog.LevelDebug
	}
	w.log.Log(context.Background(), level, "gossip: "+text)
	return len(line), nil
}

// stranger warns of a peer of another label, once a host and label: its next
// connection comes from another port, seconds later.
func (w *logWriter) stranger(label, from string) {
	host, _, err := net.SplitHostPort(from)
	if err != nil {
		host = from
	}
	w.mu.Lock()
	key := host + " " + label
	known := w.mu.strangers[key]
	if len(w.mu.strangers) >= maxNoted {
		clear(w.mu.strangers)
	}
	w.mu.strangers[key] = true
	w.mu.Unlock()
	if !known {
		w.log.Warn("refused a node of another cluster that tries to join this one: its list of nodes to join, or its cluster name, is wrong",
			"peer", from, "its_label", fmt.Sprintf("%q", label))
	}
}

// repeated reports whether a line like text was written within quietTime.
func (w *logWriter) repeated(text string) bool {
	key := text[:min(len(text), 24)]
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	last, ok := w.mu.said[key]
	if ok && now.Sub(last) < quietTime {
		return true
	}
	if len(w.mu.said) >= maxNoted {
		clear(w.mu.said)
	}
	w.mu.said[key] = now
	return false
}

// conflicts complains of two nodes with one name, once a pair: memberlist finds
// them with every packet.
type conflicts struct {
	log  *slog.Logger
	mu   sync.Mutex
	last string
}

// NotifyConflict implements memberlist.ConflictDelegate.
func (c *conflicts) NotifyConflict(existing, other *memberlist.Node) {
	pair := existing.Name + " " + existing.Address() + " " + other.Address()
	c.mu.Lock()
	known := c.last == pair
	c.last = pair
	c.mu.Unlock()
	if known {
		return
	}
	c.log.Warn("two nodes have the same name; the second is refused until the first is gone. Unless it is a restart, give each a name of its own",
		"name", existing.Name, "first", existing.Address(), "second", other.Address())
}
