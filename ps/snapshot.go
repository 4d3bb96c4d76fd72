package ps

import (
	"slices"

	"parley/internal/linalg"
	"parley/internal/param"
)

// Snapshot is all that a range is at a version: what a checkpoint holds.
// Contributions to the next round are not in it, nor are terms and pulls: those
// who go on from it begin anew.
type Snapshot struct {
	Version param.Version
	Total   Tally
	Tallies []Tally
	Clocks  []param.Round // by worker, its next round; nil in bsp
	Applied int64         // number of applications so far, optim.Round.Number of the next
	Offsets []uint32      // keys minus Span.Lo, ascending; nil: all keys of the span
	State   []float32     // slot-major: slot s of key i of n at s*n+i
	Recent  []uint32      // what ssp and asp keep a key, laid out as State; nil in bsp
	Memory  []float32     // of a program, in words; else nil
	Window  int64         // in ssp and asp, the rows of the window that is running
}

// Snapshot returns a copy of the range at its current version.
func (r *Range) Snapshot() *Snapshot {
	s := &Snapshot{}
	r.SnapshotInto(s)
	return s
}

// SnapshotInto is Snapshot into the memory of a former snapshot, as far as it
// suffices.
func (r *Range) SnapshotInto(s *Snapshot) {
	r.count(s)
	r.table.keep(s)
	if r.arrived != nil {
		r.arrived.keep(s)
	}
}

// count copies what is not of single keys.
func (r *Range) count(s *Snapshot) {
	s.Version, s.Applied, s.Total = r.version, r.applied, r.total
	s.Tallies = append(s.Tallies[:0], r.tallies...)
}

// Frozen is a range as it was at a version. While the range goes on, what it changes
// is copied, so of a large range that has changed little there is not much twice.
type Frozen struct {
	snapshot Snapshot
	pages    *pages // nil: the snapshot is whole
}

// Freeze returns the range at its current version.
func (r *Range) Freeze() *Frozen {
	f := &Frozen{}
	if t, ok := r.table.(*touchedTable); ok {
		if p, ok := t.rows.(*pages); ok {
			r.count(&f.snapshot)
			f.pages = p.freeze()
			return f
		}
	}
	r.SnapshotInto(&f.snapshot)
	return f
}

// Bytes returns the memory that Snapshot takes.
func (f *Frozen) Bytes() int64 {
	if f.pages == nil {
		return 0
	}
	return 4 * int64(f.pages.keys) * int64(1+f.pages.slots)
}

// Snapshot returns the snapshot of the version. It may be called while the range goes
// on.
func (f *Frozen) Snapshot() *Snapshot {
	if f.pages != nil {
		f.pages.keep(&f.snapshot)
		f.pages = nil
	}
	return &f.snapshot
}

// Restore returns the range that the snapshot is of, under the same spec. The
// snapshot remains the caller's. The error is Invalid when the spec is, Corrupt
// when the snapshot is not one of such a range.
func Restore(spec Spec, s *Snapshot) (*Range, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if err := s.fit(spec); err != nil {
		return nil, err
	}
	r := NewRange(spec)
	r.version, r.applied, r.total = s.Version, s.Applied, s.Total
	r.tallies = slices.Clone(s.Tallies)
	r.table.load(s)
	if r.arrived != nil {
		r.arrived.load(s)
	}
	return r, nil
}

// fit reports what keeps the snapshot from being one of a range of the spec. The
// error is Corrupt.
func (s *Snapshot) fit(spec Spec) error {
	keys := len(s.Offsets)
	if s.Offsets == nil {
		keys = spec.Span.Len()
	}
	switch {
	case len(s.State) != keys*spec.Slots():
		return s.misfit(spec, "%d floats for %d keys of %d", len(s.State), keys, spec.Slots())
	case len(s.Memory) != 2*spec.memory():
		return s.misfit(spec, "%d words of memory, not %d", len(s.Memory), 2*spec.memory())
	case spec.Lanczos != nil && !panelFits(spec.Lanczos, s):
		return s.misfit(spec, "its stage and the size of its basis are none of the method's")
	case uint64(len(s.Tallies)) != uint64(s.Version)/uint64(spec.PerTally):
		return s.misfit(spec, "%d tallies, one every %d rounds", len(s.Tallies), spec.PerTally)
	case !ascending(s.Offsets, spec.Span.Len()):
		return s.misfit(spec, "its keys are not ascending, or beyond %v", spec.Span)
	case s.Total.Rows < 0 || s.Applied < 0:
		return s.misfit(spec, "%d rows, %d applications", s.Total.Rows, s.Applied)
	}
	return s.fitMode(spec, keys)
}

// fitMode checks what depends on the consistency mode, for a number of keys.
func (s *Snapshot) fitMode(spec Spec, keys int) error {
	if spec.Mode == BSP {
		if s.Applied != int64(s.Version) || len(s.Clocks)+len(s.Recent) > 0 {
			return s.misfit(spec, "%d applications, %d clocks: it is of another consistency mode", s.Applied, len(s.Clocks))
		}
		return nil
	}
	var sum int64
	for _, c := range s.Clocks {
		sum += int64(c)
	}
	switch {
	case len(s.Clocks) != spec.Workers:
		return s.misfit(spec, "%d clocks for %d workers", len(s.Clocks), spec.Workers)
	case slices.Min(s.Clocks) != param.Round(s.Version) || sum != s.Applied:
		return s.misfit(spec, "%d applications, but clocks %v", s.Applied, s.Clocks)
	case len(s.Recent) != keys*recentSlots || s.Window < 0:
		return s.misfit(spec, "%d recent touches of %d keys", len(s.Recent), keys)
	}
	return nil
}

func (s *Snapshot) misfit(spec Spec, format string, args ...any) error {
	return misfit("snapshot", spec, s.Version, format, args...)
}

func misfit(what string, spec Spec, v param.Version, format string, args ...any) error {
	err := param.Errorf(param.Corrupt, format, args...)
	return param.Errorf(param.Corrupt, "range %d: the %s of version %d is none of this range: %w", spec.ID, what, v, err)
}

// ascending reports that the offsets are ascending and below n.
func ascending(offsets []uint32, n int) bool {
	last := int64(-1)
	for _, o := range offsets {
		if int64(o) <= last {
			return false
		}
		last = int64(o)
	}
	return last < int64(n)
}

// SetTerms raises the terms of all workers that have a lower one: a restored
// range has to refuse whoever was at work before. It is for a range that holds no
// pulls yet.
func (r *Range) SetTerms(floor param.Term) {
	for w := range r.terms {
		r.terms[w] = max(r.terms[w], floor)
	}
}

// SetWeights sets the initial weights, one a key of the span, of a range at
// version 0 that has taken no contribution; accumulators are zero. The error is
// Invalid.
func (r *Range) SetWeights(w []float32) error {
	switch {
	case r.applied > 0 || len(r.Missing()) < r.spec.Workers:
		return param.Errorf(param.Invalid, "range %d: initial weights at version %d, when contributions have come", r.spec.ID, r.version)
	case len(w) != r.spec.Span.Len():
		return param.Errorf(param.Invalid, "range %d: %d initial weights for keys %v", r.spec.ID, len(w), r.spec.Span)
	case !linalg.Finite(w):
		return param.Errorf(param.Invalid, "range %d: NaN or Inf in the initial weights", r.spec.ID)
	}
	r.table.setWeights(w)
	return nil
}
