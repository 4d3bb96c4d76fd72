package lsi

import (
	"math"
	"testing"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/metric"
	"parley/internal/param"
)

// small has three rows, one of them empty, and a column that the model lacks.
var small = &batch.CSR{Labels: []float32{0, 0, 0}, Offsets: []uint32{0, 2, 2, 4}, Columns: []uint32{0, 2, 1, 3}, Values: []float32{1, 2, 3, 4}}

func all(int) bool { return true }

func TestNew(t *testing.T) {
	for _, k := range []int{0, -1, MaxTopics + 1} {
		if _, err := New(k); param.KindOf(err) != param.Invalid {
			t.Errorf("%d topics: %v", k, err)
		}
	}
}

// TestMultiply compares with Aᵀ(A·P) by hand.
func TestMultiply(t *testing.T) {
	m, err := New(2)
	if err != nil {
		t.Fatal(err)
	}
	a := [3][4]float64{{1, 0, 2, 0}, {}, {0, 3, 0, 4}}
	panel := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	sum := []float64{0, 0, 0, 0, 0, 0, 0, 1}
	keep := func(i int) bool { return i != 1 }
	if n := m.Multiply(small, keep, panel, 2, sum); n != 2 {
		t.Errorf("%d rows", n)
	}
	for j := range 4 {
		for c := range 2 {
			want := 0.0
			for _, row := range a {
				y := 0.0
				for l, x := range row {
					y += x * float64(panel[2*l+c])
				}
				want += row[j] * y
			}
			if j == 3 && c == 1 {
				want++ // it is added
			}
			if sum[2*j+c] != want {
				t.Errorf("row %d, column %d: %v, want %v", j, c, sum[2*j+c], want)
			}
		}
	}
}

func TestTransformAndEvaluate(t *testing.T) {
	m, err := New(2)
	if err != nil {
		t.Fatal(err)
	}
	half := float32(math.Sqrt(0.5))
	weights := []float32{half, 0, half, 0, 0, 1, 9, 8, 0, 0} // of 3 columns; σ and residuals
	want := []float64{float64(half), 2, 0, 0, float64(half) * 3, 0}
	if got := m.Transform(nil, small, weights); len(got) != 6 {
		t.Errorf("%v", got)
	} else {
		for i, v := range got {
			if math.Abs(v-want[i]) > 1e-12 {
				t.Errorf("element %d: %v, want %v", i, v, want[i])
			}
		}
	}
	s := metric.NewSummary(3)
	m.Evaluate(small, all, weights, s)
	explained := linalg.Dot(want, want) / (1 + 4 + 9 + 16)
	if got := s.Metrics()["explained"]; math.Abs(got-explained) > 1e-12 || s.Rows != 3 || s.Unknown != 1 {
		t.Errorf("explained %v, want %v; %d rows, %d unknown", got, explained, s.Rows, s.Unknown)
	}
}

func TestSearch(t *testing.T) {
	s := NewSearch([]float64{1, 0}, 2)
	s.Add([]float64{0, 1, 2, 2})
	s.Add([]float64{0, 0, 5, 0, 3, 0})
	got := s.Found()
	if len(got) != 2 || got[0] != (Neighbour{3, 1}) || got[1] != (Neighbour{4, 1}) {
		t.Errorf("%v", got)
	}
}
