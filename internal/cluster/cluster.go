// Package cluster finds out who is there. It is the only importer of
// memberlist, whose callbacks it turns into one ordered stream of membership
// events. The main type is Cluster; internal/node makes one for an agent and
// passes its events to the coordinator.
//
// In go a name, a label, addresses and seeds; out come Members and Events.
// Membership is a hint, never an authority: a member may be dead for half a
// second before it is known, and a partition makes two clusters that both go
// on. Leases and terms over gRPC decide.
//
// All methods are safe for concurrent use. New takes the sockets and starts
// nothing; Run owns the goroutines.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

var (
	// ErrInUse says that the gossip address is taken; the text names it.
	ErrInUse = errors.New("address already in use")
	// ErrKilled is what Run returns after Kill.
	ErrKilled = errors.New("cluster member killed")
	// ErrNotRunning refuses what only a running member can do.
	ErrNotRunning = errors.New("cluster member is not running")
)

const (
	// joinTime bounds the wait for a join under way before the goodbye.
	joinTime = 100 * time.Millisecond
	// leaveTime bounds the goodbye. It takes a few gossip rounds of 20 ms.
	leaveTime = 400 * time.Millisecond
	// announceTime bounds the wait until a changed Meta has been sent.
	announceTime = 500 * time.Millisecond
)

// Cluster is one node's membership.
type Cluster struct {
	cfg       Config
	transport *transport
	table     *table
	killed    chan struct{}
	kill      sync.Once

	mu struct {
		sync.Mutex
		meta []byte                 // packed
		list *memberlist.Memberlist // nil unless running
		ran  bool
	}
}

// New checks the configuration and takes the gossip address: an error that is
// ErrInUse says that it is taken. Nothing is sent or answered before Run; a
// Cluster that is never run must be ended with Kill.
func New(cfg Config) (*Cluster, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	c := &Cluster{cfg: cfg, killed: make(chan struct{})}
	c.table = newTable(cfg.Logger)
	var err error
	if c.mu.meta, err = cfg.Meta.pack(); err != nil {
		return nil, err
	}
	if c.transport, err = listen(&c.cfg); err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	return c, nil
}

// Addr is the address that this node advertises for gossip, with the actual port.
func (c *Cluster) Addr() string { return c.transport.advertised() }

// Members returns the live members, this node included while it runs, sorted by
// name. Their events have been delivered or are on the way.
func (c *Cluster) Members() []Member { return c.table.members() }

// Run is a member until ctx ends; then it says goodbye, for half a second at
// most, and returns nil. After Kill it returns ErrKilled, without a goodbye. It
// can be called once. Timers inside memberlist may fire for a moment after; they
// reach nobody.
func (c *Cluster) Run(ctx context.Context) error {
	list, err := c.start()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	joining := make(chan struct{})
	wg.Go(func() { c.table.deliver(c.cfg.OnEvent) })
	wg.Go(func() { defer close(joining); c.rejoin(ctx, list) })
	select {
	case <-ctx.Done():
		c.leave(list, joining)
	case <-c.killed:
		err = ErrKilled
	}
	cancel()
	c.setList(nil)
	c.table.close()
	c.transport.cut()
	_ = list.Shutdown() // never fails in memberlist 0.7
	wg.Wait()
	return err
}

// start creates the memberlist, which starts its goroutines at once.
func (c *Cluster) start() (*memberlist.Memberlist, error) {
	c.mu.Lock()
	ran := c.mu.ran
	c.mu.ran = true
	c.mu.Unlock()
	if ran {
		return nil, errors.New("cluster: Run called twice")
	}
	mc := c.cfg.tuned()
	mc.Transport = c.transport
	mc.Logger = newLog(c.cfg.Logger, c.transport.ctx)
	mc.Delegate, mc.Events, mc.Conflict = (*delegate)(c), c.table, &conflicts{log: c.cfg.Logger}
	list, err := memberlist.Create(mc)
	if err != nil {
		c.transport.cut()
		return nil, fmt.Errorf("cluster: start gossip: %w", err)
	}
	c.transport.run() // only now, so that this node's own Joined comes first
	c.setList(list)
	return list, nil
}

// leave says goodbye. It lets a join under way end first, or there would be
// nobody yet to say it to.
func (c *Cluster) leave(list *memberlist.Memberlist, joining <-chan struct{}) {
	select {
	case <-joining:
	case <-time.After(joinTime):
	}
	c.table.mute()
	if err := list.Leave(leaveTime); err != nil {
		c.cfg.Logger.Warn("left without a goodbye: the others will take this node for dead in half a second", "error", err)
	}
}

// Kill ends the membership as the death of the process would: the sockets
// close, nobody is told. It does not wait; Run does.
func (c *Cluster) Kill() {
	c.kill.Do(func() {
		close(c.killed)
		c.transport.cut()
	})
}

// SetMeta changes what the node says of itself and tells the others.
func (c *Cluster) SetMeta(m Meta) error {
	b, err := m.pack()
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.mu.meta = b
	list := c.mu.list
	c.mu.Unlock()
	if list == nil {
		return ErrNotRunning
	}
	if err := list.UpdateNode(announceTime); err != nil {
		return fmt.Errorf("announce the change: %w", err)
	}
	return nil
}

func (c *Cluster) setList(list *memberlist.Memberlist) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.list = list
}

// delegate answers memberlist's question for the meta; the rest is unused.
type delegate Cluster

func (d *delegate) NodeMeta(int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.meta
}

func (*delegate) NotifyMsg([]byte)                {}
func (*delegate) GetBroadcasts(int, int) [][]byte { return nil }
func (*delegate) LocalState(bool) []byte          { return nil }
func (*delegate) MergeRemoteState([]byte, bool)   {}
