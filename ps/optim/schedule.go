package optim

import (
	"parley/internal/linalg"
)

// Schedule is how the rate changes from round to round. The zero value keeps it.
type Schedule struct {
	Kind   string  `json:"kind,omitempty"`   // "", "constant", "cosine" or "step"
	Warmup float64 `json:"warmup,omitempty"` // rounds in which the rate rises evenly
	Rounds int64   `json:"rounds,omitempty"` // of the run, for cosine
	Every  int64   `json:"every,omitempty"`  // rounds between two steps
	Factor float64 `json:"factor,omitempty"` // of a step
}

// At returns what the rate is multiplied by in a round, counted from 0: with t rounds
// behind the warm-up, of T,
//
//	cosine   (1 + cos(π·t/T)) / 2     (Loshchilov, Hutter, ICLR 2017, without restarts)
//	step     factor ^ ⌊round/every⌋
//
// and in the warm-up (round+1)/warmup of where it begins.
func (s Schedule) At(round int64) float64 {
	if r := float64(round); r < s.Warmup {
		return min(1, (r+1)/s.Warmup)
	}
	switch s.Kind {
	case "cosine":
		t := (float64(round) - s.Warmup) / max(1, float64(s.Rounds)-s.Warmup)
		return (1 + linalg.CosPi(min(1, t))) / 2
	case "step":
		f := 1.0
		for range round / max(1, s.Every) {
			if f *= s.Factor; f == 0 {
				break
			}
		}
		return f
	}
	return 1
}
