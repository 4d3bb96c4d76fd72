// Package psclient is what trainers call: it routes a job's requests to the
// servers of its ranges, keeps them until they are answered, and sends them
// again when a connection breaks or a range has moved. The servers apply each
// once.
//
// A Client serves one job and implements trainer.Servers. It is safe for
// concurrent use.
package psclient

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"parley/internal/param"
	"parley/internal/wire"
	"parley/trainer"
)

// Config says where a job's ranges are.
type Config struct {
	Job     param.JobID
	Servers []string // address by range
	// Encoding of the values of pulls and pushes: shorter ones lose precision, and
	// what is lost is part of the result (wire.Encoding.Round tells it).
	Encoding wire.Encoding
	// Dial returns the connection to an address; connections are shared and stay
	// the dialler's.
	Dial   func(address string) (grpc.ClientConnInterface, error)
	Logger *slog.Logger
}

// Client is a job's connection to its parameter servers.
type Client struct {
	config Config
	stats  stats
	mu     struct {
		sync.Mutex
		servers []string
		links   map[string]*link // by address
		start   func(*link)      // nil unless the client runs
	}
}

type stats struct{ pushed, pulled atomic.Int64 }

// Stats is what has crossed the wire: all bytes of the frames, in both directions.
type Stats struct{ Pushed, Pulled int64 }

// New returns a client. Run makes it work.
func New(config Config) *Client {
	c := &Client{config: config}
	c.mu.servers, c.mu.links = slices.Clone(config.Servers), map[string]*link{}
	for _, a := range c.mu.servers {
		c.linkLocked(a)
	}
	return c
}

// linkLocked returns the link to an address.
func (c *Client) linkLocked(address string) *link {
	l := c.mu.links[address]
	if l == nil {
		l = newLink(c, address)
		c.mu.links[address] = l
		if c.mu.start != nil {
			c.mu.start(l)
		}
	}
	return l
}

// Run keeps a stream to each server open until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	var group sync.WaitGroup
	c.mu.Lock()
	c.mu.start = func(l *link) {
		ctx, cancel := context.WithCancel(ctx)
		l.cancel = cancel
		group.Go(func() { defer cancel(); l.run(ctx) })
	}
	for _, l := range c.mu.links {
		c.mu.start(l)
	}
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	c.mu.start = nil
	c.mu.Unlock()
	group.Wait()
	return nil
}

// Send implements trainer.Servers. What a range refuses as not its owner is kept
// and sent again, at once when Route says that the range is elsewhere.
func (c *Client) Send(ctx context.Context, requests []*trainer.Request, reply func(trainer.Reply)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range requests {
		c.linkLocked(c.mu.servers[r.Range]).put(&pending{ctx: ctx, request: r, reply: reply})
	}
}

// Route says where the ranges are now, as many as ever. What is open to a range
// that has moved is sent again to where it is; links that no range needs any more
// close.
func (c *Client) Route(servers []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(servers) != len(c.mu.servers) {
		c.config.Logger.Error("a route of another number of ranges is ignored", "job", c.config.Job, "ranges", len(c.mu.servers), "route", len(servers))
		return
	}
	old := c.mu.servers
	c.mu.servers = slices.Clone(servers)
	moved := func(r param.RangeID) bool { return old[r] != servers[r] }
	for _, address := range slices.Compact(slices.Sorted(slices.Values(old))) {
		l := c.mu.links[address]
		if l == nil { // nothing was asked of it since the last route
			continue
		}
		for _, p := range l.take(moved) {
			c.linkLocked(servers[p.request.Range]).put(p)
		}
	}
	for address, l := range c.mu.links {
		if !slices.Contains(servers, address) {
			delete(c.mu.links, address)
			l.close()
		}
	}
}

// Stats returns what has crossed the wire since New.
func (c *Client) Stats() Stats {
	return Stats{Pushed: c.stats.pushed.Load(), Pulled: c.stats.pulled.Load()}
}

func (c *Client) server(id param.RangeID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.servers[id]
}
