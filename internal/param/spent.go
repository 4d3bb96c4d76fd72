package param

import "time"

// Spent is what a worker's time went into, over some rounds.
type Spent struct {
	Rounds  uint64        // contributed to
	Read    time.Duration // until the rows of a batch or a data shard were there
	Compute time.Duration
	Push    time.Duration // until all ranges had the contribution
	Wait    time.Duration // then, until the first range answered from the next version: for other workers, and for the servers
	Pull    time.Duration // from then on, until all ranges had answered
}

// Add adds what was spent elsewhere.
func (s *Spent) Add(o Spent) {
	s.Rounds += o.Rounds
	s.Read += o.Read
	s.Compute += o.Compute
	s.Push += o.Push
	s.Wait += o.Wait
	s.Pull += o.Pull
}

// Total is all of it.
func (s Spent) Total() time.Duration { return s.Read + s.Compute + s.Push + s.Wait + s.Pull }
