package ps

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
	"parley/ps/optim"
)

func looseRange(t testing.TB, mode Mode, staleness param.Round, workers int) *Range {
	spec := specOf(t, "sgd", workers)
	spec.Mode, spec.Staleness = mode, staleness
	return NewRange(spec)
}

// TestLooseScripts feeds messages to ranges of ssp and asp, as TestScripts does to
// bsp. Both workers push 1: the first application counts in full, as nobody else
// has touched the key yet, those after it half.
func TestLooseScripts(t *testing.T) {
	ssp := func() *Range { return looseRange(t, SSP, 1, 2) }
	asp := func() *Range { return looseRange(t, ASP, 0, 2) }
	for _, c := range []struct {
		name   string
		r      *Range
		script string
		want   []string
	}{
		{"ssp applies on arrival", ssp(), `
			push w0 r0
			pull w1 r0 #1`, []string{"#1 = 1"}},
		{"ssp reads what is newer", ssp(), `
			push w0 r0
			push w1 r0
			pull w0 r1 #1`, []string{"#1 = 1.5"}},
		{"ssp lets a worker go its bound ahead", ssp(), `
			push w0 r0
			pull w0 r1 #1
			push w0 r1`, []string{"#1 = 1"}},
		{"ssp holds a pull beyond the bound", ssp(), `
			push w0 r0
			push w0 r1
			pull w0 r2 #1
			push w1 r0`, []string{"#1 = 2"}},
		{"ssp refuses a push beyond the bound", ssp(), `
			push w0 r0
			push w0 r1
			push w0 r2
			pull w1 r0 #1`, []string{"invalid", "#1 = 1.5"}},
		{"ssp of staleness 0 is in step", looseRange(t, SSP, 0, 2), `
			push w0 r0
			push w0 r1
			pull w0 r1 #1
			push w1 r0`, []string{"invalid", "#1 = 1.5"}},
		{"asp holds nothing", asp(), `
			push w0 r0
			push w0 r1
			push w0 r2
			pull w0 r3 #1`, []string{"#1 = 2"}},
		{"a duplicate counts once", asp(), `
			push w0 r0
			push w0 r0
			push w0 r1
			push w0 r0
			push w0 r1
			pull w1 r0 #1`, []string{"#1 = 1.5"}},
		{"a round is not left out", asp(), `
			push w0 r1
			push w0 r0
			push w0 r2
			pull w1 r0 #1`, []string{"invalid", "invalid", "#1 = 1"}},
		{"a worker asks for one round beyond its contributions", asp(), `
			pull w0 r1 #1
			pull w0 r2 #2
			pull w0 r18446744073709551615 #3`, []string{"#1 = 0", "#2 invalid", "#3 invalid"}},
		{"a fence tells the worker's own round", asp(), `
			push w0 r0
			push w0 r1
			fence w0 t2
			fence w1 t2
			push w0 r2 t1
			pull w0 r0 t2 #1
			push w0 r1 t2
			pull w0 r2 t2 #2`, []string{"next 2", "next 0", "stale", "#1 = 1.5", "#2 = 1.5"}},
		{"a fence refuses the pull that is held", ssp(), `
			push w0 r0
			push w0 r1
			pull w0 r2 #1
			fence w0 t2
			push w1 r0`, []string{"#1 stale", "next 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, script(t, c.r, c.script)); diff != "" {
				t.Errorf("effects (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBound: random messages never get a worker more than the bound ahead, and all
// that are in turn are applied once.
func TestBound(t *testing.T) {
	for s := range param.Round(4) {
		r := looseRange(t, SSP, s, 3)
		g := rand.New(rand.NewPCG(uint64(s), 1))
		var clocks [3]param.Round
		var furthest param.Round
		refused := 0
		for range 3000 {
			w := param.Worker(g.IntN(3))
			version := param.Round(r.Version())
			if version != min(clocks[0], clocks[1], clocks[2]) {
				t.Fatalf("version %d of clocks %v", version, clocks)
			}
			_, err := r.Push(push(w, clocks[w], 1, 0))
			if ahead := clocks[w] - version; (ahead > s) != (param.KindOf(err) == param.Invalid) {
				t.Fatalf("staleness %d: a push %d ahead: %v", s, ahead, err)
			}
			if err != nil {
				refused++
				continue
			}
			furthest = max(furthest, clocks[w]-version)
			clocks[w]++
		}
		if furthest != s || refused == 0 {
			t.Errorf("staleness %d: workers were %d ahead at most, %d refused", s, furthest, refused)
		}
		if got, want := r.Total().Rows, int64(clocks[0]+clocks[1]+clocks[2]); got != want {
			t.Errorf("%d rows, want %d", got, want)
		}
	}
}

// TestLooseMissing and tallies follow the least clock.
func TestLooseMissing(t *testing.T) {
	r := looseRange(t, ASP, 0, 3)
	for _, w := range []param.Worker{0, 0, 0, 1} {
		mustPush(t, r, push(w, r.next(w), 1, 0))
	}
	if got := r.Missing(); !cmp.Equal(got, []param.Worker{2}) || r.Version() != 0 {
		t.Errorf("missing %v at version %d", got, r.Version())
	}
	for _, w := range []param.Worker{2, 2, 1} {
		mustPush(t, r, push(w, r.next(w), 1, 0))
	}
	if got := r.Missing(); !cmp.Equal(got, []param.Worker{1, 2}) || r.Version() != 2 {
		t.Errorf("missing %v at version %d", got, r.Version())
	}
	if got, want := r.Tallies(), []Tally{{7, 3.5}}; !cmp.Equal(got, want) {
		t.Errorf("tallies %v, want %v", got, want)
	}
}

// TestWeightOfArrivals: what workers in step push moves the weights as it does in
// bsp, once a window has shown who touches what. Keys that few touch get the whole
// of it at once.
func TestWeightOfArrivals(t *testing.T) {
	for _, kind := range []string{"sgd", "adagrad"} {
		spec := specOf(t, kind, 4)
		bsp := NewRange(spec)
		spec.Mode = ASP
		asp := NewRange(spec)
		before := make([]float32, 8)
		for round := range param.Round(5) {
			for w := range param.Worker(4) {
				p := Push{Worker: w, Term: 1, Round: round, Rows: 1, Offsets: []uint32{0}}
				if w == 2 {
					p.Offsets = []uint32{0, 3} // key 3 is its own
				}
				for range spec.Rule.Pushed() * len(p.Offsets) {
					p.Change = append(p.Change, 1)
				}
				mustPush(t, bsp, p)
				mustPush(t, asp, p)
			}
			got, want := state(asp), state(bsp)
			if round == 0 && math.Abs(float64(got[0])-(1+1./2+1./3+1./4)) > 1e-6 {
				t.Errorf("%s: %v after a round without one before it", kind, got)
			}
			for i := range got {
				if step := got[i] - before[i]; round > 0 && math.Abs(float64(step-want[i]/float32(round+1))) > 1e-6 {
					t.Errorf("%s: value %d moves by %v in round %d, by %v in bsp", kind, i, step, round, want[i]/float32(round+1))
				}
			}
			before = append(got, make([]float32, 8)...)
		}
	}
}

// TestArrivalTablesAgree: rows of all keys and rows of those that came give the same.
func TestArrivalTablesAgree(t *testing.T) {
	for _, rule := range []optim.Rule{ruleOf(t, "adagrad", 0, 3), lopsided{}} {
		spec := Spec{Span: param.Span{Hi: 12 * pageKeys}, Workers: 3, PerTally: 1, Rule: rule, Mode: ASP}
		flat, sparse := NewRange(spec), NewRange(spec)
		sparse.arrived.table.rows = newPages(spec.Span.Len(), rule.Slots()+recentSlots)
		for _, pushes := range contributions(6, 3, 40, rule.Pushed()) {
			for _, p := range pushes {
				p.Rows = 1
				for i := range p.Offsets {
					p.Offsets[i] *= 53
				}
				mustPush(t, flat, p)
				mustPush(t, sparse, p)
			}
		}
		for range 2 {
			for _, r := range []*Range{flat, sparse} {
				q := NewRange(spec) // flat
				q.table.load(r.Snapshot())
				if diff := cmp.Diff(flat.Snapshot().State, q.Snapshot().State); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(flat.Snapshot().Recent, q.Snapshot().Recent); diff != "" {
					t.Error(diff)
				}
			}
			again := sparse.Snapshot()
			sparse = NewRange(spec)
			sparse.arrived.table.rows = newPages(spec.Span.Len(), rule.Slots()+recentSlots)
			sparse.table.load(again)
		}
	}
}

func state(r *Range) []float32 { return r.Snapshot().State }

// TestForgottenTouches: a key that was touched by all long ago belongs to the one
// who touches it now.
func TestForgottenTouches(t *testing.T) {
	for again, want := range map[param.Round]float32{1: 1 + 0.5 + 0.5, 2: 1 + 0.5 + 1, 3: 1 + 0.5 + 1, 9: 1 + 0.5 + 1} {
		r := looseRange(t, ASP, 0, 2)
		for round := range again + 1 {
			for w := range param.Worker(2) {
				p := push(w, round, 1, 0)
				if round > 0 && (round < again || w == 1) {
					p.Offsets = []uint32{1}
				}
				mustPush(t, r, p)
			}
		}
		if got := r.Weights(nil)[0]; got != want {
			t.Errorf("touched again after %d windows: weight %v, want %v", again, got, want)
		}
	}
}

// seen is a rule that keeps what it was told.
type seen struct {
	lopsided
	lazy, local bool
	rounds      *[]optim.Round
	penalized   *[]int
	touched     *[][]uint32
}

func (s seen) Lazy() bool  { return s.lazy }
func (s seen) Local() bool { return s.local }

func (s seen) Combine(dst, src, change []float32, touched []uint32, round optim.Round, penalized int) {
	*s.rounds = append(*s.rounds, round)
	*s.penalized = append(*s.penalized, penalized)
	*s.touched = append(*s.touched, append([]uint32(nil), touched...))
	copy(dst, src)
}

// TestRoundsOfArrivals: what the rule is told of each application.
func TestRoundsOfArrivals(t *testing.T) {
	told := func(lazy, local bool) seen {
		rule := seen{lazy: lazy, local: local, rounds: new([]optim.Round), penalized: new([]int), touched: new([][]uint32)}
		spec := specOf(t, "sgd", 2)
		spec.Rule, spec.Mode = rule, ASP
		r := NewRange(spec)
		for i, offsets := range [][]uint32{{0, 1}, {1}, {1, 2}, {1}} {
			p := push(param.Worker(i%2), param.Round(i/2), 1, offsets...)
			p.Rows = int64(1 + i)
			mustPush(t, r, p)
		}
		return rule
	}
	gradient, lazy, local := told(false, false), told(true, false), told(false, true)
	if want := []optim.Round{{Number: 0, Rows: 2, Steps: 0.5}, {Number: 1, Rows: 4, Steps: 1.5}, {Number: 2, Rows: 6, Steps: 1.5},
		{Number: 3, Rows: 8, Steps: 3.5}}; !cmp.Equal(*gradient.rounds, want) {
		t.Errorf("rounds %v, want %v", *gradient.rounds, want)
	}
	if want := []int{0, 3, 0, 3}; !cmp.Equal(*gradient.penalized, want) { // of keys 10 to 12, once in a window
		t.Errorf("penalized %v, want %v", *gradient.penalized, want)
	}
	if want := []int{2, 1, 2, 1}; !cmp.Equal(*lazy.penalized, want) {
		t.Errorf("penalized %v, want %v", *lazy.penalized, want)
	}
	if want := [][]uint32{{1, 1}, {0, 1, 0, 0}, {1, 1}, {0, 1, 0, 0}}; !cmp.Equal(*gradient.touched, want) {
		t.Errorf("touched %v, want %v", *gradient.touched, want)
	}
	if want := [][]uint32{{1, 1}, {1, 2, 0, 0}, {2, 1}, {0, 2, 1, 0}}; !cmp.Equal(*local.touched, want) {
		t.Errorf("touched %v, want %v", *local.touched, want)
	}
	if got := (*local.rounds)[3].Rows; got != 4 {
		t.Errorf("%d rows of steps that a worker took itself, want 4", got)
	}
}

// TestGradientOfNoRows: a gradient of no rows is refused, as its mean is not a
// number; a round without rows and gradients moves nothing.
func TestGradientOfNoRows(t *testing.T) {
	rule := seen{lazy: false, rounds: new([]optim.Round), penalized: new([]int), touched: new([][]uint32)}
	spec := specOf(t, "sgd", 1)
	spec.Rule = rule
	for _, spec.Mode = range []Mode{BSP, ASP} {
		mustPush(t, NewRange(spec), Push{Term: 1})
	}
	for _, round := range *rule.rounds {
		if round.Rows < 1 {
			t.Errorf("the rule is told of %d rows", round.Rows)
		}
	}
	if len(*rule.rounds) != 2 {
		t.Errorf("%d rounds", len(*rule.rounds))
	}
	p := push(0, 0, 1, 0)
	p.Rows = 0
	if _, err := NewRange(spec).Push(p); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}

// TestLooseMisfits refuses snapshots and handovers of other modes, and damaged
// ones.
func TestLooseMisfits(t *testing.T) {
	spec := specOf(t, "adagrad", 2)
	spec.Mode = SSP
	for name, change := range map[string]func(*Handover){
		"no clocks":           func(h *Handover) { h.Snapshot.Clocks = nil },
		"a clock too few":     func(h *Handover) { h.Snapshot.Clocks = h.Snapshot.Clocks[1:] },
		"another clock":       func(h *Handover) { h.Snapshot.Clocks[1]++ },
		"another version":     func(h *Handover) { h.Snapshot.Version, h.Snapshot.Tallies = 1, nil },
		"no recent touches":   func(h *Handover) { h.Snapshot.Recent = nil },
		"rows below 0":        func(h *Handover) { h.Snapshot.Window = -1 },
		"a sum":               func(h *Handover) { h.Sum.Workers = 1 },
		"an undo":             func(h *Handover) { h.Undo = &Undo{} },
		"a waiting push":      func(h *Handover) { h.Pushes = []Push{push(0, 2, 1, 0)} },
		"a snapshot of keys?": func(h *Handover) { h.Snapshot.Offsets = []uint32{0} },
	} {
		r := NewRange(spec)
		playOn(t, r, contributions(2, 2, 4, 2))
		h := r.Handover()
		change(h)
		if _, err := Adopt(spec, h); param.KindOf(err) != param.Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
	bsp := specOf(t, "adagrad", 2)
	r := NewRange(spec)
	if _, err := Restore(bsp, r.Snapshot()); param.KindOf(err) != param.Corrupt {
		t.Errorf("a snapshot of ssp in bsp: %v", err)
	}
}
