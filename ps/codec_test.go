package ps

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/param"
)

// FuzzAdopt decodes damaged handovers, which have a snapshot in them: each is
// refused as corrupt, or is a range that takes contributions and comes out of
// another move as it was.
func FuzzAdopt(f *testing.F) {
	for mode := range Mode(3) {
		r := NewRange(fuzzedSpec(f, mode))
		playOn(f, r, contributions(2, 3, 4, 1))
		mustPush(f, r, push(0, 2, 1, 1))
		mustPush(f, r, push(1, 2, 1, 2))
		header, sections := r.Handover().Encode()
		at := func(name string) []byte {
			for _, s := range sections {
				if s.Name == name {
					return s.Data
				}
			}
			return nil
		}
		f.Add(uint8(mode), header, at("offsets"), at("state"), at("recent"), at("undo.offsets"), at("sum.offsets"), at("sum.values"))
	}
	f.Fuzz(func(t *testing.T, mode uint8, header, offsets, state, recent, undo, sum, values []byte) {
		spec := fuzzedSpec(t, Mode(mode%3))
		h, err := DecodeHandover(header, sectionsOf(offsets, state, recent, undo, sum, values)...)
		if err == nil {
			var r *Range
			if r, err = Adopt(spec, h); err == nil {
				goOn(t, spec, r)
				return
			}
		}
		if param.KindOf(err) != param.Corrupt {
			t.Fatalf("%v is not corrupt", err)
		}
	})
}

func fuzzedSpec(t testing.TB, mode Mode) Spec {
	spec := specOf(t, "sgd", 3)
	spec.Mode, spec.Staleness = mode, 2
	return spec
}

func sectionsOf(offsets, state, recent, undo, sum, values []byte) []Section {
	all := []Section{{"state", state}, {"undo.values", values}, {"sum.offsets", sum}, {"sum.counts", sum}, {"sum.values", values},
		{"push.0.offsets", sum}, {"push.0.change", values}}
	if len(offsets) > 0 {
		all = append(all, Section{"offsets", offsets})
	}
	if len(recent) > 0 {
		all = append(all, Section{"recent", recent})
	}
	if len(undo) > 0 {
		all = append(all, Section{"undo.offsets", undo})
	}
	return all
}

// goOn moves a range and lets all workers contribute once more.
func goOn(t *testing.T, spec Spec, r *Range) {
	h := r.Handover()
	header, sections := h.Encode()
	again, err := DecodeHandover(header, shifted(sections)...)
	if err != nil {
		t.Fatal(err)
	}
	q, err := Adopt(spec, again)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, q.Handover(), cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" {
		t.Fatalf("another handover (-want +got):\n%s", diff)
	}
	for w := range param.Worker(3) {
		p := push(w, q.next(w), 1, 0, 2)
		p.Term = ^param.Term(0)
		if _, err := q.Push(p); err != nil && param.KindOf(err) != param.Invalid { // too far ahead
			t.Fatal(err)
		}
	}
	q.Weights(nil)
	q.Close()
}

// TestClose releases what waits: for its turn and to be added up.
func TestClose(t *testing.T) {
	r, done := rangeOf(t, 4), 0
	for _, w := range []param.Worker{0, 3} {
		p := push(w, 0, 1, 0)
		p.Done = func() { done++ }
		mustPush(t, r, p)
	}
	if done != 0 {
		t.Error("a contribution was released whose memory may still be read")
	}
	r.Close()
	r.Close()
	if done != 2 {
		t.Errorf("%d of 2 contributions were released", done)
	}
}
