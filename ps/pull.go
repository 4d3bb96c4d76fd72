package ps

import "parley/internal/param"

// release answers the held pulls: their version exists now.
func (r *Range) release() (answers []Answer) {
	for w, held := range r.held {
		for _, h := range held { // they wait for the next version, which is this one
			answers = append(answers, Answer{Ticket: h.ticket, Values: r.read(&h.pull)})
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
	if err == nil && !p.Checked {
		err = r.checkOffsets(p.Worker, p.Offsets)
	}
	if err != nil {
		return append(answers, Answer{Ticket: ticket, Err: err})
	}
	version := param.Round(r.version)
	switch {
	case p.Round == version:
		return append(answers, Answer{Ticket: ticket, Values: r.read(&p)})
	case p.Round < version && p.Round+1 == version && r.undo:
		// The predecessor of this worker died between its pushes to two ranges:
		// this one has gone on, another still waits for the worker's round.
		values := r.room(&p)
		r.table.before(values, p.Offsets)
		return append(answers, Answer{Ticket: ticket, Values: values})
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

// read returns the values that a pull asks for, at the current version.
func (r *Range) read(p *Pull) []float32 {
	values := r.room(p)
	r.table.read(values, p.Offsets)
	return values
}

// room returns memory for the values that a pull asks for.
func (r *Range) room(p *Pull) []float32 {
	n := len(p.Offsets) * r.spec.Rule.Pulled()
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
