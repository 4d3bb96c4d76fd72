package metric

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// TestClasses: by hand, with a fourth class that no row has; merged of two parts.
func TestClasses(t *testing.T) {
	all, part := NewSummary(5), NewSummary(5)
	all.AddClasses(4, Classified{Losses: []float64{1, 2}, Actual: []int{0, 0}, Predicted: []int{0, 1}, Weights: []float32{1, 0.5}})
	part.AddClasses(4, Classified{Losses: []float64{0, 1, 1}, Actual: []int{1, 1, 2}, Predicted: []int{1, 1, 1}, Weights: []float32{1, 1, 1}})
	for _, err := range []error{all.Merge(part), all.Merge(NewSummary(5)), part.Merge(part)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]float64{"logloss": 4 / 4.5, "accuracy": 0.6, "precision": (1 + 0.5 + 0) / 3, "recall": (0.5 + 1 + 0) / 3, "f1": (2./3 + 4./6 + 0) / 3}
	got := all.Metrics()
	for name, v := range want {
		if math.Abs(got[name]-v) > 1e-15 {
			t.Errorf("%s: %v, want %v", name, got[name], v)
		}
	}
	if all.Classes() != 4 || len(got) != len(want) {
		t.Errorf("%+v: %v", all, got)
	}
	empty := NewSummary(5)
	if empty.AddClasses(2, Classified{}); len(empty.Metrics()) != 0 {
		t.Errorf("metrics of no rows: %v", empty.Metrics())
	}
}

func TestMergeRefusesConfusion(t *testing.T) {
	good := func() *Summary {
		s := NewSummary(5)
		s.AddClasses(2, Classified{Losses: []float64{1}, Actual: []int{0}, Predicted: []int{1}})
		return s
	}
	for name, spoil := range map[string]func(*Summary){
		"other classes": func(s *Summary) { s.Confusion = []int64{1, 0, 0, 0, 0, 0, 0, 0, 0} },
		"no square":     func(s *Summary) { s.Confusion = append(s.Confusion, 0) },
		"negative":      func(s *Summary) { s.Confusion = []int64{2, -1, 0, 0} },
		"other rows":    func(s *Summary) { s.Rows++ },
		"no matrix":     func(s *Summary) { s.Confusion = nil },
		"other kind":    func(s *Summary) { s.Kind = Regression },
	} {
		into, bad := good(), good()
		spoil(bad)
		if err := into.Merge(bad); param.KindOf(err) != param.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(good(), into); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
