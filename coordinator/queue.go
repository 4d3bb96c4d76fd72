package coordinator

import (
	"fmt"
	"time"
)

// Hold has the job wait in the driver's queue until Start: it knows its members and
// asks nothing of them. It is called before anything else.
func (m *Machine) Hold() { m.phase, m.times = Queued, map[Phase]time.Time{Queued: m.now} }

// Start ends the wait in the queue. The time in it counts against no limit.
func (m *Machine) Start(now time.Time) {
	m.now = now
	if m.phase != Queued {
		return
	}
	m.enter(Waiting)
	m.note(Event{Kind: "start", Message: fmt.Sprintf("the job leaves the queue after %.1f s", now.Sub(m.times[Queued]).Seconds())})
	m.advance()
}

// begun is when the job began, or was submitted while it is in the queue or never
// got out of it.
func (m *Machine) begun() time.Time {
	if began, ok := m.times[Waiting]; ok {
		return began
	}
	return m.times[Queued]
}
