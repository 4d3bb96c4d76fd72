package trainer

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// planOf is a plan over rows of made up data.
func planOf(t testing.TB, rows int64, overrides ...string) *plan.Plan {
	t.Helper()
	j, err := job.Parse("job.yaml", []byte(`
name: test
data: {train: {path: /none}}
model: {kind: linear}
run: {epochs: 2, batch: 16, workers: 3, ranges: 2}
output: /none
`), overrides)
	if err != nil {
		t.Fatal(err)
	}
	m := &plan.Manifest{Rows: rows, Columns: 50}
	for row := int64(0); row < rows; row += plan.ShardRows(rows) {
		m.Shards = append(m.Shards, plan.Shard{ID: param.ShardID(len(m.Shards)), FirstRow: row, Rows: min(plan.ShardRows(rows), rows-row)})
	}
	return plan.New(j, m)
}

// made gives rows whose label is their position, and whose columns and values
// follow from it.
type made struct {
	plan *plan.Plan
	fail error
}

func (m made) Load(ctx context.Context, id param.ShardID) (*batch.CSR, error) {
	if m.fail != nil {
		return nil, m.fail
	}
	s := m.plan.Train.Shards[id]
	c := &batch.CSR{FirstRow: s.FirstRow, Offsets: []uint32{0}}
	for row := s.FirstRow; row < s.FirstRow+s.Rows; row++ {
		columns, values := rowAt(row)
		c.Labels = append(c.Labels, float32(row))
		c.Columns, c.Values = append(c.Columns, columns...), append(c.Values, values...)
		c.Offsets = append(c.Offsets, uint32(len(c.Columns)))
	}
	return c, ctx.Err()
}

func rowAt(row int64) (columns []uint32, values []float32) {
	for k := range row % 4 { // some rows are empty
		columns = append(columns, uint32(row*7%40+k*3))
		values = append(values, float32(row+k))
	}
	return columns, values
}

// counting is a Model that adds 1 to all it reads; its loss is the rows.
type counting struct{}

func (counting) Learn(b *batch.Block, state []float32) ([]float32, float64) {
	for i := range state {
		state[i] = 1
	}
	return state, float64(b.Rows())
}

func (counting) Accumulate(rows *batch.CSR, keep func(int) bool, weights []float32, gradient, diagonal []float64) (n int64, loss float64) {
	for i := range rows.Rows() {
		if keep(i) {
			n++
			gradient[0]++
			if diagonal != nil {
				diagonal[0] += 2
			}
		}
	}
	return n, float64(n)
}

func (counting) Evaluate(rows *batch.CSR, keep func(int) bool, weights []float32, into *metric.Summary) {
	for i := range rows.Rows() {
		if keep(i) {
			into.Rows++
			into.Loss += float64(rows.Labels[i])
		}
	}
}

// fake is Servers that answer when the test says so.
type fake struct {
	slots   int
	weights []float32
	spans   []param.Span
	fail    error // of Weights
	mu      struct {
		sync.Mutex
		open []asked
	}
}

type asked struct {
	*Request
	ctx   context.Context
	reply func(Reply)
}

func (f *fake) Send(ctx context.Context, requests []*Request, reply func(Reply)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range requests {
		f.mu.open = append(f.mu.open, asked{r, ctx, reply})
	}
}

func (f *fake) Weights(context.Context) ([]float32, error) { return f.weights, f.fail }

func (f *fake) Values(_ context.Context, offsets [][]uint32) (values []float32, err error) {
	at := uint32(0)
	for i, some := range offsets {
		for _, o := range some {
			values = append(values, f.weights[at+o])
		}
		at += uint32(f.spans[i].Len())
	}
	return values, f.fail
}

// take returns the open requests for which the condition holds.
func (f *fake) take(which func(r *Request) bool) (out []asked) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var rest []asked
	for _, a := range f.mu.open {
		if which(a.Request) {
			out = append(out, a)
		} else {
			rest = append(rest, a)
		}
	}
	f.mu.open = rest
	return out
}

// answer answers them, with zeros for pulls, and returns how many.
func (f *fake) answer(which func(r *Request) bool) int {
	taken := f.take(which)
	for _, a := range taken {
		r := Reply{Request: a.Request}
		if !a.Push {
			r.Values = make([]float32, len(a.Offsets)*f.slots)
		}
		a.reply(r)
	}
	return len(taken)
}

func all(*Request) bool                     { return true }
func pulls(r *Request) bool                 { return !r.Push }
func pushes(r *Request) bool                { return r.Push }
func of(w param.Worker) func(*Request) bool { return func(r *Request) bool { return r.Worker == w } }
