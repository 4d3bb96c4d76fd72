package ps

import (
	"testing"

	"go.uber.org/goleak"

	"parley/internal/param"
	"parley/ps/optim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rangeOf is a range of keys 10..13 under plain sgd without a penalty.
func rangeOf(t testing.TB, workers int) *Range {
	t.Helper()
	return NewRange(specOf(t, "sgd", workers))
}

func specOf(t testing.TB, kind string, workers int) Spec {
	t.Helper()
	return Spec{ID: 3, Span: param.Span{Lo: 10, Hi: 14}, Workers: workers, Penalized: 13, PerTally: 2, Rule: ruleOf(t, kind, 0, workers)}
}

func ruleOf(t testing.TB, kind string, l2 float64, workers int) optim.Rule {
	t.Helper()
	rule, err := optim.New(optim.Settings{Kind: kind, Rate: 0.5, L2: l2, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

// push is worker w's contribution of round r under term 1: one row that adds v to
// each of the offsets.
func push(w param.Worker, r param.Round, v float32, offsets ...uint32) Push {
	p := Push{Worker: w, Term: 1, Round: r, Offsets: offsets, Rows: 1, Loss: 0.5}
	for range offsets {
		p.Change = append(p.Change, v)
	}
	return p
}

// mustPush pushes what has to be taken and returns who was answered.
func mustPush(t testing.TB, r *Range, p Push) []Answer {
	t.Helper()
	answers, err := r.Push(p)
	if err != nil {
		t.Fatalf("push of worker %d in round %d: %v", p.Worker, p.Round, err)
	}
	return answers
}

// pull asks for offset 0 under term 1.
func pull(w param.Worker, r param.Round) Pull {
	return Pull{Worker: w, Term: 1, Round: r, Offsets: []uint32{0}}
}
