package coordinator

import (
	"fmt"
	"slices"
	"time"

	"parley/internal/job"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

// Phase is how far a job has come.
type Phase string

// The phases of a job, in order. Done, Failed and Stopped are ends.
const (
	Queued     Phase = "queued"  // until others have ended
	Waiting    Phase = "waiting" // for a server and a trainer
	Profiling  Phase = "profiling"
	Fitting    Phase = "fitting"
	Preparing  Phase = "preparing"
	Training   Phase = "training"
	Recovering Phase = "recovering" // ranges go back to a checkpoint; then Training again
	Evaluating Phase = "evaluating"
	Saving     Phase = "saving"
	Done       Phase = "done"
	Failed     Phase = "failed"
	Stopped    Phase = "stopped"
)

// Limits bound the waits that no node owns.
type Limits struct {
	Start   time.Duration // for the first server and trainer
	Trainer time.Duration // for a trainer when there is none, from Preparing on
	Release time.Duration // for a worker to reach its round boundary; then it is fenced
	Stall   time.Duration // for a worker that makes no progress, while its node's lease holds
	Tries   int           // of a worker or unit that fails for reasons that may go away
	// Checkpoint is for the last checkpoint of a job that is to stop, Move for a range
	// to get from one server to another.
	// Takeover is for the nodes to register with a coordinator that was restarted.
	Checkpoint, Move, Takeover time.Duration
	// Local says that all nodes are parts of one process: errors of data do not
	// name them, since every node sees the same.
	Local bool
}

// DefaultLimits are those of a cluster.
var DefaultLimits = Limits{Start: 30 * time.Second, Trainer: 5 * time.Minute, Release: 10 * time.Second, Stall: 20 * time.Second, Tries: 4,
	Checkpoint: 15 * time.Second, Move: 30 * time.Second, Takeover: 6 * time.Second}

// Machine takes one job from its submission to its end.
type Machine struct {
	id     param.JobID
	job    *job.Job
	limits Limits
	now    time.Time
	orders []Order
	events []Event

	phase    Phase
	cause    error // of Failed and Stopped
	members  []*member
	train    *plan.Manifest
	test     *plan.Manifest
	plan     *plan.Plan
	profiler param.NodeID
	fitting  *fitting
	chores   []Chore
	servers  []param.NodeID // by range
	ranges   []RangeStatus  // by range, the last heard
	created  bool           // Create is on its way for all ranges, or answered
	era      int            // incarnation of the ranges
	floor    param.Term     // of workers since the last rewind
	retries  int            // of reading a checkpoint
	refusals int            // of fences, since the rounds advanced last
	resume   bool           // begin with the last checkpoint that there is
	bounds   Bounds
	others   func(param.NodeID) Load // what other jobs have on a node; may be nil
	backup   backup
	takeover *takeover
	judge    judge
	ended    param.Round // that the workers' method has come to its end at; 0 while it has not
	// incarnation counts the coordinators of the job; terms are at least least.
	incarnation int
	least       param.Term
	moving      *move
	workers     []*worker
	units       []*unit
	sums        map[plan.Set]*metric.Summary // merged, from Saving on
	aside       int64                        // rows that were set aside, of a job that was forgotten
	saved       Saved
	restarts    int
	timed       *Timing       // of a job that was over before the coordinator was restarted
	epochs      int           // told by events
	lost        time.Time     // when a node with work was lost and the rounds have not gone on since
	recovers    param.Version // its existence shows that they have
	alone       time.Time     // since when there is no trainer; zero while there is
	beyond      param.Version // the same, of a rewind
	trained     time.Time     // when the rounds began to advance, at version begunAt
	begunAt     param.Version
	// since when there is no server; no range moves before
	serverless, restUntil time.Time

	waiter waiter
	times  map[Phase]time.Time // when a phase began
}

// member is a live node of this job.
type member struct {
	Member
	created  bool // its ranges of this era, if it is to have any
	draining bool // it gets no work, and what it has goes elsewhere
	sight    sight
	trainer  readiness
}

// readiness is how far a trainer is with the data.
type readiness int

const (
	unasked  readiness = iota
	asked              // Prepare is on its way
	prepared           // it can host workers
	excluded           // it cannot read the data
)

// New returns the machine of a submitted job. Members are told with Join.
func New(id param.JobID, j *job.Job, limits Limits, now time.Time) *Machine {
	m := &Machine{id: id, job: j, limits: limits, now: now, phase: Waiting, times: map[Phase]time.Time{Waiting: now}}
	m.waiter.since, m.bounds = now, Bounds{j.Run.MaxServers, j.Run.MaxTrainers}
	if j.Run.Checkpoint.Interval() == 0 {
		m.backup.off = "run.checkpoint is off"
	}
	return m
}

// Resume has the job begin with the last checkpoint at its location that is of the
// same plan. It is called before anything else.
func (m *Machine) Resume() { m.resume = true }

// Take returns the orders and events since the last call.
func (m *Machine) Take() ([]Order, []Event) {
	orders, events := m.orders, m.events
	m.orders, m.events = nil, nil
	return orders, events
}

// Phase returns how far the job has come.
func (m *Machine) Phase() Phase { return m.phase }

// Ended reports whether the job has come to an end, and why if not a good one.
func (m *Machine) Ended() (bool, error) {
	return m.phase == Done || m.phase == Failed || m.phase == Stopped, m.cause
}

// at names the node where an error came up.
func (m *Machine) at(node param.NodeID, err error) error {
	if m.limits.Local {
		return err
	}
	return fmt.Errorf("node %s: %w", node, err)
}

func (m *Machine) send(to param.NodeID, o Order) {
	o.To = to
	m.orders = append(m.orders, o)
}

func (m *Machine) note(e Event) { m.events = append(m.events, e) }

func (m *Machine) enter(p Phase) {
	m.phase = p
	m.times[p] = m.now
}

// fail ends the job with a cause.
func (m *Machine) fail(err error) {
	if m.over() {
		return
	}
	m.cause = err
	m.end(Failed, err.Error())
}

func (m *Machine) over() bool {
	over, _ := m.Ended()
	return over
}

func (m *Machine) end(p Phase, reason string) {
	m.enter(p)
	for _, member := range m.members {
		m.send(member.Node, Order{End: &End{Reason: reason}})
	}
	m.note(Event{Kind: "end", Message: reason})
	m.waiter = waiter{since: m.now}
	m.fitting = nil
}

// Forget lets go of what the status of a job that is over does not need: after it
// there are no Result and no manifests.
func (m *Machine) Forget() {
	m.aside = m.quarantined()
	m.train, m.test, m.sums, m.units = nil, nil, nil, nil
	if m.plan != nil {
		m.plan = &plan.Plan{Rounds: m.plan.Rounds, PerEpoch: m.plan.PerEpoch}
	}
}

// Stop ends the job on request: in training with a last checkpoint, for which it
// does not wait long, and not at all when it is asked a second time.
func (m *Machine) Stop(now time.Time, reason string) {
	m.now = now
	if m.over() {
		return
	}
	if b := &m.backup; b.stop == "" && b.off == "" && m.takeover == nil && (m.phase == Training || m.phase == Evaluating) {
		b.stop, b.asked = reason, now
		m.advance()
		return
	}
	m.cause = fmt.Errorf("stopped: %s", reason)
	m.end(Stopped, m.cause.Error())
}

// Join tells of a live node, before anything else of it.
func (m *Machine) Join(now time.Time, new Member) {
	m.now = now
	if m.over() || m.member(new.Node) != nil {
		return
	}
	m.members = append(m.members, &member{Member: new})
	slices.SortFunc(m.members, func(a, b *member) int {
		if a.Node < b.Node {
			return -1
		}
		return 1
	})
	if m.phase == Training || m.phase == Evaluating {
		m.note(Event{Kind: "join", Node: new.Node, Message: fmt.Sprintf("node %s joined", new.Node)})
	}
	m.advance()
}

// Leave tells that a node's lease has ended: nothing that it still sends is from
// a member.
func (m *Machine) Leave(now time.Time, node param.NodeID, reason string) {
	m.now = now
	i := slices.IndexFunc(m.members, func(x *member) bool { return x.Node == node })
	if m.over() || i < 0 {
		return
	}
	m.members = slices.Delete(m.members, i, i+1)
	if m.backup.writer == node && !m.backup.token {
		m.backup.writer = ""
	}
	if m.takeover != nil {
		delete(m.takeover.held, node)
		m.advance()
		return
	}
	if m.phase == Profiling && m.profiler == node {
		m.profiler = ""
		m.note(Event{Kind: "failure", Node: node, Message: fmt.Sprintf("node %s was lost (%s) while it read the data", node, reason)})
		m.restarts++
	}
	m.abandon(node, reason)
	if m.created && slices.Contains(m.servers, node) {
		m.lose(node, reason)
	}
	m.advance()
}

// Tick tells the time, a few times a second.
func (m *Machine) Tick(now time.Time) {
	m.now = now
	if m.over() {
		return
	}
	if m.takeover != nil {
		m.advance()
		return
	}
	m.checkStart()
	m.checkTrainers()
	m.checkServers()
	m.checkMove()
	m.checkWorkers()
	m.checkCheckpoint()
	m.checkStop()
	m.advance()
}

func (m *Machine) checkStart() {
	if m.phase == Waiting && m.now.Sub(m.times[Waiting]) > m.limits.Start {
		_, why := m.waitsFor()
		m.fail(fmt.Errorf("gave up after %v: %s", m.limits.Start, why))
	}
}

// advance does what can be done now; every input ends with it.
func (m *Machine) advance() {
	if m.takeover != nil {
		if !m.over() {
			m.reconcile()
		}
		m.watchWaiter()
		return
	}
	switch m.phase {
	case Waiting, Profiling:
		m.profile()
	case Fitting:
		m.fit()
	case Preparing:
		m.prepare()
	case Recovering:
		m.prepare()
		m.restored()
	case Training:
		m.prepare()
		m.moveRanges()
		m.checkpoint()
		m.placeWorkers()
	case Evaluating:
		m.prepare()
		m.moveRanges()
		m.checkpoint()
		m.placeUnits()
	}
	m.watchWaiter()
}

func (m *Machine) member(node param.NodeID) *member {
	for _, x := range m.members {
		if x.Node == node {
			return x
		}
	}
	return nil
}

// trainers returns the nodes that can host workers now.
func (m *Machine) trainers() []param.NodeID {
	var nodes []param.NodeID
	for _, x := range m.members {
		if x.trainer == prepared && !x.draining {
			nodes = append(nodes, x.Node)
		}
	}
	return within(m.bounds.Trainers, nodes, m.load, m.otherWorkers)
}
