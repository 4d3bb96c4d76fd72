package ps

import (
	"testing"

	"parley/internal/param"
	"parley/ps/optim"
)

func ftrlOf(t testing.TB, l1, l2 float64) optim.Rule {
	t.Helper()
	rule, err := optim.New(optim.Settings{Kind: "ftrl", Rate: 0.5, L1: l1, L2: l2, Beta: 1, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

// TestFTRLPenaltiesHold: the keys that are penalised, and no others, feel l1 and
// l2 at every contribution in each mode, though the rule sees touched keys alone.
func TestFTRLPenaltiesHold(t *testing.T) {
	for _, mode := range []Mode{BSP, SSP, ASP} {
		weights := func(l1, l2 float64, workers int) []float32 {
			spec := specOf(t, "sgd", workers)
			spec.Rule, spec.Mode, spec.Staleness = ftrlOf(t, l1, l2), mode, 1
			if !spec.Rule.Lazy() {
				t.Fatal("not lazy")
			}
			r := NewRange(spec)
			for round := range param.Round(3) {
				for w := range param.Worker(workers) {
					mustPush(t, r, push(w, round, 0.5, uint32(w), 2, 3))
				}
			}
			return r.Weights(nil)
		}
		for _, workers := range []int{1, 2} {
			plain, l1, l2 := weights(0, 0, workers), weights(100, 0, workers), weights(0, 100, workers)
			for o := range plain {
				penalized := o < 3 // key 13 is beyond
				switch {
				case plain[o] == 0 && (o != 1 || workers == 2):
					t.Errorf("mode %d: key %d did not move", mode, o)
				case penalized && (l1[o] != 0 || plain[o] != 0 && (l2[o] == 0 || l2[o]/plain[o] > 0.1)):
					t.Errorf("mode %d, %d workers: key %d has %v, with l1 %v, with l2 %v", mode, workers, o, plain[o], l1[o], l2[o])
				case !penalized && (l1[o] != plain[o] || l2[o] != plain[o]):
					t.Errorf("mode %d, %d workers: key %d is penalised: %v, %v, %v", mode, workers, o, plain[o], l1[o], l2[o])
				}
			}
		}
	}
}

// TestFTRLAloneIsAlikeInAllModes: the contributions of one worker are rounds.
func TestFTRLAloneIsAlikeInAllModes(t *testing.T) {
	var want []float32
	for _, mode := range []Mode{BSP, SSP, ASP} {
		spec := specOf(t, "sgd", 1)
		spec.Rule, spec.Mode, spec.Staleness = ftrlOf(t, 0.1, 0.3), mode, 1
		r := NewRange(spec)
		for round := range param.Round(9) {
			mustPush(t, r, push(0, round, float32(round%4)-1, uint32(round%2), 2, 3))
		}
		got := r.Weights(nil)
		if want == nil {
			want = got
		}
		if !sameBits(got, want) {
			t.Errorf("mode %d: %v, in bsp %v", mode, got, want)
		}
	}
}
