package ps

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// script runs messages of the form "pull w0 r1 t1 #7", "push w0 r0 t1" and
// "fence w0 t2" and returns a line for each effect: "#7 = 1" for an answer with
// a value, "#7 stale" for a refusal, "#7 gone" for a void ticket, "next 1" for a
// fence, "stale" for a push that was refused. Each push adds 1 to offset 0.
func script(t *testing.T, r *Range, lines string) (effects []string) {
	t.Helper()
	tell := func(answers []Answer) {
		for _, a := range answers {
			switch {
			case a.Superseded:
				effects = append(effects, fmt.Sprintf("#%d gone", a.Ticket))
			case a.Err != nil:
				effects = append(effects, fmt.Sprintf("#%d %v", a.Ticket, param.KindOf(a.Err)))
			default:
				effects = append(effects, fmt.Sprintf("#%d = %v", a.Ticket, a.Values[0]))
			}
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		var kind string
		var w param.Worker
		var round param.Round
		var term param.Term = 1
		var ticket Ticket
		for _, word := range strings.Fields(line) {
			switch word[0] {
			case 'w':
				fmt.Sscanf(word, "w%d", &w)
			case 'r':
				fmt.Sscanf(word, "r%d", &round)
			case 't':
				fmt.Sscanf(word, "t%d", &term)
			case '#':
				fmt.Sscanf(word, "#%d", &ticket)
			default:
				kind = word
			}
		}
		switch kind {
		case "pull":
			tell(r.Pull(Pull{Worker: w, Term: term, Round: round, Offsets: []uint32{0}}, ticket))
		case "push":
			answers, err := r.Push(Push{Worker: w, Term: term, Round: round, Offsets: []uint32{0}, Change: []float32{1}, Rows: 1})
			tell(answers)
			if err != nil {
				effects = append(effects, param.KindOf(err).String())
			}
		case "fence":
			next, refused, err := r.Fence(w, term)
			tell(refused)
			if err != nil {
				effects = append(effects, param.KindOf(err).String())
				continue
			}
			effects = append(effects, fmt.Sprintf("next %d", next))
		default:
			t.Fatalf("script: %q", line)
		}
	}
	return effects
}

// TestScripts feeds messages and compares what they set free. Both workers push
// 1 each round, so the mean makes the value equal to the version.
func TestScripts(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"a pull of the version that is there", "pull w0 r0 #1", []string{"#1 = 0"}},
		{"a pull is held until its version exists", `
			push w0 r0
			pull w0 r1 #1
			push w1 r0`, []string{"#1 = 1"}},
		{"all that wait are answered, in worker order", `
			pull w1 r1 #1
			pull w0 r1 #2
			push w1 r0
			push w0 r0`, []string{"#2 = 1", "#1 = 1"}},
		{"a duplicate counts once", `
			push w0 r0
			push w0 r0
			push w1 r0
			pull w0 r1 #1`, []string{"#1 = 1"}},
		{"a late duplicate of the round before is acknowledged", `
			push w0 r0
			push w1 r0
			push w0 r0
			pull w0 r1 #1`, []string{"#1 = 1"}},
		{"a duplicate does not complete a round", `
			push w0 r0
			push w0 r0
			pull w0 r0 #1`, []string{"#1 = 0"}},
		{"the undo is one version deep", `
			push w0 r0
			push w1 r0
			pull w0 r0 #1
			push w0 r1
			push w1 r1
			pull w0 r1 #2
			pull w0 r0 #3`, []string{"#1 = 0", "#2 = 1", "#3 stale"}},
		{"a pull ahead of the next version", "pull w0 r2 #1", []string{"#1 invalid"}},
		{"the highest round is not the one before the first", "pull w0 r18446744073709551615 #1", []string{"#1 invalid"}},
		{"a push ahead of the version", "push w0 r1", []string{"invalid"}},
		{"a fence refuses older terms and says where to begin", `
			push w0 r0 t1
			fence w0 t2
			fence w1 t2
			push w1 r0 t1
			pull w0 r1 t1 #1
			pull w1 r0 t2 #2`, []string{"next 1", "next 0", "stale", "#1 stale", "#2 = 0"}},
		{"a fence refuses the pull that is held", `
			pull w0 r1 t1 #1
			fence w0 t2
			push w0 r0 t2
			push w1 r0 t1`, []string{"#1 stale", "next 0"}},
		{"an older fence changes nothing", `
			fence w0 t3
			fence w0 t2
			push w0 r0 t2`, []string{"next 0", "next 0", "stale"}},
		{"a message of a newer term fences as well", `
			pull w0 r1 t1 #1
			push w0 r0 t2
			push w0 r0 t1`, []string{"#1 stale", "stale"}},
		{"fencing one worker refuses nobody else", `
			pull w1 r1 t1 #1
			fence w0 t9
			push w1 r0 t1
			push w0 r0 t9`, []string{"next 0", "#1 = 1"}},
		{"a term ends, what it had pushed counts once", `
			push w0 r0 t1
			fence w0 t2
			push w0 r0 t2
			push w1 r0 t1
			pull w0 r1 t2 #1`, []string{"next 1", "#1 = 1"}},
		{"a pull that was sent again is answered twice, whichever connection lives", `
			pull w0 r1 #1
			pull w0 r1 #2
			push w0 r0
			push w1 r0`, []string{"#1 = 1", "#2 = 1"}},
		{"of many only the last ones", `
			pull w0 r1 #1
			pull w0 r1 #2
			pull w0 r1 #3
			pull w0 r1 #4
			pull w0 r1 #5
			push w0 r0
			push w1 r0`, []string{"#1 gone", "#2 = 1", "#3 = 1", "#4 = 1", "#5 = 1"}},
		{"workers that do not exist", `
			pull w2 r0 #1
			push w4294967295 r0
			fence w2 t1`, []string{"#1 invalid", "invalid", "invalid"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, script(t, rangeOf(t, 2), c.script)); diff != "" {
				t.Errorf("effects (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMalformed refuses contributions and pulls that no worker makes, and leaves
// the range as it was: the round completes with the right ones.
func TestMalformed(t *testing.T) {
	inf := float32(1)
	for range 200 {
		inf *= 2
	}
	nan := inf - inf
	with := func(change func(*Push)) Push {
		p := push(0, 0, 1, 0, 2)
		change(&p)
		return p
	}
	for _, c := range []struct {
		name string
		push Push
		kind param.Kind
	}{
		{"descending", with(func(p *Push) { p.Offsets = []uint32{2, 0} }), param.Invalid},
		{"repeated", with(func(p *Push) { p.Offsets = []uint32{2, 2} }), param.Invalid},
		{"beyond the span", with(func(p *Push) { p.Offsets = []uint32{0, 4} }), param.Invalid},
		{"far beyond", with(func(p *Push) { p.Offsets = []uint32{0, 1<<32 - 1} }), param.Invalid},
		{"a value too few", with(func(p *Push) { p.Change = p.Change[:1] }), param.Invalid},
		{"a value too many", with(func(p *Push) { p.Change = append(p.Change, 1) }), param.Invalid},
		{"negative rows", with(func(p *Push) { p.Rows = -1 }), param.Invalid},
		{"NaN", with(func(p *Push) { p.Change[1] = nan }), param.Diverged},
		{"Inf", with(func(p *Push) { p.Change[0] = inf }), param.Diverged},
		{"-Inf", with(func(p *Push) { p.Change[0] = -inf }), param.Diverged},
		{"NaN loss", with(func(p *Push) { p.Loss = float64(nan) }), param.Diverged},
		{"Inf loss", with(func(p *Push) { p.Loss = float64(inf) }), param.Diverged},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rangeOf(t, 2)
			mustPush(t, r, push(1, 0, 3, 0))
			if _, err := r.Push(c.push); param.KindOf(err) != c.kind {
				t.Errorf("got %v, want kind %v", err, c.kind)
			}
			if got := r.Missing(); len(got) != 1 || got[0] != 0 || r.Version() != 0 {
				t.Errorf("missing %v at version %d", got, r.Version())
			}
			mustPush(t, r, push(0, 0, 1, 0))
			if got, want := r.Weights(nil), []float32{2, 0, 0, 0}; !cmp.Equal(got, want) {
				t.Errorf("weights %v, want %v", got, want)
			}
			if got, want := r.Total(), (Tally{Rows: 2, Loss: 1}); got != want {
				t.Errorf("tally %v, want %v", got, want)
			}
		})
	}
	for name, offsets := range map[string][]uint32{"descending": {1, 0}, "repeated": {1, 1}, "beyond": {4}} {
		answers := rangeOf(t, 2).Pull(Pull{Worker: 0, Offsets: offsets}, 1)
		if len(answers) != 1 || param.KindOf(answers[0].Err) != param.Invalid {
			t.Errorf("pull of %s keys: %v", name, answers)
		}
	}
}

func TestSpecValidate(t *testing.T) {
	if err := specOf(t, "sgd", 1).Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Spec){
		"no keys":          func(s *Spec) { s.Span.Hi = s.Span.Lo },
		"turned span":      func(s *Spec) { s.Span.Hi = s.Span.Lo - 1 },
		"huge span":        func(s *Spec) { s.Span = param.Span{Lo: 0, Hi: 1 << 62} },
		"no workers":       func(s *Spec) { s.Workers = 0 },
		"negative workers": func(s *Spec) { s.Workers = -1 },
		"many workers":     func(s *Spec) { s.Workers = 1 << 31 },
		"no tallies":       func(s *Spec) { s.PerTally = 0 },
		"no rule":          func(s *Spec) { s.Rule = nil },
		"no mode":          func(s *Spec) { s.Mode = -1 },
		"unknown mode":     func(s *Spec) { s.Mode = ASP + 1 },
	} {
		s := specOf(t, "sgd", 1)
		change(&s)
		if err := s.Validate(); param.KindOf(err) != param.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
