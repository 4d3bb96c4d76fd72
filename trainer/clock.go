package trainer

import (
	"sync/atomic"
	"time"

	"parley/internal/param"
)

// phase is what a worker's time goes into: see param.Spent.
type phase int

const (
	reading phase = iota
	computing
	pushing
	waiting
	pulling
	phases
)

// clock adds up what a worker's time goes into. Its worker laps, anybody reads.
type clock struct {
	now    func() time.Time // nil: nothing is measured
	last   time.Time
	spent  [phases]atomic.Int64 // nanoseconds
	rounds atomic.Uint64
}

// start begins the first lap.
func (c *clock) start() {
	if c.now != nil {
		c.last = c.now()
	}
}

// lap adds the time since the last lap to a phase.
func (c *clock) lap(p phase) {
	if c.now == nil {
		return
	}
	now := c.now()
	c.spent[p].Add(int64(now.Sub(c.last)))
	c.last = now
}

func (c *clock) total() param.Spent {
	of := func(p phase) time.Duration { return time.Duration(c.spent[p].Load()) }
	return param.Spent{Rounds: c.rounds.Load(), Read: of(reading), Compute: of(computing), Push: of(pushing), Wait: of(waiting), Pull: of(pulling)}
}
