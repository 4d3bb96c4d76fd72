package linear_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/ps/optim"
	"parley/trainer/linear"
)

func every(int) bool { return true }

// TestFullBatchOptimum finds scikit-learn's optimum by lbfgs, to as many digits as
// scikit-learn gives.
func TestFullBatchOptimum(t *testing.T) {
	p := readProblem(t)
	for _, c := range []struct {
		model  string
		labels []float32
		want   float64
	}{{"logistic", p.Classes, p.Logistic}, {"linear", p.Numbers, p.Linear}} {
		program := must(optim.NewProgram(optim.Settings{Kind: "lbfgs", L2: p.L2, Tolerance: 1e-5}))
		model, data := must(linear.New(c.model, 1, nil)), p.csr(c.labels)
		n := p.Columns + 1
		state, memory := make([]float32, n*program.Slots()), make([]float64, program.Memory())
		passes := 0
		for ; passes < 500 && !program.Done(memory); passes++ {
			sums, sum := make([]float64, 2*n), linalg.NewTreeSum(program.Terms())
			_, loss := model.Accumulate(data, every, state[:n], sums[:n], sums[n:])
			program.Gather(state, n, memory, sums, loss, float64(data.Rows()), p.Columns)
			leaf := make([]float64, program.Terms())
			for lo := 0; lo < n; lo += optim.Leaf {
				program.Sum(leaf, state, n, lo, min(n, lo+optim.Leaf), memory, p.Columns)
				sum.Add(lo/optim.Leaf, leaf)
			}
			program.Move(state, n, memory, sum.Total())
		}
		s := metric.NewSummary(int64(data.Rows()))
		model.Evaluate(data, every, state[n:2*n], s) // slot 1 is the accepted point
		got := s.MeanLoss() + p.L2/2*linalg.SumSquares(state[n:2*n-1])
		t.Logf("%s: %v after %d passes, %.1e above the optimum", c.model, got, passes, got/c.want-1)
		if excess := got/c.want - 1; math.Abs(excess) > 1e-8 {
			t.Errorf("%s: the objective is %v, the optimum %v", c.model, got, c.want)
		}
		if passes > 60 {
			t.Errorf("%s: %d passes", c.model, passes)
		}
	}
}

// TestAccumulate compares gradients and diagonals with finite differences of the
// losses, for rows with weights and exposure.
func TestAccumulate(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const columns, rows = 5, 40
	data := &batch.CSR{Offsets: []uint32{0}}
	for range rows {
		for c := range uint32(columns + 2) { // two are beyond the model
			if rng.IntN(2) == 0 {
				data.Columns, data.Values = append(data.Columns, c), append(data.Values, float32(rng.NormFloat64()))
			}
		}
		data.Labels = append(data.Labels, float32(rng.IntN(2)))
		data.Weights = append(data.Weights, float32(1+rng.IntN(3)))
		data.Exposure = append(data.Exposure, float32(0.5+rng.Float64()))
		data.Offsets = append(data.Offsets, uint32(len(data.Columns)))
	}
	keep := func(i int) bool { return i%5 != 0 }
	for _, kind := range []string{"logistic", "linear", "poisson"} {
		model := must(linear.New(kind, 1, nil))
		weights := make([]float32, columns+1)
		for i := range weights {
			weights[i] = float32(rng.NormFloat64() / 2)
		}
		at := func(j int, step float32) (loss, slope float64) {
			moved, gradient := slices.Clone(weights), make([]float64, columns+1)
			moved[j] += step
			_, loss = model.Accumulate(data, keep, moved, gradient, nil)
			return loss, gradient[j]
		}
		gradient, diagonal := make([]float64, columns+1), make([]float64, columns+1)
		if n, _ := model.Accumulate(data, keep, weights, gradient, diagonal); n != rows*4/5 {
			t.Errorf("%s: %d rows", kind, n)
		}
		const step = 1. / 256
		for j := range weights {
			more, moreSlope := at(j, step)
			less, lessSlope := at(j, -step)
			if d := (more - less) / (2 * step); math.Abs(d-gradient[j]) > 1e-3*(1+math.Abs(d)) {
				t.Errorf("%s: gradient %d is %v, by differences %v", kind, j, gradient[j], d)
			}
			if d := (moreSlope - lessSlope) / (2 * step); math.Abs(d-diagonal[j]) > 1e-3*(1+math.Abs(d)) {
				t.Errorf("%s: diagonal %d is %v, by differences %v", kind, j, diagonal[j], d)
			}
		}
	}
}
