package optim

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gradientRules are settings of all rules of gradients, with the knobs away from
// their defaults.
var gradientRules = []Settings{
	{Kind: "sgd", Rate: 0.1, Gradient: true},
	{Kind: "momentum", Rate: 0.1, Momentum: 0.8},
	{Kind: "momentum", Rate: 0.1, Momentum: 0.8, Nesterov: true},
	{Kind: "adagrad", Rate: 0.5, Gradient: true, Epsilon: 0.01},
	{Kind: "adam", Rate: 0.02, Beta1: 0.8, Beta2: 0.99, Epsilon: 1e-4},
	{Kind: "ftrl", Rate: 0.2, Beta: 0.5},
}

func TestOracle(t *testing.T) {
	text, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Settings Settings
		Rows     int64
		Start    []float32
		Steps    []struct {
			Sum     []float32
			Touched []uint32
			Weights []float64
		}
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		rule := newRule(t, c.Settings)
		n := len(c.Start)
		state := make([]float32, n*rule.Slots())
		copy(state, c.Start)
		for i, s := range c.Steps {
			rule.Combine(state, state, s.Sum, s.Touched, Round{Number: int64(i), Rows: c.Rows}, n)
			for k, want := range s.Weights {
				if math.Abs(float64(state[k])-want) > 2e-6*max(1, math.Abs(want)) {
					t.Fatalf("%+v, step %d, key %d: %v, want %v", c.Settings, i, k, state[k], want)
				}
			}
		}
	}
	if len(cases) < 12 {
		t.Errorf("only %d cases", len(cases))
	}
}

// reference is the naive rule for one key in float64.
func reference(s Settings, state []float64, sum float64, touched bool, round Round, penalized bool) {
	l1, l2 := s.L1, s.L2
	if !penalized {
		l1, l2 = 0, 0
	}
	if !touched && (l2 == 0 || s.Kind == "ftrl") {
		return
	}
	w := state[0]
	g := sum / float64(round.Rows)
	if s.Kind != "ftrl" {
		g += l2 * w
	}
	switch s.Kind {
	case "sgd":
		w -= s.Rate * g
	case "momentum":
		state[1] = s.Momentum*state[1] + g
		if s.Nesterov {
			w -= s.Rate * (g + s.Momentum*state[1])
		} else {
			w -= s.Rate * state[1]
		}
	case "adagrad":
		state[1] += g * g
		w -= s.Rate * g / (math.Sqrt(state[1]) + s.Epsilon)
	case "adam":
		state[1] = s.Beta1*state[1] + (1-s.Beta1)*g
		state[2] = s.Beta2*state[2] + (1-s.Beta2)*g*g
		t := float64(round.Number + 1)
		w -= s.Rate * state[1] / (1 - math.Pow(s.Beta1, t)) / (math.Sqrt(state[2]/(1-math.Pow(s.Beta2, t))) + s.Epsilon)
	case "ftrl":
		n := state[2] + g*g
		state[1] += g - (math.Sqrt(n)-math.Sqrt(state[2]))/s.Rate*w
		state[2] = n
		w = 0
		if z := state[1]; math.Abs(z) > l1 {
			w = -(z - math.Copysign(l1, z)) / ((s.Beta+math.Sqrt(n))/s.Rate + l2)
		}
	}
	state[0] = w
}

// draw returns the contributions of a round.
func draw(rng *rand.Rand, n int) (change []float32, touched []uint32) {
	change, touched = make([]float32, n), make([]uint32, n)
	for i := range change {
		if rng.IntN(3) > 0 {
			change[i], touched[i] = (rng.Float32()*2-1)*20, 1+rng.Uint32N(3)
		}
	}
	return change, touched
}

func TestGradientRulesAreTheirFormulas(t *testing.T) {
	const n, penalized = 11, 9
	for _, s := range append(withPenalty(0.3), gradientRules...) {
		rng := rand.New(rand.NewPCG(1, 2))
		rule := newRule(t, s)
		state := make([]float32, n*rule.Slots())
		want := make([][]float64, n)
		for i := range want {
			if s.Kind != "ftrl" {
				state[i] = rng.Float32()*2 - 1
			}
			want[i] = make([]float64, rule.Slots())
			want[i][0] = float64(state[i])
		}
		for r := range 30 {
			change, touched := draw(rng, n)
			round := Round{Number: int64(r), Rows: 10 + int64(r)}
			rule.Combine(state, state, change, touched, round, penalized)
			for i := range want {
				reference(s, want[i], float64(change[i]), touched[i] > 0, round, i < penalized)
				for slot, v := range want[i] {
					if got := float64(state[slot*n+i]); math.Abs(got-v) > 1e-5*max(1, math.Abs(v)) {
						t.Fatalf("%+v, round %d, key %d, slot %d: %v, want %v", s, r, i, slot, got, v)
					}
				}
			}
		}
	}
}

func withPenalty(l2 float64) (all []Settings) {
	for _, s := range gradientRules {
		s.L2 = l2
		if s.Kind == "ftrl" {
			s.L1 = 0.7
		}
		all = append(all, s)
	}
	return all
}

// A lazy rule may be given the touched keys alone, and dst need not be src.
func TestTouchedKeysAloneGiveTheSameBits(t *testing.T) {
	const n = 40
	for _, s := range gradientRules {
		rng := rand.New(rand.NewPCG(3, 4))
		rule := newRule(t, s)
		if !rule.Lazy() {
			t.Errorf("%+v is not lazy", s)
		}
		dense, lazy := make([]float32, n*rule.Slots()), make([]float32, n*rule.Slots())
		for r := range 20 {
			change, touched := draw(rng, n)
			round := Round{Number: int64(r), Rows: 16}
			fresh := make([]float32, len(dense))
			rule.Combine(fresh, dense, change, touched, round, n)
			for i, m := range touched {
				for slot := range rule.Slots() {
					if m == 0 && math.Float32bits(fresh[slot*n+i]) != math.Float32bits(dense[slot*n+i]) {
						t.Fatalf("%+v: an untouched key changed", s)
					}
				}
			}
			dense = fresh
			combineTouched(rule, lazy, change, touched, round)
		}
		if diff := cmp.Diff(dense, lazy); diff != "" {
			t.Errorf("%+v: %s", s, diff)
		}
	}
}

func combineTouched(rule Rule, state, change []float32, touched []uint32, round Round) {
	n := len(touched)
	var keys []int
	var part, sums []float32
	var counts []uint32
	for i, m := range touched {
		if m > 0 {
			keys, sums, counts = append(keys, i), append(sums, change[i]), append(counts, m)
		}
	}
	for slot := range rule.Slots() {
		for _, i := range keys {
			part = append(part, state[slot*n+i])
		}
	}
	rule.Combine(part, part, sums, counts, round, 0)
	for slot := range rule.Slots() {
		for j, i := range keys {
			state[slot*n+i] = part[slot*len(keys)+j]
		}
	}
}

// Every setting reaches the rule: changed, it changes what two rounds make.
func TestEveryKnobIsConnected(t *testing.T) {
	knobs := map[string]func(*Settings){
		"rate":     func(s *Settings) { s.Rate *= 2 },
		"l2":       func(s *Settings) { s.L2 = 0.5 },
		"l1":       func(s *Settings) { s.L1 = 0.5 },
		"momentum": func(s *Settings) { s.Momentum = 0.5 },
		"nesterov": func(s *Settings) { s.Nesterov = true },
		"beta1":    func(s *Settings) { s.Beta1 = 0.5 },
		"beta2":    func(s *Settings) { s.Beta2 = 0.5 },
		"epsilon":  func(s *Settings) { s.Epsilon = 0.5 },
		"beta":     func(s *Settings) { s.Beta = 0.2 },
		"gradient": func(s *Settings) { s.Gradient = false },
	}
	for kind, names := range map[string][]string{
		"sgd":      {"rate", "l2", "gradient"},
		"momentum": {"rate", "l2", "momentum", "nesterov"},
		"adagrad":  {"rate", "l2", "epsilon", "gradient"},
		"adam":     {"rate", "l2", "beta1", "beta2", "epsilon"},
		"ftrl":     {"rate", "l2", "l1", "beta"},
	} {
		s := Default(kind)
		s.Rate, s.Gradient = 0.1, true
		before := outcome(t, s)
		for _, name := range names {
			changed := s
			knobs[name](&changed)
			if outcome(t, changed) == before {
				t.Errorf("%s of %s does nothing", name, kind)
			}
		}
	}
	local := Settings{Kind: "adagrad", Rate: 0.1}
	before := stepped(t, local)
	if local.Epsilon = 0.5; stepped(t, local) == before {
		t.Error("epsilon of local adagrad does nothing")
	}
}

func outcome(t *testing.T, s Settings) string {
	rule := newRule(t, s)
	state := []float32{0.5, -0.25, 0, 0, 0, 0}[:2*rule.Slots()]
	for r, sum := range []float32{8, -3} {
		change := []float32{sum, 2 * sum, 0, 0}[:2*rule.Pushed()]
		rule.Combine(state, state, change, []uint32{1, 1}, Round{Number: int64(r), Rows: 4, Steps: 4}, 1)
	}
	return fmt.Sprint(rule.Local(), state)
}

func stepped(t *testing.T, s Settings) string {
	state := []float32{0.5, 0}
	newRule(t, s).Step(state, 1, []uint32{0}, []float32{1}, 0.5)
	return fmt.Sprint(state)
}

// A round whose workers had no rows has no mean gradient: nothing moves, not
// even under a penalty.
func TestRoundWithoutRows(t *testing.T) {
	for _, s := range withPenalty(0.3) {
		rule := newRule(t, s)
		src := []float32{1, 2, 3, 4, 5, 6}[:2*rule.Slots()]
		dst := make([]float32, len(src))
		rule.Combine(dst, src, make([]float32, 2), make([]uint32, 2), Round{}, 2)
		if diff := cmp.Diff(src, dst); diff != "" {
			t.Errorf("%+v: %s", s, diff)
		}
	}
}

func TestShapes(t *testing.T) {
	for kind, slots := range map[string]int{"sgd": 1, "momentum": 2, "adagrad": 2, "adam": 3, "ftrl": 3} {
		for _, gradient := range []bool{false, true} {
			s := Default(kind)
			s.Rate, s.Gradient = 1, gradient
			rule := newRule(t, s)
			local := !gradient && (kind == "sgd" || kind == "adagrad")
			want := []any{slots, 1, 1, false}
			if local {
				want = []any{slots, slots, slots, true}
			}
			if diff := cmp.Diff(want, []any{rule.Slots(), rule.Pulled(), rule.Pushed(), rule.Local()}); diff != "" {
				t.Errorf("%s, gradient %v: %s", kind, gradient, diff)
			}
		}
	}
}
