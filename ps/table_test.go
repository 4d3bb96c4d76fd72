package ps

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
	"parley/ps/optim"
)

// tables are all kinds of tables that a rule which lets untouched keys be may
// have.
func tables(n int, rule optim.Rule) map[string]roundTable {
	folding := newTouchedTable(n, newPages(n, rule.Slots()), rule)
	folding.limit = 5
	return map[string]roundTable{
		"dense":   newDenseTable(n, rule),
		"flat":    newTouchedTable(n, newFlat(n, rule.Slots()), rule),
		"pages":   newTouchedTable(n, newPages(n, rule.Slots()), rule),
		"folding": folding,
	}
}

// TestTablesAgree: looking at touched keys alone gives the bits that walking all
// keys gives, for both versions that can be read, for weights and for what is
// handed over.
func TestTablesAgree(t *testing.T) {
	for _, rule := range []optim.Rule{ruleOf(t, "sgd", 0, 3), ruleOf(t, "adagrad", 0, 3), ftrlOf(t, 0.2, 0.3), lopsided{}} {
		const keys = 3*blockKeys + 40
		all := tables(keys, rule)
		for i, pushes := range contributions(6, 3, 60, rule.Pushed()) {
			for _, p := range pushes {
				p.Offsets = slices.Clone(p.Offsets)
				for j := range p.Offsets { // every round some other keys, here dense, there sparse
					p.Offsets[j] = uint32((int(p.Offsets[j])*997*(i%3) + int(p.Offsets[j])) % keys)
				}
				p = sorted(p, rule.Pushed())
				for _, x := range all {
					x.add(&p)
				}
			}
			for _, x := range all {
				x.apply(optim.Round{Steps: 2, Rows: 6, Number: int64(i)}, 2*blockKeys+7)
			}
			compareTables(t, all, rule, keys)
		}
	}
}

func compareTables(t *testing.T, all map[string]roundTable, rule optim.Rule, keys int) {
	t.Helper()
	want := all["dense"]
	for name, x := range all {
		for _, offsets := range [][]uint32{upTo(keys), {3}, {5, blockKeys, 2*blockKeys - 1}, nil} {
			if !sameBits(reading(x.read, rule, offsets), reading(want.read, rule, offsets)) {
				t.Fatalf("%s: other values", name)
			}
			if !sameBits(reading(x.before, rule, offsets), reading(want.before, rule, offsets)) {
				t.Fatalf("%s: other values before", name)
			}
		}
		if !sameBits(x.weights(nil), want.weights(nil)) {
			t.Fatalf("%s: other weights", name)
		}
		var s Snapshot
		x.keep(&s)
		for to, y := range tables(keys, rule) {
			y.load(&s)
			if !sameBits(reading(y.read, rule, upTo(keys)), reading(want.read, rule, upTo(keys))) {
				t.Fatalf("from %s to %s: other values", name, to)
			}
		}
	}
}

// sorted puts a contribution's keys in order and leaves out repeated ones.
func sorted(p Push, floats int) Push {
	m := len(p.Offsets)
	order := upTo(m)
	slices.SortStableFunc(order, func(a, b uint32) int { return int(p.Offsets[a]) - int(p.Offsets[b]) })
	order = slices.CompactFunc(order, func(a, b uint32) bool { return p.Offsets[a] == p.Offsets[b] })
	q := p
	q.Offsets, q.Change = nil, nil
	for f := range floats {
		for _, i := range order {
			if f == 0 {
				q.Offsets = append(q.Offsets, p.Offsets[i])
			}
			q.Change = append(q.Change, p.Change[f*m+int(i)])
		}
	}
	return q
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func reading(read func(dst []float32, offsets []uint32), rule optim.Rule, offsets []uint32) []float32 {
	dst := make([]float32, rule.Pulled()*len(offsets))
	read(dst, offsets)
	return dst
}

// lopsided is a rule whose state, answers and contributions differ in width: it
// keeps the weight, the number of rounds that touched it and the number of
// touches, shows the first two and takes one float.
type lopsided struct{}

func (lopsided) Slots() int  { return 3 }
func (lopsided) Pulled() int { return 2 }
func (lopsided) Pushed() int { return 1 }
func (lopsided) Local() bool { return false }
func (lopsided) StepRows([]float32, int, []uint32, []float32, []float32) {
	panic("a step on a server")
}

func (lopsided) StepFactors([]float32, int, []uint32, []float32, []float32, float32) {
	panic("a step on a server")
}

func (lopsided) Lazy() bool { return true }

func (lopsided) Step([]float32, int, []uint32, []float32, float32) {}

func (lopsided) Combine(dst, src, change []float32, touched []uint32, round optim.Round, _ int) {
	n := len(touched)
	copy(dst, src)
	for i, m := range touched {
		if m > 0 {
			dst[i] += change[i] / float32(round.Rows)
			dst[n+i]++
			dst[2*n+i] += float32(m)
		}
	}
}

// TestLopsided follows a rule of uneven widths by hand.
func TestLopsided(t *testing.T) {
	for name, x := range tables(9, lopsided{}) {
		x.add(&Push{Offsets: []uint32{1, 8}, Change: []float32{4, 8}})
		x.add(&Push{Offsets: []uint32{1}, Change: []float32{2}})
		x.apply(optim.Round{Rows: 2}, 0)
		x.add(&Push{Offsets: []uint32{8}, Change: []float32{2}})
		x.apply(optim.Round{Rows: 1}, 0)
		if got, want := reading(x.read, lopsided{}, []uint32{0, 1, 8}), []float32{0, 3, 6, 0, 1, 2}; !cmp.Equal(got, want) {
			t.Errorf("%s: values %v, want %v", name, got, want)
		}
		if got, want := reading(x.before, lopsided{}, []uint32{0, 1, 8}), []float32{0, 3, 4, 0, 1, 1}; !cmp.Equal(got, want) {
			t.Errorf("%s: values before %v, want %v", name, got, want)
		}
		var s Snapshot
		x.keep(&s)
		if s.Offsets != nil && !cmp.Equal(s.Offsets, []uint32{1, 8}) {
			t.Errorf("%s: keys %v", name, s.Offsets)
		}
		if n := len(s.State) / 3; s.State[3*n-1] != 2 {
			t.Errorf("%s: state %v", name, s.State)
		}
	}
}

// TestDrawnWeights: keys of a large span that begin with drawn weights have no rows
// before they change.
func TestDrawnWeights(t *testing.T) {
	const n = 5*readKeys + 7
	draw := func(values []float32, offset uint32) {
		for i := range values {
			values[i] = float32(offset) + float32(i) + 0.5
		}
	}
	p, want := newPages(n, 2), make([]float32, n)
	p.draw = draw
	draw(want, 0)
	if !sameBits(p.weights(nil), want) || p.keys != 0 {
		t.Errorf("%d rows, or other weights", p.keys)
	}
	want[7], want[n-1] = 0, -3
	p.setWeights(want)
	if p.keys != 2 {
		t.Errorf("%d rows for 2 weights that differ", p.keys)
	}
	p.write([]uint32{600, 2000}, []float32{1, 2, 8, 9})
	want[600], want[2000] = 1, 2
	s := &Snapshot{}
	p.keep(s)
	again := newPages(n, 2)
	again.draw = draw
	again.load(s)
	for _, x := range []*pages{p, again} {
		if !sameBits(x.weights(nil), want) || x.keys != 4 {
			t.Errorf("%d rows for 4 keys, or other weights", x.keys)
		}
		offsets := []uint32{5, 6, 7, 8, 600, 601, n - 2, n - 1}
		got := make([]float32, 2*len(offsets))
		x.read(got, offsets)
		for i, o := range offsets {
			if second := float32(0); o == 600 {
				second = 8
			} else if got[i] != want[o] || got[len(offsets)+i] != second {
				t.Errorf("key %d: %v and %v, not %v and %v", o, got[i], got[len(offsets)+i], want[o], second)
			}
		}
	}
}

// TestFrozen: what a range was stays, whatever it becomes.
func TestFrozen(t *testing.T) {
	const n = flatKeys + 5
	r := NewRange(Spec{Span: param.Span{Hi: n}, Workers: 1, PerTally: 1, Rule: ruleOf(t, "adagrad", 0, 1)})
	var frozen []*Frozen
	var want []*Snapshot
	for round := range param.Round(6) {
		p := Push{Round: round}
		for o := uint32(round) % 3; o < 2000; o += 3 {
			p.Offsets = append(p.Offsets, o)
		}
		for range 2 * len(p.Offsets) {
			p.Change = append(p.Change, float32(round)+1)
		}
		mustPush(t, r, p)
		frozen, want = append(frozen, r.Freeze()), append(want, r.Snapshot())
	}
	for i, f := range frozen {
		if f.Bytes() == 0 {
			t.Error("it was copied at once")
		}
		if diff := cmp.Diff(want[i], f.Snapshot()); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", i+1, diff)
		}
	}
	if r.Freeze().Snapshot(); !sameBits(r.Snapshot().State, want[5].State) {
		t.Error("the range has changed")
	}
}

// TestChoiceOfTable: rules that look at all keys walk them, the others spend
// memory on all keys of small spans alone.
func TestChoiceOfTable(t *testing.T) {
	if _, ok := newRoundTable(Spec{Span: param.Span{Hi: 9}, Rule: ruleOf(t, "sgd", 1, 1)}).(*denseTable); !ok {
		t.Error("a rule with a penalty needs to see all keys")
	}
	if _, ok := newRoundTable(Spec{Span: param.Span{Hi: 9}, Rule: ftrlOf(t, 1, 1)}).(*touchedTable); !ok {
		t.Error("ftrl's penalties need not see all keys")
	}
	if x, ok := newRoundTable(Spec{Span: param.Span{Hi: 9}, Rule: ruleOf(t, "sgd", 0, 1)}).(*touchedTable); !ok || x.rows.(*flat) == nil {
		t.Error("a small span")
	}
	if x, ok := newRoundTable(Spec{Span: param.Span{Hi: MaxKeys}, Rule: ruleOf(t, "sgd", 0, 1)}).(*touchedTable); !ok || x.rows.(*pages) == nil {
		t.Error("a large span")
	}
}

// TestManyKeys fills pages of a large span in one order and another: rows stay with
// their keys.
func TestManyKeys(t *testing.T) {
	rule := ruleOf(t, "sgd", 0, 1)
	const n, step = flatKeys + 5, 37
	r := NewRange(Spec{Span: param.Span{Hi: n}, Workers: 1, PerTally: 1, Rule: rule})
	want := make([]float32, n)
	for round := range param.Round(step) {
		p := Push{Round: round}
		for o := (int(round) * 11) % step; o < n; o += step * (1 + int(round)%3) {
			p.Offsets, p.Change = append(p.Offsets, uint32(o)), append(p.Change, float32(o))
			want[o] = float32(o)
		}
		mustPush(t, r, p)
	}
	if !sameBits(r.Weights(nil), want) {
		t.Error("other weights")
	}
}

// TestWeightsOfManyKeys: initial weights of a large span take memory for those
// that are not zero.
func TestWeightsOfManyKeys(t *testing.T) {
	const n = 5*readKeys + 7
	p, w := newPages(n, 3), make([]float32, n)
	for i := range w {
		if i%3 == 0 || i > 2000 {
			w[i] = float32(i) - 30
		}
	}
	w[1] = float32(math.Copysign(0, -1))
	p.setWeights(w)
	if !sameBits(p.weights(nil), w) {
		t.Error("other weights")
	}
	kept := 0
	for _, v := range w {
		if math.Float32bits(v) != 0 {
			kept++
		}
	}
	if p.keys != kept {
		t.Errorf("%d rows for %d weights", p.keys, kept)
	}
}
