package coordinator

import (
	"fmt"
	"slices"
	"time"

	"parley/internal/param"
)

// Checkpoint is one that is complete: its manifest is in place.
type Checkpoint struct {
	Dir     string // within the location
	Version param.Version
}

// sight is whether a server sees the location of checkpoints.
type sight int

const (
	unproven sight = iota
	proving        // Probe is on its way
	sees
	blind
)

// backup is what the machine knows of checkpoints.
type backup struct {
	off     string // why there are none; empty while there are
	token   bool   // the probe file is written
	writer  param.NodeID
	done    []Checkpoint // complete, oldest first
	last    time.Time    // when the last one was begun, or training
	kept    time.Time    // when the last complete one was begun, or training from what it holds
	margin  param.Round  // versions ahead of the fastest range, so that no range is beyond already
	running *snapshot
	stop    string // why the job ends with the next checkpoint; empty: it does not
	asked   time.Time
}

// snapshot is a checkpoint in the making.
type snapshot struct {
	Checkpoint
	awaited    []param.NodeID
	parts      [][]byte // by range, opaque
	began      time.Time
	reached    time.Time // when all ranges were known to be at the version
	committing bool
}

// probeServers has every server tell whether it sees the location: the first one
// writes a file there, the others read it.
func (m *Machine) probeServers() {
	b := &m.backup
	if b.off != "" {
		return
	}
	for _, x := range m.members {
		if !x.Server || x.sight != unproven || !b.token && b.writer != "" {
			continue
		}
		x.sight = proving
		write := !b.token
		if write {
			b.writer = x.Node
		}
		m.send(x.Node, Order{Probe: &Probe{Write: write, Find: write && m.resume}})
	}
}

// proven reports whether all servers have told what they see.
func (m *Machine) proven() bool {
	return m.backup.off != "" || !slices.ContainsFunc(m.members, func(x *member) bool { return x.Server && (x.sight == unproven || x.sight == proving) })
}

// Probed is a server's answer to Probe.
func (m *Machine) Probed(now time.Time, node param.NodeID, p Probed) {
	m.now = now
	x, b := m.member(node), &m.backup
	if m.over() || x == nil || x.sight != proving {
		return
	}
	writer := b.writer == node && !b.token
	switch {
	case p.Err == nil && writer:
		x.sight, b.token = sees, true
		if m.resume {
			m.choose(p)
		}
	case p.Err == nil:
		x.sight = sees
	case writer && m.resume:
		m.fail(m.at(node, fmt.Errorf("run.checkpoint.to: %w", p.Err)))
		return
	case m.phase == Preparing:
		x.sight = blind
		m.noCheckpoints(m.at(node, p.Err).Error())
	default: // it came later
		x.sight = blind
		m.note(Event{Kind: "failure", Node: node, Message: fmt.Sprintf("%v; it gets no ranges, since it could not restore them", m.at(node, p.Err))})
	}
	m.advance()
}

// noCheckpoints goes on without.
func (m *Machine) noCheckpoints(why string) {
	m.backup.off = why
	m.backup.running = nil
	m.note(Event{Kind: "checkpoint", Message: fmt.Sprintf("there are no checkpoints: %s: the death of a parameter server would send the job back to its start", why)})
}

// choose takes the checkpoints that a job is resumed from.
func (m *Machine) choose(p Probed) {
	for _, d := range p.Damaged {
		m.note(Event{Kind: "failure", Message: "a checkpoint is damaged and not used: " + d})
	}
	hash, others := m.plan.Hash(), 0
	for _, f := range p.Found {
		if f.PlanHash != hash {
			others++
			continue
		}
		m.backup.done = append(m.backup.done, f.Checkpoint)
		m.restoreScores(f.Scores, f.Version)
		m.epochs, _ = m.plan.Position(param.Round(f.Version)) // those before have been told
	}
	if len(m.backup.done) == 0 {
		why := "there is none"
		if others > 0 {
			why = fmt.Sprintf("the %d there are of another plan: data or settings have changed since", others)
		}
		m.fail(param.Errorf(param.Invalid, "no checkpoint to resume from in %s: %s; parley train starts anew", m.job.Run.Checkpoint.To, why))
	}
}

// newest returns the last complete checkpoint, nil for none.
func (b *backup) newest() *Checkpoint {
	if len(b.done) == 0 {
		return nil
	}
	return &b.done[len(b.done)-1]
}

// checkpoint begins a checkpoint when one is due.
func (m *Machine) checkpoint() {
	b := &m.backup
	if b.off != "" || b.running != nil || m.moving != nil {
		return
	}
	due := m.phase == Training && m.now.Sub(b.last) >= m.job.Run.Checkpoint.Interval()
	if b.stop == "" && !due {
		return
	}
	version := param.Version(0)
	for _, r := range m.ranges {
		version = max(version, r.Version)
	}
	if version == 0 { // there is nothing to keep yet
		m.stopped()
		return
	}
	version = min(version+param.Version(m.marginOf()), param.Version(m.target()))
	if n := b.newest(); n != nil && n.Version >= version {
		b.last, b.kept = m.now, m.now
		m.stopped()
		return
	}
	s := &snapshot{Checkpoint: Checkpoint{Dir: fmt.Sprintf("%012d-%s", version, m.id), Version: version}, awaited: m.serverNodes(), parts: make([][]byte, len(m.ranges)), began: m.now}
	b.running = s
	for _, node := range s.awaited {
		m.send(node, Order{Snapshot: &Snapshot{Checkpoint: s.Checkpoint}})
	}
}

// marginOf returns how far ahead of the fastest range a checkpoint's version is.
// Heartbeats come four times a second: by then the ranges have gone on.
func (m *Machine) marginOf() param.Round {
	rate := 0.0
	if passed := m.now.Sub(m.trained).Seconds(); passed > 0 {
		rate = float64(m.version()-m.begunAt) / passed
	}
	return max(param.Round(rate/2), m.backup.margin)
}

// Snapped says that a server has written its parts, or why not.
func (m *Machine) Snapped(now time.Time, node param.NodeID, p Snapped) {
	m.now = now
	b := &m.backup
	s := b.running
	if m.over() || s == nil || s.Checkpoint != p.Checkpoint || s.committing {
		return
	}
	i := slices.Index(s.awaited, node)
	switch {
	case i < 0:
		return
	case p.Err != nil:
		m.spoiled(m.at(node, p.Err))
	case p.Passed:
		b.running, b.margin = nil, 2*m.marginOf()+1
	default:
		s.awaited = slices.Delete(s.awaited, i, i+1)
		for id, part := range p.Parts {
			if int(id) < len(s.parts) {
				s.parts[id] = part
			}
		}
		if len(s.awaited) == 0 {
			s.committing = true
			m.send(m.servers[0], Order{Commit: &Commit{Checkpoint: s.Checkpoint, Parts: s.parts, Scores: m.judge.scores}})
		}
	}
	m.advance()
}

// spoiled gives a checkpoint up. The job goes on with the last good one, and tries
// again when the next is due.
func (m *Machine) spoiled(err error) {
	b := &m.backup
	last := "there is none yet"
	if n := b.newest(); n != nil {
		last = fmt.Sprintf("the last good one is of round %d", n.Version)
	}
	m.note(Event{Kind: "failure", Round: param.Round(b.running.Version), Message: fmt.Sprintf("checkpoint: %v; the job goes on, %s", err, last)})
	b.running, b.last = nil, m.now
	m.stopped()
}

// Committed says that a checkpoint is complete, or why not.
func (m *Machine) Committed(now time.Time, node param.NodeID, c Committed) {
	m.now = now
	b := &m.backup
	s := b.running
	if m.over() || s == nil || !s.committing || s.Checkpoint != c.Checkpoint || m.servers[0] != node {
		return
	}
	if c.Err != nil {
		m.spoiled(m.at(node, c.Err))
		m.advance()
		return
	}
	b.done = append(b.done, s.Checkpoint)
	b.done = b.done[max(0, len(b.done)-m.job.Run.Checkpoint.Keep):]
	b.running, b.last, b.kept, b.margin = nil, m.now, s.began, 0
	m.note(Event{Kind: "checkpoint", Node: node, Round: param.Round(s.Version), Message: fmt.Sprintf("checkpoint of round %d", s.Version),
		Metrics: map[string]float64{"seconds": m.now.Sub(s.began).Seconds()}})
	m.stopped()
	m.advance()
}

// checkCheckpoint gives up a checkpoint whose parts, or manifest, take too long.
func (m *Machine) checkCheckpoint() {
	s := m.backup.running
	if s == nil || m.version() < s.Version {
		return
	}
	if s.reached.IsZero() {
		s.reached = m.now
	}
	if m.now.Sub(s.reached) > writeFactor*m.limits.Checkpoint {
		m.spoiled(fmt.Errorf("it was not written within %v", writeFactor*m.limits.Checkpoint))
	}
}

// writeFactor is by how much longer the parts of a checkpoint may take to be written
// than a job that stops waits for them.
const writeFactor = 20

// stopped ends a job that only waited for its last checkpoint.
func (m *Machine) stopped() {
	if m.backup.stop == "" {
		return
	}
	m.cause = fmt.Errorf("stopped: %s", m.backup.stop)
	m.end(Stopped, m.cause.Error())
}

// checkStop bounds the wait for the last checkpoint of a job that is to stop.
func (m *Machine) checkStop() {
	if m.backup.stop != "" && !m.over() && m.now.Sub(m.backup.asked) > m.limits.Checkpoint {
		m.note(Event{Kind: "failure", Message: fmt.Sprintf("no last checkpoint was complete within %v", m.limits.Checkpoint)})
		m.stopped()
	}
}

// Newest returns the last complete checkpoint, nil for none.
func (m *Machine) Newest() *Checkpoint { return m.backup.newest() }

// Warning says what the user should know while the job runs, empty for nothing.
func (m *Machine) Warning() string {
	if m.backup.off == "" || m.plan == nil {
		return ""
	}
	return "no checkpoints: " + m.backup.off
}
