package optim

import (
	"math"
	"testing"
)

// TestSchedule compares with the definitions.
func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		at   int64
		want float64
	}{
		{Schedule{}, 1000, 1},
		{Schedule{Kind: "constant", Warmup: 4}, 0, 0.25},
		{Schedule{Kind: "constant", Warmup: 4}, 3, 1},
		{Schedule{Kind: "constant", Warmup: 4}, 9, 1},
		{Schedule{Warmup: 0.5}, 0, 1},
		{Schedule{Kind: "step", Every: 10, Factor: 0.5}, 9, 1},
		{Schedule{Kind: "step", Every: 10, Factor: 0.5}, 10, 0.5},
		{Schedule{Kind: "step", Every: 10, Factor: 0.5}, 39, 0.125},
		{Schedule{Kind: "cosine", Rounds: 100}, 0, 1},
		{Schedule{Kind: "cosine", Rounds: 100}, 20, (1 + math.Cos(math.Pi*0.2)) / 2},
		{Schedule{Kind: "cosine", Rounds: 100}, 50, 0.5},
		{Schedule{Kind: "cosine", Rounds: 100}, 90, (1 + math.Cos(math.Pi*0.9)) / 2},
		{Schedule{Kind: "cosine", Rounds: 100}, 100, 0},
		{Schedule{Kind: "cosine", Rounds: 100, Warmup: 20}, 10, 0.55},
		{Schedule{Kind: "cosine", Rounds: 100, Warmup: 20}, 60, 0.5},
	} {
		if got := c.s.At(c.at); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%+v at %d: %v, want %v", c.s, c.at, got, c.want)
		}
	}
}

// TestDecay compares a decayed step with the weights decayed first, as AdamW does.
func TestDecay(t *testing.T) {
	for _, kind := range []string{"sgd", "momentum", "adagrad", "adam"} {
		s := Default(kind)
		s.Rate, s.Gradient = 0.5, true
		plain, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		s.Decay = 0.25
		s.Schedule = Schedule{Warmup: 2}
		decayed, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		s.Decay, s.Schedule, s.Rate = 0, Schedule{}, 0.25
		half, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		n := 3
		src := make([]float32, n*plain.Slots())
		copy(src, []float32{1, -2, 4})
		first := append([]float32(nil), src...) // at a rate of 0.5·1/2, two of three keys penalised
		first[0] *= 1 - 0.25*0.25
		first[1] *= 1 - 0.25*0.25
		change, touched, round := []float32{1, 2, -3}, []uint32{1, 1, 1}, Round{Rows: 4}
		want, got := make([]float32, len(src)), append([]float32(nil), src...)
		half.Combine(want, first, change, touched, round, 2)
		decayed.Combine(got, got, change, touched, round, 2)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %v, want %v", kind, got, want)
				break
			}
		}
	}
}
