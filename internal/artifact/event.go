package artifact

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"parley/internal/param"
)

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	EventProfile    EventKind = "profile"    // the data was read once
	EventAssignment EventKind = "assignment" // workers were placed
	EventEpoch      EventKind = "epoch"      // an epoch ended
	EventEvaluation EventKind = "evaluation" // metrics were taken
	EventJoin       EventKind = "join"       // a node came while the job was running
	EventFailure    EventKind = "failure"    // a node died, hung, was cut off; or the job failed
	EventRecovery   EventKind = "recovery"   // rounds advance again
	EventFenced     EventKind = "fenced"     // a worker was refused by its term
	EventSaved      EventKind = "saved"      // the model was written
	EventEnd        EventKind = "end"        // the job is over
)

// Event is a line of events.jsonl. Numbers that do not apply are nil, and left
// out.
type Event struct {
	Time    time.Time      `json:"time"`
	Kind    EventKind      `json:"kind"`
	Message string         `json:"message,omitempty"` // for people
	Node    param.NodeID   `json:"node,omitempty"`
	Workers []param.Worker `json:"workers,omitempty"`
	Round   *param.Round   `json:"round,omitempty"`
	Epoch   *int           `json:"epoch,omitempty"`
	Set     string         `json:"set,omitempty"` // of rows, of an evaluation
	Metrics Values         `json:"metrics,omitempty"`
}

// EventLog writes events.jsonl, a line a write, so that a killed process tears
// the last line at most. Its methods may be called from several goroutines.
type EventLog struct {
	mu struct {
		sync.Mutex
		file *os.File
	}
}

// CreateEvents makes the folder output if need be, and starts its events.jsonl
// anew: lines are there as things happen, so the file has its name from the
// start.
func CreateEvents(output string) (*EventLog, error) {
	undo, err := makeOutput(output)
	if err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(output, EventsFile))
	if err != nil {
		undo()
		return nil, err
	}
	l := new(EventLog)
	l.mu.file = file
	return l, nil
}

// Append writes one event.
func (l *EventLog) Append(e Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	l.mu.Lock() // around the write too: lines must not interleave, and a line is small
	defer l.mu.Unlock()
	_, err = l.mu.file.Write(append(line, '\n'))
	return err
}

// Close closes the file.
func (l *EventLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.file.Close()
}
