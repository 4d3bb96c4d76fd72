package httpapi

import (
	"encoding/json"
	"slices"

	"parley/coordinator"
)

// Status is what the coordinator knows of the cluster.
type Status struct {
	Coordinator string   `json:"coordinator"` // node
	Members     []Member `json:"members"`
	Jobs        []Job    `json:"jobs"`
}

// Member is a node that has a lease.
type Member struct {
	Node    string   `json:"node"`
	Bind    string   `json:"bind"`
	Roles   []string `json:"roles"`
	Silent  float64  `json:"silent"`  // seconds since it was heard
	Workers []string `json:"workers"` // job/number, of jobs that run
	Ranges  []string `json:"ranges"`
}

// Job is how a job stands.
type Job struct {
	ID       string   `json:"job"`
	Name     string   `json:"name"`
	Phase    string   `json:"phase"`
	Place    int      `json:"place"` // in the queue, from 1; 0: not there
	Owner    string   `json:"owner"` // who is waited for
	Why      string   `json:"why"`   // and what for
	Since    float64  `json:"since"` // seconds
	Round    uint64   `json:"round"`
	Rounds   uint64   `json:"rounds"` // 0 while they are not known
	Epoch    int      `json:"epoch"`  // running, from 1
	Epochs   int      `json:"epochs"`
	Rows     int64    `json:"rows"`    // learned from so far
	Loss     *float64 `json:"loss"`    // progressive, mean of the running epoch; nil while there is none, or not finite
	Seconds  float64  `json:"seconds"` // since it began, to its end; while it is queued, since it was submitted
	Pushed   int64    `json:"pushed"`  // bytes of values so far
	Pulled   int64    `json:"pulled"`
	Restarts int      `json:"restarts"`
	Cause    string   `json:"cause"` // of its failure
	Warning  string   `json:"warning"`
	// Unsaved is for how many seconds the job has trained since what its last checkpoint
	// holds, 0 while it does not train or is to have none.
	Unsaved     float64 `json:"unsaved"`
	Interval    float64 `json:"interval"`    // seconds, of its checkpoints; 0: it is to have none
	Quarantined int64   `json:"quarantined"` // rows that were set aside
	// Events are the last ones, lines of events.jsonl without those of epochs. They
	// and Spec, the job file as JSON, are there where one job is asked for.
	Events []json.RawMessage `json:"events,omitempty"`
	Spec   json.RawMessage   `json:"spec,omitempty"`
}

// Phases are those of a job, in order.
var phases = []coordinator.Phase{coordinator.Queued, coordinator.Waiting, coordinator.Profiling, coordinator.Fitting, coordinator.Preparing, coordinator.Training,
	coordinator.Recovering, coordinator.Evaluating, coordinator.Saving, coordinator.Done, coordinator.Failed, coordinator.Stopped}

// Over reports whether the job has ended.
func (j *Job) Over() bool {
	return slices.Contains([]coordinator.Phase{coordinator.Done, coordinator.Failed, coordinator.Stopped}, coordinator.Phase(j.Phase))
}

// Outcome is how a job has ended.
type Outcome struct {
	Phase  string          `json:"phase"`           // done, failed or stopped
	Cause  string          `json:"cause,omitempty"` // of a job that is not done
	Report json.RawMessage `json:"report,omitempty"`
}

// Update is a piece of a job's story.
type Update struct {
	Events  []json.RawMessage // lines of events.jsonl: the first Update has the first of the job, the others go on
	Status  *Job
	Outcome *Outcome // nil before the last Update
}
