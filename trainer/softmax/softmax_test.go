package softmax

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/internal/batch"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/ps/optim"
)

var labels = []float32{-1, 2, 7}

// drawn is random rows over so many columns.
func drawn(rows, columns int) *batch.CSR {
	rng := rand.New(rand.NewPCG(1, 2))
	data := &batch.CSR{Offsets: []uint32{0}}
	for range rows {
		for c := range uint32(columns) {
			if rng.IntN(3) == 0 {
				data.Columns, data.Values = append(data.Columns, c), append(data.Values, float32(rng.NormFloat64()))
			}
		}
		data.Labels = append(data.Labels, labels[rng.IntN(len(labels))])
		data.Weights = append(data.Weights, rng.Float32()*3)
		data.Offsets = append(data.Offsets, uint32(len(data.Columns)))
	}
	return data
}

func drawnWeights(n int) []float32 {
	rng := rand.New(rand.NewPCG(3, 4))
	weights := make([]float32, n)
	for i := range weights {
		weights[i] = float32(rng.NormFloat64())
	}
	return weights
}

func blockOf(data *batch.CSR, columns int) *batch.Block {
	order := make([]batch.Row, data.Rows())
	for i := range order {
		order[i].Row = uint32(i)
	}
	b := new(batch.Block)
	new(batch.Builder).Build(b, []*batch.CSR{data}, order, uint32(columns))
	return b
}

func newModel(t *testing.T, rule Stepper) *Model {
	t.Helper()
	m, err := New(labels, rule)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func every(int) bool { return true }

// naive is the loss of the kept rows in float64.
func naive(data *batch.CSR, keep func(int) bool, weights []float64) (loss float64) {
	k := len(labels)
	d := len(weights)/k - 1
	for i, label := range data.Labels {
		if !keep(i) {
			continue
		}
		margins := slices.Clone(weights[d*k:])
		for j := data.Offsets[i]; j < data.Offsets[i+1]; j++ {
			if c := int(data.Columns[j]); c < d {
				for class := range margins {
					margins[class] += weights[c*k+class] * float64(data.Values[j])
				}
			}
		}
		sum := 0.0
		for _, m := range margins {
			sum += math.Exp(m)
		}
		loss += float64(data.Weights[i]) * (math.Log(sum) - margins[slices.Index(labels, label)])
	}
	return loss
}

// TestAccumulateIsTheDerivative against finite differences, with rows left out and
// columns that the model does not have.
func TestAccumulateIsTheDerivative(t *testing.T) {
	const known, step = 5, 1e-4
	data, weights := drawn(40, 7), drawnWeights((known+1)*len(labels))
	keep := func(i int) bool { return i%3 != 1 }
	gradient := make([]float64, len(weights))
	gradient[0] = 10 // it is added to
	diagonal := make([]float64, len(weights))
	n, loss := newModel(t, nil).Accumulate(data, keep, weights, gradient, diagonal)
	gradient[0] -= 10
	wide := make([]float64, len(weights))
	for i, w := range weights {
		wide[i] = float64(w)
	}
	if want := naive(data, keep, wide); n != 27 || math.Abs(loss-want) > 1e-12*want {
		t.Errorf("%d rows of loss %v, want 27 of %v", n, loss, want)
	}
	for i, w := range wide {
		wide[i] = w + step
		up := naive(data, keep, wide)
		wide[i] = w - step
		down := naive(data, keep, wide)
		wide[i] = w
		if want := (up - down) / (2 * step); math.Abs(gradient[i]-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("key %d: %v, want %v", i, gradient[i], want)
		}
		if want := (up - 2*loss + down) / (step * step); math.Abs(diagonal[i]-want) > 1e-3*(1+math.Abs(want)) {
			t.Errorf("key %d: second derivative %v, want %v", i, diagonal[i], want)
		}
	}
}

// TestLearnGradient: contributions are what Accumulate says, in float32.
func TestLearnGradient(t *testing.T) {
	const columns = 30
	data, weights := drawn(200, columns), drawnWeights((columns+1)*len(labels))
	want := make([]float64, len(weights))
	m := newModel(t, nil)
	_, wantLoss := m.Accumulate(data, every, weights, want, nil)
	got, loss := m.Learn(blockOf(data, columns), slices.Clone(weights))
	if math.Abs(loss-wantLoss) > 1e-12*wantLoss {
		t.Errorf("loss %v, want %v", loss, wantLoss)
	}
	for i, g := range got {
		if math.Abs(float64(g)-want[i]) > 1e-4*(1+math.Abs(want[i])) {
			t.Errorf("key %d: %v, want %v", i, g, want[i])
		}
	}
}

// TestLearnSteps: a local step on each row alone gives what steps on all give.
func TestLearnSteps(t *testing.T) {
	const columns = 6
	data := drawn(20, columns)
	for _, kind := range []string{"sgd", "adagrad"} {
		rule, err := optim.New(optim.Settings{Kind: kind, Rate: 0.25})
		if err != nil {
			t.Fatal(err)
		}
		m, n := newModel(t, rule), (columns+1)*len(labels)
		state := make([]float32, n*rule.Pulled())
		copy(state, drawnWeights(n))
		block := blockOf(data, columns)
		change, loss := m.Learn(block, slices.Clone(state))
		by, sum := slices.Clone(state), 0.0
		for i := range data.Rows() {
			gradient := make([]float64, n)
			_, l := m.Accumulate(data, func(k int) bool { return k == i }, by[:n], gradient, nil)
			sum += l
			for key, g := range gradient {
				rate := 0.25
				if kind == "adagrad" {
					by[n+key] += float32(g * g)
					rate /= math.Sqrt(float64(by[n+key])) + 1e-8
				}
				by[key] -= float32(rate * g)
			}
		}
		if math.Abs(loss-sum) > 1e-4*sum {
			t.Errorf("%s: progressive loss %v, want %v", kind, loss, sum)
		}
		for i, c := range change {
			if want := by[i] - state[i]; math.Abs(float64(c-want)) > 1e-4*(1+math.Abs(float64(want))) {
				t.Errorf("%s: key %d changed by %v, want %v", kind, i, c, want)
			}
		}
	}
}

func TestPredict(t *testing.T) {
	m := newModel(t, nil)
	weights := []float32{1, 0, 0, 0, 1, 0, 0, 0, 0.5} // two columns; the biases
	rows := &batch.CSR{Labels: []float32{-1, 7, 7}, Offsets: []uint32{0, 2, 3, 4},
		Columns: []uint32{0, 9, 1, 1}, Values: []float32{2, 1, 0.5, -1}}
	if got, want := m.PredictClasses(nil, rows, weights), []int{0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("classes %v, want %v", got, want) // the second row's two best are equal
	}
	p := m.Probabilities(nil, rows, weights)
	if want := math.Exp(2) / (math.Exp(2) + 1 + math.Exp(0.5)); math.Abs(float64(p[0])-want) > 1e-6 {
		t.Errorf("probability %v, want %v", p[0], want)
	}
	s := metric.NewSummary(3)
	m.Evaluate(rows, every, weights, s)
	if s.Rows != 3 || s.Unknown != 1 || !slices.Equal(s.Confusion, []int64{1, 0, 0, 0, 0, 0, 0, 1, 1}) {
		t.Errorf("%+v", s)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, labels := range [][]float32{nil, {1}, {1, 1}, {2, 1}} {
		if _, err := New(labels, nil); param.KindOf(err) != param.Invalid {
			t.Errorf("labels %v: %v", labels, err)
		}
	}
}
