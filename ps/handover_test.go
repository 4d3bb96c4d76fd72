package ps

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/param"
	"parley/ps/optim"
)

// namedSpec is a spec with a name for a subtest.
type namedSpec struct {
	name string
	Spec
}

// specs are those of all kinds of tables and modes, of 31 keys.
func specs(t testing.TB, workers int) (out []namedSpec) {
	t.Helper()
	rules := map[string]optim.Rule{"sgd": ruleOf(t, "sgd", 0, workers), "adagrad": ruleOf(t, "adagrad", 0, workers),
		"sgd-l2": ruleOf(t, "sgd", 0.01, workers), "adagrad-l2": ruleOf(t, "adagrad", 0.01, workers)}
	for mode, name := range []string{"bsp", "ssp", "asp"} {
		for kind, rule := range rules {
			out = append(out, namedSpec{name + "-" + kind, Spec{ID: 3, Span: param.Span{Lo: 5, Hi: 36}, Workers: workers,
				Penalized: 30, PerTally: 2, Rule: rule, Mode: Mode(mode), Staleness: 1}})
		}
	}
	return out
}

// mover is a range that is handed over between messages, with what is held sent
// again.
type mover struct {
	t       testing.TB
	r       *Range
	sent    map[Ticket]Pull
	answers map[Ticket]string
}

func (m *mover) take(answers []Answer) {
	for _, a := range answers {
		delete(m.sent, a.Ticket)
		m.answers[a.Ticket] = fmt.Sprint(a.Values, a.Superseded, param.KindOf(a.Err))
	}
}

func (m *mover) pull(p Pull, ticket Ticket) {
	m.sent[ticket] = p
	m.take(m.r.Pull(p, ticket))
}

func (m *mover) push(p Push) param.Kind {
	answers, err := m.r.Push(p)
	m.take(answers)
	return param.KindOf(err)
}

func (m *mover) move() {
	header, sections := m.r.Handover().Encode()
	h, err := DecodeHandover(header, shifted(sections)...)
	if err != nil {
		m.t.Fatal(err)
	}
	q, err := Adopt(m.r.Spec(), h)
	if err != nil {
		m.t.Fatal(err)
	}
	moved := param.Errorf(param.NotOwner, "moved")
	for _, a := range m.r.Refuse(moved) {
		if a.Err != moved {
			m.t.Fatalf("refused with %v", a.Err)
		}
		for _, b := range q.Pull(m.sent[a.Ticket], a.Ticket) {
			m.t.Fatalf("a pull that was held is answered after the move: %v", b)
		}
	}
	m.r = q
}

// TestAdopt sends random messages, many of them out of turn, to a range that
// stays where it is and to one that moves in between: answers and bits are the
// same.
func TestAdopt(t *testing.T) {
	for _, spec := range specs(t, 4) {
		t.Run(spec.name, func(t *testing.T) {
			pushes := contributions(12, 4, spec.Span.Len(), spec.Rule.Pushed())
			undone := 0
			for seed := range uint64(25) {
				undone += schedule(t, spec.Spec, pushes, seed)
			}
			if undone == 0 && spec.Mode == BSP {
				t.Error("no schedule read the version before, so the test cannot fail there")
			}
		})
	}
}

func schedule(t *testing.T, spec Spec, pushes [][]Push, seed uint64) (undone int) {
	t.Helper()
	g := rand.New(rand.NewPCG(seed, 3))
	still := &mover{t: t, r: NewRange(spec), sent: map[Ticket]Pull{}, answers: map[Ticket]string{}}
	moving := &mover{t: t, r: NewRange(spec), sent: map[Ticket]Pull{}, answers: map[Ticket]string{}}
	for ticket := range Ticket(150) {
		version := still.r.Version()
		round := param.Round(max(0, int(version)+g.IntN(4)-2))
		w, term := param.Worker(g.IntN(spec.Workers)), param.Term(1+g.IntN(2)*int(ticket/100))
		switch {
		case int(round) >= len(pushes):
		case g.IntN(3) > 0:
			p := pushes[round][w]
			p.Term = term
			if a, b := still.push(p), moving.push(p); a != b {
				t.Fatalf("seed %d: push: %v after a move, %v without", seed, b, a)
			}
		default:
			p := Pull{Worker: w, Term: term, Round: round, Offsets: []uint32{0, 1, 2, 7, 30}}
			still.pull(p, ticket)
			moving.pull(p, ticket)
			if round+1 == param.Round(version) {
				undone++
			}
		}
		if g.IntN(3) == 0 {
			moving.move()
		}
	}
	if diff := cmp.Diff(still.answers, moving.answers); diff != "" {
		t.Fatalf("seed %d: answers (-still +moving):\n%s", seed, diff)
	}
	if diff := cmp.Diff(still.r.Handover(), moving.r.Handover(), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("seed %d: state (-still +moving):\n%s", seed, diff)
	}
	return undone
}

// TestAdoptMisfits refuses handovers that are damaged.
func TestAdoptMisfits(t *testing.T) {
	spec := specOf(t, "sgd", 3)
	for name, change := range map[string]func(*Handover){
		"no snapshot":       func(h *Handover) { h.Snapshot = nil },
		"a bad snapshot":    func(h *Handover) { h.Snapshot.State = nil },
		"fewer terms":       func(h *Handover) { h.Terms = h.Terms[1:] },
		"fewer counts":      func(h *Handover) { h.Sum.Counts = nil },
		"fewer sums":        func(h *Handover) { h.Sum.Values = nil },
		"a key beyond":      func(h *Handover) { h.Sum.Offsets[0] = 4 },
		"too many workers":  func(h *Handover) { h.Sum.Workers = 3 },
		"-1 workers":        func(h *Handover) { h.Sum.Workers = -1 },
		"undo too short":    func(h *Handover) { h.Undo.Values = nil },
		"undo beyond":       func(h *Handover) { h.Undo.Offsets = []uint32{9} },
		"a worker beyond":   func(h *Handover) { h.Pushes[0].Worker = 3 },
		"a worker twice":    func(h *Handover) { h.Pushes = append(h.Pushes, h.Pushes[0]) },
		"a worker again":    func(h *Handover) { h.Pushes[0].Worker = 0 },
		"another round":     func(h *Handover) { h.Pushes[0].Round = 7 },
		"a malformed push":  func(h *Handover) { h.Pushes[0].Change = nil },
		"a push out of key": func(h *Handover) { h.Pushes[0].Offsets = []uint32{4} },
	} {
		r := NewRange(spec)
		playOn(t, r, contributions(2, 3, 4, 1))
		mustPush(t, r, push(0, 2, 1, 1))
		mustPush(t, r, push(2, 2, 1, 1))
		h := r.Handover()
		change(h)
		if _, err := Adopt(spec, h); param.KindOf(err) != param.Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}
