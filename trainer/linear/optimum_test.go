package linear_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/ps/optim"
	"parley/trainer/linear"
)

// problem is a dataset with rare columns and the optimum of each objective on
// it; see testdata/optimum.py.
type problem struct {
	Columns  int
	Value    float32
	L2       float64
	Rows     [][]uint32
	Classes  []float32
	Numbers  []float32
	Counts   []float32
	Exposure []float32
	Logistic float64
	Linear   float64
	Hinge    float64
	Poisson  float64
}

func readProblem(t *testing.T) (p problem) {
	text, err := os.ReadFile("testdata/optimum.json")
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *problem) csr(labels []float32) *batch.CSR {
	c := &batch.CSR{Labels: labels, Offsets: []uint32{0}}
	for _, row := range p.Rows {
		c.Columns = append(c.Columns, row...)
		for range row {
			c.Values = append(c.Values, p.Value)
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Columns)))
	}
	return c
}

// run is the rounds of a job as trainers and servers carry them out together.
type run struct {
	data    *batch.CSR
	columns int
	model   *linear.Model
	rule    optim.Rule
	workers int
	batch   int
	state   []float32
	builder batch.Builder
	block   batch.Block
}

func newRun(t *testing.T, data *batch.CSR, columns int, kind string, s optim.Settings, workers, size int) *run {
	rule, err := optim.New(s)
	if err != nil {
		t.Fatal(err)
	}
	model, err := linear.New(kind, 1, rule)
	if err != nil {
		t.Fatal(err)
	}
	return &run{data: data, columns: columns, model: model, rule: rule, workers: workers, batch: size,
		state: make([]float32, (columns+1)*rule.Slots())}
}

// epoch shuffles the rows and deals them out to rounds of full batches.
func (r *run) epoch(rng *rand.Rand) {
	order := make([]batch.Row, r.data.Rows())
	for i, k := range rng.Perm(len(order)) {
		order[i].Row = uint32(k)
	}
	for step := r.workers * r.batch; len(order) >= step; order = order[step:] {
		r.round(order[:step])
	}
}

func (r *run) round(rows []batch.Row) {
	n := r.columns + 1
	change, touched := make([]float32, len(r.state)), make([]uint32, n)
	for ; len(rows) > 0; rows = rows[r.batch:] {
		r.builder.Build(&r.block, []*batch.CSR{r.data}, rows[:r.batch], uint32(r.columns))
		columns := r.block.Columns
		var local []float32
		for s := range r.rule.Slots() {
			local = linalg.Gather(local, r.state[s*n:(s+1)*n], columns)
		}
		r.model.Learn(&r.block, local)
		for s := range r.rule.Slots() {
			linalg.ScatterAdd(change[s*n:(s+1)*n], columns, local[s*len(columns):(s+1)*len(columns)])
		}
		for _, c := range columns {
			touched[c]++
		}
	}
	r.rule.Combine(r.state, r.state, change, touched, optim.Round{Steps: float64(r.batch)}, r.columns)
}

func (r *run) objective(l2 float64) float64 {
	s := metric.NewSummary(int64(r.data.Rows()))
	r.model.Evaluate(r.data, func(int) bool { return true }, r.state[:r.columns+1], s)
	return s.MeanLoss() + l2/2*linalg.SumSquares(r.state[:r.columns])
}

// TestOptimum trains to scikit-learn's optimum of the penalised objective.
func TestOptimum(t *testing.T) {
	p := readProblem(t)
	for _, c := range []struct {
		model  string
		labels []float32
		want   float64
		s      optim.Settings
	}{
		{"logistic", p.Classes, p.Logistic, optim.Settings{Kind: "adagrad", Rate: 0.5}},
		{"logistic", p.Classes, p.Logistic, optim.Settings{Kind: "sgd", Rate: 0.1}},
		{"linear", p.Numbers, p.Linear, optim.Settings{Kind: "adagrad", Rate: 1}},
		{"linear", p.Numbers, p.Linear, optim.Settings{Kind: "sgd", Rate: 0.02}},
		{"hinge", p.Classes, p.Hinge, optim.Settings{Kind: "adagrad", Rate: 0.5}},
		{"hinge", p.Classes, p.Hinge, optim.Settings{Kind: "sgd", Rate: 0.02}},
		{"poisson", p.Counts, p.Poisson, optim.Settings{Kind: "adagrad", Rate: 0.5}},
		{"poisson", p.Counts, p.Poisson, optim.Settings{Kind: "sgd", Rate: 0.02}},
	} {
		c.s.L2, c.s.Workers = p.L2, 8
		data := p.csr(c.labels)
		if c.model == "poisson" {
			data.Exposure = p.Exposure
		}
		r := newRun(t, data, p.Columns, c.model, c.s, 8, 10)
		rng := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			r.epoch(rng)
		}
		excess := (r.objective(p.L2) - c.want) / math.Abs(c.want)
		t.Logf("%s by %s: the objective is %.3f%% above the optimum", c.model, c.s.Kind, 100*excess)
		if excess < -1e-6 || excess > 0.01 {
			t.Errorf("%s by %s: the objective is %v, the optimum %v", c.model, c.s.Kind, r.objective(p.L2), c.want)
		}
	}
}

// BenchmarkLearn is one round's contribution of a worker on data shaped as a9a.
func BenchmarkLearn(b *testing.B) {
	for _, kind := range []string{"sgd", "adagrad", "gradient"} {
		b.Run(fmt.Sprintf("logistic/%s/rows=1024/nonzeros=14", kind), func(b *testing.B) {
			benchmarkLearn(b, kind)
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func benchmarkLearn(b *testing.B, kind string) {
	rng := rand.New(rand.NewPCG(1, 2))
	model, pulled := must(linear.New("logistic", 1, nil)), 1
	if kind != "gradient" {
		rule := must(optim.New(optim.Settings{Kind: kind, Rate: 0.1}))
		model, pulled = must(linear.New("logistic", 1, rule)), rule.Pulled()
	}
	data := &batch.CSR{Offsets: []uint32{0}}
	rows := make([]batch.Row, 1024)
	for i := range rows {
		rows[i].Row = uint32(i)
		for k := range 14 {
			data.Columns = append(data.Columns, uint32(9*k+rng.IntN(9)))
			data.Values = append(data.Values, 1)
		}
		data.Labels = append(data.Labels, float32(rng.IntN(2)))
		data.Offsets = append(data.Offsets, uint32(len(data.Columns)))
	}
	var block batch.Block
	new(batch.Builder).Build(&block, []*batch.CSR{data}, rows, 126)
	state := make([]float32, len(block.Columns)*pulled)
	b.ReportAllocs()
	for b.Loop() {
		clear(state)
		model.Learn(&block, state)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/row")
}
