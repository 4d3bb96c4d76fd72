package ps

import "parley/ps/optim"

// denseTable walks all keys in every round.
type denseTable struct {
	flat
	rule    optim.Rule
	old     []float32 // the version before
	change  []float32
	touched []uint32 // how many contributions changed a key
}

func newDenseTable(n int, rule optim.Rule) *denseTable {
	return &denseTable{flat: *newFlat(n, rule.Slots()), rule: rule, old: make([]float32, n*rule.Slots()),
		change: make([]float32, n*rule.Pushed()), touched: make([]uint32, n)}
}

func (t *denseTable) add(p *Push) {
	scatterAdd(t.change, t.n, p.Offsets, p.Change)
	if consecutive(p.Offsets) {
		some := t.touched[p.Offsets[0]:][:len(p.Offsets)]
		for i := range some {
			some[i]++
		}
	} else {
		for _, o := range p.Offsets {
			t.touched[o]++
		}
	}
	p.release()
}

func (t *denseTable) apply(round optim.Round, penalized int) {
	t.rule.Combine(t.old, t.state, t.change, t.touched, round, penalized)
	t.old, t.state = t.state, t.old
	clear(t.change)
	clear(t.touched)
}

func (t *denseTable) before(dst []float32, offsets []uint32) { gather(dst, t.old, t.n, offsets) }

func (t *denseTable) sum() (s Sum) {
	for o, m := range t.touched {
		if m > 0 {
			s.Offsets, s.Counts = append(s.Offsets, uint32(o)), append(s.Counts, m)
		}
	}
	s.Values = make([]float32, len(s.Offsets)*t.rule.Pushed())
	gather(s.Values, t.change, t.n, s.Offsets)
	return s
}

func (t *denseTable) undo() *Undo {
	return &Undo{Values: append([]float32(nil), t.old[:t.n*t.rule.Pulled()]...)}
}

func (t *denseTable) resume(sum *Sum, undo *Undo) {
	scatter(t.change, t.n, sum.Offsets, sum.Values)
	for i, o := range sum.Offsets {
		t.touched[o] = sum.Counts[i]
	}
	if undo != nil {
		copy(t.old, t.state)
		scatter(t.old, t.n, undo.keys(t.n), undo.Values)
	}
}

func (t *denseTable) close() {}
