package ps

import (
	"math"
	"slices"
	"testing"

	"parley/internal/linalg"
	"parley/internal/param"
	"parley/ps/optim"
)

// quadratic is what the workers of a test minimise: the sum over keys of
// (k+1)/2·(x-k)², each worker a share of it.
const quadraticKeys = 40

func programSpecs(t testing.TB, workers int) []Spec {
	t.Helper()
	p, err := optim.NewProgram(optim.Settings{Kind: "lbfgs", L2: 0.01, Tolerance: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	spec := Spec{Workers: workers, Penalized: quadraticKeys - 1, PerTally: 2, Program: p}
	a, b := spec, spec
	a.Span, b.ID, b.Span = param.Span{Lo: 0, Hi: 16}, 1, param.Span{Lo: 16, Hi: quadraticKeys}
	return []Spec{a, b}
}

// contribution is a worker's push to a range in a round, from what it has read of
// all ranges.
func contribution(w param.Worker, workers int, round param.Round, span param.Span, x []float32, totals []float64) Push {
	p := Push{Worker: w, Term: 1, Round: round}
	if round%2 == 1 {
		if w == 0 {
			p.Change = linalg.AppendWords(nil, totals)
		}
		return p
	}
	loss := 0.0
	for k := range quadraticKeys {
		d := float64(x[k]) - float64(k)
		loss += float64(k+1) / 2 * d * d / float64(workers)
		if param.Key(k) >= span.Lo && param.Key(k) < span.Hi {
			p.Offsets = append(p.Offsets, uint32(k)-uint32(span.Lo))
			p.Change = append(p.Change, float32(float64(k+1)*d/float64(workers)))
		}
	}
	if round == 0 {
		for k := span.Lo; k < span.Hi; k++ {
			p.Change = append(p.Change, float32(float64(k+1)/float64(workers)))
		}
	}
	p.Rows, p.Loss = 1, loss
	p.Change = linalg.AppendWords(p.Change, []float64{loss, 1 / float64(workers)})
	return p
}

// minimise runs the rounds; between is called with each range before each message
// and returns the one to go on with.
func minimise(t testing.TB, workers int, between func(r *Range) *Range) (weights []float32, version param.Version) {
	t.Helper()
	specs := programSpecs(t, workers)
	ranges := []*Range{NewRange(specs[0]), NewRange(specs[1])}
	for round := param.Round(0); round < 200; round++ {
		var x []float32
		sum := linalg.NewTreeSum(specs[0].Program.Terms())
		for i, r := range ranges {
			n := r.spec.Span.Len()
			all := make([]uint32, n)
			for o := range all {
				all[o] = uint32(o)
			}
			answers := r.Pull(Pull{Worker: 0, Term: 1, Round: round, Offsets: all}, 1)
			if len(answers) != 1 || answers[0].Err != nil {
				t.Fatalf("round %d: %+v", round, answers)
			}
			x = append(x, answers[0].Values[:n]...)
			tail := linalg.FromWords(nil, answers[0].Values[n:])
			if tail[0] == 1 {
				return append(ranges[0].Weights(nil), ranges[1].Weights(nil)...), r.Version()
			}
			if err := sum.Merge(tail[1:]); err != nil {
				t.Fatal(err)
			}
			ranges[i] = r
		}
		totals := slices.Clone(sum.Total())
		for w := range param.Worker(workers) {
			for i, r := range ranges {
				ranges[i] = between(r)
				mustPush(t, ranges[i], contribution(w, workers, round, r.spec.Span, x, totals))
			}
		}
	}
	t.Fatal("no end")
	return nil, 0
}

func TestProgramMinimises(t *testing.T) {
	weights, _ := minimise(t, 3, func(r *Range) *Range { return r })
	for k, w := range weights {
		want := float64(k) * float64(k+1) / (float64(k+1) + 0.01)
		if k == quadraticKeys-1 {
			want = float64(k)
		}
		if d := float64(w) - want; d > 1e-3 || d < -1e-3 {
			t.Errorf("key %d has %v, want %v", k, w, want)
		}
	}
}

// TestProgramMoves hands ranges over, as bytes, between all messages, and restores
// them from snapshots at the rounds' boundaries: no bit may change.
func TestProgramMoves(t *testing.T) {
	want, version := minimise(t, 3, func(r *Range) *Range { return r })
	moves := 0
	got, v := minimise(t, 3, func(r *Range) *Range {
		header, sections := r.Handover().Encode()
		h, err := DecodeHandover(header, sections...)
		if err != nil {
			t.Fatal(err)
		}
		moved, err := Adopt(r.spec, h)
		if err != nil {
			t.Fatal(err)
		}
		moves++
		if len(moved.Missing()) < moved.spec.Workers {
			return moved
		}
		header, sections = moved.Snapshot().Encode()
		s, err := DecodeSnapshot(header, sections...)
		if err != nil {
			t.Fatal(err)
		}
		restored, err := Restore(r.spec, s)
		if err != nil {
			t.Fatal(err)
		}
		return restored
	})
	if v != version || !slices.Equal(got, want) || moves < 40 {
		t.Errorf("version %d after %d moves, want %d; same weights: %v", v, moves, version, slices.Equal(got, want))
	}
}

// TestProgramUndo reads the version before the current one, its tail too.
func TestProgramUndo(t *testing.T) {
	for _, spec := range programSpecs(t, 1) {
		r := NewRange(spec)
		var x [quadraticKeys]float32
		all := []uint32{0, 1}
		for round := range param.Round(6) {
			before := r.Pull(Pull{Term: 1, Round: round, Offsets: all}, 1)[0].Values
			totals := make([]float64, spec.Program.Terms())
			for i := range totals {
				totals[i] = float64(i + 1)
			}
			mustPush(t, r, contribution(0, 1, round, spec.Span, x[:], totals))
			header, sections := r.Handover().Encode()
			h, err := DecodeHandover(header, sections...)
			if err != nil {
				t.Fatal(err)
			}
			if r, err = Adopt(spec, h); err != nil {
				t.Fatal(err)
			}
			if after := r.Pull(Pull{Term: 1, Round: round, Offsets: all}, 1)[0].Values; len(after) < 4 || !sameBits(after, before) {
				t.Errorf("round %d: %d values, then %d others", round, len(before), len(after))
			}
		}
	}
}

func TestProgramRefuses(t *testing.T) {
	spec := programSpecs(t, 2)[0]
	for name, p := range map[string]Push{
		"no scalars":  {Offsets: []uint32{1}, Change: []float32{1, 1}, Rows: 1},
		"NaN":         {Offsets: []uint32{1}, Change: linalg.AppendWords([]float32{float32(math.NaN()), 1}, []float64{0, 0}), Rows: 1},
		"more values": {Offsets: []uint32{1}, Change: make([]float32, 7), Rows: 1},
	} {
		if _, err := NewRange(spec).Push(p); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	spec.Span.Lo++
	if err := spec.Validate(); err == nil {
		t.Error("a range that is cut within a leaf is taken")
	}
}
