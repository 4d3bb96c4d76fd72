package datashard

import (
	"container/list"
	"context"
	"errors"
	"sync"

	"parley/internal/batch"
)

// cache keeps parsed shards, those used last, up to a number of bytes. It is
// safe for concurrent use.
type cache struct {
	limit int64
	mu    struct {
		sync.Mutex
		bytes   int64
		entries map[int]*entry
		recent  *list.List // of *entry that are loaded, the last used first
	}
}

// entry is a shard that is loaded, or being loaded until done is closed.
type entry struct {
	id   int
	done chan struct{}
	rows *batch.CSR // these two are set before done is closed
	err  error
	used *list.Element
}

func newCache(limit int64) *cache {
	c := &cache{limit: limit}
	c.mu.entries, c.mu.recent = map[int]*entry{}, list.New()
	return c
}

// get returns a shard from the cache or from load, which is called once however
// many ask at the same time. One whose loader was cancelled is loaded by the
// next who waits for it.
func (c *cache) get(ctx context.Context, id int, load func() (*batch.CSR, error)) (*batch.CSR, error) {
	for {
		e, mine := c.claim(id)
		if mine {
			return c.fill(e, load)
		}
		select {
		case <-e.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		cancelled := errors.Is(e.err, context.Canceled) || errors.Is(e.err, context.DeadlineExceeded)
		if !cancelled || ctx.Err() != nil {
			return e.rows, e.err
		}
	}
}

// claim returns the shard's entry, and whether the caller has to fill it.
func (c *cache) claim(id int) (e *entry, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.mu.entries[id]; e != nil {
		if e.used != nil {
			c.mu.recent.MoveToFront(e.used)
		}
		return e, false
	}
	e = &entry{id: id, done: make(chan struct{}), err: errors.New("datashard: loading panicked")}
	c.mu.entries[id] = e
	return e, true
}

// fill loads a claimed shard. It releases those who wait even if load panics.
func (c *cache) fill(e *entry, load func() (*batch.CSR, error)) (*batch.CSR, error) {
	defer close(e.done)
	defer c.keep(e)
	e.rows, e.err = load()
	return e.rows, e.err
}

// keep puts a loaded entry into the cache if it fits, in place of others.
func (c *cache) keep(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.err != nil || e.rows.Bytes() > c.limit {
		delete(c.mu.entries, e.id)
		return
	}
	for c.mu.bytes += e.rows.Bytes(); c.mu.bytes > c.limit; {
		old := c.mu.recent.Remove(c.mu.recent.Back()).(*entry)
		c.mu.bytes -= old.rows.Bytes()
		delete(c.mu.entries, old.id)
	}
	e.used = c.mu.recent.PushFront(e)
}

// put adds a shard that was parsed on another way.
func (c *cache) put(id int, rows *batch.CSR) {
	if e, mine := c.claim(id); mine {
		_, _ = c.fill(e, func() (*batch.CSR, error) { return rows, nil })
	}
}
