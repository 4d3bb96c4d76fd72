// Package coordinator decides how a job goes: Machine takes one job from its
// submission to its end. It knows members, plans, terms and events, and nothing
// of parameters or rows: none of them passes through it, and no round needs it.
//
// Machine is a plain state machine without goroutines, sockets or clocks: inputs
// are methods that are told the time, outputs are Orders to nodes and Events.
// The driver (coordserver) calls it from one goroutine at a time, and so does the
// event heap of internal/sim.
package coordinator

import (
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

// Member is a live node, as the driver's session with it tells.
type Member struct {
	Node    param.NodeID
	Bind    string
	Trainer bool
	Server  bool
}

// Order is what a node is told to do; exactly one of the pointers is set.
type Order struct {
	To       param.NodeID
	Profile  *Profile
	Prepare  *Prepare
	Create   *Create
	Fence    []Fence
	Probe    *Probe
	Route    *Route
	Yield    *Yield
	Snapshot *Snapshot
	Commit   *Commit
	Assign   []Assignment
	Release  []Assignment
	Fit      []plan.Unit // answered by Fitted, each
	Evaluate []plan.Unit // answered by Evaluated, each
	Poll     bool        // send the status of ranges and workers now
	Save     *Save
	End      *End
}

// Profile asks a trainer to find the rows of the data. Answered by Profiled.
type Profile struct{}

// Prepare gives a trainer manifest and servers. Answered by Prepared.
type Prepare struct{ Servers []string }

// Create makes ranges on a server, in place of those that it has of the job: at a
// checkpoint, or new when From is nil. Messages of workers with terms below the
// floor are refused. Answered by Created.
type Create struct {
	Era    int
	Floor  param.Term
	Ranges []param.RangeID
	From   *Checkpoint
}

// Probe asks a server whether it sees the location of checkpoints: to write a file
// there, or to read it; and with Find for the checkpoints that there are. Answered
// by Probed.
type Probe struct{ Write, Find bool }

// Route tells a trainer where the ranges are now. Workers of terms below the floor
// are void.
type Route struct {
	Servers []string
	Floor   param.Term
}

// Yield asks a server to hand a range over to another one. Answered by Yielded.
type Yield struct {
	Range param.RangeID
	To    string
}

// Snapshot asks a server to write the parts of its ranges as they are at the
// version. Answered by Snapped.
type Snapshot struct{ Checkpoint }

// Commit asks a server to complete a checkpoint. Answered by Committed.
type Commit struct {
	Checkpoint
	Parts  [][]byte // by range
	Scores []Score  // of the epochs that were judged
}

// Fence raises the term of a worker on a server. Answered by Fenced with the
// round that the worker contributes to next, the least over the node's ranges.
type Fence struct {
	Worker param.Worker
	Term   param.Term
	Next   param.Round
}

// Assignment gives a worker to a trainer, or takes it back at a round boundary.
// Answered by WorkerEnded.
type Assignment struct {
	Worker param.Worker
	Term   param.Term
	Round  param.Round
	Until  param.Round // where it ends: the worker has no contribution to this one
}

// Save asks a server to gather the ranges and to write the model. Answered by
// Saved.
type Save struct {
	Servers []string
	Metrics map[plan.Set]map[string]float64
}

// End tells a node that the job is over, whatever it still does for it.
type End struct{ Reason string }

// Event is a transition worth telling, a line of events.jsonl.
type Event struct {
	Kind    string // as in artifact.EventKind
	Message string
	Node    param.NodeID
	Workers []param.Worker
	Epoch   int
	Round   param.Round
	Set     plan.Set // of an evaluation
	Metrics map[string]float64
	Rows    []plan.BadRow // of a quarantine
}

// WorkerStatus is where a worker is, told by its trainer.
type WorkerStatus struct {
	Worker  param.Worker
	Term    param.Term
	Round   param.Round
	Waiting bool
	Ticks   uint64
	Spent   param.Spent // under this term
}

// RangeStatus is where a range is, told by its server.
type RangeStatus struct {
	Range      param.RangeID
	Era        int // of Create
	Version    param.Version
	Missing    []param.Worker
	Rows       int64
	Loss       float64
	FirstTally int
	Tallies    []Tally // from number FirstTally on
	Pushed     int64   // bytes of values
	Pulled     int64
}

// Tally is what a range had counted at the end of an epoch.
type Tally struct {
	Rows int64
	Loss float64
}

// Profiled is the answer to Profile.
type Profiled struct {
	Train, Test *plan.Manifest // Test is nil where the job has none
	Fit         bool           // more must be known: all rows have to be read first
	Err         error
}

// Probed is the answer to Probe.
type Probed struct {
	Found   []Found  // oldest first
	Damaged []string // what is wrong with others
	Err     error
}

// Found is a complete checkpoint at the location.
type Found struct {
	Checkpoint
	PlanHash string
	Scores   []Score
}

// Snapped is the answer to Snapshot.
type Snapped struct {
	Checkpoint
	Parts  map[param.RangeID][]byte
	Passed bool // a range was beyond the version already
	Err    error
}

// Committed is the answer to Commit.
type Committed struct {
	Checkpoint
	Err error
}

// Fitted is what was found in a unit.
type Fitted struct {
	Unit plan.Unit
	Fit  []byte // of feature.Fit
	Bad  []plan.BadRow
	Err  error
}

// WorkerEnded says that a trainer hosts a worker no longer.
type WorkerEnded struct {
	Worker   param.Worker
	Term     param.Term
	Round    param.Round
	Released bool
	Spent    param.Spent // under this term
	Err      error
}

// Evaluated is a unit's summary.
type Evaluated struct {
	Unit    plan.Unit
	Summary *metric.Summary
	Err     error
}

// Saved is the answer to Save.
type Saved struct {
	SHA256      string    // of the parameter file
	SquaredNorm float64   // of the penalised weights
	Measured    []float64 // of lsi, the singular values and then the residuals of the topics
	Err         error
}
