// Package param is Parley's vocabulary: the identifiers, counters and error
// kinds that every other package speaks. It imports the standard library
// alone, holds no state, and all of its values are safe to copy.
package param

import "fmt"

// JobID names one training run within a cluster.
type JobID string

// NodeID names one agent process; it stays the same over reconnects and
// changes when the process is started anew.
type NodeID string

// Key addresses one parameter. A model over columns 0..d-1 uses the column as
// the key and d for its bias.
type Key uint64

// Worker numbers a job's logical workers, 0..workers-1.
type Worker uint32

// RangeID numbers a job's parameter ranges, 0..ranges-1.
type RangeID uint32

// ShardID numbers a dataset's data shards in logical row order.
type ShardID uint32

// Round counts the units of synchronous progress of a job, from 0. In round r
// every worker reads Version(r) and contributes once.
type Round uint64

// Version is the number of rounds that a range has applied.
type Version uint64

// Term is the incarnation of an assignment: of a worker to a trainer. It grows
// at every reassignment; messages of older terms are refused.
type Term uint64

// Span is the half-open interval of keys [Lo, Hi).
type Span struct{ Lo, Hi Key }

// Len returns the number of keys in the span.
func (s Span) Len() int { return int(s.Hi - s.Lo) }

// Contains reports whether k lies in the span.
func (s Span) Contains(k Key) bool { return s.Lo <= k && k < s.Hi }

func (s Span) String() string { return fmt.Sprintf("[%d, %d)", s.Lo, s.Hi) }
