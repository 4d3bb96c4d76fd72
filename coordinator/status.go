package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

// waiter is who is waited for, and since when: since the slowest range has the version.
type waiter struct {
	owner, why string
	version    param.Version
	since      time.Time
}

// Status is a job as people see it.
type Status struct {
	Phase    Phase
	Owner    string // the node or nodes that are waited for
	Why      string
	Since    time.Duration
	Version  param.Version
	Rounds   param.Round
	Epoch    int // running, from 1
	Epochs   int
	Rows     int64   // learned from so far
	Loss     float64 // progressive: mean of the rows of this epoch, each before its own step
	Pushed   int64   // bytes of values so far
	Pulled   int64
	Elapsed  time.Duration // since it began, to its end
	Restarts int
	Cause    string
	Warning  string // what the user should know
	// Unsaved is for how long the job has trained since what its last checkpoint holds,
	// 0 while it does not train or is to have none. Interval is that of its checkpoints.
	Unsaved     time.Duration
	Interval    time.Duration
	Quarantined int64 // rows that were set aside
}

// Status returns how the job stands.
func (m *Machine) Status(now time.Time) Status {
	if m.over() { // the time stands still
		now = m.times[m.phase]
	}
	s := Status{Phase: m.phase, Owner: m.waiter.owner, Why: m.waiter.why, Since: now.Sub(m.waiter.since),
		Epochs: m.job.Run.Epochs, Elapsed: now.Sub(m.begun()), Restarts: m.restarts, Warning: m.Warning(), Interval: m.job.Run.Checkpoint.Interval()}
	if m.cause != nil {
		s.Cause = m.cause.Error()
	}
	if m.plan == nil {
		return s
	}
	if m.phase == Training && s.Interval > 0 {
		s.Unsaved = now.Sub(m.backup.kept)
	}
	s.Quarantined = m.quarantined()
	s.Version, s.Rounds = m.version(), m.plan.Rounds
	s.Epoch = min(int(param.Round(s.Version)/m.plan.PerEpoch)+1, s.Epochs)
	first := m.ranges[0]
	s.Rows = first.Rows
	s.Loss = first.runningLoss()
	if m.job.Model.FindsTopics() { // whose residual comes at the end of an epoch
		s.Loss = first.lastLoss()
	}
	s.Pushed, s.Pulled = m.moved()
	return s
}

// runningLoss is the mean progressive loss of the epoch that runs, or of the
// last one when it has just ended.
func (r RangeStatus) runningLoss() float64 {
	var before Tally
	if n := len(r.Tallies); n > 0 && r.Tallies[n-1].Rows < r.Rows {
		before = r.Tallies[n-1]
	} else if n > 1 {
		before = r.Tallies[n-2]
	}
	if r.Rows == before.Rows {
		return 0
	}
	return (r.Loss - before.Loss) / float64(r.Rows-before.Rows)
}

// lastLoss is the mean loss of the last epoch that has ended, 0 before.
func (r RangeStatus) lastLoss() float64 {
	if len(r.Tallies) == 0 {
		return 0
	}
	_, loss := r.epoch(len(r.Tallies) - 1)
	return loss
}

// epoch returns the rows of an epoch that has ended, from 0, and their mean loss.
func (r RangeStatus) epoch(i int) (rows int64, loss float64) {
	var before Tally
	if i > 0 {
		before = r.Tallies[i-1]
	}
	rows = r.Tallies[i].Rows - before.Rows
	return rows, (r.Tallies[i].Loss - before.Loss) / float64(max(1, rows))
}

// watchWaiter notes since when the same nodes are waited for.
func (m *Machine) watchWaiter() {
	w := waiter{since: m.waiter.since}
	if w.owner, w.why = m.waitsFor(); m.phase == Training {
		w.version = m.version()
	}
	if w != m.waiter {
		w.since = m.now
	}
	m.waiter = w
}

// waitsFor says who is waited for and what for. In training it is who has not
// contributed to the round of the slowest range and is not waiting itself.
func (m *Machine) waitsFor() (owner, why string) {
	if !m.alone.IsZero() && !m.over() {
		return "cluster", "waits for a node with the role trainer"
	}
	if m.takeover != nil {
		return m.waitsForNodes()
	}
	switch m.phase {
	case Waiting:
		return "cluster", "waits for " + m.absentRoles()
	case Profiling:
		return string(m.profiler), "reads the data"
	case Preparing:
		if !m.created {
			return m.unproven()
		}
		if nodes := m.unprepared(); nodes != "" {
			return nodes, "opens the data and makes the parameter ranges"
		}
		return "cluster", "waits for a node with the role trainer"
	case Recovering:
		if nodes := m.unprepared(); m.created && nodes != "" {
			return nodes, fmt.Sprintf("restores the parameter ranges of round %d", m.version())
		}
		return "cluster", "waits for a node with the role ps"
	case Training:
		if v := m.moving; v != nil {
			return string(v.from), fmt.Sprintf("hands range %d over to node %s", v.id, v.to)
		}
		return m.slowest()
	case Fitting:
		if m.fitting.concluding {
			return "coordinator", "makes features of what was found in the rows"
		}
		return m.unitsAre("reads all rows: fits features, checks quality")
	case Evaluating:
		return m.unitsAre("evaluates the model")
	case Saving:
		return string(m.servers[0]), "writes the model"
	}
	return "", string(m.phase)
}

// unitsAre says which nodes work on units.
func (m *Machine) unitsAre(why string) (string, string) {
	var nodes []string
	for _, u := range m.units {
		if !u.done && u.node != "" && !slices.Contains(nodes, string(u.node)) {
			nodes = append(nodes, string(u.node))
		}
	}
	if len(nodes) == 0 {
		return "cluster", "waits for a node with the role trainer"
	}
	return strings.Join(nodes, ", "), why
}

func (m *Machine) absentRoles() string {
	server, trainer := false, false
	for _, x := range m.members {
		server, trainer = server || x.Server, trainer || x.Trainer
	}
	switch {
	case !server && !trainer:
		return "a node with the role ps and one with the role trainer"
	case !server:
		return "a node with the role ps"
	}
	return "a node with the role trainer"
}

func (m *Machine) unprepared() string {
	var nodes []string
	for _, x := range m.members {
		if x.trainer == asked || len(m.rangesOf(x.Node)) > 0 && !x.created {
			nodes = append(nodes, string(x.Node))
		}
	}
	return strings.Join(nodes, ", ")
}

// unproven says which servers have not told whether they see the checkpoints.
func (m *Machine) unproven() (owner, why string) {
	var nodes []string
	for _, x := range m.members {
		if x.sight == proving {
			nodes = append(nodes, string(x.Node))
		}
	}
	if len(nodes) == 0 {
		return "cluster", "waits for a node with the role ps"
	}
	return strings.Join(nodes, ", "), "looks at the location of checkpoints"
}

func (m *Machine) slowest() (owner, why string) {
	behind := m.behind()
	var nodes []string
	var ids []param.Worker
	for _, w := range behind {
		ids = append(ids, w.id)
		if n := w.describeHome(); !slices.Contains(nodes, n) {
			nodes = append(nodes, n)
		}
	}
	if len(ids) == 0 {
		return "parameter servers", "apply a round"
	}
	return strings.Join(nodes, ", "), "contributes to the round: " + named("worker", ids)
}

func (w *worker) describeHome() string {
	switch w.standing {
	case homeless:
		return "nobody yet"
	case fencing:
		return fmt.Sprintf("servers (fencing worker %d)", w.id)
	}
	return string(w.node)
}

// behind returns the workers that hold up the slowest range.
func (m *Machine) behind() (ws []*worker) {
	version := m.version()
	for _, w := range m.workers {
		missing := slices.ContainsFunc(m.ranges, func(r RangeStatus) bool {
			return r.Version == version && slices.Contains(r.Missing, w.id)
		})
		if (missing || version == 0 && w.standing != finished) && !(w.standing == assigned && w.status.Waiting) {
			ws = append(ws, w)
		}
	}
	return ws
}

// Progress takes a node's status of its workers and ranges.
func (m *Machine) Progress(now time.Time, node param.NodeID, workers []WorkerStatus, ranges []RangeStatus) {
	m.now = now
	if m.over() || m.member(node) == nil {
		return
	}
	for _, s := range workers {
		if int(s.Worker) >= len(m.workers) {
			continue
		}
		if w := m.workers[s.Worker]; w.node == node && w.term == s.Term && w.standing != finished {
			spent := s.Spent
			if s.Spent = w.status.Spent; w.status != s {
				w.moved = now
			}
			w.status, w.status.Spent = s, spent
		}
	}
	for _, r := range ranges {
		if int(r.Range) < len(m.servers) && m.servers[r.Range] == node && r.Era == m.era {
			m.observe(r)
		}
	}
	m.noteRecovery()
	m.advance()
}

// observe takes a range's status and tells of the epochs that have ended.
func (m *Machine) observe(r RangeStatus) {
	old := m.ranges[r.Range]
	if r.FirstTally <= len(old.Tallies) {
		r.Tallies = append(old.Tallies[:r.FirstTally:r.FirstTally], r.Tallies...)
	}
	m.ranges[r.Range] = r
	if r.Range != 0 {
		return
	}
	for ; m.epochs < len(r.Tallies); m.epochs++ {
		rows, loss := r.epoch(m.epochs)
		of, name := "progressive loss", "progressive_loss"
		switch {
		case m.job.Model.FindsTopics():
			of, name = "largest residual", "residual"
		case m.job.FullBatch():
			of, name = "loss at the point tried", "loss"
		}
		m.note(Event{Kind: "epoch", Epoch: m.epochs + 1, Round: m.plan.PerEpoch * param.Round(m.epochs+1),
			Message: fmt.Sprintf("epoch %d: %d rows, %s %.5g", m.epochs+1, rows, of, loss),
			Metrics: map[string]float64{name: loss, "rows": float64(rows)}})
	}
}

// noteRecovery tells when the rounds go on again after a loss: when every worker
// has a place and a version exists that none of those that moved can be missing
// from.
func (m *Machine) noteRecovery() {
	if m.lost.IsZero() || m.version() < min(max(m.recovers, m.beyond), param.Version(m.target())) {
		return
	}
	for _, w := range m.workers {
		if w.standing == homeless || w.standing == fencing {
			return
		}
	}
	took := m.now.Sub(m.lost).Seconds()
	m.lost, m.beyond, m.refusals = time.Time{}, 0, 0
	m.note(Event{Kind: "recovery", Round: param.Round(m.version()), Message: fmt.Sprintf("rounds advance again %.2f s after the loss", took),
		Metrics: map[string]float64{"seconds": took}})
}

// Refused tells that a node's worker was refused by its term: fencing at work.
func (m *Machine) Refused(now time.Time, node param.NodeID, w param.Worker, term param.Term, message string) {
	m.now = now
	m.note(Event{Kind: "fenced", Node: node, Workers: []param.Worker{w}, Message: fmt.Sprintf("worker %d on node %s was refused by its term %d: %s", w, node, term, message)})
}

// Result is what is reported of a job that is done.
type Result struct {
	Train, Test  *plan.Manifest
	Plan         *plan.Plan
	Epochs       int // done, of which the model is
	SHA256       string
	Metrics      map[plan.Set]map[string]float64
	Summaries    map[plan.Set]*metric.Summary // what the metrics follow from
	Objective    float64                      // mean loss of the training rows + l2/2 · ‖w‖²
	Measured     []float64                    // of lsi: see Saved
	Quarantined  int64                        // rows that were set aside
	Unknown      int64                        // nonzeros of the test data whose column the model lacks
	Pushed       int64                        // bytes of values
	Pulled       int64
	Restarts     int
	Profile      time.Duration
	TrainTime    time.Duration
	EvaluateTime time.Duration
	Total        time.Duration
}

// Result returns the outcome of a job that is done.
func (m *Machine) Result() Result {
	r := Result{Train: m.train, Test: m.test, Plan: m.plan, Epochs: m.epochsDone(), SHA256: m.saved.SHA256, Measured: m.saved.Measured,
		Metrics: map[plan.Set]map[string]float64{}, Summaries: m.sums, Restarts: m.restarts,
		Profile: m.times[Preparing].Sub(m.times[Profiling]), TrainTime: m.times[Evaluating].Sub(m.times[Training]),
		EvaluateTime: m.times[Saving].Sub(m.times[Evaluating]), Total: m.times[Done].Sub(m.times[Waiting])}
	r.Quarantined = m.quarantined()
	for set, sum := range m.sums {
		r.Metrics[set] = sum.Metrics()
		r.Unknown += sum.Unknown
		if set == plan.SetTrain {
			r.Objective = sum.MeanLoss() + m.job.Model.L2/2*m.saved.SquaredNorm
		}
	}
	r.Pushed, r.Pulled = m.moved()
	return r
}

// quarantined returns how many rows were set aside.
func (m *Machine) quarantined() int64 {
	n := m.aside
	for _, data := range []*plan.Manifest{m.train, m.test} {
		if data != nil {
			n += int64(len(data.Bad))
		}
	}
	return n
}

// moved returns the bytes of values that all ranges took and gave.
func (m *Machine) moved() (pushed, pulled int64) {
	for _, r := range m.ranges {
		pushed += r.Pushed
		pulled += r.Pulled
	}
	return pushed, pulled
}

// Plan, Manifest and TestManifest are nil before the data was profiled.
func (m *Machine) Plan() *plan.Plan { return m.plan }

// Manifest is that of the training data.
func (m *Machine) Manifest() *plan.Manifest { return m.train }

// TestManifest is that of the test data, nil where the job has none.
func (m *Machine) TestManifest() *plan.Manifest { return m.test }

// ModelAt returns the address of the node that has written the model.
func (m *Machine) ModelAt() string {
	if x := m.member(m.servers[0]); x != nil {
		return x.Bind
	}
	return ""
}

// RangesOf returns the ranges that are on a node.
func (m *Machine) RangesOf(node param.NodeID) []param.RangeID { return m.rangesOf(node) }

// Holdings returns the workers and ranges that are on a node.
func (m *Machine) Holdings(node param.NodeID) (workers []param.Worker, ranges []param.RangeID) {
	for _, w := range m.workers {
		if w.node == node && (w.standing == assigned || w.standing == releasing) {
			workers = append(workers, w.id)
		}
	}
	return workers, m.rangesOf(node)
}

// FaultOfInput reports whether the job failed for its job file or data before
// training began.
func (m *Machine) FaultOfInput() bool {
	_, trained := m.times[Training]
	return m.phase == Failed && !trained && !mayGoAway(m.cause)
}
