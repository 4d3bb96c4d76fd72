package fm

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

const (
	columns = 7
	rank    = 3
	width   = 1 + rank
)

// drawn is random rows of labels 0 and 1, with weights.
func drawn(rows, columns int) *batch.CSR {
	rng := rand.New(rand.NewPCG(1, 2))
	data := &batch.CSR{Offsets: []uint32{0}}
	for range rows {
		for c := range uint32(columns) {
			if rng.IntN(2) == 0 {
				data.Columns, data.Values = append(data.Columns, c), append(data.Values, float32(rng.NormFloat64()))
			}
		}
		data.Labels = append(data.Labels, float32(rng.IntN(2)))
		data.Weights = append(data.Weights, 0.5+rng.Float32())
		data.Offsets = append(data.Offsets, uint32(len(data.Columns)))
	}
	return data
}

// drawnParameters are of all keys; the factors of the bias are 0.
func drawnParameters() []float32 {
	rng := rand.New(rand.NewPCG(3, 4))
	p := make([]float32, (columns+1)*width)
	for i := range p[:columns*width+1] {
		p[i] = float32(rng.NormFloat64()) / 2
	}
	return p
}

func blockOf(data *batch.CSR, order ...batch.Row) *batch.Block {
	b := new(batch.Block)
	new(batch.Builder).Build(b, []*batch.CSR{data}, order, columns)
	return b
}

func allRows(data *batch.CSR) (order []batch.Row) {
	for i := range data.Rows() {
		order = append(order, batch.Row{Row: uint32(i)})
	}
	return order
}

func newModel(t *testing.T, loss string, rule Stepper) *Model {
	t.Helper()
	m, err := New(Settings{Loss: loss, Rank: rank, Positive: 1}, rule)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// naiveMargin is the double sum over pairs.
func naiveMargin(data *batch.CSR, i int, p []float64) float64 {
	margin := p[columns*width]
	lo, hi := data.Offsets[i], data.Offsets[i+1]
	for a := lo; a < hi; a++ {
		va, xa := p[int(data.Columns[a])*width:], float64(data.Values[a])
		margin += va[0] * xa
		for b := a + 1; b < hi; b++ {
			vb, dot := p[int(data.Columns[b])*width:], 0.0
			for f := 1; f <= rank; f++ {
				dot += va[f] * vb[f]
			}
			margin += dot * xa * float64(data.Values[b])
		}
	}
	return margin
}

func naiveLoss(loss string, margin, label float64) float64 {
	if loss == "squared" {
		return (margin - label) * (margin - label) / 2
	}
	return math.Log1p(math.Exp(margin)) - label*margin
}

func wide(p []float32) []float64 {
	w := make([]float64, len(p))
	for i, v := range p {
		w[i] = float64(v)
	}
	return w
}

func TestNewRefuses(t *testing.T) {
	for _, s := range []Settings{{Loss: "hinge", Rank: 2}, {Loss: "squared"}, {Loss: "squared", Rank: -1}, {Loss: "logistic", Rank: 2, Clip: []float32{0, 1}}, {Loss: "squared", Rank: 2, Clip: []float32{1}}} {
		if _, err := New(s, nil); param.KindOf(err) != param.Invalid {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// TestMargins: the sums in linear time are those over all pairs, in predictions too,
// and unknown columns are counted.
func TestMargins(t *testing.T) {
	data, p := drawn(50, columns), drawnParameters()
	for _, loss := range []string{"squared", "logistic"} {
		m := newModel(t, loss, nil)
		predictions := m.Predict(nil, data, p)
		sum, want := metric.NewSummary(50), 0.0
		m.Evaluate(data, func(int) bool { return true }, p, sum)
		for i, label := range data.Labels {
			margin := naiveMargin(data, i, wide(p))
			want += naiveLoss(loss, margin, float64(label)) * float64(data.Weights[i])
			if loss == "logistic" {
				margin = 1 / (1 + math.Exp(-margin))
			}
			if math.Abs(float64(predictions[i])-margin) > 1e-5*(1+math.Abs(margin)) {
				t.Errorf("%s, row %d: %v, want %v", loss, i, predictions[i], margin)
			}
		}
		if math.Abs(sum.Loss-want) > 1e-5*want {
			t.Errorf("%s: loss %v, want %v", loss, sum.Loss, want)
		}
	}
	m, err := New(Settings{Loss: "squared", Rank: rank, Clip: []float32{-0.1, 0.1}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Predict(nil, data, p); slices.Max(got) != 0.1 || slices.Min(got) != -0.1 {
		t.Errorf("clipped: %v", got)
	}
	sum := metric.NewSummary(1)
	more := &batch.CSR{Labels: []float32{1}, Offsets: []uint32{0, 2}, Columns: []uint32{1, columns + 3}, Values: []float32{1, 5}}
	m.Evaluate(more, func(int) bool { return true }, p, sum)
	if sum.Unknown != 1 {
		t.Errorf("%d unknown", sum.Unknown)
	}
}

// TestGradient against finite differences.
func TestGradient(t *testing.T) {
	const step = 1e-5
	data, p := drawn(60, columns), drawnParameters()
	total := func(loss string, p []float64) (sum float64) {
		for i, label := range data.Labels {
			sum += float64(data.Weights[i]) * naiveLoss(loss, naiveMargin(data, i, p), float64(label))
		}
		return sum
	}
	for _, loss := range []string{"squared", "logistic"} {
		got, sum := newModel(t, loss, nil).Learn(blockOf(data, allRows(data)...), slices.Clone(p))
		x := wide(p)
		if want := total(loss, x); math.Abs(sum-want) > 1e-5*want {
			t.Errorf("%s: loss %v, want %v", loss, sum, want)
		}
		for i := range x[:columns*width+1] {
			x[i] += step
			up := total(loss, x)
			x[i] -= 2 * step
			down := total(loss, x)
			x[i] += step
			if want := (up - down) / (2 * step); math.Abs(float64(got[i])-want) > 1e-4*(1+math.Abs(want)) {
				t.Errorf("%s, key %d: %v, want %v", loss, i, got[i], want)
			}
		}
		for _, g := range got[columns*width+1:] {
			if g != 0 {
				t.Errorf("%s: the bias has factors: %v", loss, got[columns*width:])
			}
		}
	}
}

// TestLocalSteps: a step of sgd for one row is the rate times its gradient, and steps
// follow one another.
func TestLocalSteps(t *testing.T) {
	data, p := drawn(5, columns), drawnParameters()
	rule, err := optim.New(optim.Settings{Kind: "sgd", Rate: 0.125})
	if err != nil {
		t.Fatal(err)
	}
	all := blockOf(data, allRows(data)...)
	if len(all.Columns) != columns+1 {
		t.Fatalf("%d columns in five rows", len(all.Columns))
	}
	change, _ := newModel(t, "logistic", rule).Learn(all, slices.Clone(p))
	x := slices.Clone(p)
	for i := range data.Rows() {
		block := blockOf(data, batch.Row{Row: uint32(i)})
		state := make([]float32, 0, len(block.Columns)*width)
		for _, c := range block.Columns {
			state = append(state, x[int(c)*width:(int(c)+1)*width]...)
		}
		gradient, _ := newModel(t, "logistic", nil).Learn(block, state)
		for j, c := range block.Columns {
			for f := range width {
				x[int(c)*width+f] -= 0.125 * gradient[j*width+f]
			}
		}
	}
	for i, c := range change {
		if math.Abs(float64(p[i]+c-x[i])) > 1e-5 {
			t.Errorf("key %d: changed by %v, want %v", i, c, x[i]-p[i])
		}
	}
}
