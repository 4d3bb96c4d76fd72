package ps

import (
	"parley/internal/linalg"
	"parley/internal/param"
	"parley/ps/optim"
)

// gathering collects the contributions of one round and adds them up in worker
// order: contributions that come early wait for the workers before them, so the
// sum has the same bits whatever the order of arrival.
type gathering struct {
	contributed []bool  // by worker
	waiting     []*Push // by worker: came before its turn
	next        int     // the worker whose turn it is
	table       table   // has the sum
	tally       Tally
}

func newGathering(spec Spec, t table) gathering {
	return gathering{contributed: make([]bool, spec.Workers), waiting: make([]*Push, spec.Workers), table: t}
}

// take accepts a contribution and adds what can be added. It reports whether
// the round is complete.
func (g *gathering) take(p *Push) (complete bool) {
	g.contributed[p.Worker] = true
	g.waiting[p.Worker] = p
	for g.next < len(g.waiting) && g.waiting[g.next] != nil {
		g.add(g.waiting[g.next])
		g.waiting[g.next] = nil
		g.next++
	}
	return g.next == len(g.waiting)
}

func (g *gathering) add(p *Push) {
	g.table.add(p.Offsets, p.Change)
	g.tally.Rows += p.Rows
	g.tally.Loss += p.Loss
}

// rows returns what the rule has to know of the rows. Workers without rows count
// in the mean number of steps: the rule scales the penalty by steps and workers
// together, which makes the round's rows.
func (g *gathering) rows() optim.Round {
	return optim.Round{Rows: g.tally.Rows, Steps: float64(g.tally.Rows) / float64(len(g.waiting))}
}

func (g *gathering) missing() []param.Worker {
	var ws []param.Worker
	for w, done := range g.contributed {
		if !done {
			ws = append(ws, param.Worker(w))
		}
	}
	return ws
}

func (g *gathering) reset() {
	clear(g.contributed)
	g.next, g.tally = 0, Tally{}
}

// Push takes a contribution. A second contribution of the same worker and round
// is acknowledged and changes nothing, whatever its content: the first may have
// been applied, and a worker recomputes the same bits. When the contribution
// completes the round, the version advances and the pulls held for it are
// answered; answers also holds refusals of pulls that a newer term fenced.
//
// Errors: Stale for an older term; Invalid for a malformed contribution or one
// for a round whose version the worker cannot have read; Diverged for NaN or
// Inf. A refused contribution leaves the range as it was.
func (r *Range) Push(p Push) (answers []Answer, err error) {
	answers, err = r.admit(p.Worker, p.Term)
	if err != nil {
		return answers, err
	}
	if p.Round < param.Round(r.version) || p.Round == param.Round(r.version) && r.round.contributed[p.Worker] {
		return answers, nil
	}
	if err := r.check(&p); err != nil {
		return answers, err
	}
	if r.round.take(&p) {
		r.apply()
		answers = append(answers, r.release()...)
	}
	return answers, nil
}

func (r *Range) check(p *Push) error {
	if p.Round > param.Round(r.version) {
		return param.Errorf(param.Invalid, "range %d: worker %d contributes to round %d at version %d", r.spec.ID, p.Worker, p.Round, r.version)
	}
	if len(p.Change) != len(p.Offsets)*r.spec.Rule.Pushed() || p.Rows < 0 {
		return param.Errorf(param.Invalid, "range %d: worker %d: %d values for %d keys of %d floats", r.spec.ID, p.Worker, len(p.Change), len(p.Offsets), r.spec.Rule.Pushed())
	}
	if err := r.checkOffsets(p.Worker, p.Offsets); err != nil {
		return err
	}
	if !linalg.Finite(p.Change) || !linalg.FiniteScalar(p.Loss) {
		return param.Errorf(param.Diverged, "range %d: worker %d: NaN or Inf in the contribution to round %d", r.spec.ID, p.Worker, p.Round)
	}
	return nil
}

func (r *Range) checkOffsets(w param.Worker, offsets []uint32) error {
	last := int64(-1)
	for _, o := range offsets {
		if int64(o) <= last {
			return param.Errorf(param.Invalid, "range %d: worker %d: keys are not ascending", r.spec.ID, w)
		}
		last = int64(o)
	}
	if last >= int64(r.spec.Span.Len()) {
		return param.Errorf(param.Invalid, "range %d: worker %d: key %d is beyond %v", r.spec.ID, w, int64(r.spec.Span.Lo)+last, r.spec.Span)
	}
	return nil
}

// apply makes the next version out of the current one; the current one stays
// as the undo.
func (r *Range) apply() {
	penalized := 0
	if r.spec.Penalized > r.spec.Span.Lo {
		penalized = int(min(r.spec.Penalized, r.spec.Span.Hi) - r.spec.Span.Lo)
	}
	round := r.round.rows()
	round.Number = int64(r.version)
	r.table.apply(round, penalized)
	r.version++
	r.total.Rows += r.round.tally.Rows
	r.total.Loss += r.round.tally.Loss
	if param.Round(r.version)%r.spec.PerTally == 0 {
		r.tallies = append(r.tallies, r.total)
	}
	r.round.reset()
}

// release answers the held pulls: their version exists now.
func (r *Range) release() (answers []Answer) {
	for w, held := range r.held {
		for _, h := range held { // they wait for the next version, which is this one
			answers = append(answers, Answer{Ticket: h.ticket, Values: r.table.read(h.pull.Offsets)})
		}
		r.held[w] = nil
	}
	return answers
}

// Pull asks for the state of some keys. The outcome is among the answers under
// the given ticket, now or, when the version does not exist yet, with the Push
// that makes it. A pull that is sent again is another one, with an answer of its
// own; only when one is sent many times, the first are superseded.
//
// Errors in answers: Stale for an older term or a version that is gone; Invalid
// for malformed keys or a version that the worker cannot need yet.
func (r *Range) Pull(p Pull, ticket Ticket) (answers []Answer) {
	refused, err := r.admit(p.Worker, p.Term)
	answers = refused
	if err == nil {
		err = r.checkOffsets(p.Worker, p.Offsets)
	}
	if err != nil {
		return append(answers, Answer{Ticket: ticket, Err: err})
	}
	version := param.Round(r.version)
	switch {
	case p.Round == version:
		return append(answers, Answer{Ticket: ticket, Values: r.table.read(p.Offsets)})
	case p.Round < version && p.Round+1 == version:
		// The predecessor of this worker died between its pushes to two ranges:
		// this one has gone on, another still waits for the worker's round.
		return append(answers, Answer{Ticket: ticket, Values: r.table.before(p.Offsets)})
	case p.Round < version:
		err = param.Errorf(param.Stale, "range %d: worker %d pulls version %d, which is gone at version %d", r.spec.ID, p.Worker, p.Round, r.version)
		return append(answers, Answer{Ticket: ticket, Err: err})
	case p.Round == version+1:
		return append(answers, r.hold(p, ticket)...)
	}
	err = param.Errorf(param.Invalid, "range %d: worker %d pulls version %d at version %d", r.spec.ID, p.Worker, p.Round, r.version)
	return append(answers, Answer{Ticket: ticket, Err: err})
}

// hold keeps a pull until its version exists.
func (r *Range) hold(p Pull, ticket Ticket) (answers []Answer) {
	held := append(r.held[p.Worker], heldPull{ticket: ticket, pull: p})
	if len(held) > maxHeld {
		answers = append(answers, Answer{Ticket: held[0].ticket, Superseded: true})
		held = held[1:]
	}
	r.held[p.Worker] = held
	return answers
}
