package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
)

// State is what a coordinator has to remember of a job to go on with it after it
// was restarted. All else is told by the nodes when they register anew.
type State struct {
	Phase       Phase
	Era         int
	Servers     []param.NodeID // by range
	Trainers    []param.NodeID
	Checkpoints []Checkpoint
	Off         string // why there are no checkpoints
	Resume      bool
	Bounds      Bounds
	Epochs      int // told by events
	Scores      []Score
	Restarts    int
	Incarnation int // of the coordinator
	// Begun is when the job was submitted, Times when its phases began.
	Times  map[Phase]time.Time
	Timing *Timing `json:",omitempty"` // of a job that is over
}

// Held is what a node has of a job when it registers: work of an earlier session.
type Held struct {
	Any      bool // it has something
	Era      int
	Ranges   []param.RangeID
	Prepared bool
	Workers  []WorkerStatus
}

// takeover is the time in which a restarted coordinator waits for the nodes.
type takeover struct {
	until time.Time
	nodes []param.NodeID // that are waited for
	early bool           // training had not begun
	held  map[param.NodeID]Held
}

// State returns what is to be remembered.
func (m *Machine) State() State {
	var timing *Timing
	if m.over() { // while it runs it changes all the time
		t := m.Timing()
		timing = &t
	}
	return State{Timing: timing, Phase: m.phase, Era: m.era, Servers: m.servers, Trainers: m.trainers(), Checkpoints: m.backup.done, Off: m.backup.off, Resume: m.resume, Bounds: m.bounds,
		Epochs: m.epochs, Scores: m.judge.scores, Restarts: m.restarts, Incarnation: m.incarnation, Times: m.times}
}

// termBits is where the incarnation of the coordinator begins in a term: so terms
// grow over restarts, whatever was given out and not remembered.
const termBits = 32

// Recover returns the machine of a job whose coordinator was restarted. It waits for
// the nodes to tell what they have, and goes on with that; before training was begun
// it starts over. When nobody has anything the whole cluster was restarted, and the
// job is the user's to resume. A job in the queue stays there.
func Recover(id param.JobID, j *job.Job, limits Limits, now time.Time, s State, train, test *plan.Manifest) *Machine {
	m := New(id, j, limits, now)
	m.resume, m.bounds, m.restarts, m.incarnation = s.Resume, s.Bounds, s.Restarts, s.Incarnation+1
	if s.Phase == Queued { // nobody has anything of it
		m.phase, m.times = Queued, s.Times
		return m
	}
	m.takeover = &takeover{until: now.Add(limits.Takeover), held: map[param.NodeID]Held{}}
	if train == nil || !slices.Contains([]Phase{Training, Recovering, Evaluating, Saving}, s.Phase) {
		m.takeover.early = true
		return m
	}
	m.train, m.test, m.plan = train, test, plan.New(j, train)
	m.phase, m.era, m.epochs, m.times = s.Phase, s.Era, s.Epochs, s.Times
	m.servers, m.ranges = s.Servers, make([]RangeStatus, len(m.plan.Ranges))
	m.backup.done, m.backup.off, m.backup.token, m.backup.kept = s.Checkpoints, s.Off, true, now
	m.restoreScores(s.Scores, param.Version(m.plan.Rounds))
	m.least = param.Term(m.incarnation) << termBits
	m.workers = make([]*worker, j.Run.Workers)
	for i := range m.workers {
		m.workers[i] = &worker{id: param.Worker(i), term: m.least}
	}
	m.takeover.nodes = slices.Concat(s.Servers, s.Trainers)
	m.loss()
	return m
}

// TakingOver reports whether the machine wants to hear what nodes have of the job.
func (m *Machine) TakingOver() bool { return m.takeover != nil }

// Holds tells what a node that has just joined has of the job.
func (m *Machine) Holds(now time.Time, node param.NodeID, h Held) {
	m.now = now
	if m.takeover == nil || m.member(node) == nil {
		return
	}
	m.takeover.held[node] = h
	m.advance()
}

// reconcile goes on when all nodes have come back, or the time is over.
func (m *Machine) reconcile() {
	t := m.takeover
	known := false
	for _, h := range t.held {
		known = known || h.Any
	}
	waits := len(m.absentees()) > 0 || t.early && !known
	if waits && m.now.Before(t.until) {
		return
	}
	m.takeover = nil
	switch {
	case !known:
		m.fail(fmt.Errorf("the cluster was restarted, and with it all that it had of the job: go on with parley resume %s", m.job.Output))
		return
	case t.early:
		m.startOver()
		return
	}
	for node, h := range t.held {
		m.era = max(m.era, h.Era)
		if x := m.member(node); x != nil {
			if len(h.Ranges) > 0 {
				x.sight = sees
			}
			if h.Prepared {
				x.trainer = prepared
			}
		}
	}
	m.adoptWorkers(t.held)
	m.created = true
	var missing []param.NodeID
	for i, node := range m.servers {
		if h := t.held[node]; h.Era != m.era || !slices.Contains(h.Ranges, param.RangeID(i)) {
			missing = append(missing, node)
		}
	}
	m.note(Event{Kind: "recovery", Message: "the coordinator was restarted and has taken the job over"})
	if len(missing) > 0 || m.phase == Recovering {
		m.lose(slices.Concat(missing, m.servers)[0], "it was gone, or had other ranges, when the coordinator was back")
		return
	}
	for _, x := range m.members {
		x.created = true
	}
	m.phase = Training
	m.trains()
	m.route()
	m.advance()
}

// startOver begins a job anew on the nodes that there are.
func (m *Machine) startOver() {
	m.note(Event{Kind: "recovery", Message: "the coordinator was restarted before training had begun: the job starts over"})
	for _, x := range m.members {
		m.send(x.Node, Order{End: &End{Reason: "the coordinator was restarted"}})
	}
	m.enter(Waiting)
	m.advance()
}

// absentees returns the nodes that have not come back.
func (m *Machine) absentees() (nodes []param.NodeID) {
	for _, node := range m.takeover.nodes {
		if _, ok := m.takeover.held[node]; !ok && !slices.Contains(nodes, node) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// adoptWorkers leaves workers where they are.
func (m *Machine) adoptWorkers(held map[param.NodeID]Held) {
	for _, x := range m.members {
		for _, s := range held[x.Node].Workers {
			if int(s.Worker) >= len(m.workers) || x.trainer != prepared {
				continue
			}
			w := m.workers[s.Worker]
			if w.standing == homeless || w.status.Term < s.Term {
				*w = worker{id: w.id, standing: assigned, term: s.Term, node: x.Node, host: x.Node, status: s, moved: m.now}
			}
		}
	}
}

// waitsForNodes says who is waited for after a restart.
func (m *Machine) waitsForNodes() (owner, why string) {
	var names []string
	for _, node := range m.absentees() {
		names = append(names, string(node))
	}
	if len(names) == 0 {
		names = []string{"cluster"}
	}
	return strings.Join(names, ", "), "registers with the coordinator, which was restarted"
}

// Ended returns the machine of a job that was over when the coordinator was
// restarted. It is for its status alone.
func Ended(id param.JobID, j *job.Job, limits Limits, s State) *Machine {
	m := New(id, j, limits, s.Times[s.Phase])
	m.phase, m.times, m.restarts, m.timed = s.Phase, s.Times, s.Restarts, s.Timing
	return m
}
