package trainer

import (
	"slices"
	"testing"

	"parley/internal/param"
)

var spans = []param.Span{{Lo: 0, Hi: 4}, {Lo: 4, Hi: 5}, {Lo: 5, Hi: 10}}

// TestWorkerRound goes through a round over three ranges with two slots: the keys
// are cut by range, answers come in any order and more than once, and the change
// is cut in the same way.
func TestWorkerRound(t *testing.T) {
	w := NewWorker(7, 3, 5, spans, 2)
	requests := w.Pull(w.Cut([]uint32{1, 3, 6, 9}))
	want := [][]uint32{{1, 3}, {}, {1, 4}}
	for i, r := range requests {
		if r.Range != param.RangeID(i) || r.Worker != 7 || r.Term != 3 || r.Round != 5 || r.Push || !slices.Equal(r.Offsets, want[i]) {
			t.Errorf("pull %+v", r)
		}
	}
	high := []float32{60, 90, 61, 91}
	w.Pulled(2, 5, high)
	w.Pulled(2, 5, []float32{0, 0, 0, 0}) // again
	w.Pulled(0, 4, []float32{0, 0, 0, 0}) // of another round
	w.Pulled(0, 5, []float32{0})          // of another shape
	if w.Complete() {
		t.Fatal("complete")
	}
	w.Pulled(0, 5, []float32{10, 30, 11, 31})
	if w.Complete() {
		t.Fatal("complete without the range that has none of the keys")
	}
	w.Pulled(1, 5, nil)
	if !w.Complete() || !slices.Equal(w.State(), []float32{10, 30, 60, 90, 11, 31, 61, 91}) {
		t.Fatalf("complete %v, state %v", w.Complete(), w.State())
	}
	if !w.Settled() {
		t.Error("nothing was pushed yet")
	}
	pushes := w.Push([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 9, 0.5, nil)
	changes := [][]float32{{1, 2, 5, 6}, {}, {3, 4, 7, 8}}
	for i, r := range pushes {
		if r.Range != param.RangeID(i) || r.Worker != 7 || r.Term != 3 || r.Round != 5 || !r.Push || !slices.Equal(r.Offsets, want[i]) ||
			!slices.Equal(r.Change, changes[i]) || r.Rows != 9 || r.Loss != 0.5 {
			t.Errorf("push %+v", r)
		}
	}
	if w.Round() != 6 || w.Settled() {
		t.Errorf("round %d, settled %v", w.Round(), w.Settled())
	}
	for _, id := range []param.RangeID{2, 0, 0} {
		w.Pushed(id, 5)
	}
	w.Pushed(1, 4) // of another round
	if w.Settled() {
		t.Error("settled too early")
	}
	w.Pushed(1, 5)
	if !w.Settled() {
		t.Error("not settled")
	}
}

// TestWorkerOwnsItsRequests: what was sent stays as it was when the next round
// begins: it may have to be sent again.
func TestWorkerOwnsItsRequests(t *testing.T) {
	w := NewWorker(0, 1, 0, spans, 1)
	keys := []uint32{1, 3, 6, 9}
	answer := func() {
		for id, n := range []int{2, 0, 2} {
			w.Pulled(param.RangeID(id), w.Round(), make([]float32, n))
		}
	}
	pulls := w.Pull(w.Cut(keys))
	answer()
	change := []float32{1, 2, 3, 4}
	pushes := w.Push(change, 1, 0, nil)
	keys[0], change[0] = 0, 77
	w.Pull(w.Cut(keys))
	if !slices.Equal(pulls[0].Offsets, []uint32{1, 3}) || !slices.Equal(pushes[0].Offsets, []uint32{1, 3}) || !slices.Equal(pushes[0].Change, []float32{1, 2}) {
		t.Errorf("pull %+v, push %+v", pulls[0], pushes[0])
	}
}

// TestWorkerBarrier: without keys every range is asked all the same.
func TestWorkerBarrier(t *testing.T) {
	w := NewWorker(0, 1, 0, spans, 2)
	if n := len(w.Pull(w.Cut(nil))); n != 3 {
		t.Errorf("%d pulls", n)
	}
	for id := range param.RangeID(3) {
		if w.Complete() {
			t.Error("complete too early")
		}
		w.Pulled(id, 0, nil)
	}
	if !w.Complete() || len(w.State()) != 0 {
		t.Errorf("complete %v, state %v", w.Complete(), w.State())
	}
}
