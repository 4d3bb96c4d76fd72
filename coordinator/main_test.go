package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/internal/job"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse reads a job of four workers over two ranges; more is appended to the text.
func parse(t testing.TB, overrides ...string) *job.Job {
	t.Helper()
	j, err := job.Parse("job.yaml", []byte(`
name: test
data: {train: {path: /none}}
model: {kind: linear}
run: {epochs: 2, batch: 16, workers: 4, ranges: 2, checkpoint: {every: 10s, keep: 3}}
output: /none
`), overrides)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// manifest is of data with the given labels, each with so many rows.
func manifest(rows int64, labels ...float32) *plan.Manifest {
	m := &plan.Manifest{Rows: rows, Columns: 9, Files: []plan.File{{Path: "train.svm", Rows: rows}}}
	for i, l := range labels {
		m.Labels = append(m.Labels, plan.Label{Value: l, Rows: 1, Line: int64(i + 1)})
	}
	for row := int64(0); row < rows; row += plan.ShardRows(rows) {
		m.Shards = append(m.Shards, plan.Shard{ID: param.ShardID(len(m.Shards)), FirstRow: row, Rows: min(plan.ShardRows(rows), rows-row)})
	}
	return m
}

// testLimits are short and differ from one another.
var testLimits = Limits{Start: 30 * time.Second, Trainer: 5 * time.Minute, Release: 10 * time.Second, Stall: 20 * time.Second, Tries: 3,
	Checkpoint: 15 * time.Second, Move: 30 * time.Second, Takeover: 10 * time.Second}

// fixture drives a machine: orders go to inboxes, and the nodes do what the test
// lets them do.
type fixture struct {
	*Machine
	t        testing.TB
	now      time.Time
	manifest *plan.Manifest
	rules    map[param.NodeID]*node
	names    []param.NodeID // in order of joining
	events   []Event
	found    []Found                // by a probe
	blind    map[param.NodeID]error // what probes meet
	stuck    error                  // what moves of ranges meet
	scoreOf  func(param.Version) float64
	commits  []Commit
}

// node is what a node was told and has not answered.
type node struct {
	inbox []Order
	terms map[param.Worker]param.Term // that it hosts
	begun map[param.Worker]param.Round
	// what it was told of ranges
	routes    []string
	snapshots []Checkpoint
}

func newFixture(t testing.TB, j *job.Job, m *plan.Manifest) *fixture {
	f := &fixture{t: t, now: time.Unix(1e9, 0), manifest: m, rules: map[param.NodeID]*node{}}
	f.Machine = New("job", j, testLimits, f.now)
	return f
}

// start is a machine with servers s1.. and trainers t1.. that have joined.
func start(t testing.TB, j *job.Job, servers, trainers int) *fixture {
	t.Helper()
	f := newFixture(t, j, manifest(200, 1, 2))
	for i := range servers {
		f.join(fmt.Sprintf("s%d", i+1), false, true)
	}
	for i := range trainers {
		f.join(fmt.Sprintf("t%d", i+1), true, false)
	}
	return f
}

func (f *fixture) join(name string, trainer, server bool) {
	id := param.NodeID(name)
	f.rules[id] = &node{terms: map[param.Worker]param.Term{}, begun: map[param.Worker]param.Round{}}
	if !slices.Contains(f.names, id) {
		f.names = append(f.names, id)
	}
	f.Join(f.now, Member{Node: id, Bind: name + ":1", Trainer: trainer, Server: server})
	f.route()
}

func (f *fixture) leave(name string) {
	f.Leave(f.now, param.NodeID(name), "killed")
	delete(f.rules, param.NodeID(name))
	f.route()
}

// pass lets time go by, a tick a second.
func (f *fixture) pass(d time.Duration) {
	for end := f.now.Add(d); f.now.Before(end); {
		f.now = f.now.Add(min(time.Second, end.Sub(f.now)))
		f.Tick(f.now)
		f.route()
	}
}

func (f *fixture) route() {
	orders, events := f.Take()
	f.events = append(f.events, events...)
	for _, o := range orders {
		if n := f.rules[o.To]; n != nil {
			n.inbox = append(n.inbox, o)
		}
	}
	if chores := f.TakeChores(); len(chores) > 0 {
		for _, c := range chores {
			c.Then(f.now, c.Do())
		}
		f.route()
	}
}

// one answers the oldest order of a node. It reports whether there was one.
func (f *fixture) one(id param.NodeID) bool {
	n := f.rules[id]
	if n == nil || len(n.inbox) == 0 {
		return false
	}
	o := n.inbox[0]
	n.inbox = n.inbox[1:]
	switch {
	case o.Profile != nil:
		f.Profiled(f.now, id, Profiled{Train: f.manifest})
	case o.Prepare != nil:
		f.Prepared(f.now, id, nil)
	case o.Create != nil:
		f.Created(f.now, id, o.Create.Era, nil)
	case o.Probe != nil:
		f.Probed(f.now, id, Probed{Found: f.found, Err: f.blind[id]})
	case o.Route != nil:
		for w, term := range n.terms {
			if term < o.Route.Floor {
				delete(n.terms, w)
			}
		}
		n.routes = o.Route.Servers
	case o.Yield != nil:
		f.Yielded(f.now, id, o.Yield.Range, f.stuck)
	case o.Snapshot != nil:
		n.snapshots = append(n.snapshots, o.Snapshot.Checkpoint)
	case o.Commit != nil:
		f.commits = append(f.commits, *o.Commit)
		f.Committed(f.now, id, Committed{Checkpoint: o.Commit.Checkpoint})
	case o.Fence != nil:
		f.Fenced(f.now, id, slices.Clone(o.Fence), nil)
	case o.Assign != nil:
		for _, a := range o.Assign {
			n.terms[a.Worker], n.begun[a.Worker] = a.Term, a.Round
		}
	case o.Release != nil:
		for _, a := range o.Release {
			f.ended(id, a.Worker, WorkerEnded{Released: true})
		}
	case o.Evaluate != nil:
		for _, u := range o.Evaluate {
			s := metric.NewSummary(1)
			if f.scoreOf != nil && u.Number == 0 {
				s = summary(u, f.scoreOf(param.Version(f.target())))
			}
			f.Evaluated(f.now, id, Evaluated{Unit: u, Summary: s})
		}
	case o.Poll:
		f.complete(id)
	case o.Save != nil:
		f.Saved(f.now, id, Saved{SHA256: "abc"})
	}
	f.route()
	return true
}

// run answers until nobody has anything to do, or the phase is reached.
func (f *fixture) run(until Phase) {
	f.t.Helper()
	for busy := true; busy; {
		busy = false
		for _, id := range f.names {
			if f.Phase() == until {
				return
			}
			busy = f.one(id) || busy
		}
	}
	if f.Phase() != until {
		_, err := f.Ended()
		f.t.Fatalf("in phase %s (%v), want %s", f.Phase(), err, until)
	}
}

// settle answers until nobody has anything to do.
func (f *fixture) settle() {
	for busy := true; busy; {
		busy = false
		for _, id := range f.names {
			busy = f.one(id) || busy
		}
	}
}

// ended tells that a worker has left its node under the term it had there.
func (f *fixture) ended(id param.NodeID, w param.Worker, e WorkerEnded) {
	n := f.rules[id]
	e.Worker, e.Term = w, n.terms[w]
	delete(n.terms, w)
	f.WorkerEnded(f.now, id, e)
	f.route()
}

// finish lets all workers see the last version.
func (f *fixture) finish() {
	for _, id := range f.names {
		if n := f.rules[id]; n != nil {
			for w := range param.Worker(len(f.workers)) {
				if n.terms[w] > 0 {
					f.ended(id, w, WorkerEnded{Round: f.target()})
				}
			}
		}
	}
}

// complete is a server's status at the end of training.
func (f *fixture) complete(id param.NodeID) {
	var ranges []RangeStatus
	for _, r := range f.rangesOf(id) {
		ranges = append(ranges, RangeStatus{Range: r, Era: f.era, Version: param.Version(f.target()), Rows: f.Plan().TrainRows * int64(f.epochsDone())})
	}
	f.Progress(f.now, id, nil, ranges)
}

// hosts returns the workers on a node, as the node has been told.
func (f *fixture) hosts(name string) (ws []param.Worker) {
	for w := range f.rules[param.NodeID(name)].terms {
		ws = append(ws, w)
	}
	slices.Sort(ws)
	return ws
}

// done goes on to the end, which has to be a good one.
func (f *fixture) done() {
	f.t.Helper()
	if f.Phase() != Evaluating && f.Phase() != Saving {
		f.run(Training)
		f.settle()
		f.finish()
	}
	f.settle()
	if over, err := f.Ended(); !over || err != nil {
		owner, why := f.waitsFor()
		f.t.Fatalf("phase %s, error %v, waits for %s: %s", f.Phase(), err, owner, why)
	}
}

// failed checks that the job has failed with all of the words in its cause.
func (f *fixture) failed(words ...string) {
	f.t.Helper()
	_, err := f.Ended()
	if f.Phase() != Failed || err == nil {
		f.t.Fatalf("phase %s, error %v: want a failure that says %q", f.Phase(), err, words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			f.t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func (f *fixture) kinds() (kinds []string) {
	for _, e := range f.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

var errFlaky = errors.New("a cable came loose")
