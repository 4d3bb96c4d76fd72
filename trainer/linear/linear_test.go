package linear

import (
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/batch"
	"parley/internal/metric"
	"parley/internal/param"
)

// plain is a Stepper with a second slot, so that a test sees what Learn asks of it.
type plain struct{ rate float32 }

func (plain) Local() bool { return true }

func (plain) Pulled() int { return 2 }

func (p plain) Step(state []float32, n int, index []uint32, values []float32, gradient float32) {
	for j, i := range index {
		state[i] -= float32(p.rate * gradient * values[j])
		state[n+int(i)]++
	}
}

func newModel(t *testing.T, kind string, positive float32, step Stepper) *Model {
	m, err := New(kind, positive, step)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// block is two rows over columns 3, 5 and the bias 9.
func block() *batch.Block {
	return &batch.Block{
		Columns: []uint32{3, 5, 9}, Labels: []float32{2, 1},
		Offsets: []uint32{0, 3, 5}, Index: []uint32{0, 1, 2, 1, 2}, Values: []float32{1, 2, 1, 4, 1},
	}
}

func TestLearnLinear(t *testing.T) {
	m := newModel(t, "linear", 0, plain{0.5})
	state := []float32{1, 0, 0.5, 10, 20, 30}
	// Row 0: margin 1.5, loss 1/8, gradient -1/2: weights 1.25, 0.5, 0.75.
	// Row 1: margin 2.75, loss 49/32, gradient 7/4: weights -, -3, -0.125.
	if _, loss := m.Learn(block(), state); loss != 1./8+49./32 {
		t.Errorf("loss %v", loss)
	}
	if diff := cmp.Diff([]float32{0.25, -3, -0.625, 1, 2, 2}, state); diff != "" {
		t.Errorf("changes: %s", diff)
	}
}

func TestLearnLogistic(t *testing.T) {
	m := newModel(t, "logistic", 2, plain{1})
	state := make([]float32, 6)
	_, loss := m.Learn(block(), state)
	// The first row's gradient is -1/2, which makes the second one's margin 4.5.
	want, gradient := math.Ln2+math.Log1p(math.Exp(4.5)), 1/(1+math.Exp(-4.5))
	if math.Abs(loss-want) > 1e-14 {
		t.Errorf("loss %v, want %v", loss, want)
	}
	wants := []float32{0.5, float32(1 - 4*gradient), float32(0.5 - gradient), 1, 2, 2}
	if diff := cmp.Diff(wants, state, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
		t.Errorf("changes: %s", diff)
	}
}

func TestNewRefusesOtherKinds(t *testing.T) {
	if _, err := New("softmax", 1, plain{}); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}

func TestLearnRefusesAnotherBlocksState(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a state of the wrong size was taken")
		}
	}()
	newModel(t, "linear", 0, plain{}).Learn(block(), make([]float32, 3))
}

// rows has columns 0..4; column 3 and beyond are unknown to three weights.
func rows() *batch.CSR {
	return &batch.CSR{
		Labels: []float32{7, 5, 7}, Offsets: []uint32{0, 3, 5, 5},
		Columns: []uint32{0, 2, 4, 3, 4}, Values: []float32{1, 2, 9, 9, 9},
	}
}

func TestEvaluateAndPredict(t *testing.T) {
	weights := []float32{1, 100, -0.5, 0.25} // and the bias
	logistic, squared := newModel(t, "logistic", 7, plain{}), newModel(t, "linear", 7, plain{})
	all, s := func(int) bool { return true }, metric.NewSummary(3)
	logistic.Evaluate(rows(), all, weights, s)
	margin := 0.25 // of all three rows
	want := (2*math.Log1p(math.Exp(-margin)) + math.Log1p(math.Exp(margin))) / 3
	if m := s.Metrics(); math.Abs(m["logloss"]-want) > 1e-15 || m["auc"] != 0.5 || s.Unknown != 3 || s.TruePositive != 2 || s.FalsePositive != 1 {
		t.Errorf("%+v", s)
	}
	s = metric.NewSummary(3)
	squared.Evaluate(rows(), func(i int) bool { return i != 1 }, weights, s)
	if s.Rows != 2 || s.Unknown != 1 || s.Metrics()["mse"] != 6.75*6.75 || s.MeanLoss() != 6.75*6.75/2 {
		t.Errorf("%+v", s)
	}
	s = metric.NewSummary(3)
	newModel(t, "hinge", 7, plain{}).Evaluate(rows(), all, weights, s)
	if m := s.Metrics(); m["hinge_loss"] != (2*(1-margin)+1+margin)/3 || m["recall"] != 1 {
		t.Errorf("%+v", s)
	}
	p := float32(1 / (1 + math.Exp(-margin)))
	if diff := cmp.Diff([]float32{-1, p, p, p}, logistic.Predict([]float32{-1}, rows(), weights)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float32{0.25, 0.25, 0.25}, squared.Predict(nil, rows(), weights)); diff != "" {
		t.Error(diff)
	}
}

// TestExposure: a row that was watched twice as long has a mean of twice as much,
// and its rate is what the margin says.
func TestExposure(t *testing.T) {
	m, data, weights := newModel(t, "poisson", 0, plain{}), rows(), []float32{0, 0, 0, float32(math.Log(3))}
	data.Exposure = []float32{1, 2, 0.5}
	if diff := cmp.Diff([]float32{3, 6, 1.5}, m.Predict(nil, data, weights), cmpopts.EquateApprox(1e-6, 0)); diff != "" {
		t.Error(diff)
	}
	s := metric.NewSummary(3)
	m.Evaluate(data, func(i int) bool { return i != 2 }, weights, s)
	if want := (4.0 + 1) / 2; s.Exposure != 3 || math.Abs(s.Metrics()["mae"]-want) > 1e-6 {
		t.Errorf("exposure %v, mae %v, want 3 and %v", s.Exposure, s.Metrics()["mae"], want)
	}
}

// TestFarMeansStayFinite: a row that is nothing like those of training does not
// make metrics and predictions infinite.
func TestFarMeansStayFinite(t *testing.T) {
	m, weights := newModel(t, "poisson", 0, plain{}), []float32{1000, 0, 0, 0}
	s := metric.NewSummary(3)
	m.Evaluate(rows(), func(int) bool { return true }, weights, s)
	if d := s.Metrics()["poisson_deviance"]; d < 1e38 {
		t.Errorf("deviance %v", d)
	}
	if p := m.Predict(nil, rows(), weights); p[0] != math.MaxFloat32 || p[1] != 1 {
		t.Errorf("predictions %v", p)
	}
}

func TestManyGoroutinesShareAModel(t *testing.T) {
	m := newModel(t, "logistic", 2, plain{1})
	want := make([]float32, 6)
	m.Learn(block(), want)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				state := make([]float32, 6)
				m.Learn(block(), state)
				if diff := cmp.Diff(want, state); diff != "" {
					t.Error(diff)
					return
				}
			}
		})
	}
	group.Wait()
}

// TestLearnWeights: a weight scales loss and gradient.
func TestLearnWeights(t *testing.T) {
	m := newModel(t, "linear", 0, plain{0.5})
	b := block()
	b.Weights = []float32{2, 0}
	state := []float32{1, 0, 0.5, 10, 20, 30}
	// Row 0 as in TestLearnLinear, twice as hard; row 1 changes nothing.
	if _, loss := m.Learn(b, state); loss != 2./8 {
		t.Errorf("loss %v", loss)
	}
	if diff := cmp.Diff([]float32{0.5, 1, 0.5, 1, 2, 2}, state); diff != "" {
		t.Errorf("changes: %s", diff)
	}
}
