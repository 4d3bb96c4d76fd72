package linear

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"parley/internal/batch"
	"parley/internal/param"
)

// server is a Stepper whose steps are the servers', and which reads so much.
type server struct{ pulled int }

func (server) Local() bool   { return false }
func (s server) Pulled() int { return s.pulled }

func (server) Step([]float32, int, []uint32, []float32, float32) {
	panic("a local step of a rule that has none")
}

func TestNewRefusesGradientsAtMoreThanWeights(t *testing.T) {
	if _, err := New("linear", 1, server{2}); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}

// drawn is a block of random rows over so many columns, the last the bias.
func drawn(rng *rand.Rand, rows, columns int) *batch.Block {
	data := &batch.CSR{Offsets: []uint32{0}}
	order := make([]batch.Row, rows)
	for i := range order {
		order[i].Row = uint32(i)
		for c := range uint32(columns) {
			if rng.IntN(4) == 0 {
				data.Columns, data.Values = append(data.Columns, c), append(data.Values, float32(rng.NormFloat64()))
			}
		}
		data.Labels = append(data.Labels, float32(rng.IntN(2)))
		data.Weights = append(data.Weights, rng.Float32()*3)
		data.Exposure = append(data.Exposure, 0.1+rng.Float32())
		data.Offsets = append(data.Offsets, uint32(len(data.Columns)))
	}
	b := new(batch.Block)
	new(batch.Builder).Build(b, []*batch.CSR{data}, order, uint32(columns))
	return b
}

// naive is the loss of a block and its gradient, in float64.
func naive(kind string, b *batch.Block, weights []float32) (gradient []float64, loss float64) {
	gradient = make([]float64, len(weights))
	for i, label := range b.Labels {
		margin, weight, slope := 0.0, 1.0, 0.0
		for j := b.Offsets[i]; j < b.Offsets[i+1]; j++ {
			margin += float64(weights[b.Index[j]]) * float64(b.Values[j])
		}
		if b.Weights != nil {
			weight = float64(b.Weights[i])
		}
		switch y := 2*float64(label) - 1; kind {
		case "logistic":
			loss += weight * math.Log1p(math.Exp(-y*margin))
			slope = -y / (1 + math.Exp(y*margin))
		case "hinge":
			loss += weight * max(0, 1-y*margin)
			if y*margin < 1 {
				slope = -y
			}
		case "poisson":
			exposure := 1.0
			if b.Exposure != nil {
				exposure = float64(b.Exposure[i])
			}
			slope = exposure*math.Exp(margin) - float64(label)
			loss += weight * (exposure*math.Exp(margin) - float64(label)*(margin+math.Log(exposure)))
		default:
			slope = margin - float64(label)
			loss += weight * slope * slope / 2
		}
		for j := b.Offsets[i]; j < b.Offsets[i+1]; j++ {
			gradient[b.Index[j]] += weight * slope * float64(b.Values[j])
		}
	}
	return gradient, loss
}

func TestGradientEqualsNaive(t *testing.T) {
	for _, kind := range []string{"logistic", "linear", "hinge", "poisson"} {
		for _, rule := range []Stepper{nil, server{1}} {
			m := newModel(t, kind, 1, rule)
			rng := rand.New(rand.NewPCG(1, 2))
			for k := range 50 {
				b := drawn(rng, 1+rng.IntN(300), 1+rng.IntN(40))
				if k%2 == 0 {
					b.Weights = nil
				}
				if k%3 == 0 || kind != "poisson" {
					b.Exposure = nil
				}
				weights := make([]float32, len(b.Columns))
				for i := range weights {
					weights[i] = float32(rng.NormFloat64())
				}
				want, wantLoss := naive(kind, b, weights)
				again := append([]float32(nil), weights...)
				got, loss := m.Learn(b, weights)
				if math.Abs(loss-wantLoss) > 1e-10*(1+math.Abs(wantLoss)) {
					t.Fatalf("%s: loss %v, want %v", kind, loss, wantLoss)
				}
				for i := range got {
					if math.Abs(float64(got[i])-want[i]) > 2e-4*(1+math.Abs(want[i])) {
						t.Fatalf("%s: gradient %v of column %d, want %v", kind, got[i], i, want[i])
					}
				}
				m.Learn(b, again)
				for i := range got {
					if math.Float32bits(got[i]) != math.Float32bits(again[i]) {
						t.Fatalf("%s: other bits the second time", kind)
					}
				}
			}
		}
	}
}

// TestGradientIsExact: values that float32 holds exactly, by hand.
func TestGradientIsExact(t *testing.T) {
	m := newModel(t, "linear", 0, server{1})
	b := block()
	b.Weights = []float32{2, 1}
	// Row 0: margin 1.5, loss 1/8, gradient -1/2, twice; row 1: margin 0.5, loss 1/8, gradient -1/2.
	state := []float32{1, 0, 0.5}
	if _, loss := m.Learn(b, state); loss != 3./8 {
		t.Errorf("loss %v", loss)
	}
	if want := []float32{-1, -4, -1.5}; fmt.Sprint(state) != fmt.Sprint(want) {
		t.Errorf("gradient %v, want %v", state, want)
	}
}

// TestGradientRounds trains as trainers and a server with momentum do together:
// workers sum gradients, the server takes the step. Full-batch steps must reach
// the point where the gradient of all rows vanishes.
func TestGradientRounds(t *testing.T) {
	const columns, workers, rate, momentum, l2 = 10, 4, 0.5, 0.9, 0.01
	rng := rand.New(rand.NewPCG(3, 4))
	var blocks []*batch.Block
	rows := 0.0
	for range workers {
		b := drawn(rng, 100, columns)
		b.Weights, b.Exposure = nil, nil
		blocks, rows = append(blocks, b), rows+float64(b.Rows())
	}
	m := newModel(t, "logistic", 1, server{1})
	weights, velocity := make([]float32, columns+1), make([]float64, columns+1)
	first, last := 0.0, 0.0
	for range 500 {
		change, loss := make([]float32, columns+1), 0.0
		for _, b := range blocks {
			state := make([]float32, len(b.Columns))
			for i, c := range b.Columns {
				state[i] = weights[c]
			}
			contribution, l := m.Learn(b, state)
			for i, c := range b.Columns {
				change[c] += contribution[i]
			}
			loss += l
		}
		last = 0
		for c := range weights {
			g := float64(change[c])/rows + l2*float64(weights[c])
			velocity[c] = momentum*velocity[c] - rate*g
			weights[c] += float32(velocity[c])
			last = max(last, math.Abs(g))
		}
		if first == 0 {
			first = loss / rows
		}
	}
	if math.Abs(first-math.Ln2) > 1e-12 || last > 1e-6 {
		t.Errorf("the loss was %v at first; the gradient is %v at last", first, last)
	}
}
