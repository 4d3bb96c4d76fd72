package optim

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/internal/linalg"
)

// descend runs a program on an objective: the sum of the rows' losses and its
// gradient at a point. The keys are held in ranges cut at the given keys. It returns
// the accepted point of each range after each pair of rounds, and the last memory.
func descend(t *testing.T, p Program, keys, penalized int, cuts []int, at func(x []float32) (loss, weight float64, gradient, diagonal []float64), most int) (point []float32, memory []float64, rounds int) {
	t.Helper()
	type held struct {
		lo, hi int
		state  []float32
		memory []float64
	}
	var ranges []*held
	lo := 0
	for _, hi := range append(slices.Clone(cuts), keys) {
		ranges = append(ranges, &held{lo, hi, make([]float32, (hi-lo)*p.Slots()), make([]float64, p.Memory())})
		lo = hi
	}
	x := make([]float32, keys)
	for rounds = 0; rounds < most && !p.Done(ranges[0].memory); rounds++ {
		for _, r := range ranges {
			copy(x[r.lo:], r.state[:r.hi-r.lo])
		}
		loss, weight, gradient, diagonal := at(x)
		all := linalg.NewTreeSum(p.Terms())
		for _, r := range ranges {
			n := r.hi - r.lo
			below := min(n, max(0, penalized-r.lo))
			p.Gather(r.state, n, r.memory, slices.Concat(gradient[r.lo:r.hi], diagonal[r.lo:r.hi]), loss, weight, below)
			leaf := make([]float64, p.Terms())
			for lo := 0; lo < n; lo += Leaf {
				p.Sum(leaf, r.state, n, lo, min(n, lo+Leaf), r.memory, below)
				all.Add((r.lo+lo)/Leaf, leaf)
			}
		}
		totals := slices.Clone(all.Total())
		for _, r := range ranges {
			p.Move(r.state, r.hi-r.lo, r.memory, totals)
		}
	}
	for _, r := range ranges {
		point = append(point, slot(r.state, r.hi-r.lo, slotPoint)...)
	}
	return point, ranges[0].memory, rounds
}

// problem is a logistic regression with some weights and a column that the penalty
// spares.
func problem(rows, columns int) func(x []float32) (loss, weight float64, gradient, diagonal []float64) {
	rng := rand.New(rand.NewPCG(9, 10))
	values := make([]float64, rows*columns)
	for i := range values {
		values[i] = rng.NormFloat64() * math.Exp(float64(i%columns)/20) // badly scaled
	}
	return func(x []float32) (loss, weight float64, gradient, diagonal []float64) {
		gradient, diagonal = make([]float64, columns), make([]float64, columns)
		for i := range rows {
			row, w, margin := values[i*columns:(i+1)*columns], 1+float64(i%3), 0.0
			for j, v := range row {
				margin += float64(v * float64(x[j]))
			}
			l, slope := linalg.Logistic(margin, row[0]+row[1]+math.Sin(float64(i)) > 0)
			loss, weight = loss+float64(l*w), weight+w
			for j, v := range row {
				gradient[j] += float64(float64(slope*w) * v)
				diagonal[j] += w * v * v / 4
			}
		}
		return loss, weight, gradient, diagonal
	}
}

func TestLBFGSFindsOptimum(t *testing.T) {
	const columns, l2 = 50, 1e-3
	p, err := NewProgram(Settings{Kind: "lbfgs", L2: l2, Tolerance: 1e-5})
	if err != nil {
		t.Fatal(err)
	}
	at := problem(400, columns)
	point, memory, rounds := descend(t, p, columns, columns-1, nil, at, 1000)
	if !p.Done(memory) || rounds > 200 {
		t.Errorf("%d rounds, done %v", rounds, p.Done(memory))
	}
	// The optimum by Newton's condition: the gradient of the whole objective is
	// near zero, which for a convex one says how far the value can be off.
	_, weight, g, _ := at(point)
	first, last := 0.0, 0.0
	_, _, g0, _ := at(make([]float32, columns))
	for j := range g {
		v := g[j] / weight
		if j < columns-1 {
			v += l2 * float64(point[j])
		}
		last += v * v
		first += g0[j] / weight * g0[j] / weight
	}
	if !(math.Sqrt(last) <= 1.1e-5*math.Sqrt(first)) {
		t.Errorf("the gradient has fallen by %v, want 1e-5", math.Sqrt(last/first))
	}
}

// TestLBFGSRanges has the same bits however the keys are cut.
func TestLBFGSRanges(t *testing.T) {
	const columns = 100
	p, err := NewProgram(Settings{Kind: "lbfgs", L2: 1e-3, Tolerance: 1e-4})
	if err != nil {
		t.Fatal(err)
	}
	at := problem(100, columns)
	want, _, rounds := descend(t, p, columns, 90, nil, at, 30)
	for _, cuts := range [][]int{{16}, {48, 64}, {16, 32, 48, 64, 80, 96}} {
		got, _, r := descend(t, p, columns, 90, cuts, at, 30)
		if r != rounds || !slices.Equal(got, want) {
			t.Errorf("cuts %v: another point after %d rounds of %d", cuts, r, rounds)
		}
	}
}

// TestLBFGSInfinite begins with steps that leave the numbers.
func TestLBFGSInfinite(t *testing.T) {
	p, err := NewProgram(Settings{Kind: "lbfgs", Tolerance: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	at := func(x []float32) (loss, weight float64, gradient, diagonal []float64) { // a parabola with a wall
		d := float64(x[0]) - 0.01
		if d > 0.05 {
			return math.Inf(1), 1, []float64{0}, []float64{0}
		}
		return d * d, 1, []float64{2 * d}, []float64{0.1}
	}
	point, memory, _ := descend(t, p, 1, 1, nil, at, 100)
	if !p.Done(memory) || math.Abs(float64(point[0])-0.01) > 1e-6 {
		t.Errorf("point %v, done %v", point, p.Done(memory))
	}
}

func TestNewProgramErrors(t *testing.T) {
	for _, s := range []Settings{{L2: -1, Tolerance: 0.1}, {L2: math.NaN(), Tolerance: 0.1}, {}, {Tolerance: 1}, {Tolerance: math.NaN()}} {
		s.Kind = "lbfgs"
		if _, err := NewProgram(s); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	if p, err := NewProgram(Settings{Kind: "sgd"}); p != nil || err != nil {
		t.Errorf("%v, %v", p, err)
	}
}
