package optim

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// What is refused is named.
func TestNewRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, bad := range map[string][]Settings{
		"lbfgs":    {{Kind: "lbfgs", Rate: 1}},
		`""`:       {{Rate: 1}},
		"rate":     {{Kind: "sgd"}, {Kind: "sgd", Rate: -1}, {Kind: "sgd", Rate: nan}, {Kind: "sgd", Rate: inf}, {Kind: "sgd", Rate: 1e-60}},
		"l2":       {{Kind: "sgd", Rate: 1, L2: -1}, {Kind: "sgd", Rate: 1, L2: nan}, {Kind: "sgd", Rate: 1, L2: inf}},
		"l1":       {{Kind: "ftrl", Rate: 1, L1: -1}, {Kind: "ftrl", Rate: 1, L1: nan}, {Kind: "ftrl", Rate: 1, L1: inf}, {Kind: "sgd", Rate: 1, L1: 1}},
		"workers":  {{Kind: "sgd", Rate: 1, Workers: -1}},
		"momentum": {{Kind: "momentum", Rate: 1, Momentum: -0.1}, {Kind: "momentum", Rate: 1, Momentum: 1}, {Kind: "momentum", Rate: 1, Momentum: nan}},
		"nesterov": {{Kind: "momentum", Rate: 1, Nesterov: true}},
		"beta1":    {{Kind: "adam", Rate: 1, Beta1: -0.1}, {Kind: "adam", Rate: 1, Beta1: 1}, {Kind: "adam", Rate: 1, Beta1: nan}},
		"beta2":    {{Kind: "adam", Rate: 1, Beta2: -0.1}, {Kind: "adam", Rate: 1, Beta2: 1 - 1e-12}, {Kind: "adam", Rate: 1, Beta2: nan}},
		"epsilon":  {{Kind: "adam", Rate: 1, Epsilon: -1}, {Kind: "adam", Rate: 1, Epsilon: 1e-40}, {Kind: "adam", Rate: 1, Epsilon: nan}, {Kind: "adagrad", Rate: 1, Epsilon: inf}},
		"beta":     {{Kind: "ftrl", Rate: 1, Beta: -1}, {Kind: "ftrl", Rate: 1, Beta: nan}, {Kind: "ftrl", Rate: 1, Beta: inf}},
	} {
		for _, s := range bad {
			if _, err := New(s); param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), name+" ") && !strings.Contains(err.Error(), name+":") && !strings.Contains(err.Error(), `"`+name+`":`) {
				t.Errorf("%+v: %v", s, err)
			}
		}
	}
}

func newRule(t *testing.T, s Settings) Rule {
	r, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSteps(t *testing.T) {
	state := []float32{1, 2, 3}
	newRule(t, Settings{Kind: "sgd", Rate: 0.25}).Step(state, 3, []uint32{0, 2}, []float32{2, -1}, 0.5)
	if diff := cmp.Diff([]float32{0.75, 2, 3.125}, state); diff != "" {
		t.Error(diff)
	}
	state = []float32{1, 2, 3, 8}
	newRule(t, Settings{Kind: "adagrad", Rate: 0.5}).Step(state, 2, []uint32{1}, []float32{2}, 0.5)
	if diff := cmp.Diff([]float32{1, 2 - float32(0.5)/3, 3, 9}, state); diff != "" {
		t.Error(diff)
	}
}

func TestCombine(t *testing.T) {
	src := []float32{1, 2, 4, 1, 4, 4}
	change := []float32{0, 6, 6, 0, 5, 12}
	touched := []uint32{0, 1, 3}
	for _, c := range []struct {
		name string
		s    Settings
		want []float32
	}{
		{"sgd", Settings{Kind: "sgd", Rate: 0.5}, []float32{1, 8, 6}},
		// N·eta·l2 = 3·8·0.5·0.25 = 3 and f = 1, 2/3, 1/3
		{"sgd with l2", Settings{Kind: "sgd", Rate: 0.5, L2: 0.25, Workers: 3}, []float32{1. / 4, 8. / 3, 6}},
		{"adagrad", Settings{Kind: "adagrad", Rate: 0.5}, []float32{1, 8, 6, 1, 9, 16}},
		// N·rate·l2 = 3·8·0.5·0.5 = 6, the root of a 1 and 3
		{"adagrad with l2", Settings{Kind: "adagrad", Rate: 0.5, L2: 0.5, Workers: 3}, []float32{1. / 7, 8. / (1 + 4./3), 6, 1, 9, 16}},
		{"adagrad with l2, workers unknown", Settings{Kind: "adagrad", Rate: 0.5, L2: 0.5}, []float32{1. / 3, 8. / (1 + 2./3), 6, 1, 9, 16}},
	} {
		rule := newRule(t, c.s)
		n := 3 * rule.Slots()
		dst := make([]float32, n)
		rule.Combine(dst, src[:n], change[:n], touched, Round{Steps: 8}, 2)
		if diff := cmp.Diff(c.want, dst, cmp.Comparer(near)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		alias := append([]float32{}, src[:n]...)
		rule.Combine(alias, alias, change[:n], touched, Round{Steps: 8}, 2)
		if diff := cmp.Diff(dst, alias); diff != "" {
			t.Errorf("%s in place: %s", c.name, diff)
		}
	}
}

func near(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }

func TestUntouchedKeysKeepTheirBits(t *testing.T) {
	for _, kind := range []string{"sgd", "adagrad"} {
		rule := newRule(t, Settings{Kind: kind, Rate: 0.5, Workers: 4})
		src := []float32{float32(math.Copysign(0, -1)), 1e-45, 0.1, 3, 0.3, 0.7}[:3*rule.Slots()]
		dst := make([]float32, len(src))
		rule.Combine(dst, src, make([]float32, len(src)), make([]uint32, 3), Round{Steps: 100}, 3)
		for i := range src {
			if math.Float32bits(dst[i]) != math.Float32bits(src[i]) {
				t.Errorf("%s: %v became %v", kind, src[i], dst[i])
			}
		}
	}
}

func TestAnyPenaltyIsStable(t *testing.T) {
	for _, kind := range []string{"sgd", "adagrad"} {
		rule := newRule(t, Settings{Kind: kind, Rate: 1e3, L2: 1e20, Workers: 4})
		state := []float32{3, -1, 2, 5}[:2*rule.Slots()]
		rule.Combine(state, state, make([]float32, len(state)), []uint32{1, 0}, Round{Steps: 1e6}, 1)
		if !(state[0] >= 0 && state[0] < 1e-9) || state[1] != -1 {
			t.Errorf("%s: %v", kind, state)
		}
	}
}

// A key without a gradient has no rate of AdaGrad's, so nothing shrinks it.
func TestAdaGradLeavesWhatHasNoRate(t *testing.T) {
	rule := newRule(t, Settings{Kind: "adagrad", Rate: 1, L2: 1, Workers: 4})
	state := []float32{0.25, 0}
	rule.Combine(state, state, []float32{0, 0}, []uint32{0}, Round{Steps: 8}, 1)
	if state[0] != 0.25 {
		t.Errorf("the weight became %v", state[0])
	}
}

// The share of the penalty is right on average: its expectation over the number
// of touching workers is that of the mean's share of the gradients.
func TestSharesAreUnbiased(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		workers, q := 1+rng.IntN(20), rng.Float64()
		w := float64(workers)
		shares := newPenalty(Settings{Workers: workers}).shares
		mean, choose := 0.0, 1.0
		for m, s := range shares {
			mean += choose * math.Pow(q, float64(m)) * math.Pow(1-q, w-float64(m)) * s / w
			choose *= (w - float64(m)) / float64(m+1)
		}
		if want := (1 - math.Pow(1-q, w)) / (w * q); math.Abs(mean-want) > 1e-9 {
			t.Errorf("%d workers, q = %v: %v, want %v", workers, q, mean, want)
		}
	}
}
