package metric

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/linalg"
)

// TestCalibrationAgainstScikitLearn: its calibration_curve leaves out empty bins,
// of which there are none here.
func TestCalibrationAgainstScikitLearn(t *testing.T) {
	o := readOracle(t)
	s := NewSummary(300)
	for _, cut := range [][2]int{{0, 40}, {40, 300}} {
		part := NewSummary(300)
		o.classified(part, cut[0], cut[1])
		if err := s.Merge(part); err != nil {
			t.Fatal(err)
		}
	}
	var rows []int64
	var shares, means []float64
	for _, b := range s.Calibration {
		rows = append(rows, b.Rows)
		shares, means = append(shares, float64(b.Positives)/float64(b.Rows)), append(means, b.Sum/float64(b.Rows))
	}
	if diff := cmp.Diff(o.BinRows, rows); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]float64{o.BinShares, o.BinMeans}, [][]float64{shares, means}, close15); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(o.Confusion, [][]int64{{s.TrueNegative, s.FalsePositive}, {s.FalseNegative, s.TruePositive}}); diff != "" {
		t.Error(diff)
	}
}

func TestBinsHoldTheirUpperEnds(t *testing.T) {
	for p, want := range map[float64]int{0: 0, 0.1: 0, 0.1000001: 1, 0.5: 4, 0.9: 8, 0.95: 9, 1: 9} {
		if got := binOf(p); got != want {
			t.Errorf("%v is in bin %d, want %d", p, got, want)
		}
	}
}

func TestHingeLossAgainstScikitLearn(t *testing.T) {
	o := readOracle(t)
	losses := make([]float64, len(o.Margins))
	for i := range losses {
		losses[i], _ = linalg.Hinge(o.Margins[i], o.Positive[i])
	}
	plain, weighted := NewSummary(300), NewSummary(300)
	plain.AddSeparated(o.Margins, losses, o.Positive, nil)
	weighted.AddSeparated(o.Margins, losses, o.Positive, o.Weights)
	want := map[string]float64{"hinge_loss": o.HingeLoss}
	for _, name := range []string{"accuracy", "auc", "precision", "recall", "f1"} {
		want[name] = o.Classification[name]
	}
	if diff := cmp.Diff(want, plain.Metrics(), close15); diff != "" {
		t.Error(diff)
	}
	if got := weighted.Metrics()["hinge_loss"]; math.Abs(got-o.WeightedHingeLoss) > 1e-12 {
		t.Errorf("weighted: %v, want %v", got, o.WeightedHingeLoss)
	}
}
