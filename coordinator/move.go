package coordinator

import (
	"fmt"
	"time"

	"parley/internal/param"
)

// move is a range on its way from one server to another.
type move struct {
	id       param.RangeID
	from, to param.NodeID
	began    time.Time
}

// moveRanges evens ranges out over the servers, one range at a time, and empties
// those that drain. A range moves in the middle of a round, with all that it has
// gathered: nobody is rewound. Moves and fences do not overlap, so that a fence
// finds every range where it looks for it.
func (m *Machine) moveRanges() {
	committing := m.backup.running != nil && m.backup.running.committing
	if m.moving != nil || m.fencing() || committing || !m.rangesMade() || m.now.Before(m.restUntil) {
		return
	}
	pool := m.serverPool()
	if len(pool) == 0 {
		return
	}
	for i, to := range Place(m.id, pool, m.servers, m.otherRanges) {
		if from := m.servers[i]; to != from {
			m.backup.running = nil // it is due again at once
			m.moving = &move{id: param.RangeID(i), from: from, to: to, began: m.now}
			m.send(from, Order{Yield: &Yield{Range: param.RangeID(i), To: m.member(to).Bind}})
			return
		}
	}
}

func (m *Machine) fencing() bool {
	for _, w := range m.workers {
		if w.standing == fencing {
			return true
		}
	}
	return false
}

// moveRest is the pause after a move that failed.
const moveRest = time.Second

// Yielded says that a range is on its new server, or that it has stayed.
func (m *Machine) Yielded(now time.Time, node param.NodeID, id param.RangeID, err error) {
	m.now = now
	v := m.moving
	if m.over() || v == nil || v.from != node || v.id != id {
		return
	}
	m.moving = nil
	switch {
	case err != nil:
		m.restUntil = m.now.Add(moveRest)
		m.note(Event{Kind: "failure", Node: v.to, Message: fmt.Sprintf("range %d stays on node %s: %v", id, v.from, err)})
	case m.member(v.to) == nil: // it has taken the range with it
		m.lose(v.to, "it was lost with a range that had just come")
		return
	default:
		m.servers[id] = v.to
		m.member(v.to).created = true
		m.note(Event{Kind: "assignment", Node: v.to, Round: param.Round(m.version()), Message: fmt.Sprintf("range %d moved from node %s to node %s in %.0f ms",
			id, v.from, v.to, float64(m.now.Sub(v.began).Microseconds())/1000)})
		m.route()
	}
	m.advance()
}

// checkMove gives up a server that does not hand a range over: its state may be
// anywhere.
func (m *Machine) checkMove() {
	if v := m.moving; v != nil && m.now.Sub(v.began) > m.limits.Move {
		m.moving = nil
		m.lose(v.from, fmt.Sprintf("range %d did not reach node %s within %v", v.id, v.to, m.limits.Move))
	}
}

// Drain tells that a node is about to leave and wants to give back what it has.
// It is told when it has nothing any more.
func (m *Machine) Drain(now time.Time, node param.NodeID) {
	m.now = now
	x := m.member(node)
	if x == nil || x.draining {
		return
	}
	x.draining = true
	if !m.over() {
		m.note(Event{Kind: "leave", Node: node, Message: fmt.Sprintf("node %s drains: its work goes elsewhere", node)})
		m.advance()
	}
}

// Busy reports whether a node has work of this job that it can still give back, or
// is about to be done with.
func (m *Machine) Busy(node param.NodeID) bool {
	if m.over() {
		return false
	}
	if v := m.moving; v != nil && (v.from == node || v.to == node) || m.profiler == node && m.phase == Profiling {
		return true
	}
	if m.plan == nil || len(m.serverPool()) == 0 || len(m.trainers()) == 0 {
		return false // nobody could take it
	}
	if len(m.rangesOf(node)) > 0 {
		return true
	}
	for _, w := range m.workers {
		if w.node == node && w.standing != finished {
			return true
		}
	}
	for _, u := range m.units {
		if u.node == node && !u.done {
			return true
		}
	}
	return false
}
