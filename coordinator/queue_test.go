package coordinator

import (
	"slices"
	"testing"
	"time"
)

// TestQueue: a job that is held asks nothing of its members and loses no patience,
// also over a restart of the coordinator; what it waits for first counts from its start.
func TestQueue(t *testing.T) {
	now := time.Unix(100, 0)
	m := New("j", parse(t), DefaultLimits, now)
	m.Hold()
	m.Join(now, Member{Node: "t", Trainer: true})
	submitted := now
	now = now.Add(time.Hour)
	m.Tick(now)
	if orders, events := m.Take(); m.Phase() != Queued || orders != nil || events != nil || m.Status(now).Elapsed != time.Hour {
		t.Fatalf("phase %s, orders %v, events %v, status %+v", m.Phase(), orders, events, m.Status(now))
	}

	m = Recover("j", parse(t), DefaultLimits, now, m.State(), nil, nil)
	m.Join(now, Member{Node: "t", Trainer: true})
	now = now.Add(time.Hour)
	m.Tick(now)
	if s := m.Status(now); m.TakingOver() || s.Phase != Queued || s.Elapsed != now.Sub(submitted) {
		t.Fatalf("after a restart: %+v", s)
	}
	m.Start(now)
	now = now.Add(DefaultLimits.Start - time.Second)
	m.Tick(now)
	if s := m.Status(now); s.Phase != Waiting || s.Elapsed != DefaultLimits.Start-time.Second {
		t.Errorf("started: %+v", s)
	}
	m.Join(now, Member{Node: "s", Server: true})
	orders, events := m.Take()
	if len(orders) != 1 || orders[0].Profile == nil || orders[0].To != "t" {
		t.Errorf("orders %+v", orders)
	}
	if !slices.ContainsFunc(events, func(e Event) bool { return e.Kind == "start" && e.Message == "the job leaves the queue after 7200.0 s" }) {
		t.Errorf("events %+v", events)
	}
	m.Start(now) // once is enough
	if m.Phase() != Profiling {
		t.Errorf("phase %s", m.Phase())
	}
}

// TestStopQueued: a job that never began ends at once.
func TestStopQueued(t *testing.T) {
	now := time.Unix(100, 0)
	m := New("j", parse(t), DefaultLimits, now)
	m.Hold()
	m.Stop(now.Add(time.Minute), "enough")
	if over, _ := m.Ended(); !over || m.Phase() != Stopped || m.Status(now.Add(time.Hour)).Elapsed != time.Minute {
		t.Errorf("%+v", m.Status(now.Add(time.Hour)))
	}
	if m.Start(now); m.Phase() != Stopped {
		t.Errorf("phase %s", m.Phase())
	}
}
