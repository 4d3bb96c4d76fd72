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
	table       roundTable
	tally       Tally
	undo        bool // the table has the version before
}

func newGathering(spec Spec) *gathering {
	return &gathering{contributed: make([]bool, spec.Workers), waiting: make([]*Push, spec.Workers), table: newRoundTable(spec)}
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
	g.tally.add(Tally{p.Rows, p.Loss})
}

// rows returns what the rule has to know of the rows. Workers without rows count
// in the mean number of steps: the rule scales the penalty by steps and workers
// together, which makes the round's rows. A round without rows counts as one of
// one, so that the mean of its gradients is 0.
func (g *gathering) rows() optim.Round {
	return optim.Round{Rows: max(1, g.tally.Rows), Steps: float64(g.tally.Rows) / float64(len(g.waiting))}
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

func (g *gathering) close() {
	g.table.close()
	for w, p := range g.waiting {
		if p != nil {
			p.release()
		}
		g.waiting[w] = nil
	}
}

// Push takes a contribution. A second contribution of the same worker and round
// is acknowledged and changes nothing, whatever its content: the first may have
// been applied, and a worker recomputes the same bits. When the contribution
// completes the round, the version advances and the pulls held for it are
// answered; answers also holds refusals of pulls that a newer term fenced.
//
// In ssp and asp a contribution is applied at once; workers contribute to one
// round after the other.
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
	if r.take(&p) {
		answers = append(answers, r.release()...)
	}
	return answers, nil
}

// take accepts a contribution and reports whether there is a new version.
func (r *Range) take(p *Push) (advanced bool) {
	if r.arrived != nil {
		return r.apply1(p)
	}
	if r.round.take(p) {
		r.apply()
		return true
	}
	return false
}

// known reports whether the contribution was taken before.
func (r *Range) known(p *Push) bool { return p.Round < r.next(p.Worker) }

// check reports what is wrong with a contribution.
func (r *Range) check(p *Push) error {
	if err := r.checkRound(p); err != nil {
		return err
	}
	values := p.Change
	if t, ok := r.table.(programmed); ok {
		if !t.fits(p) || p.Rows < 0 {
			return param.Errorf(param.Invalid, "range %d: worker %d: %d values for %d keys are no contribution to round %d", r.spec.ID, p.Worker, len(p.Change), len(p.Offsets), p.Round)
		}
		values = t.numbers(p)
	} else if err := r.checkValues(p); err != nil {
		return err
	}
	if !p.Checked {
		if err := r.checkOffsets(p.Worker, p.Offsets); err != nil {
			return err
		}
	}
	if !linalg.Finite(values) || !linalg.FiniteScalar(p.Loss) {
		return param.Errorf(param.Diverged, "range %d: worker %d: NaN or Inf in the contribution to round %d", r.spec.ID, p.Worker, p.Round)
	}
	return nil
}

// checkValues reports that a contribution has too few or too many values for the
// rule.
func (r *Range) checkValues(p *Push) error {
	pushed := r.spec.Rule.Pushed()
	switch {
	case len(p.Change) != len(p.Offsets)*pushed || p.Rows < 0:
		return param.Errorf(param.Invalid, "range %d: worker %d: %d values for %d keys of %d floats", r.spec.ID, p.Worker, len(p.Change), len(p.Offsets), pushed)
	case p.Rows == 0 && len(p.Offsets) > 0 && !r.spec.Rule.Local():
		return param.Errorf(param.Invalid, "range %d: worker %d: a gradient of no rows", r.spec.ID, p.Worker)
	}
	return nil
}

// checkRound reports that a worker is ahead of what it can have read.
func (r *Range) checkRound(p *Push) error {
	ahead := p.Round - param.Round(r.version) // not below: it was taken before then
	switch {
	case r.arrived == nil && ahead > 0:
		return param.Errorf(param.Invalid, "range %d: worker %d contributes to round %d at version %d", r.spec.ID, p.Worker, p.Round, r.version)
	case r.arrived != nil && p.Round > r.next(p.Worker):
		return param.Errorf(param.Invalid, "range %d: worker %d contributes to round %d before round %d", r.spec.ID, p.Worker, p.Round, r.next(p.Worker))
	case r.spec.Mode == SSP && ahead > r.spec.Staleness:
		return param.Errorf(param.Invalid, "range %d: worker %d contributes to round %d at version %d, more than %d rounds ahead", r.spec.ID, p.Worker, p.Round, r.version, r.spec.Staleness)
	}
	return nil
}

func (r *Range) checkOffsets(w param.Worker, offsets []uint32) error {
	if len(offsets) == 0 || linalg.Ascending(offsets) && int64(offsets[len(offsets)-1]) < int64(r.spec.Span.Len()) {
		return nil
	}
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
	r.round.table.apply(round, r.spec.penalized())
	r.round.undo = true
	r.applied++
	r.total.add(r.round.tally)
	r.advance()
	r.round.reset()
}

func (t *Tally) add(x Tally) {
	t.Rows += x.Rows
	t.Loss += x.Loss
}

// advance counts a version.
func (r *Range) advance() {
	r.version++
	if param.Round(r.version)%r.spec.PerTally == 0 {
		r.tallies = append(r.tallies, r.total)
	}
}
