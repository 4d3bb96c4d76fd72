package rpc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/metric"
	"parley/internal/param"
)

func TestSummaryIsSentWhole(t *testing.T) {
	t.Parallel()
	classified, counted := metric.NewSummary(9), metric.NewSummary(9)
	classified.AddClassified([]float64{-1, 0.5, 3}, []float64{0.1, 0.2, 0.3}, []bool{false, false, true}, []float32{1, 2, 3})
	counted.AddCounts([]float64{0, 1}, []float64{1, 2.5}, []float32{0, 2}, nil, []float32{0.5, 3})
	for _, want := range []*metric.Summary{classified, counted} {
		want.Unknown = 7
		got, err := FromSummary(Summary(want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Metrics(), got.Metrics()); diff != "" || got.MeanLoss() != want.MeanLoss() || got.Unknown != 7 {
			t.Errorf("%+v\n%s", got, diff)
		}
		if diff := cmp.Diff(want.Calibration, got.Calibration); diff != "" {
			t.Error(diff)
		}
	}
	torn := Summary(classified)
	torn.BinSums = torn.BinSums[1:]
	if _, err := FromSummary(torn); param.KindOf(err) != param.Invalid {
		t.Errorf("bins without sums: %v", err)
	}
}
