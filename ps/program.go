package ps

import (
	"slices"

	"parley/internal/linalg"
	"parley/internal/param"
	"parley/ps/optim"
)

// programTable is the state of a range under a program. Rounds of even numbers
// gather gradients, those between take the totals of what all ranges have to be
// summed over. Workers carry both: what a pull answers ends with the range's tail,
// and a push with scalars.
//
//	tail = done, the parts of the range's leaves (linalg.TreeSum.Append)
//
// as words (linalg.AppendWords). It has no parts at even versions. The scalars of a
// gathering push are the sum of the losses and that of the rows' weights; those of
// the other are worker 0's: the totals.
type programTable struct {
	flat
	program   optim.Program
	lowest    param.Key // of the span
	penalized int       // keys, from the first on
	memory    []float64
	old       []float32    // slot 0 of the version before
	sums      []float64    // of the contributions to the next version, slot-major
	scalars   []float64    // of the round that is gathered: loss and weight, or the totals
	tails     [2][]float32 // of the version, and of the one before
	round     param.Round  // that is gathered
}

func newProgramTable(spec Spec) *programTable {
	n, p := spec.Span.Len(), spec.Program
	t := &programTable{flat: *newFlat(n, p.Slots()), program: p, lowest: spec.Span.Lo, memory: make([]float64, p.Memory()),
		old: make([]float32, n), sums: make([]float64, n*optim.Pushed(0))}
	t.penalized = spec.penalized()
	t.tails[0] = t.tail(0)
	return t
}

// scalarsOf returns the number of scalars at the end of a push.
func scalarsOf(p optim.Program, w param.Worker, round param.Round) int {
	switch {
	case round%2 == 0:
		return 2
	case w == 0:
		return p.Terms()
	}
	return 0
}

func (t *programTable) add(p *Push) {
	m, floats := len(p.Offsets), optim.Pushed(p.Round)
	for s := range floats {
		sums, change := t.sums[s*t.n:(s+1)*t.n], p.Change[s*m:(s+1)*m]
		for i, o := range p.Offsets {
			sums[o] += float64(change[i])
		}
	}
	if tail := p.Change[floats*m:]; len(tail) > 0 {
		scalars := linalg.FromWords(nil, tail)
		if t.scalars == nil {
			t.scalars = make([]float64, len(scalars))
		}
		for i, x := range scalars {
			t.scalars[i] += x
		}
	}
	p.release()
}

func (t *programTable) apply(round optim.Round, _ int) {
	copy(t.old, t.state[:t.n])
	t.tails[1] = t.tails[0]
	if round.Number%2 == 0 {
		t.program.Gather(t.state, t.n, t.memory, t.sums, t.scalars[0], t.scalars[1], t.penalized)
	} else {
		t.program.Move(t.state, t.n, t.memory, t.scalars)
	}
	version := param.Version(round.Number + 1)
	t.round, t.tails[0] = param.Round(version), t.tail(version)
	t.scalars = nil
	t.sums = t.sums[:t.n*optim.Pushed(param.Round(version))]
	clear(t.sums)
}

// parts returns the parts of the sum of the terms of the range's keys.
func (t *programTable) parts() []float64 {
	leaf, sum := make([]float64, t.program.Terms()), linalg.NewTreeSum(t.program.Terms())
	first := int(t.lowest / optim.Leaf)
	for lo := 0; lo < t.n; lo += optim.Leaf {
		t.program.Sum(leaf, t.state, t.n, lo, min(t.n, lo+optim.Leaf), t.memory, t.penalized)
		sum.Add(first+lo/optim.Leaf, leaf)
	}
	return sum.Append(nil)
}

// tail returns the tail of the answers at a version, which the table has reached.
func (t *programTable) tail(v param.Version) []float32 {
	done := 0.0
	if t.program.Done(t.memory) {
		done = 1
	}
	words := linalg.AppendWords(nil, []float64{done})
	if v%2 == 1 {
		words = linalg.AppendWords(words, t.parts())
	}
	return words
}

func (t *programTable) before(dst []float32, offsets []uint32) { gather(dst, t.old, t.n, offsets) }

// weights are those of the point that was accepted last, in slot 1.
func (t *programTable) weights(dst []float32) []float32 {
	return append(dst, t.state[t.n:2*t.n]...)
}

func (t *programTable) setWeights(w []float32) {
	copy(t.state, w)
	copy(t.state[t.n:], w)
}

func (t *programTable) keep(s *Snapshot) {
	t.flat.keep(s)
	s.Memory = linalg.AppendWords(nil, t.memory)
}

func (t *programTable) load(s *Snapshot) {
	t.flat.load(s)
	t.memory = linalg.FromWords(t.memory[:0], s.Memory)
	t.sums = t.sums[:t.n*optim.Pushed(param.Round(s.Version))]
	t.round, t.tails[0] = param.Round(s.Version), t.tail(s.Version)
}

// sum is the sums and then, when any have come, the scalars, in words.
func (t *programTable) sum() Sum {
	words := linalg.AppendWords(nil, t.sums)
	return Sum{Offsets: []uint32{}, Counts: []uint32{}, Values: linalg.AppendWords(words, t.scalars)}
}

// undo is slot 0 and then the tail.
func (t *programTable) undo() *Undo {
	return &Undo{Values: slices.Concat(t.old, t.tails[1])}
}

func (t *programTable) resume(sum *Sum, undo *Undo) {
	n := len(t.sums)
	t.sums = linalg.FromWords(t.sums[:0], sum.Values[:2*n])
	if scalars := linalg.FromWords(nil, sum.Values[2*n:]); len(scalars) > 0 {
		t.scalars = scalars
	}
	if undo != nil {
		copy(t.old, undo.Values)
		t.tails[1] = slices.Clone(undo.Values[t.n:])
	}
}

func (t *programTable) answer(_ param.Worker, before bool) []float32 {
	if before {
		return t.tails[1]
	}
	return t.tails[0]
}

func (t *programTable) fits(p *Push) bool {
	return len(p.Change) == len(p.Offsets)*optim.Pushed(p.Round)+2*scalarsOf(t.program, p.Worker, p.Round)
}

func (t *programTable) numbers(p *Push) []float32 {
	return p.Change[:len(p.Offsets)*optim.Pushed(p.Round)]
}

func (t *programTable) sumFits(s *Sum) bool {
	scalars := len(s.Values)/2 - len(t.sums)
	return len(s.Offsets)+len(s.Counts) == 0 && len(s.Values)%2 == 0 &&
		(s.Workers == 0 && scalars == 0 || s.Workers > 0 && scalars == scalarsOf(t.program, 0, t.round))
}

func (t *programTable) undoFits(u *Undo) bool {
	return u.Offsets == nil && len(u.Values) >= t.n && (len(u.Values)-t.n)%2 == 0
}

func (t *programTable) close() {}
