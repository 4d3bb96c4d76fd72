package coordinator

import (
	"fmt"
	"time"

	"parley/internal/param"
)

// lose takes the ranges of a server for lost.
func (m *Machine) lose(node param.NodeID, reason string) {
	m.restarts++
	m.loss()
	to := "the start"
	if c := m.backup.newest(); c != nil {
		to = fmt.Sprintf("the checkpoint of round %d", c.Version)
	}
	m.note(Event{Kind: "failure", Node: node, Round: param.Round(m.version()),
		Message: fmt.Sprintf("parameter server %s was lost (%s): the job goes back to %s", node, reason, to)})
	m.rewind()
}

// rewind begins after the loss of a server: every range goes back to the last
// complete checkpoint, or to the start, on the servers that are there. All workers
// begin anew under terms above all that were given out, so that nothing of before
// counts.
func (m *Machine) rewind() {
	m.beyond = max(m.beyond, m.version()+1)
	m.era++
	m.created = false
	m.backup.running, m.moving = nil, nil
	for _, x := range m.members {
		x.created = false
	}
	m.floor = max(m.floor, m.least)
	for _, w := range m.workers {
		m.floor = max(m.floor, w.term+1)
	}
	for i, w := range m.workers {
		m.workers[i] = &worker{id: w.id, term: m.floor, host: w.host, spent: w.total()}
	}
	m.units, m.sums = nil, nil
	if m.phase != Preparing {
		m.phase = Recovering
	}
	m.advance()
}

// placeRanges puts the ranges on the servers that there are and has them made.
func (m *Machine) placeRanges() {
	if m.created || !m.proven() {
		return
	}
	nodes := m.serverPool()
	if len(nodes) == 0 {
		return // checkServers has the deadline
	}
	m.created = true
	m.servers = Place(m.id, nodes, m.servers, m.otherRanges)
	restored := m.backup.newest()
	for i := range m.ranges {
		m.ranges[i] = RangeStatus{Range: param.RangeID(i), Tallies: m.ranges[i].Tallies, Pushed: m.ranges[i].Pushed, Pulled: m.ranges[i].Pulled}
		if restored != nil {
			m.ranges[i].Version = restored.Version
		}
	}
	for _, x := range m.members {
		if x.Server { // also to those that get none: what they had is void
			m.send(x.Node, Order{Create: &Create{Era: m.era, Floor: m.floor, Ranges: m.rangesOf(x.Node), From: restored}})
		}
	}
}

// serverPool returns the nodes that may hold ranges.
func (m *Machine) serverPool() (nodes []param.NodeID) {
	for _, x := range m.members {
		if x.Server && !x.draining && (m.backup.off != "" || x.sight == sees) {
			nodes = append(nodes, x.Node)
		}
	}
	return within(m.bounds.Servers, nodes, func(n param.NodeID) int { return len(m.rangesOf(n)) }, m.otherRanges)
}

// Created is a server's answer to Create. When its part of the checkpoint is
// damaged or gone, all ranges go back to the one before.
func (m *Machine) Created(now time.Time, node param.NodeID, era int, err error) {
	m.now = now
	x := m.member(node)
	if m.over() || x == nil || era != m.era || m.phase != Preparing && m.phase != Recovering {
		return
	}
	from := m.backup.newest()
	switch {
	case err == nil:
		x.created = true
		m.advance()
		return
	case from == nil:
		m.fail(m.at(node, fmt.Errorf("make the parameter ranges: %w", err)))
		return
	case mayGoAway(err) && m.retries < m.limits.Tries:
		m.retries++
		m.note(Event{Kind: "failure", Node: node, Message: fmt.Sprintf("checkpoint of round %d: %v; it is read again", from.Version, m.at(node, err))})
	default:
		m.note(Event{Kind: "failure", Node: node, Message: fmt.Sprintf("the checkpoint of round %d cannot be used: %v; the one before it is", from.Version, m.at(node, err))})
		m.backup.done = m.backup.done[:len(m.backup.done)-1]
		m.retries = 0
	}
	m.rewind()
}

// restored goes on to training when all ranges are there again.
func (m *Machine) restored() {
	if !m.rangesMade() {
		return
	}
	m.phase = Training
	m.note(Event{Kind: "restore", Round: param.Round(m.version()), Message: fmt.Sprintf("the ranges are back at round %d", m.version())})
	m.trains()
	m.advance()
}

// trains begins training, for the first time or again: the ranges are there.
func (m *Machine) trains() {
	m.retries = 0
	m.backup.last, m.backup.kept, m.trained, m.begunAt = m.now, m.now, m.now, m.version()
	if m.era > 0 {
		m.route()
	}
}

// route tells all trainers where the ranges are now. Workers of terms below the
// floor are void.
func (m *Machine) route() {
	for _, x := range m.members {
		if x.trainer != unasked {
			m.send(x.Node, Order{Route: &Route{Servers: m.addresses(), Floor: m.floor}})
		}
	}
}

// rangesMade reports whether every server that has ranges has made them.
func (m *Machine) rangesMade() bool {
	if !m.created {
		return false
	}
	for _, x := range m.members {
		if len(m.rangesOf(x.Node)) > 0 && !x.created {
			return false
		}
	}
	return true
}

// checkServers ends a job that no server has come to go on with.
func (m *Machine) checkServers() {
	if m.plan == nil || m.created || len(m.serverPool()) > 0 {
		m.serverless = time.Time{}
		return
	}
	if m.serverless.IsZero() {
		m.serverless = m.now
	}
	if m.now.Sub(m.serverless) > m.limits.Trainer {
		m.fail(fmt.Errorf("no parameter server has come for %v", m.limits.Trainer))
	}
}
