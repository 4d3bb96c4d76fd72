package ps

import (
	"parley/internal/linalg"
	"parley/internal/param"
	"parley/ps/optim"
)

// table is the state of a range's keys. Values are slot-major, offsets ascend.
type table interface {
	// read fills dst with the leading slots of some keys, as many as it has room
	// for.
	read(dst []float32, offsets []uint32)
	// weights appends slot 0 of all keys; setWeights sets it in a table that holds
	// nothing yet.
	weights(dst []float32) []float32
	setWeights(w []float32)
	// keep copies the state to a snapshot, load takes it from one that fits.
	keep(s *Snapshot)
	load(s *Snapshot)
}

// roundTable is a table that goes on by rounds: it has the state at a version, what
// is needed to read the version before it (the undo of depth one), and the sum of
// the contributions to the next.
type roundTable interface {
	table
	// add adds a contribution of the round; the order of calls is that of workers.
	// The contribution is released when the table has no use for it any more.
	add(p *Push)
	// apply makes the next version of the sum. Keys below penalized are subject to
	// l2.
	apply(round optim.Round, penalized int)
	// before is read of the version before.
	before(dst []float32, offsets []uint32)
	// sum and undo copy what was gathered for the next version, and what is kept
	// of the version before; resume takes them up again (no undo: nil).
	sum() Sum
	undo() *Undo
	resume(sum *Sum, undo *Undo)
	// close releases what has not been.
	close()
}

// programmed is a table whose rounds are more than sums of contributions.
type programmed interface {
	roundTable
	// answer returns what stands behind the keys' values in the answer to a pull of
	// the version, or of the one before.
	answer(w param.Worker, before bool) []float32
	// fits reports whether a contribution to the round, which the version is the
	// number of, is one that the table can add.
	fits(p *Push) bool
	// numbers returns what of a contribution that fits is float32; the rest is words.
	numbers(p *Push) []float32
	// sumFits and undoFits report the same of what is handed over.
	sumFits(s *Sum) bool
	undoFits(u *Undo) bool
}

// newRoundTable returns the table that suits the method, and of a rule one that
// looks at touched keys alone if it lets the others be and there are many.
func newRoundTable(spec Spec) roundTable {
	n := spec.Span.Len()
	switch {
	case spec.Program != nil:
		return newProgramTable(spec)
	case spec.Lanczos != nil:
		return newPanelTable(spec)
	}
	if !spec.Rule.Lazy() || spec.Dense {
		t := newDenseTable(n, spec.Rule)
		spec.draw(t.state[:n], 0)
		return t
	}
	return newTouchedTable(n, newRows(spec, spec.Rule.Slots()), spec.Rule)
}

func resize[T uint32 | float32](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// consecutive reports that the ascending offsets leave nothing out.
func consecutive(offsets []uint32) bool {
	m := len(offsets)
	return m > 0 && int(offsets[m-1]-offsets[0])+1 == m
}

// gather fills dst with the leading slots of the given offsets of a table of n
// keys.
func gather(dst, state []float32, n int, offsets []uint32) {
	m, run := len(offsets), consecutive(offsets)
	for s := 0; s*m < len(dst); s++ {
		to, from := dst[s*m:(s+1)*m], state[s*n:(s+1)*n]
		if run {
			copy(to, from[offsets[0]:])
			continue
		}
		for i, o := range offsets { // twice as fast as appending
			to[i] = from[o]
		}
	}
}

// scatter sets the leading slots of the given offsets of a table of n keys.
func scatter(state []float32, n int, offsets []uint32, src []float32) {
	m, run := len(offsets), consecutive(offsets)
	for s := 0; s*m < len(src); s++ {
		to, from := state[s*n:(s+1)*n], src[s*m:(s+1)*m]
		if run {
			copy(to[offsets[0]:], from)
			continue
		}
		for i, o := range offsets {
			to[o] = from[i]
		}
	}
}

// scatterAdd adds slot-major changes of the given offsets to a table of n keys.
func scatterAdd(state []float32, n int, offsets []uint32, change []float32) {
	m, run := len(offsets), consecutive(offsets)
	for s := 0; s*m < len(change); s++ {
		to, from := state[s*n:(s+1)*n], change[s*m:(s+1)*m]
		if run {
			linalg.AddTo(to[offsets[0]:][:m], from)
			continue
		}
		linalg.ScatterAdd(to, offsets, from)
	}
}
