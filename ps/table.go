package ps

import (
	"parley/internal/linalg"
	"parley/ps/optim"
)

// table is the state of a range's keys at a version, what is needed to read the
// version before it (the undo of depth one), and the sum of the contributions to
// the next. Values are slot-major.
type table interface {
	// add adds a contribution of the round; the order of calls is that of workers.
	add(offsets []uint32, change []float32)
	// apply makes the next version of the sum. Keys below penalized are subject to
	// l2.
	apply(round optim.Round, penalized int)
	// read returns the values of some keys, before those of the version before.
	read(offsets []uint32) []float32
	before(offsets []uint32) []float32
	// weights appends slot 0 of all keys.
	weights(dst []float32) []float32
}

// newTable returns the table that suits the rule: one that looks at touched keys
// alone if it lets the others be.
func newTable(n int, rule optim.Rule) table {
	if rule.Lazy() {
		return newLazyTable(n, rule)
	}
	return &denseTable{n: n, rule: rule, state: make([]float32, n*rule.Slots()), old: make([]float32, n*rule.Slots()),
		change: make([]float32, n*rule.Slots()), touched: make([]uint32, n)}
}

// denseTable walks all keys in every round.
type denseTable struct {
	n       int
	rule    optim.Rule
	state   []float32
	old     []float32 // the version before
	change  []float32
	touched []uint32 // how many contributions changed a key
}

func (t *denseTable) add(offsets []uint32, change []float32) {
	scatterAdd(t.change, t.n, offsets, change)
	for _, o := range offsets {
		t.touched[o]++
	}
}

func (t *denseTable) apply(round optim.Round, penalized int) {
	t.rule.Combine(t.old, t.state, t.change, t.touched, round, penalized)
	t.old, t.state = t.state, t.old
	clear(t.change)
	clear(t.touched)
}

func (t *denseTable) read(offsets []uint32) []float32   { return gather(t.state, t.n, offsets) }
func (t *denseTable) before(offsets []uint32) []float32 { return gather(t.old, t.n, offsets) }
func (t *denseTable) weights(dst []float32) []float32   { return append(dst, t.state[:t.n]...) }

// lazyTable works on the keys that a round touches. Its rounds cost what the
// contributions do, however many keys there are.
type lazyTable struct {
	n     int
	rule  optim.Rule
	state []float32
	now   touchedKeys // of the round that is gathered; values is the sum of the changes
	last  touchedKeys // of the round that was applied; values is what was before it
	fresh []float32
}

// touchedKeys are keys with values, in the order in which they were touched.
type touchedKeys struct {
	place   []uint32 // by offset: 1 + the key's place below; 0 for none
	offsets []uint32
	values  []float32 // slot-major
	counts  []uint32  // how often each was touched
	grown   []float32
}

func newLazyTable(n int, rule optim.Rule) *lazyTable {
	return &lazyTable{n: n, rule: rule, state: make([]float32, n*rule.Slots()),
		now: touchedKeys{place: make([]uint32, n)}, last: touchedKeys{place: make([]uint32, n)}}
}

func (t *lazyTable) add(offsets []uint32, change []float32) {
	k, known := &t.now, len(t.now.offsets)
	for _, o := range offsets {
		if k.place[o] == 0 {
			k.offsets, k.counts = append(k.offsets, o), append(k.counts, 0)
			k.place[o] = uint32(len(k.offsets))
		}
	}
	k.grow(known, t.rule.Slots())
	m := len(k.offsets)
	for s := range t.rule.Slots() {
		sum, part := k.values[s*m:(s+1)*m], change[s*len(offsets):(s+1)*len(offsets)]
		for i, o := range offsets {
			sum[k.place[o]-1] += part[i]
		}
	}
	for _, o := range offsets {
		k.counts[k.place[o]-1]++
	}
}

// grow makes room for zeros behind the values of known keys in each slot.
func (k *touchedKeys) grow(known, slots int) {
	m := len(k.offsets)
	if m == known {
		return
	}
	k.grown = resize(k.grown, m*slots)
	for s := range slots {
		copy(k.grown[s*m:], k.values[s*known:(s+1)*known])
		clear(k.grown[s*m+known : (s+1)*m])
	}
	k.values, k.grown = k.grown, k.values
}

func resize(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n, n+n/4)
	}
	return s[:n]
}

func (t *lazyTable) apply(round optim.Round, _ int) {
	for _, o := range t.last.offsets {
		t.last.place[o] = 0
	}
	m := len(t.now.offsets)
	t.last.values = gatherInto(t.last.values[:0], t.state, t.n, t.now.offsets)
	t.fresh = resize(t.fresh, len(t.last.values))
	t.rule.Combine(t.fresh, t.last.values, t.now.values, t.now.counts, round, 0)
	for s := range t.rule.Slots() {
		all, part := t.state[s*t.n:(s+1)*t.n], t.fresh[s*m:(s+1)*m]
		for i, o := range t.now.offsets {
			all[o] = part[i]
		}
	}
	t.now.values, t.last.values = t.last.values, t.now.values[:0] // with the keys they swap places
	t.now, t.last = t.last, t.now
	t.now.offsets, t.now.counts = t.now.offsets[:0], t.now.counts[:0]
}

func (t *lazyTable) read(offsets []uint32) []float32 { return gather(t.state, t.n, offsets) }

func (t *lazyTable) before(offsets []uint32) []float32 {
	values := t.read(offsets)
	m := len(t.last.offsets)
	for i, o := range offsets {
		if p := t.last.place[o]; p > 0 {
			for s := range t.rule.Slots() {
				values[s*len(offsets)+i] = t.last.values[s*m+int(p)-1]
			}
		}
	}
	return values
}

func (t *lazyTable) weights(dst []float32) []float32 { return append(dst, t.state[:t.n]...) }

// gather returns slot-major values of the given offsets of a table of n keys.
func gather(state []float32, n int, offsets []uint32) []float32 {
	return gatherInto(make([]float32, 0, len(offsets)*len(state)/n), state, n, offsets)
}

func gatherInto(dst, state []float32, n int, offsets []uint32) []float32 {
	for s := 0; s < len(state); s += n {
		dst = linalg.Gather(dst, state[s:s+n], offsets)
	}
	return dst
}

// scatterAdd adds slot-major changes of the given offsets to a table of n keys.
func scatterAdd(state []float32, n int, offsets []uint32, change []float32) {
	m := len(offsets)
	for s := 0; s*m < len(change); s++ {
		linalg.ScatterAdd(state[s*n:(s+1)*n], offsets, change[s*m:(s+1)*m])
	}
}
