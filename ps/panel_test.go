package ps

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/internal/linalg"
	"parley/internal/param"
	"parley/ps/optim"
)

// factorization is a dense matrix whose rows two workers share, and the two ranges of
// a method on it.
type factorization struct {
	t       testing.TB
	method  *optim.Lanczos
	columns int
	parts   [2][][]float64 // rows by worker
	ranges  []*Range
}

func newFactorization(t testing.TB) *factorization {
	t.Helper()
	method, err := optim.NewLanczos(optim.Lanczos{Topics: 3, Block: 2, Tolerance: 1e-6, Passes: 60, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	f := &factorization{t: t, method: method, columns: 300}
	g := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		row := make([]float64, f.columns)
		for j := range row {
			row[j] = g.NormFloat64() / float64(1+i)
		}
		f.parts[i%2] = append(f.parts[i%2], row)
	}
	k := param.Key(3)
	spec := Spec{Workers: 2, Penalized: 300 * k, PerTally: optim.PhaseRounds, Lanczos: method}
	for id, span := range []param.Span{{Lo: 0, Hi: 256 * k}, {Lo: 256 * k, Hi: 302 * k}} {
		spec.ID, spec.Span = param.RangeID(id), span
		if err := spec.Validate(); err != nil {
			t.Fatal(err)
		}
		f.ranges = append(f.ranges, NewRange(spec))
	}
	return f
}

// pull returns the head of a range's answer and what is behind it.
func (f *factorization) pull(r *Range, w param.Worker, round param.Round) (head []float64, rest []float32) {
	f.t.Helper()
	answers := r.Pull(Pull{Worker: w, Term: 1, Round: round}, 1)
	if len(answers) != 1 || answers[0].Err != nil {
		f.t.Fatalf("worker %d, round %d: %+v", w, round, answers)
	}
	return linalg.FromWords(nil, answers[0].Values[:8]), answers[0].Values[8:]
}

// contribute returns what a worker pushes to each range; over says that there is
// nothing left to do.
func (f *factorization) contribute(w param.Worker, round param.Round) (parts [2][]float32, over bool) {
	f.t.Helper()
	var head []float64
	var rest [2][]float32
	for i, r := range f.ranges {
		head, rest[i] = f.pull(r, w, round)
	}
	stage, phase, m, near := int(head[1]), int(round)%optim.PhaseRounds, int(head[2]), int(head[3])
	switch {
	case head[0] != 0:
		return parts, true
	case phase == 0:
		width := f.method.Width(stage)
		panel := linalg.Doubles(slices.Concat(rest[0], rest[1]))
		sum := make([]float64, len(panel))
		for _, row := range f.parts[w] {
			for c := range width {
				y := 0.0
				for j, x := range row {
					y += x * panel[j*width+c]
				}
				for j, x := range row {
					sum[j*width+c] += x * y
				}
			}
		}
		parts[0], parts[1] = linalg.Singles(sum[:256*width]), linalg.Singles(sum[256*width:])
	case w == 0:
		total := linalg.NewTreeSum(f.method.Terms(stage, phase, m, near))
		var kept []float64
		for i := range rest {
			if len(rest[i]) == 0 {
				continue
			}
			said := linalg.FromWords(nil, rest[i])
			n := int(said[0])
			if err := total.Merge(said[1 : 1+n]); err != nil {
				f.t.Fatal(err)
			}
			if i == 0 {
				kept = said[1+n:]
			}
		}
		answer, _, err := f.method.Answer(stage, phase, m, int(round)/optim.PhaseRounds, total.Total(), kept)
		if err != nil {
			f.t.Fatal(err)
		}
		words := linalg.AppendWords(nil, answer)
		parts = [2][]float32{words, words}
	}
	return parts, false
}

// run goes through the rounds; between is called with each range before each message
// and returns the one to go on with.
func (f *factorization) run(between func(r *Range) *Range) (weights []float32, rounds param.Round) {
	f.t.Helper()
	for round := param.Round(0); round < 400; round++ {
		for _, w := range []param.Worker{1, 0} {
			parts, over := f.contribute(w, round)
			if over {
				return append(f.ranges[0].Weights(nil), f.ranges[1].Weights(nil)...), round
			}
			for i, r := range f.ranges {
				r = between(r)
				f.ranges[i] = r
				if _, err := r.Push(Push{Worker: w, Term: 1, Round: round, Change: slices.Clone(parts[i]), Rows: 1}); err != nil {
					f.t.Fatalf("worker %d, round %d: %v", w, round, err)
				}
			}
		}
	}
	f.t.Fatal("it does not end")
	return nil, 0
}

// TestPanelsFactorize: the singular values are those of the matrix, which the rows'
// Gram matrix has too.
func TestPanelsFactorize(t *testing.T) {
	f := newFactorization(t)
	weights, _ := f.run(func(r *Range) *Range { return r })
	var rows [][]float64
	rows = append(append(rows, f.parts[0]...), f.parts[1]...)
	gram := make([]float64, len(rows)*len(rows))
	for i := range rows {
		for j := range rows {
			gram[i*len(rows)+j] = linalg.Dot(rows[i], rows[j])
		}
	}
	values, _ := linalg.NewSpectrum(gram, len(rows)).Eigen(0)
	for k := range 3 {
		want := math.Sqrt(values[k])
		if got := float64(weights[300*3+k]); math.Abs(got-want) > 1e-6*want {
			t.Errorf("singular value %d: %v, want %v", k, got, want)
		}
		if residual := weights[301*3+k]; !(residual <= 1e-6) {
			t.Errorf("residual %d: %v", k, residual)
		}
	}
}

// TestPanelsMove: the bits are the same when ranges are handed over before every
// message, and when they begin anew from a snapshot between rounds.
func TestPanelsMove(t *testing.T) {
	want, rounds := newFactorization(t).run(func(r *Range) *Range { return r })
	for name, between := range map[string]func(r *Range) *Range{
		"handover": func(r *Range) *Range {
			header, sections := r.Handover().Encode()
			h, err := DecodeHandover(header, sections...)
			if err != nil {
				t.Fatal(err)
			}
			moved, err := Adopt(r.Spec(), h)
			if err != nil {
				t.Fatal(err)
			}
			return moved
		},
		"restore": func(r *Range) *Range {
			if len(r.Missing()) < 2 {
				return r
			}
			header, sections := r.Snapshot().Encode()
			s, err := DecodeSnapshot(header, sections...)
			if err != nil {
				t.Fatal(err)
			}
			restored, err := Restore(r.Spec(), s)
			if err != nil {
				t.Fatal(err)
			}
			return restored
		},
	} {
		got, n := newFactorization(t).run(between)
		if n != rounds || !slices.Equal(got, want) {
			t.Errorf("%s: other bits, or %d rounds, not %d", name, n, rounds)
		}
	}
}

// TestPanelsRefuse: contributions that are none of the round are refused and change
// nothing.
func TestPanelsRefuse(t *testing.T) {
	f := newFactorization(t)
	parts, _ := f.contribute(0, 0)
	r := f.ranges[0]
	inf := slices.Clone(parts[0])
	inf[3] = float32(math.Inf(1))
	for name, p := range map[string]Push{
		"too short": {Change: parts[0][1:]},
		"keys":      {Offsets: []uint32{0}, Change: parts[0]},
		"nothing":   {},
		"infinite":  {Change: inf},
	} {
		p.Term = 1
		if _, err := r.Push(p); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if len(r.Missing()) != 2 {
		t.Error("a refused contribution counts")
	}
	s := r.Snapshot()
	s.Memory = linalg.AppendWords(nil, append([]float64{5}, linalg.FromWords(nil, s.Memory)[1:]...))
	if _, err := Restore(r.Spec(), s); param.KindOf(err) != param.Corrupt {
		t.Errorf("stage 5: %v", err)
	}
}
