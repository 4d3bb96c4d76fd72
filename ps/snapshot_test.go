package ps

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// playOn applies rounds in worker order.
func playOn(t testing.TB, r *Range, rounds [][]Push) {
	t.Helper()
	for _, pushes := range rounds {
		for _, p := range pushes {
			mustPush(t, r, p)
		}
	}
}

// recode takes a snapshot through its encoded form, with sections at odd
// addresses.
func recode(t testing.TB, s *Snapshot) *Snapshot {
	t.Helper()
	header, sections := s.Encode()
	out, err := DecodeSnapshot(header, shifted(sections)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// shifted copies sections to addresses that are not multiples of 4.
func shifted(sections []Section) (out []Section) {
	for _, s := range sections {
		data := append([]byte{0}, s.Data...)
		out = append(out, Section{s.Name, data[1:]})
	}
	return out
}

// TestRestore goes on from a snapshot, after the range that it is of has gone on:
// the bits are the same.
func TestRestore(t *testing.T) {
	for _, spec := range specs(t, 5) {
		t.Run(spec.name, func(t *testing.T) {
			rounds := contributions(7, 5, spec.Span.Len(), spec.Rule.Pushed())
			r := NewRange(spec.Spec)
			playOn(t, r, rounds[:3])
			mustPush(t, r, rounds[3][0]) // not in the snapshot
			s := r.Snapshot()
			want := recode(t, s)
			for _, p := range rounds[3][1:] {
				mustPush(t, r, p)
			}
			playOn(t, r, rounds[4:])
			if diff := cmp.Diff(want, s); diff != "" {
				t.Fatalf("the snapshot has changed:\n%s", diff)
			}
			q, err := Restore(spec.Spec, recode(t, s))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s, q.Snapshot()); diff != "" {
				t.Fatalf("snapshot of the restored range:\n%s", diff)
			}
			playOn(t, q, rounds[3:])
			if diff := cmp.Diff(r.Snapshot(), q.Snapshot()); diff != "" {
				t.Errorf("the restored range went on otherwise:\n%s", diff)
			}
		})
	}
}

// TestSnapshotInto uses memory again, whatever was in it.
func TestSnapshotInto(t *testing.T) {
	r := rangeOf(t, 1)
	s := r.Snapshot()
	mustPush(t, r, push(0, 0, 1, 0))
	mustPush(t, r, push(0, 1, 1, 2))
	state := s.State
	r.SnapshotInto(s)
	if diff := cmp.Diff(r.Snapshot(), s); diff != "" {
		t.Error(diff)
	}
	if &state[0] != &s.State[0] {
		t.Error("the memory was not used again")
	}
}

// TestInfiniteLoss: sums of finite losses may be infinite, and stay so in a
// header.
func TestInfiniteLoss(t *testing.T) {
	r := rangeOf(t, 1)
	for round := range param.Round(3) {
		mustPush(t, r, Push{Term: 1, Round: round, Rows: 1, Loss: math.MaxFloat64})
	}
	if got := recode(t, r.Snapshot()).Total.Loss; !math.IsInf(got, 1) {
		t.Errorf("loss %v", got)
	}
}

// TestRestoredHasNoUndo: nobody reads the version before a snapshot.
func TestRestoredHasNoUndo(t *testing.T) {
	r := rangeOf(t, 1)
	mustPush(t, r, push(0, 0, 1, 0))
	q, err := Restore(r.Spec(), r.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if a := q.Pull(pull(0, 0), 1); param.KindOf(a[0].Err) != param.Stale {
		t.Errorf("pull of the version before the snapshot: %v", a)
	}
	if a := q.Pull(pull(0, 1), 2); a[0].Err != nil || a[0].Values[0] != 1 {
		t.Errorf("pull of the snapshot's version: %v", a)
	}
}

// TestMisfits refuses snapshots of other ranges, and damaged ones.
func TestMisfits(t *testing.T) {
	spec := specOf(t, "adagrad", 2)
	for name, change := range map[string]func(*Snapshot){
		"fewer floats":       func(s *Snapshot) { s.State = s.State[1:] },
		"no floats":          func(s *Snapshot) { s.State = nil },
		"fewer tallies":      func(s *Snapshot) { s.Tallies = nil },
		"repeated keys":      func(s *Snapshot) { s.Offsets, s.State = []uint32{1, 1}, s.State[:4] },
		"a key beyond":       func(s *Snapshot) { s.Offsets, s.State = []uint32{1, 4}, s.State[:4] },
		"negative rows":      func(s *Snapshot) { s.Total.Rows = -1 },
		"other applications": func(s *Snapshot) { s.Applied++ },
		"clocks":             func(s *Snapshot) { s.Clocks = make([]param.Round, 2) },
		"recent touches":     func(s *Snapshot) { s.Recent = make([]uint32, 8) },
	} {
		r := NewRange(spec)
		playOn(t, r, contributions(3, 2, 4, 2))
		s := r.Snapshot()
		change(s)
		_, err := Restore(spec, s)
		if param.KindOf(err) != param.Corrupt || !strings.Contains(err.Error(), "range 3") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Restore(Spec{}, &Snapshot{}); param.KindOf(err) != param.Invalid {
		t.Errorf("a spec that is none: %v", err)
	}
}

// TestDecodeDamaged refuses headers and sections that cannot be read.
func TestDecodeDamaged(t *testing.T) {
	header, sections := rangeOf(t, 1).Handover().Encode()
	for i := range sections {
		if sections[i].Name == "undo.offsets" {
			continue
		}
		left := append(append([]Section(nil), sections[:i]...), sections[i+1:]...)
		if _, err := DecodeHandover(header, left...); param.KindOf(err) != param.Corrupt || !strings.Contains(err.Error(), sections[i].Name) {
			t.Errorf("without section %s: %v", sections[i].Name, err)
		}
		left = append(left, Section{sections[i].Name, []byte{1, 2, 3}})
		if _, err := DecodeHandover(header, left...); param.KindOf(err) != param.Corrupt {
			t.Errorf("with a short section %s: %v", sections[i].Name, err)
		}
	}
	if _, err := DecodeHandover(header[1:], sections...); param.KindOf(err) != param.Corrupt {
		t.Error(err)
	}
	if _, err := DecodeSnapshot([]byte("{"), sections...); param.KindOf(err) != param.Corrupt {
		t.Error(err)
	}
}

// TestSetTerms: a restored range refuses terms below the floor, for all workers.
func TestSetTerms(t *testing.T) {
	r := rangeOf(t, 2)
	if _, _, err := r.Fence(1, 7); err != nil {
		t.Fatal(err)
	}
	r.SetTerms(5)
	for w, kind := range []param.Kind{param.Stale, param.Stale} {
		p := push(param.Worker(w), 0, 1, 0)
		p.Term = []param.Term{4, 6}[w]
		if _, err := r.Push(p); param.KindOf(err) != kind {
			t.Errorf("worker %d: %v", w, err)
		}
		p.Term++
		mustPush(t, r, p)
	}
}

// TestSetWeights begins from weights that are given, once.
func TestSetWeights(t *testing.T) {
	for _, spec := range specs(t, 1) {
		t.Run(spec.name, func(t *testing.T) {
			n := spec.Span.Len()
			w := make([]float32, n)
			for i := range w {
				w[i] = float32(i)
			}
			r := NewRange(spec.Spec)
			if err := r.SetWeights(w); err != nil {
				t.Fatal(err)
			}
			if got := r.Weights(nil); !cmp.Equal(got, w) {
				t.Errorf("weights %v", got)
			}
			values := r.Pull(Pull{Term: 1, Offsets: []uint32{3}}, 1)[0].Values
			if values[0] != 3 || len(values) > 1 && values[1] != 0 {
				t.Errorf("key 3 is %v", values)
			}
			if err := r.SetWeights(w[1:]); param.KindOf(err) != param.Invalid {
				t.Errorf("too few: %v", err)
			}
			w[2] = float32(math.Inf(1))
			if err := r.SetWeights(w); param.KindOf(err) != param.Invalid {
				t.Errorf("infinite: %v", err)
			}
			w[2] = 2
			mustPush(t, r, Push{Term: 1})
			if err := r.SetWeights(w); param.KindOf(err) != param.Invalid {
				t.Errorf("at version 1: %v", err)
			}
		})
	}
	r := rangeOf(t, 2)
	mustPush(t, r, push(1, 0, 1, 0))
	if err := r.SetWeights(make([]float32, 4)); param.KindOf(err) != param.Invalid {
		t.Errorf("in the middle of a round: %v", err)
	}
}
