package ps

import "parley/internal/param"

// release answers the held pulls that need not wait any longer.
func (r *Range) release() (answers []Answer) {
	for w, held := range r.held {
		still := held[:0]
		for _, h := range held {
			if r.waits(h.pull.Round) {
				still = append(still, h)
				continue
			}
			answers = append(answers, Answer{Ticket: h.ticket, Values: r.read(&h.pull)})
		}
		clear(held[len(still):])
		r.held[w] = still
	}
	return answers
}

// waits reports whether a pull for a round has to be held until there is a newer
// version.
func (r *Range) waits(round param.Round) bool {
	if round <= param.Round(r.version) || r.spec.Mode == ASP {
		return false
	}
	return r.spec.Mode == BSP || round-param.Round(r.version) > r.spec.Staleness
}

// Pull asks for the state of some keys. The outcome is among the answers under
// the given ticket, now or, when the version does not exist yet, with the Push
// that makes it. A pull that is sent again is another one, with an answer of its
// own; only when one is sent many times, the first are superseded.
//
// In ssp the answer waits for version Round-Staleness, in asp it does not wait.
//
// Errors in answers: Stale for an older term or a version that is gone; Invalid
// for malformed keys or a version that the worker cannot need yet.
func (r *Range) Pull(p Pull, ticket Ticket) (answers []Answer) {
	refused, err := r.admit(p.Worker, p.Term)
	answers = refused
	if err == nil && !p.Checked {
		err = r.checkOffsets(p.Worker, p.Offsets)
	}
	if err != nil {
		return append(answers, Answer{Ticket: ticket, Err: err})
	}
	if err := r.checkPull(&p); err != nil {
		return append(answers, Answer{Ticket: ticket, Err: err})
	}
	if r.waits(p.Round) {
		return append(answers, r.hold(p, ticket)...)
	}
	return append(answers, Answer{Ticket: ticket, Values: r.read(&p)})
}

// checkPull reports that a worker cannot have what it asks for. A worker asks for
// one round beyond its contributions at most; in bsp also for the version before
// the current one, when its predecessor died between its pushes to two ranges:
// this one has gone on, another still waits for the worker's round.
func (r *Range) checkPull(p *Pull) error {
	version, furthest := param.Round(r.version), param.Round(r.version)+1
	if r.arrived != nil {
		furthest = r.next(p.Worker) + 1
	}
	switch {
	case p.Round > furthest:
		return param.Errorf(param.Invalid, "range %d: worker %d pulls version %d at version %d", r.spec.ID, p.Worker, p.Round, r.version)
	case r.arrived != nil || p.Round >= version || p.Round+1 == version && r.round.undo:
		return nil
	}
	return param.Errorf(param.Stale, "range %d: worker %d pulls version %d, which is gone at version %d", r.spec.ID, p.Worker, p.Round, r.version)
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

// read returns the values that a pull asks for: the current ones or, in bsp, those
// of the version before.
func (r *Range) read(p *Pull) []float32 {
	before := r.round != nil && p.Round < param.Round(r.version)
	var tail []float32
	if t, ok := r.table.(programmed); ok {
		tail = t.answer(p.Worker, before)
	}
	n := len(p.Offsets) * r.spec.pulled()
	values := p.room(n + len(tail))
	if before {
		r.round.table.before(values[:n], p.Offsets)
	} else {
		r.table.read(values[:n], p.Offsets)
	}
	copy(values[n:], tail)
	return values
}

// room returns memory for the n values of the answer.
func (p *Pull) room(n int) []float32 {
	if p.Alloc != nil {
		return p.Alloc(n)[:n]
	}
	return make([]float32, n)
}

// Refuse answers all pulls that are held with the error: the range is about to
// move to another server, or to be dropped.
func (r *Range) Refuse(err error) (answers []Answer) {
	for w, held := range r.held {
		for _, h := range held {
			answers = append(answers, Answer{Ticket: h.ticket, Err: err})
		}
		r.held[w] = nil
	}
	return answers
}
