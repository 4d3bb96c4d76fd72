package ps

import (
	"slices"

	"parley/internal/param"
)

// Handover is a range in the middle of a round, to move it to another server
// without a rewind. It shares no memory with the range. Held pulls are not in it:
// their senders send them again.
type Handover struct {
	Snapshot *Snapshot
	Undo     *Undo  // nil: the version before cannot be read
	Sum      Sum    // of the contributions whose turn has come
	Pushes   []Push // those that wait for a worker before them, by worker; without Done
	Terms    []param.Term
}

// Undo is what reads the version before the current one: the values that keys
// had then. Others have not changed.
type Undo struct {
	Offsets []uint32  // nil: all keys of the span
	Values  []float32 // slot-major, the slots that workers pull
}

// keys returns the keys with values, of a span of n.
func (u *Undo) keys(n int) []uint32 {
	if u.Offsets != nil {
		return u.Offsets
	}
	all := make([]uint32, n)
	for o := range all {
		all[o] = uint32(o)
	}
	return all
}

// Sum is the sum of the contributions of the first workers to a round.
type Sum struct {
	Workers int // whose contributions are in it: 0 to Workers-1
	Tally   Tally
	Offsets []uint32  // touched keys
	Counts  []uint32  // how many of the workers touched each
	Values  []float32 // slot-major, the floats of a contribution
}

// Handover returns a copy of the range, in whatever state it is.
func (r *Range) Handover() *Handover {
	h := &Handover{Snapshot: r.Snapshot(), Sum: r.table.sum(), Terms: slices.Clone(r.terms)}
	h.Sum.Workers, h.Sum.Tally = r.round.next, r.round.tally
	if r.undo {
		h.Undo = r.table.undo()
	}
	for _, p := range r.round.waiting {
		if p != nil {
			c := *p
			c.Offsets, c.Change, c.Done = slices.Clone(p.Offsets), slices.Clone(p.Change), nil
			h.Pushes = append(h.Pushes, c)
		}
	}
	return h
}

// Adopt returns the range that was handed over. The handover's pushes belong to
// it from then on. The errors are those of Restore.
func Adopt(spec Spec, h *Handover) (*Range, error) {
	if h.Snapshot == nil {
		return nil, param.Errorf(param.Corrupt, "range %d: the handover has no snapshot", spec.ID)
	}
	r, err := Restore(spec, h.Snapshot)
	if err != nil {
		return nil, err
	}
	if err := r.fit(h); err != nil {
		return nil, err
	}
	copy(r.terms, h.Terms)
	r.undo = h.Undo != nil
	r.table.resume(&h.Sum, h.Undo)
	r.round.next, r.round.tally = h.Sum.Workers, h.Sum.Tally
	for w := range h.Sum.Workers {
		r.round.contributed[w] = true
	}
	for i := range h.Pushes {
		p := &h.Pushes[i]
		r.round.contributed[p.Worker], r.round.waiting[p.Worker] = true, p
	}
	return r, nil
}

// fit reports what keeps the handover from being one of this range, which has its
// snapshot. The error is Corrupt.
func (r *Range) fit(h *Handover) error {
	n, rule := r.spec.Span.Len(), r.spec.Rule
	bad := func(format string, args ...any) error {
		return misfit("handover", r.spec, r.version, format, args...)
	}
	switch m := len(h.Sum.Offsets); {
	case len(h.Terms) != r.spec.Workers:
		return bad("%d terms for %d workers", len(h.Terms), r.spec.Workers)
	case !ascending(h.Sum.Offsets, n) || len(h.Sum.Counts) != m || len(h.Sum.Values) != m*rule.Pushed():
		return bad("the sum of contributions is malformed")
	case h.Sum.Workers < 0 || h.Sum.Workers >= r.spec.Workers:
		return bad("the sum of contributions is of %d of %d workers", h.Sum.Workers, r.spec.Workers)
	}
	if u := h.Undo; u != nil {
		m := len(u.Offsets)
		if u.Offsets == nil {
			m = n
		}
		if !ascending(u.Offsets, n) || len(u.Values) != m*rule.Pulled() {
			return bad("what is kept of the version before is malformed")
		}
	}
	for i, p := range h.Pushes {
		if int(p.Worker) <= h.Sum.Workers || int(p.Worker) >= r.spec.Workers || i > 0 && p.Worker <= h.Pushes[i-1].Worker {
			return bad("a contribution of worker %d is out of order", p.Worker)
		}
		if p.Round != param.Round(r.version) {
			return bad("a contribution to round %d", p.Round)
		}
		if err := r.check(&p); err != nil {
			return bad("%w", err)
		}
	}
	return nil
}
