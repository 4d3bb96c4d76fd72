package linalg

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTreeSumGrouping adds up leaves in one go and cut in pieces, for each number
// of leaves and random cuts: the bits must be the same.
func TestTreeSumGrouping(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for leaves := 1; leaves < 70; leaves++ {
		values := make([][]float64, leaves)
		whole, exact := NewTreeSum(2), 0.0
		for i := range values {
			values[i] = []float64{rng.NormFloat64() * math.Exp(10*rng.NormFloat64()), 1}
			exact += values[i][0]
			whole.Add(i, values[i])
		}
		want := slices.Clone(whole.Total())
		if want[1] != float64(leaves) || math.Abs(want[0]-exact) > 1e-9*math.Abs(exact)+1e-3 {
			t.Fatalf("%d leaves: %v, want %v", leaves, want, exact)
		}
		for range 20 {
			pieces := NewTreeSum(2)
			for from := 0; from < leaves; {
				to := from + 1 + rng.IntN(leaves-from)
				piece := NewTreeSum(2)
				for i := from; i < to; i++ {
					piece.Add(i, values[i])
				}
				if err := pieces.Merge(piece.Append(nil)); err != nil {
					t.Fatal(err)
				}
				from = to
			}
			if got := pieces.Total(); !slices.Equal(got, want) {
				t.Fatalf("%d leaves in pieces: %v, want %v", leaves, got, want)
			}
		}
	}
}

func TestTreeSumReset(t *testing.T) {
	s := NewTreeSum(1)
	s.Add(0, []float64{1})
	s.Reset()
	s.Add(0, []float64{5})
	if got := s.Total()[0]; got != 5 {
		t.Errorf("%v", got)
	}
}

func TestTreeSumMalformed(t *testing.T) {
	for _, parts := range [][]float64{{1}, {0, 0}, {math.NaN(), 0, 1}, {0.5, 0, 1}, {0, -1, 1}, {41, 0, 1}, {0, math.Inf(1), 1}} {
		if err := NewTreeSum(1).Merge(parts); err == nil {
			t.Errorf("%v is taken", parts)
		}
	}
}

func TestWords(t *testing.T) {
	want := []float64{0, math.Copysign(0, -1), 1, -math.Pi, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Float64frombits(0x7ff0000100000001)}
	got := FromWords(nil, AppendWords(nil, want))
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Errorf("%v came out as %v", want[i], got[i])
		}
	}
}
