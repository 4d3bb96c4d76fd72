package metric

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/linalg"
	"parley/internal/param"
)

type oracle struct {
	Margins        []float64
	Positive       []bool
	Classification map[string]float64
	Means          []float64
	Labels         []float32
	Regression     map[string]float64

	Confusion         [][]int64
	BinRows           []int64   `json:"bin_rows"`
	BinShares         []float64 `json:"bin_shares"`
	BinMeans          []float64 `json:"bin_means"`
	HingeLoss         float64   `json:"hinge_loss"`
	WeightedHingeLoss float64   `json:"weighted_hinge_loss"`
	Weights           []float32
	RateMargins       []float64 `json:"rate_margins"`
	Exposure          []float32
	Counts            []float32
	Counted           map[string]float64
	PlainCounted      map[string]float64 `json:"plain_counted"`
}

func readOracle(t *testing.T) (o oracle) {
	text, err := os.ReadFile("testdata/oracle.json")
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *oracle) classified(s *Summary, lo, hi int) {
	losses := make([]float64, hi-lo)
	for i := range losses {
		losses[i], _ = linalg.Logistic(o.Margins[lo+i], o.Positive[lo+i])
	}
	s.AddClassified(o.Margins[lo:hi], losses, o.Positive[lo:hi], nil)
}

var close15 = cmpopts.EquateApprox(1e-12, 0)

func TestAgainstScikitLearn(t *testing.T) {
	o := readOracle(t)
	c, r := NewSummary(300), NewSummary(300)
	o.classified(c, 0, len(o.Margins))
	r.AddMeans(o.Means, o.Labels, nil)
	if diff := cmp.Diff(o.Classification, c.Metrics(), close15); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(o.Regression, r.Metrics(), close15); diff != "" {
		t.Error(diff)
	}
	if got, want := r.MeanLoss(), o.Regression["mse"]/2; math.Abs(got-want) > 1e-12 {
		t.Errorf("the mean loss is %v, want %v", got, want)
	}
	if got, want := c.MeanLoss(), o.Classification["logloss"]; math.Abs(got-want) > 1e-12 {
		t.Errorf("the mean loss is %v, want %v", got, want)
	}
}

func TestMergedPartsEqualTheWhole(t *testing.T) {
	o := readOracle(t)
	c, r := NewSummary(300), NewSummary(300)
	for _, cut := range [][2]int{{0, 7}, {7, 7}, {7, 100}, {100, 101}, {101, 300}} {
		lo, hi := cut[0], cut[1]
		pc, pr := NewSummary(300), NewSummary(300)
		pc.Unknown = 3
		o.classified(pc, lo, hi)
		pr.AddMeans(o.Means[lo:hi], o.Labels[lo:hi], nil)
		for _, err := range []error{c.Merge(pc), r.Merge(sent(t, pr))} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(o.Classification, c.Metrics(), close15); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(o.Regression, r.Metrics(), close15); diff != "" {
		t.Error(diff)
	}
	if c.Rows != 300 || c.Unknown != 15 {
		t.Errorf("%d rows and %d unknown, want 300 and 15", c.Rows, c.Unknown)
	}
}

// sent takes a summary over a wire.
func sent(t *testing.T, s *Summary) *Summary {
	text, err := json.Marshal(s)
	got := &Summary{}
	if err == nil {
		err = json.Unmarshal(text, got)
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	return got
}

func TestUndefinedMetricsAreLeftOut(t *testing.T) {
	one, same, empty := NewSummary(2), NewSummary(2), NewSummary(0)
	one.AddClassified([]float64{-1, -2}, []float64{0.1, 0.2}, []bool{false, false}, nil)
	same.AddMeans([]float64{1, 2}, []float32{5, 5}, nil)
	if m := one.Metrics(); len(m) != 3 || m["accuracy"] != 1 {
		t.Errorf("one class: %v", m)
	}
	if _, ok := same.Metrics()["r2"]; ok {
		t.Error("r2 of equal labels")
	}
	if m := empty.Metrics(); len(m) != 0 || empty.MeanLoss() != 0 {
		t.Errorf("no rows: %v", m)
	}
	empty.AddMeans(nil, nil, nil)
	if m := empty.Metrics(); len(m) != 0 {
		t.Errorf("no rows: %v", m)
	}
}

func TestMergeRefuses(t *testing.T) {
	s, other, coarse := NewSummary(10), NewSummary(10), NewSummary(1<<20+1)
	s.AddClassified([]float64{1, 2}, []float64{0, 0}, []bool{true, false}, nil)
	other.AddMeans([]float64{1}, []float32{1}, nil)
	before := *s
	short, unsorted, negative, bins := sent(t, s), sent(t, s), sent(t, s), sent(t, s)
	bins.Calibration = bins.Calibration[:3]
	short.Scores.Negatives = short.Scores.Negatives[:1]
	unsorted.Scores.Images[0] = math.MaxUint32
	negative.Scores.Positives[0] = -1
	for name, o := range map[string]*Summary{"kind": other, "bits": coarse, "short": short, "unsorted": unsorted, "negative": negative, "bins": bins} {
		if err := s.Merge(o); param.KindOf(err) != param.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(&before, s); diff != "" {
		t.Error(diff)
	}
}

// naiveAUC compares each pair.
func naiveAUC(scores []float64, positive []bool) float64 {
	right, pairs := 0.0, 0.0
	for i, p := range scores {
		for j, n := range scores {
			if positive[i] && !positive[j] {
				pairs++
				if p > n {
					right++
				} else if p == n {
					right += 0.5
				}
			}
		}
	}
	return right / pairs
}

func TestAUCCountsPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		scores, positive := make([]float64, 30), make([]bool, 30)
		for i := range scores {
			scores[i], positive[i] = float64(rng.IntN(9)-4), i == 0 || i > 1 && rng.IntN(2) == 0
		}
		h := newHistogram(scores, positive, 32)
		if got, ok := h.AUC(); !ok || math.Abs(got-naiveAUC(scores, positive)) > 1e-15 {
			t.Fatalf("auc %v, want %v", got, naiveAUC(scores, positive))
		}
	}
}

func TestAUCDoesNotOverflow(t *testing.T) {
	const many = 1 << 40 // rows a class and score: 2^80 pairs
	h := Histogram{Images: []uint32{1, 2}, Positives: []int64{0, many}, Negatives: []int64{many, many}}
	if got, ok := h.AUC(); !ok || got != 0.75 {
		t.Errorf("auc %v, want 0.75", got)
	}
}

func TestImagesKeepTheOrder(t *testing.T) {
	scores := []float64{math.Inf(-1), -3e38, -2, -1, -1e-40, 0, 1e-40, 1, 1.25, 2, 3e38, math.Inf(1)}
	for i := range scores[1:] {
		if image(scores[i], 32) >= image(scores[i+1], 32) {
			t.Errorf("%v is not below %v", scores[i], scores[i+1])
		}
	}
	if image(math.Copysign(0, -1), 32) != image(0, 32) {
		t.Error("the zeros differ")
	}
	if b := NewSummary(1 << 20).Bits; b != 32 {
		t.Errorf("%d bits up to 2^20 rows", b)
	}
	coarse := NewSummary(1<<20 + 1).Bits
	if image(1, coarse) == image(1+1./1024, coarse) || image(1, coarse) != image(1+1./4096, coarse) || image(-1, coarse) >= image(1, coarse) {
		t.Errorf("%d bits do not keep 11 of the fraction", coarse)
	}
}

// TestWeights: a row of weight 3 counts as three rows, one of weight 0 as none.
func TestWeights(t *testing.T) {
	weighted, repeated := NewSummary(10), NewSummary(10)
	weighted.AddMeans([]float64{1, 2, 9}, []float32{1.5, 4, 7}, []float32{3, 1, 0})
	repeated.AddMeans([]float64{1, 1, 1, 2}, []float32{1.5, 1.5, 1.5, 4}, nil)
	if diff := cmp.Diff(repeated.Metrics(), weighted.Metrics()); diff != "" {
		t.Error(diff)
	}
	weighted, repeated = NewSummary(10), NewSummary(10)
	weighted.AddClassified([]float64{1, -2}, []float64{0.5, 0.25}, []bool{true, true}, []float32{3, 1})
	repeated.AddClassified([]float64{1, 1, 1, -2}, []float64{0.5, 0.5, 0.5, 0.25}, []bool{true, true, true, true}, nil)
	if weighted.MeanLoss() != repeated.MeanLoss() || weighted.Metrics()["logloss"] != 1.75/4 {
		t.Errorf("%v, want %v", weighted.Metrics(), repeated.Metrics())
	}
}
