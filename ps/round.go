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
	g.table.add(p)
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
	known := err == nil && r.known(&p)
	if err == nil && !known {
		err = r.check(&p)
	}
	if err != nil || known {
		p.release()
		return answers, err
	}
	if r.round.take(&p) {
		r.apply()
		answers = append(answers, r.release()...)
	}
	return answers, nil
}

// known reports whether the contribution was taken before.
func (r *Range) known(p *Push) bool {
	return p.Round < param.Round(r.version) || p.Round == param.Round(r.version) && r.round.contributed[p.Worker]
}

func (r *Range) check(p *Push) error {
	if p.Round > param.Round(r.version) {
		return param.Errorf(param.Invalid, "range %d: worker %d contributes to round %d at version %d", r.spec.ID, p.Worker, p.Round, r.version)
	}
	if len(p.Change) != len(p.Offsets)*r.spec.Rule.Pushed() || p.Rows < 0 {
		return param.Errorf(param.Invalid, "range %d: worker %d: %d values for %d keys of %d floats", r.spec.ID, p.Worker, len(p.Change), len(p.Offsets), r.spec.Rule.Pushed())
	}
	if !p.Checked {
		if err := r.checkOffsets(p.Worker, p.Offsets); err != nil {
			return err
		}
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
	round := r.round.rows()
	round.Number = r.applied
	r.table.apply(round, r.spec.penalized())
	r.version++
	r.applied++
	r.undo = true
	r.total.Rows += r.round.tally.Rows
	r.total.Loss += r.round.tally.Loss
	if param.Round(r.version)%r.spec.PerTally == 0 {
		r.tallies = append(r.tallies, r.total)
	}
	r.round.reset()
}
