package ps

import (
	"slices"

	"parley/ps/optim"
)

// touchedTable works on the keys that a round touches. Its rounds cost what the
// contributions do, however many keys there are.
type touchedTable struct {
	rows
	n       int // keys of the span
	rule    optim.Rule
	adder   adder
	pending []*Push // not added up yet, in worker order
	keys    int     // in pending
	limit   int     // of keys in pending, beside those that have a sum
	now     list    // the sum of those that are added up
	spare   list
	last    list // the leading slots of the keys that the last round changed, before it
	old     []float32
	fresh   []float32
	sources []source
}

// pendingKeys bounds the keys of contributions that wait to be added up: 12 MB of
// them for a rule that pushes two floats.
const pendingKeys = 1 << 20

func newTouchedTable(n int, r rows, rule optim.Rule) *touchedTable {
	return &touchedTable{rows: r, n: n, rule: rule, adder: adder{floats: rule.Pushed()}, limit: pendingKeys,
		now: newList(rule.Pushed()), spare: newList(rule.Pushed()), last: newList(rule.Pulled())}
}

// list is keys with values that grows at its end.
type list struct {
	offsets, counts []uint32
	values          [][]float32 // by slot
}

func newList(slots int) list { return list{values: make([][]float32, slots)} }

func (l *list) reset() {
	l.offsets, l.counts = l.offsets[:0], l.counts[:0]
	for s := range l.values {
		l.values[s] = l.values[s][:0]
	}
}

// append adds keys with slot-major values, of which there may be more slots than
// the list keeps.
func (l *list) append(offsets, counts []uint32, values []float32) {
	l.offsets, l.counts = append(l.offsets, offsets...), append(l.counts, counts...)
	m := len(offsets)
	for s := range l.values {
		l.values[s] = append(l.values[s], values[s*m:(s+1)*m]...)
	}
}

// add leaves contributions as they are until there are many: adding up several at
// once is faster. What is added up is at least as much as the sum so far, so the
// sum is not walked too often.
func (t *touchedTable) add(p *Push) {
	t.pending, t.keys = append(t.pending, p), t.keys+len(p.Offsets)
	if t.keys > max(t.limit, len(t.now.offsets)) {
		t.fold()
	}
}

// fold adds up what is pending.
func (t *touchedTable) fold() {
	t.spare.reset()
	t.adder.each(t.all(), func(p *part) { t.spare.append(p.offsets, p.counts, p.values) })
	t.now, t.spare = t.spare, t.now
	t.close()
}

// all returns what the sum is of, in the order of addition.
func (t *touchedTable) all() []source {
	t.sources = append(t.sources[:0], source{offsets: t.now.offsets, counts: t.now.counts, values: t.now.values})
	for _, p := range t.pending {
		s, m := source{offsets: p.Offsets}, len(p.Offsets)
		for f := range t.rule.Pushed() {
			s.values = append(s.values, p.Change[f*m:(f+1)*m])
		}
		t.sources = append(t.sources, s)
	}
	return t.sources
}

// close lets go of what is pending.
func (t *touchedTable) close() {
	for _, p := range t.pending {
		p.release()
	}
	clear(t.pending)
	clear(t.sources)
	t.pending, t.keys = t.pending[:0], 0
}

func (t *touchedTable) apply(round optim.Round, penalized int) {
	t.last.reset()
	t.adder.each(t.all(), func(p *part) {
		size := len(p.offsets) * t.rule.Slots()
		t.old, t.fresh = resize(t.old, size), resize(t.fresh, size)
		t.rows.read(t.old, p.offsets)
		t.last.append(p.offsets, nil, t.old)
		t.rule.Combine(t.fresh, t.old, p.values, p.counts, round, below(p.offsets, penalized))
		t.rows.write(p.offsets, t.fresh)
	})
	t.now.reset()
	t.close()
}

// below returns how many of the ascending offsets are below n: those of the keys
// that are penalised, as a rule that does not see the others counts them.
func below(offsets []uint32, n int) int {
	m, _ := slices.BinarySearch(offsets, uint32(n))
	return m
}

func (t *touchedTable) before(dst []float32, offsets []uint32) {
	t.rows.read(dst, offsets)
	at := 0
	for i, o := range offsets {
		j, found := slices.BinarySearch(t.last.offsets[at:], o)
		at += j
		if found {
			for s := 0; s*len(offsets) < len(dst); s++ {
				dst[s*len(offsets)+i] = t.last.values[s][at]
			}
		}
	}
}

func (t *touchedTable) sum() Sum {
	t.fold()
	return Sum{Offsets: slices.Clone(t.now.offsets), Counts: slices.Clone(t.now.counts), Values: slices.Concat(t.now.values...)}
}

func (t *touchedTable) undo() *Undo {
	return &Undo{Offsets: append([]uint32{}, t.last.offsets...), Values: slices.Concat(t.last.values...)}
}

func (t *touchedTable) resume(sum *Sum, undo *Undo) {
	t.now.append(sum.Offsets, sum.Counts, sum.Values)
	if undo != nil {
		t.last.append(undo.keys(t.n), nil, undo.Values)
	}
}
