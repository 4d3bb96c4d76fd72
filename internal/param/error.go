package param

import (
	"errors"
	"fmt"
)

// Kind says what the receiver of an error can do about it. internal/rpc maps
// kinds to gRPC codes and back, so a kind survives the wire.
type Kind int

const (
	// Unknown is the kind of an error that carries none.
	Unknown Kind = iota
	// Retryable errors go away by themselves: the same call may succeed later.
	Retryable
	// Stale errors refuse a message of an older term, round or incarnation: the
	// sender no longer holds what it acts on and must stop.
	Stale
	// NotOwner errors say that the addressed node does not hold the job, the
	// range or the role: look up who does.
	NotOwner
	// Invalid errors blame the input (a job file, a data row, a malformed
	// message): the same call will always fail.
	Invalid
	// Corrupt errors report data that was damaged after it was written.
	Corrupt
	// Diverged errors report NaN or Inf in a contribution.
	Diverged
	// Full errors say that a bound is reached: the same call may succeed when
	// something has come to its end.
	Full
)

var kindNames = [...]string{"unknown", "retryable", "stale", "not owner", "invalid", "corrupt", "diverged", "full"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kindNames[k]
}

// Error is an error with a Kind. Its text is the message alone.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of kind k; the format is that of fmt.Errorf.
func Errorf(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the outermost Error in err's chain, or Unknown.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unknown
}
