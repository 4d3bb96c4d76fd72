package agent

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/plan"
	"parley/ps/optim"
	"parley/trainer"
)

// TestNetworkSteps trains networks with every optimizer for 20 steps, beside a network
// in NumPy.
func TestNetworkSteps(t *testing.T) {
	var want struct {
		Layers []int
		Start  []float64
		X      [][][]float64
		Y      [][]int
		Cases  []struct {
			Activation string
			Optimizer  struct {
				Kind        string
				Rate        float64
				Momentum    float64
				Nesterov    bool
				WeightDecay float64 `json:"weight_decay"`
			}
			Losses     []float64
			Parameters []float64
		}
	}
	text, err := os.ReadFile("testdata/networks.json")
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil || len(want.Cases) < 12 {
		t.Fatal(err, len(want.Cases))
	}
	labels := &plan.Manifest{Labels: []plan.Label{{Value: 0}, {Value: 1}, {Value: 2}}}
	for _, c := range want.Cases {
		j := new(job.Job)
		j.Model = job.Model{Kind: "mlp", Layers: want.Layers, Activation: c.Activation, Loss: "softmax", WeightDecay: c.Optimizer.WeightDecay}
		j.Optimizer = job.Optimizer{Kind: c.Optimizer.Kind, Rate: c.Optimizer.Rate, Momentum: c.Optimizer.Momentum, Nesterov: c.Optimizer.Nesterov, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
		method, err := methodOf(j, 10)
		if err != nil {
			t.Fatal(err)
		}
		model, err := modelOf(j, labels, method.rule)
		if err != nil {
			t.Fatal(err)
		}
		n := len(want.Start)
		state := make([]float32, n*method.rule.Slots())
		for i, v := range want.Start {
			state[i] = float32(v)
		}
		touched := slices.Repeat([]uint32{1}, n)
		layers := plan.Layers(want.Layers)
		penalized := layers[0]*layers.Width(0) + layers.TailWeights()
		for step, x := range want.X {
			b := blockOf(x, want.Y[step])
			model.(trainer.Preparer).Prepare(b)
			gradient, loss := model.(trainer.Learner).Learn(b, slices.Clone(state[:n]))
			if got := loss / float64(len(x)); math.Abs(got-c.Losses[step]) > 1e-5 {
				t.Fatalf("%s, %+v: loss %v in step %d, want %v", c.Activation, c.Optimizer, got, step, c.Losses[step])
			}
			method.rule.Combine(state, state, gradient, touched, optim.Round{Number: int64(step), Rows: int64(len(x)), Steps: float64(len(x))}, penalized)
		}
		for i, v := range c.Parameters {
			if math.Abs(float64(state[i])-v) > 1e-5 {
				t.Fatalf("%s, %+v: parameter %d is %v, want %v", c.Activation, c.Optimizer, i, state[i], v)
			}
		}
	}
}

// blockOf is a batch of rows with some zeros.
func blockOf(x [][]float64, y []int) *batch.Block {
	rows, order := &batch.CSR{Offsets: []uint32{0}}, []batch.Row{}
	for i, values := range x {
		for c, v := range values {
			if v != 0 {
				rows.Columns, rows.Values = append(rows.Columns, uint32(c)), append(rows.Values, float32(v))
			}
		}
		rows.Offsets = append(rows.Offsets, uint32(len(rows.Columns)))
		rows.Labels = append(rows.Labels, float32(y[i]))
		order = append(order, batch.Row{Row: uint32(i)})
	}
	b := new(batch.Block)
	new(batch.Builder).Gather(b, []*batch.CSR{rows}, order, uint32(len(x[0])))
	return b
}
