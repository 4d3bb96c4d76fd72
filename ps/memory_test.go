package ps

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// TestDone: a contribution is released once, and only when its memory may be
// used again: this test uses it again.
func TestDone(t *testing.T) {
	for _, spec := range specs(t, 3) {
		t.Run(spec.name, func(t *testing.T) {
			rounds := contributions(4, 3, spec.Span.Len(), spec.Rule.Pushed())
			want := NewRange(spec.Spec)
			for _, pushes := range rounds {
				playOn(t, want, [][]Push{{pushes[2], pushes[0], pushes[1]}})
			}
			r, sent, done := NewRange(spec.Spec), 0, 0
			send := func(p Push) error {
				p.Offsets, p.Change = append([]uint32(nil), p.Offsets...), append([]float32(nil), p.Change...)
				offsets, change, released := p.Offsets, p.Change, false
				p.Done = func() {
					if released {
						t.Errorf("round %d, worker %d: released twice", p.Round, p.Worker)
					}
					released = true
					done++
					for i := range offsets {
						offsets[i] = 1 << 31
					}
					for i := range change {
						change[i] = 1e30
					}
				}
				sent++
				_, err := r.Push(p)
				return err
			}
			for _, pushes := range rounds {
				for _, w := range []int{2, 0, 2, 1} { // 2 waits, and comes again
					if err := send(pushes[w]); err != nil {
						t.Fatal(err)
					}
				}
				early := pushes[0]
				early.Round += 2
				if err := send(early); param.KindOf(err) != param.Invalid {
					t.Errorf("a push for a later round: %v", err)
				}
			}
			if done != sent {
				t.Errorf("%d of %d contributions were released", done, sent)
			}
			if diff := cmp.Diff(want.Snapshot(), r.Snapshot()); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAlloc: values are put where the driver wants them, for pulls that are
// answered at once, later, and of the version before.
func TestAlloc(t *testing.T) {
	r := rangeOf(t, 1)
	var room [3][]float32
	ask := func(i int, round param.Round) []Answer {
		p := pull(0, round)
		p.Offsets = []uint32{0, 1}
		p.Alloc = func(n int) []float32 { room[i] = []float32{9, 9, 9, 9}; return room[i][:n] }
		return r.Pull(p, Ticket(i))
	}
	answers := ask(0, 0)
	ask(1, 1)
	answers = append(answers, mustPush(t, r, push(0, 0, 1, 1))...)
	answers = append(answers, ask(2, 0)...)
	for i, a := range answers {
		if want := [][]float32{{0, 0}, {0, 1}, {0, 0}}[i]; !cmp.Equal(a.Values, want) || &a.Values[0] != &room[i][0] {
			t.Errorf("answer %d: %v", i, a.Values)
		}
	}
}

// TestConsecutive: runs of keys and keys one by one give the same.
func TestConsecutive(t *testing.T) {
	for _, spec := range specs(t, 1) {
		t.Run(spec.name, func(t *testing.T) {
			run, single := NewRange(spec.Spec), NewRange(spec.Spec)
			slots := spec.Rule.Pushed()
			for round := range param.Round(3) {
				p := Push{Term: 1, Round: round, Rows: 1, Offsets: []uint32{4, 5, 6}, Change: make([]float32, 3*slots)}
				for i := range p.Change {
					p.Change[i] = float32(i) + 0.1
				}
				mustPush(t, run, p)
				q := Push{Term: 1, Round: round, Rows: 1, Offsets: []uint32{4, 5, 6, 30}}
				for s := range slots {
					q.Change = append(append(q.Change, p.Change[3*s:3*s+3]...), 0)
				}
				mustPush(t, single, q)
				want := single.Pull(Pull{Term: 1, Round: round + 1, Offsets: []uint32{4, 6}}, 1)[0].Values
				got := run.Pull(Pull{Term: 1, Round: round + 1, Offsets: []uint32{4, 5, 6}}, 1)[0].Values
				for s := range spec.Rule.Pulled() {
					if got[3*s] != want[2*s] || got[3*s+2] != want[2*s+1] {
						t.Fatalf("values %v, want %v", got, want)
					}
				}
			}
		})
	}
}

// TestChecked: what the sender vouches for is not looked at again.
func TestChecked(t *testing.T) {
	r := rangeOf(t, 1)
	p := push(0, 0, 1, 2, 1)
	p.Checked = true
	mustPush(t, r, p)
	a := r.Pull(Pull{Term: 1, Round: 1, Offsets: []uint32{2, 1}, Checked: true}, 1)
	if a[0].Err != nil || !cmp.Equal(a[0].Values, []float32{1, 1}) {
		t.Errorf("%v", a)
	}
}
