package mlp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gorgonia.org/gorgonia"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/internal/plan"
)

// draw returns rows of a share of nonzeros in some columns, with labels below
// classes, and their block.
func draw(rng *rand.Rand, rows, columns, classes int, share float64, weighted bool) (*batch.CSR, *batch.Block) {
	c := &batch.CSR{Offsets: []uint32{0}}
	var order []batch.Row
	for i := range rows {
		for j := range columns {
			if rng.Float64() < share {
				c.Columns, c.Values = append(c.Columns, uint32(j)), append(c.Values, float32(rng.NormFloat64()))
			}
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Columns)))
		c.Labels = append(c.Labels, float32(rng.IntN(classes)))
		if weighted {
			c.Weights = append(c.Weights, float32(rng.ExpFloat64()))
		}
		order = append(order, batch.Row{Row: uint32(i)})
	}
	b := &batch.Block{Seed: 77}
	new(batch.Builder).Gather(b, []*batch.CSR{c}, order, uint32(columns))
	return c, b
}

func newModel(t *testing.T, s Settings) *Model {
	t.Helper()
	m, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// parameters draws those of all keys.
func parameters(rng *rand.Rand, s Settings) []float32 {
	p := make([]float32, s.Layers[0]*s.width()+s.Layers.Tail())
	for i := range p {
		p[i] = float32(rng.NormFloat64() / 2)
	}
	return p
}

// settings are models of every loss, activation and depth.
func settings() (all []Settings) {
	for _, activation := range []string{"relu", "tanh", "gelu"} {
		all = append(all,
			Settings{Layers: plan.Layers{7, 5, 3}, Activation: activation, Loss: "softmax", Labels: []float32{0, 1, 2}},
			Settings{Layers: plan.Layers{7, 6, 5, 1}, Activation: activation, Loss: "logistic", Positive: 1},
			Settings{Layers: plan.Layers{7, 4, 1}, Activation: activation, Loss: "mse"},
			Settings{Layers: plan.Layers{7, 6, 5, 3}, Activation: activation, Loss: "softmax", Labels: []float32{0, 1, 2}, Dropout: 0.4},
			Settings{Layers: plan.Layers{7, 6, 5, 1}, Activation: activation, Loss: "logistic", Positive: 1, Dim: 2, Fields: []uint32{0, 3, 6}},
			Settings{Layers: plan.Layers{7, 9, 8, 4, 1}, Activation: activation, Loss: "mse", Dim: 9, Fields: []uint32{0}, Dropout: 0.3})
	}
	return append(all, Settings{Layers: plan.Layers{7, 3}, Activation: "relu", Loss: "softmax", Labels: []float32{0, 1, 2}})
}

// learn prepares and learns.
func learn(m *Model, b *batch.Block, state []float32) ([]float32, float64) {
	m.Prepare(b)
	return m.Learn(b, state)
}

// naiveLoss is the loss of a block in float64, by its definition.
func naiveLoss(s Settings, b *batch.Block, p []float64) (sum float64) {
	tail := p[s.Layers[0]*s.width():]
	for r, label := range b.Labels {
		x := make([]float64, s.Layers[0])
		for q := b.Offsets[r]; q < b.Offsets[r+1]-1; q++ {
			x[b.Index[q]] = float64(b.Values[q])
		}
		wide := 0.0
		for i := range s.Layers.Count() {
			in, out := s.Layers[i], s.Layers[i+1]
			if i == 0 && s.Dim > 0 {
				x, wide = naiveEmbedded(s, x, p[:s.Layers[0]*s.width()], tail[s.Layers.TailWeights():])
				continue
			}
			from, _ := s.Layers.Biases(i)
			z := slices.Clone(tail[from : from+out])
			for k := range in {
				for j := range out {
					w := p[k*out+j] // of the first layer, [in, out]
					if i > 0 {
						lo, _ := s.Layers.Weights(i)
						w = tail[lo+j*in+k]
					}
					z[j] += w * x[k]
				}
			}
			if x = z; i+1 == s.Layers.Count() {
				break
			}
			for j, v := range x {
				switch s.Activation {
				case "relu":
					x[j] = max(v, 0)
				case "tanh":
					x[j] = math.Tanh(v)
				case "gelu":
					x[j] = v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
				}
				if s.Dropout > 0 {
					u := float64(linalg.Mix(b.Seed+uint64(i)<<48+uint64(r*out+j))>>11) / (1 << 53)
					if u < s.Dropout {
						x[j] = 0
					}
					x[j] /= 1 - s.Dropout
				}
			}
		}
		x[0] += wide
		sum += naiveRow(s, x, label) * batch.Weight(b.Weights, r)
	}
	return sum
}

// naiveEmbedded returns the units above the embeddings of a row, and its wide part.
func naiveEmbedded(s Settings, x, table, bias []float64) (y []float64, wide float64) {
	y = slices.Clone(bias[:s.Layers[1]])
	field := 0
	for c, v := range x {
		if field+1 < len(s.Fields) && uint32(c) == s.Fields[field+1] {
			field++
		}
		row := table[c*(1+s.Dim) : (c+1)*(1+s.Dim)]
		wide += v * row[0]
		for k, e := range row[1:] {
			y[field*s.Dim+k] += v * e
		}
	}
	return y, wide
}

func naiveRow(s Settings, z []float64, label float32) float64 {
	switch s.Loss {
	case "softmax":
		total := 0.0
		for _, v := range z {
			total += math.Exp(v)
		}
		return math.Log(total) - z[int(label)]
	case "logistic":
		if label != s.Positive {
			return math.Log1p(math.Exp(z[0]))
		}
		return math.Log1p(math.Exp(-z[0]))
	}
	return (z[0] - float64(label)) * (z[0] - float64(label)) / 2
}

// TestGradientEqualsFiniteDifferences differentiates the definition.
func TestGradientEqualsFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range settings() {
		classes := max(2, len(s.Labels))
		_, b := draw(rng, 6, s.Layers[0], classes, 0.4, true)
		p := parameters(rng, s)
		wide := linalg.Doubles(p)
		gradient, loss := learn(newModel(t, s), b, slices.Clone(p))
		if want := naiveLoss(s, b, wide); math.Abs(loss-want) > 1e-5*want {
			t.Fatalf("%+v: loss %v, want %v", s, loss, want)
		}
		for i := range p {
			const h = 1e-5
			wide[i] += h
			above := naiveLoss(s, b, wide)
			wide[i] -= 2 * h
			below := naiveLoss(s, b, wide)
			wide[i] += h
			want := (above - below) / (2 * h)
			if math.Abs(float64(gradient[i])-want) > 2e-4*(1+math.Abs(want)) {
				t.Fatalf("%+v: derivative %d is %v, want %v", s, i, gradient[i], want)
			}
		}
	}
}

// TestWaysAgree compares the gradient of a block at its own columns, at all columns,
// of full and of sparse rows, from one graph and from several at once.
func TestWaysAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, s := range settings() {
		m := newModel(t, s)
		width, tail := s.width(), s.Layers.Tail()
		var group sync.WaitGroup
		for range 20 {
			rows, share := 1+rng.IntN(40), rng.Float64()
			c, b := draw(rng, rows, s.Layers[0], max(2, len(s.Labels)), share*share, false)
			listed := &batch.Block{Seed: b.Seed}
			order := make([]batch.Row, rows)
			for i := range order {
				order[i].Row = uint32(i)
			}
			new(batch.Builder).Build(listed, []*batch.CSR{c}, order, uint32(s.Layers[0]))
			p := parameters(rng, s)
			own := []float32{}
			for _, c := range listed.Columns[:len(listed.Columns)-1] {
				own = append(own, p[int(c)*width:(int(c)+1)*width]...)
			}
			own = append(own, p[len(p)-tail:]...)
			group.Go(func() {
				whole, loss := learn(m, b, p)
				local, again := learn(m, listed, own)
				if loss != again || !slices.Equal(whole[len(whole)-tail:], local[len(local)-tail:]) {
					t.Errorf("%+v: other bits from the block's own columns", s)
				}
				for i, c := range listed.Columns[:len(listed.Columns)-1] {
					if !slices.Equal(whole[int(c)*width:(int(c)+1)*width], local[i*width:(i+1)*width]) {
						t.Errorf("%+v: other bits in column %d", s, c)
					}
				}
			})
		}
		group.Wait()
	}
}

// TestTapeMachine compares with gorgonia's own machine.
func TestTapeMachine(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, s := range settings() {
		m := newModel(t, s)
		g := newGraph(&m.settings)
		_, b := draw(rng, 9, s.Layers[0], max(2, len(s.Labels)), 0.5, true)
		m.Prepare(b)
		p := parameters(rng, s)
		again := slices.Clone(p)
		loss := g.run(b, p) // and leaves the batch in the graph
		var want [][]float32
		for _, v := range g.slopes {
			want = append(want, slices.Clone(v.data))
		}
		g.lend(again)
		g.loss = 0
		machine := gorgonia.NewTapeMachine(g.expr)
		if err := machine.RunAll(); err != nil {
			t.Fatal(err)
		}
		for i, v := range g.slopes {
			if !slices.Equal(v.data, want[i]) {
				t.Errorf("%+v: slope %d has other bits", s, i)
			}
		}
		if g.loss != loss {
			t.Errorf("%+v: loss %v, want %v", s, g.loss, loss)
		}
	}
}

// TestFullRows compares both ways of the first layer.
func TestFullRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		rows, columns, width := 1+rng.IntN(60), 1+rng.IntN(60), 1+rng.IntN(70)
		in := input{rows: sparse{columns: columns, offsets: []uint32{0}}}
		for range rows {
			for c := range columns {
				if rng.Float64() < 0.7 {
					in.rows.index, in.rows.values = append(in.rows.index, uint32(c)), append(in.rows.values, float32(rng.NormFloat64()))
				}
			}
			in.rows.offsets = append(in.rows.offsets, uint32(len(in.rows.index)))
		}
		table, bias, dz := make([]float32, columns*width), make([]float32, width), make([]float32, rows*width)
		for _, x := range [][]float32{table, bias, dz} {
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
		}
		in.prepare(true)
		in.rows.transpose(&in.turned)
		z, dw := make([]float32, rows*width), make([]float32, columns*width)
		in.forward(z, table, bias)
		in.gradient(dw, dz, width)
		z2, dw2 := make([]float32, rows*width), make([]float32, columns*width)
		in.rows.mul(z2, table, width)
		addBias(z2, bias)
		in.turned.mul(dw2, dz, width)
		if !slices.Equal(z, z2) || !slices.Equal(dw, dw2) {
			t.Fatalf("%d rows of %d columns, %d wide: other bits", rows, columns, width)
		}
	}
}

// TestEvaluateEqualsLearn compares the loss of a batch without dropout.
func TestEvaluateEqualsLearn(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, s := range settings() {
		s.Dropout = 0
		m := newModel(t, s)
		rows, b := draw(rng, 700, s.Layers[0], max(2, len(s.Labels)), 0.3, true)
		p := parameters(rng, s)
		into := metric.NewSummary(700)
		m.Evaluate(rows, func(int) bool { return true }, p, into)
		_, loss := learn(m, b, slices.Clone(p))
		total := 0.0
		for _, w := range rows.Weights {
			total += float64(w)
		}
		got := into.MeanLoss() * total
		if into.Rows != 700 || math.Abs(got-loss) > 1e-9*loss {
			t.Errorf("%+v: loss %v of %d rows, want %v", s, got, into.Rows, loss)
		}
		few := func(i int) bool { return i < 2 }
		whole, own := metric.NewSummary(700), metric.NewSummary(700)
		m.Evaluate(rows, few, p, whole)
		of := rows.Own(few, int64(s.Layers[0]))
		var theirs []float32
		for _, c := range of.Names {
			theirs = append(theirs, p[int(c)*s.width():][:s.width()]...)
		}
		m.Evaluate(of, few, append(theirs, p[s.Layers[0]*s.width():]...), own)
		if s.Dim > 0 && (own.Loss != whole.Loss || len(of.Names) == s.Layers[0]) {
			t.Errorf("%+v: loss %v over the %d columns of two rows, want %v", s, own.Loss, len(of.Names), whole.Loss)
		}
		want := 700
		if s.Loss == "softmax" {
			want *= 3
			if n := len(m.PredictClasses(nil, rows, p)); n != 700 {
				t.Errorf("%d classes", n)
			}
			if n := len(m.Probabilities(nil, rows, p)); n != want {
				t.Errorf("%d probabilities, want %d", n, want)
			}
		} else if n := len(m.Predict(nil, rows, p)); n != want {
			t.Errorf("%d predictions, want %d", n, want)
		}
	}
}

func TestLocate(t *testing.T) {
	s := Settings{Layers: plan.Layers{2, 3, 4, 1}, Activation: "relu", Loss: "mse"}
	m := newModel(t, s)
	g := make([]float32, 2*3+s.Layers.Tail())
	if got := m.Locate(g); got != "" {
		t.Errorf("finite: %q", got)
	}
	g[1] = float32(math.NaN())
	if got := m.Locate(g); got != "layer 0" {
		t.Errorf("%q", got)
	}
	from, _ := s.Layers.Weights(2)
	g[6+from] = float32(math.Inf(1))
	if got := m.Locate(g); got != "layer 2" {
		t.Errorf("%q", got)
	}
}

func TestRefused(t *testing.T) {
	good := Settings{Layers: plan.Layers{2, 3, 1}, Activation: "relu", Loss: "mse"}
	for i, change := range []func(s *Settings){
		func(s *Settings) { s.Layers = plan.Layers{2} },
		func(s *Settings) { s.Layers = plan.Layers{2, 0, 1} },
		func(s *Settings) { s.Layers = plan.Layers{2, 3, 2} },
		func(s *Settings) { s.Activation = "sine" },
		func(s *Settings) { s.Loss = "hinge" },
		func(s *Settings) { s.Dropout = 1 },
		func(s *Settings) { s.Loss, s.Labels = "softmax", []float32{0, 1} },
	} {
		s := good
		change(&s)
		if _, err := New(s); err == nil {
			t.Errorf("%d: accepted %+v", i, s)
		}
	}
	newModel(t, good)
}

// BenchmarkLearn is a step of the sizes of digits, with a share of the pixels.
func BenchmarkLearn(b *testing.B) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, c := range []struct {
		rows, hidden int
		share        float64
	}{{128, 128, 0.19}, {256, 256, 0.19}, {256, 256, 1}} {
		layers := plan.Layers{784, c.hidden, 10}
		b.Run(fmt.Sprintf("%dx784-%d-10/share=%g", c.rows, c.hidden, c.share), func(b *testing.B) {
			m, err := New(Settings{Layers: layers, Activation: "relu", Loss: "softmax", Labels: []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}})
			if err != nil {
				b.Fatal(err)
			}
			_, block := draw(rng, c.rows, 784, 10, c.share, false)
			p := parameters(rng, m.settings)
			state := make([]float32, len(p))
			b.ReportAllocs()
			for b.Loop() {
				copy(state, p)
				learn(m, block, state)
			}
			flops := 2 * c.rows * (2*784*c.hidden + 3*10*c.hidden)
			b.ReportMetric(float64(flops)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
