package metric

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/linalg"
)

// counted adds rows from lo to hi.
func (o *oracle) counted(s *Summary, lo, hi int, weights, exposure []float32) {
	margins, means := make([]float64, hi-lo), make([]float64, hi-lo)
	for i := range margins {
		margins[i] = o.RateMargins[lo+i]
		if exposure != nil {
			margins[i] += linalg.Log(float64(exposure[i]))
		}
		means[i] = linalg.Exp(margins[i])
	}
	s.AddCounts(margins, means, o.Counts[lo:hi], weights, exposure)
}

func TestCountsAgainstScikitLearn(t *testing.T) {
	o := readOracle(t)
	plain, whole, merged := NewSummary(300), NewSummary(300), NewSummary(300)
	o.counted(plain, 0, 300, nil, nil)
	o.counted(whole, 0, 300, o.Weights, o.Exposure)
	for _, cut := range [][2]int{{0, 7}, {7, 7}, {7, 300}} {
		part := NewSummary(300)
		o.counted(part, cut[0], cut[1], o.Weights[cut[0]:cut[1]], o.Exposure[cut[0]:cut[1]])
		if err := merged.Merge(sent(t, part)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		summary *Summary
		want    map[string]float64
	}{"plain": {plain, o.PlainCounted}, "whole": {whole, o.Counted}, "merged": {merged, o.Counted}} {
		if diff := cmp.Diff(c.want, c.summary.Metrics(), close15); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestMeanLossOfCounts: half the deviance without the terms of the label alone.
func TestMeanLossOfCounts(t *testing.T) {
	s := NewSummary(2)
	s.AddCounts([]float64{0, math.Ln2}, []float64{1, 2}, []float32{3, 5}, []float32{1, 3}, nil)
	if got, want := s.MeanLoss(), (1+3*(2-5*math.Ln2))/4; math.Abs(got-want) > 1e-15 {
		t.Errorf("mean loss %v, want %v", got, want)
	}
}

// TestEqualRates: where a constant predicts all rows there is nothing to explain,
// whatever is rounded.
func TestEqualRates(t *testing.T) {
	for _, rate := range []float32{0, 0.3, 1, 7} {
		s := NewSummary(1000)
		margins, means, labels, exposure := make([]float64, 1000), make([]float64, 1000), make([]float32, 1000), make([]float32, 1000)
		for i := range labels {
			exposure[i] = float32(int(1) << (i % 5))
			labels[i] = rate * exposure[i]
			means[i] = 1
		}
		s.AddCounts(margins, means, labels, nil, exposure)
		if m := s.Metrics(); len(m) != 2 || m["poisson_deviance"] <= 0 {
			t.Errorf("rate %v: %v", rate, m)
		}
	}
}
