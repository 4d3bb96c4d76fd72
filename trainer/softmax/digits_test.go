package softmax

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/ps/optim"
)

const pixels, classes = 64, 10

// optimum is scikit-learn's on the digits; see testdata/digits.py.
type optimum struct {
	Rows            int
	L2              float64
	Weights         [][]float64
	Bias            []float64
	Loss, Objective float64
	Confusion       []int64
	Test            map[string]float64
}

// keys are the optimum's weights as models have them.
func (o *optimum) keys() []float32 {
	keys := make([]float32, (pixels+1)*classes)
	for k, row := range o.Weights {
		for j, w := range append(slices.Clone(row), o.Bias[k]) {
			keys[j*classes+k] = float32(w)
		}
	}
	return keys
}

func readDigits(t *testing.T) (*batch.CSR, *optimum) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("testdata/digits.json")
	must(err)
	o := new(optimum)
	must(json.Unmarshal(text, o))
	f, err := os.Open("testdata/digits.svm.gz")
	must(err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(err)
	data := &batch.CSR{Offsets: []uint32{0}}
	number := func(s string) float32 {
		v, err := strconv.ParseFloat(s, 32)
		must(err)
		return float32(v)
	}
	for lines := bufio.NewScanner(z); lines.Scan(); {
		cells := strings.Fields(lines.Text())
		data.Labels = append(data.Labels, number(cells[0]))
		for _, cell := range cells[1:] {
			id, v, _ := strings.Cut(cell, ":")
			data.Columns, data.Values = append(data.Columns, uint32(number(id))-1), append(data.Values, number(v))
		}
		data.Offsets = append(data.Offsets, uint32(len(data.Columns)))
	}
	return data, o
}

func digitsModel(t *testing.T, rule Stepper) *Model {
	m, err := New([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, rule)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestOptimum: at scikit-learn's optimum the loss is scikit-learn's, the gradient of
// the objective vanishes, and the metrics of the test rows are the same.
func TestOptimum(t *testing.T) {
	data, o := readDigits(t)
	m, weights := digitsModel(t, nil), o.keys()
	gradient := make([]float64, len(weights))
	n, loss := m.Accumulate(data, func(i int) bool { return i < o.Rows }, weights, gradient, nil)
	if loss /= float64(n); n != int64(o.Rows) || math.Abs(loss-o.Loss) > 1e-7 {
		t.Errorf("the loss of %d rows is %v, want %v", n, loss, o.Loss)
	}
	for i, g := range gradient {
		g /= float64(n)
		if i < pixels*classes {
			g += o.L2 * float64(weights[i])
		}
		if math.Abs(g) > 1e-6 {
			t.Errorf("key %d: the gradient is %v", i, g)
		}
	}
	s := metric.NewSummary(int64(data.Rows()))
	m.Evaluate(data, func(i int) bool { return i >= o.Rows }, weights, s)
	if !slices.Equal(s.Confusion, o.Confusion) {
		t.Errorf("confusion %v, want %v", s.Confusion, o.Confusion)
	}
	got := s.Metrics()
	for name, want := range o.Test {
		if math.Abs(got[name]-want) > 1e-6 {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if len(got) != len(o.Test) {
		t.Errorf("metrics %v", got)
	}
}

// TestTraining comes close to the optimum by rounds of two workers.
func TestTraining(t *testing.T) {
	const workers, size = 2, 10
	data, o := readDigits(t)
	rule, err := optim.New(optim.Settings{Kind: "adagrad", Rate: 1, L2: o.L2, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	m, rng := digitsModel(t, rule), rand.New(rand.NewPCG(1, 2))
	state := make([]float32, (pixels+1)*classes*2)
	for range 60 {
		order := rng.Perm(o.Rows)
		for ; len(order) >= workers*size; order = order[workers*size:] {
			round(m, rule, data, order[:workers*size], size, state)
		}
	}
	weights := state[:len(state)/2]
	_, loss := m.Accumulate(data, func(i int) bool { return i < o.Rows }, weights, make([]float64, len(weights)), nil)
	objective := loss/float64(o.Rows) + o.L2/2*linalg.SumSquares(weights[:pixels*classes])
	excess := objective/o.Objective - 1
	t.Logf("the objective is %.3f%% above the optimum", 100*excess)
	if excess < -1e-6 || excess > 0.02 {
		t.Errorf("the objective is %v, the optimum %v", objective, o.Objective)
	}
}

// round trains on rows, so many a worker.
func round(m *Model, rule optim.Rule, data *batch.CSR, rows []int, size int, state []float32) {
	n := len(state) / 2
	change, touched := make([]float32, len(state)), make([]uint32, n)
	var b batch.Block
	for ; len(rows) > 0; rows = rows[size:] {
		var order []batch.Row
		for _, i := range rows[:size] {
			order = append(order, batch.Row{Row: uint32(i)})
		}
		new(batch.Builder).Build(&b, []*batch.CSR{data}, order, pixels)
		var keys []uint32
		for _, c := range b.Columns {
			for k := range uint32(classes) {
				keys = append(keys, c*classes+k)
			}
		}
		local := linalg.Gather(linalg.Gather(nil, state[:n], keys), state[n:], keys)
		m.Learn(&b, local)
		linalg.ScatterAdd(change[:n], keys, local[:len(keys)])
		linalg.ScatterAdd(change[n:], keys, local[len(keys):])
		for _, key := range keys {
			touched[key]++
		}
	}
	rule.Combine(state, state, change, touched, optim.Round{Steps: float64(size)}, pixels*classes)
}
