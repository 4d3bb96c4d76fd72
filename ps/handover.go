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
	h := &Handover{Snapshot: r.Snapshot(), Terms: slices.Clone(r.terms)}
	if r.round != nil {
		r.round.handOver(h)
	}
	return h
}

func (g *gathering) handOver(h *Handover) {
	h.Sum = g.table.sum()
	h.Sum.Workers, h.Sum.Tally = g.next, g.tally
	if g.undo {
		h.Undo = g.table.undo()
	}
	for _, p := range g.waiting {
		if p != nil {
			c := *p
			c.Offsets, c.Change, c.Done = slices.Clone(p.Offsets), slices.Clone(p.Change), nil
			h.Pushes = append(h.Pushes, c)
		}
	}
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
	if r.round != nil {
		r.round.adopt(h)
	}
	return r, nil
}

func (g *gathering) adopt(h *Handover) {
	g.undo = h.Undo != nil
	g.table.resume(&h.Sum, h.Undo)
	g.next, g.tally = h.Sum.Workers, h.Sum.Tally
	for w := range h.Sum.Workers {
		g.contributed[w] = true
	}
	for i := range h.Pushes {
		p := &h.Pushes[i]
		g.contributed[p.Worker], g.waiting[p.Worker] = true, p
	}
}

// fit reports what keeps the handover from being one of this range, which has its
// snapshot. The error is Corrupt.
func (r *Range) fit(h *Handover) error {
	bad := func(format string, args ...any) error {
		return misfit("handover", r.spec, r.version, format, args...)
	}
	if len(h.Terms) != r.spec.Workers {
		return bad("%d terms for %d workers", len(h.Terms), r.spec.Workers)
	}
	if r.round == nil {
		if h.Undo != nil || len(h.Sum.Offsets)+h.Sum.Workers+len(h.Pushes) > 0 {
			return bad("contributions wait in it, although they are applied as they come")
		}
		return nil
	}
	if err := h.Sum.fit(r.spec, r.table); err != nil {
		return bad("%w", err)
	}
	if err := h.Undo.fit(r.spec, r.table); err != nil {
		return bad("%w", err)
	}
	for i := range h.Pushes {
		p := &h.Pushes[i]
		if int(p.Worker) <= h.Sum.Workers || int(p.Worker) >= r.spec.Workers || i > 0 && p.Worker <= h.Pushes[i-1].Worker {
			return bad("a contribution of worker %d is out of order", p.Worker)
		}
		if p.Round != param.Round(r.version) {
			return bad("a contribution to round %d", p.Round)
		}
		if err := r.check(p); err != nil {
			return bad("%w", err)
		}
	}
	return nil
}

func (s *Sum) fit(spec Spec, of table) error {
	m := len(s.Offsets)
	if t, ok := of.(programmed); ok {
		if !t.sumFits(s) {
			return param.Errorf(param.Corrupt, "the sum of contributions is malformed")
		}
	} else if !ascending(s.Offsets, spec.Span.Len()) || len(s.Counts) != m || len(s.Values) != m*spec.Rule.Pushed() {
		return param.Errorf(param.Corrupt, "the sum of contributions is malformed")
	}
	if s.Workers < 0 || s.Workers >= spec.Workers {
		return param.Errorf(param.Corrupt, "the sum of contributions is of %d of %d workers", s.Workers, spec.Workers)
	}
	return nil
}

func (u *Undo) fit(spec Spec, of table) error {
	if u == nil {
		return nil
	}
	fits := false
	if t, ok := of.(programmed); ok {
		fits = t.undoFits(u)
	} else {
		m := len(u.Offsets)
		if u.Offsets == nil {
			m = spec.Span.Len()
		}
		fits = ascending(u.Offsets, spec.Span.Len()) && len(u.Values) == m*spec.Rule.Pulled()
	}
	if !fits {
		return param.Errorf(param.Corrupt, "what is kept of the version before is malformed")
	}
	return nil
}
