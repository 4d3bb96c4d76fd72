package feature

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"parley/internal/job"
)

func TestBatchesMayComeBackwards(t *testing.T) {
	d := parse("y,c,x", "dog,a,1", "cat,b,1.00001", "dog,a,500", "cat,b,")
	s := Spec{Label: &job.Label{Column: "y"}, Features: []job.Feature{{Numeric: "x", Bins: 2}, {Cross: []string{"c", "x"}}}}
	whole := d.fit(t, s)
	whole.features[1].coarsen(whole.binding.Features[1].Parts)
	back := whole.plan.NewFit()
	back.features[1].coarsen(whole.binding.Features[1].Parts)
	for row := range slices.Backward(d.rows) {
		back.Add(d.batch(whole.plan.Want(), []int{row}), Place{Row: int64(row), Line: func(int) int64 { return int64(row) + 2 }})
	}
	if !bytes.Equal(fitBytes(t, back), fitBytes(t, whole)) {
		t.Error("other bytes when the rows came backwards")
	}
}

func TestFullDictionariesStayFull(t *testing.T) {
	full, few := newDictionary(3), newDictionary(3)
	for i := range 4 {
		full.add(fmt.Append(nil, i), 1)
	}
	few.add([]byte("a"), 1)
	if few.merge(&full); !full.full || !few.full || len(few.names) != 0 {
		t.Errorf("full %v and %v, with %d names", full.full, few.full, len(few.names))
	}
}
