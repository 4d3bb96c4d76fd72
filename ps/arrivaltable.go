package ps

import (
	"math"

	"parley/ps/optim"
)

// recentSlots is the number of values that arrivalTable keeps a key beside the
// rule's slots, as the bits of floats: a window's number, and the touches in that
// window and in the one before it, 16 bits each.
const recentSlots = 2

// arrivalTable applies contributions one at a time. How many workers touch a key in
// a round is not known when the first of them comes, so it is taken from the
// contributions before. These are counted in windows of W, the number of workers:
// a key counts as touched by the more of its touches in the last full window and
// in the running one, this one included.
type arrivalTable struct {
	rows      // of the rule's slots and the recent ones
	n         int
	rule      optim.Rule
	penalized int
	old       []float32
	fresh     []float32
	change    []float32
	counts    []uint32
	all       *everyKey // for a rule that has to see all keys
}

// everyKey is a contribution that is spread over all keys.
type everyKey struct {
	change  []float32
	touched []uint32
}

func newArrivalTable(spec Spec) *arrivalTable {
	n, rule := spec.Span.Len(), spec.Rule
	t := &arrivalTable{n: n, rule: rule, penalized: spec.penalized()}
	if rule.Lazy() {
		t.rows = newRows(spec, rule.Slots()+recentSlots)
		return t
	}
	t.rows = newDrawn(spec, rule.Slots()+recentSlots)
	t.all = &everyKey{change: make([]float32, n*rule.Pushed()), touched: make([]uint32, n)}
	return t
}

// apply applies a contribution of a window, the last of it or another. With the
// last come the keys that are subject to l2 and were not touched.
func (t *arrivalTable) apply(p *Push, round optim.Round, window uint32, last bool) {
	if last && t.all != nil && t.penalized > 0 {
		t.applyAll(p, round, window)
		return
	}
	m := len(p.Offsets)
	for at := 0; at < m; at += blockKeys {
		end := min(at+blockKeys, m)
		t.change = t.change[:0]
		for f := 0; f < len(p.Change); f += m {
			t.change = append(t.change, p.Change[f+at:f+end]...)
		}
		t.applyPart(p.Offsets[at:end], round, window)
	}
}

// applyPart applies t.change to some keys.
func (t *arrivalTable) applyPart(offsets []uint32, round optim.Round, window uint32) {
	m, slots := len(offsets), t.rule.Slots()
	t.old, t.fresh, t.counts = resize(t.old, m*(slots+recentSlots)), resize(t.fresh, m*(slots+recentSlots)), resize(t.counts, m)
	t.rows.read(t.old, offsets)
	windows, counts := t.old[slots*m:(slots+1)*m], t.old[(slots+1)*m:]
	for i := range offsets {
		t.counts[i] = touch(&windows[i], &counts[i], window)
	}
	t.gradient(t.counts)
	penalized := 0 // of a rule that sees all keys: its penalty comes once a window
	if t.all == nil {
		penalized = below(offsets, t.penalized)
	}
	t.rule.Combine(t.fresh[:slots*m], t.old[:slots*m], t.change, t.counts, round, penalized)
	copy(t.fresh[slots*m:], t.old[slots*m:])
	t.rows.write(offsets, t.fresh)
}

// applyAll applies a contribution, and the penalty of a window to all keys.
func (t *arrivalTable) applyAll(p *Push, round optim.Round, window uint32) {
	f, all, slots := t.rows.(*flat), t.all, t.rule.Slots()
	windows, counts := f.state[slots*t.n:(slots+1)*t.n], f.state[(slots+1)*t.n:]
	for _, o := range p.Offsets {
		all.touched[o] = touch(&windows[o], &counts[o], window)
	}
	t.gradient(all.touched)
	if t.rule.Local() { // l2 depends on how often a key was touched in the window
		for o, m := range all.touched {
			if m == 0 && math.Float32bits(windows[o]) == window {
				all.touched[o] = math.Float32bits(counts[o]) & 0xffff
			}
		}
	}
	scatter(all.change, t.n, p.Offsets, p.Change)
	t.rule.Combine(f.state[:slots*t.n], f.state[:slots*t.n], all.change, all.touched, round, t.penalized)
	clear(all.change)
	clear(all.touched)
}

// gradient makes the counts those of a single contribution, for rules of
// gradients: the rows tell them what part of the round it is.
func (t *arrivalTable) gradient(counts []uint32) {
	if t.rule.Local() {
		return
	}
	for i, m := range counts {
		counts[i] = min(m, 1)
	}
}

// touch counts a touch of a key in a window, and returns the number of workers that
// seem to touch it in a round, at least 1.
func touch(window, counts *float32, now uint32) uint32 {
	w, c := math.Float32bits(*window), math.Float32bits(*counts)
	before, running := c>>16, c&0xffff
	switch {
	case c == 0 || now-w > 1:
		before, running = 0, 0
	case now-w == 1:
		before, running = running, 0
	}
	running = min(running+1, 0xffff)
	*window, *counts = math.Float32frombits(now), math.Float32frombits(before<<16|running)
	return max(before, running)
}

func (t *arrivalTable) keep(s *Snapshot) {
	t.rows.keep(s)
	keys := len(s.State) / (t.rule.Slots() + recentSlots)
	state := s.State
	s.State = state[:keys*t.rule.Slots()]
	s.Recent = resize(s.Recent, keys*recentSlots)
	for i, v := range state[len(s.State):] {
		s.Recent[i] = math.Float32bits(v)
	}
}

func (t *arrivalTable) load(s *Snapshot) {
	state := make([]float32, 0, len(s.State)+len(s.Recent))
	state = append(state, s.State...)
	for _, v := range s.Recent {
		state = append(state, math.Float32frombits(v))
	}
	t.rows.load(&Snapshot{Offsets: s.Offsets, State: state})
}
