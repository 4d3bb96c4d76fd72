package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"parley/internal/param"
	"parley/internal/plan"
)

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	EventStart      EventKind = "start"      // it left the queue
	EventProfile    EventKind = "profile"    // the data was read once
	EventQuarantine EventKind = "quarantine" // bad rows were set aside
	EventAssignment EventKind = "assignment" // workers were placed
	EventEpoch      EventKind = "epoch"      // an epoch ended
	EventEvaluation EventKind = "evaluation" // metrics were taken
	EventStop       EventKind = "stop"       // no epoch gets better: the best one is kept
	EventJoin       EventKind = "join"       // a node came while the job was running
	EventLeave      EventKind = "leave"      // a node gives its work back
	EventScale      EventKind = "scale"      // it was told how many nodes to use
	EventCheckpoint EventKind = "checkpoint" // a checkpoint is complete, or there are none
	EventRestore    EventKind = "restore"    // the ranges went back to a checkpoint
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
	// Rows are those of a quarantine. EventLog writes them to quarantine.jsonl, a line
	// each, and not with the event.
	Rows []plan.BadRow `json:"rows,omitempty"`
}

// EventLog writes events.jsonl, a line a write, so that a killed process tears
// the last line at most. Its methods may be called from several goroutines.
type EventLog struct {
	output string
	mu     struct {
		sync.Mutex
		file *os.File
	}
}

// CreateEvents makes the folder output if need be, and starts its events.jsonl
// anew, or goes on with it: lines are there as things happen, so the file has its
// name from the start.
func CreateEvents(output string, goOn bool) (*EventLog, error) {
	undo, err := makeOutput(output)
	if err != nil {
		return nil, err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if goOn {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	file, err := os.OpenFile(filepath.Join(output, EventsFile), flags, 0o644)
	if err != nil {
		undo()
		return nil, err
	}
	l := &EventLog{output: output}
	l.mu.file = file
	if err := os.Remove(filepath.Join(output, QuarantineFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// Append writes one event.
func (l *EventLog) Append(e Event) error {
	if err := l.quarantine(e.Rows); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	e.Rows = nil
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	l.mu.Lock() // around the write too: lines must not interleave, and a line is small
	defer l.mu.Unlock()
	_, err = l.mu.file.Write(append(line, '\n'))
	return err
}

// quarantine adds bad rows to quarantine.jsonl.
func (l *EventLog) quarantine(rows []plan.BadRow) error {
	if len(rows) == 0 {
		return nil
	}
	var text []byte
	for _, row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
	}
	file, err := os.OpenFile(filepath.Join(l.output, QuarantineFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// Close closes the file.
func (l *EventLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.file.Close()
}
