package cluster

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/memberlist"
)

// Kind is what happened to a member.
type Kind int

const (
	// Joined: the member is new, or came back after it had Left.
	Joined Kind = iota + 1
	// Updated: the member lives and says something else of itself.
	Updated
	// Left: the member said goodbye or is taken for dead.
	Left
)

func (k Kind) String() string {
	switch k {
	case Joined:
		return "joined"
	case Updated:
		return "updated"
	case Left:
		return "left"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Member is a node that takes part in the gossip.
type Member struct {
	// Name is the node's name.
	Name string
	// Gossip is its gossip address, as the others reach it.
	Gossip string
	// Meta is what it says of itself.
	Meta
}

// Event is one change of membership. For Left, Member is what was known last.
// The events of one name are Joined, any number of Updated, Left, and so on; a
// restart that nobody saw die shows as Left and Joined with a new Started.
type Event struct {
	Kind   Kind
	Member Member
}

// table keeps the members and queues the events. memberlist calls it under its
// own lock, so it never waits: the queue is unbounded, but grows by no more
// than membership changes while OnEvent blocks.
type table struct {
	log  *slog.Logger
	wake chan struct{} // of capacity 1: something is queued, or closed is set

	mu struct {
		sync.Mutex
		members map[string]Member
		queue   []Event
		muted   bool // this node is leaving: what follows concerns it no more
		closed  bool
	}
}

func newTable(log *slog.Logger) *table {
	t := &table{log: log, wake: make(chan struct{}, 1)}
	t.mu.members = map[string]Member{}
	return t
}

// NotifyJoin implements memberlist.EventDelegate.
func (t *table) NotifyJoin(n *memberlist.Node) { t.put(t.member(n)) }

// NotifyUpdate implements memberlist.EventDelegate.
func (t *table) NotifyUpdate(n *memberlist.Node) { t.put(t.member(n)) }

// NotifyLeave implements memberlist.EventDelegate.
func (t *table) NotifyLeave(n *memberlist.Node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m, ok := t.mu.members[n.Name]; ok && !t.mu.muted {
		delete(t.mu.members, n.Name)
		t.pushLocked(Event{Left, m})
	}
}

// member translates a node. One that says nonsense of itself is a member
// without roles: it must not be dialled, but it is there.
func (t *table) member(n *memberlist.Node) Member {
	meta, err := unpackMeta(n.Meta)
	if err != nil {
		t.log.Warn("a member's description of itself is unreadable: another program, or an incompatible version?",
			"member", n.Name, "gossip", n.Address(), "error", err)
	}
	return Member{Name: n.Name, Gossip: n.Address(), Meta: meta}
}

// put notes that m is a member, in its present form.
func (t *table) put(m Member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.muted {
		return
	}
	old, known := t.mu.members[m.Name]
	t.mu.members[m.Name] = m
	switch {
	case !known:
		t.pushLocked(Event{Joined, m})
	case old.Started != m.Started:
		t.pushLocked(Event{Left, old})
		t.pushLocked(Event{Joined, m})
	default:
		t.pushLocked(Event{Updated, m})
	}
}

func (t *table) pushLocked(e Event) {
	t.mu.queue = append(t.mu.queue, e)
	t.signal()
}

func (t *table) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// members returns a sorted copy.
func (t *table) members() []Member {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := slices.Sorted(maps.Keys(t.mu.members))
	out := make([]Member, len(names))
	for i, name := range names {
		out[i] = t.mu.members[name]
		out[i].Roles = slices.Clone(out[i].Roles)
	}
	return out
}

// mute stops taking in changes.
func (t *table) mute() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.muted = true
}

// close ends deliver after what is queued. A closed table has no members.
func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.muted, t.mu.closed = true, true
	clear(t.mu.members)
	t.signal()
}

// deliver passes events on, in order, until close.
func (t *table) deliver(to func(Event)) {
	for range t.wake {
		events, closed := t.take()
		for _, e := range events {
			to(e)
		}
		if closed {
			return
		}
	}
}

func (t *table) take() (events []Event, closed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	events, t.mu.queue = t.mu.queue, nil
	return events, t.mu.closed
}
