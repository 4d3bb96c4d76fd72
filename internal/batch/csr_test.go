package batch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOwn: rows that are kept are over their own columns; those beyond count as
// unknown.
func TestOwn(t *testing.T) {
	c := &CSR{FirstRow: 4, Labels: []float32{1, 2, 3}, Offsets: []uint32{0, 2, 3, 6}, Columns: []uint32{7, 40, 3, 7, 9, 99}, Values: []float32{1, 2, 3, 4, 5, 6}}
	got := c.Own(func(i int) bool { return i != 1 }, 40)
	want := &CSR{FirstRow: 4, Labels: c.Labels, Offsets: []uint32{0, 2, 2, 5}, Columns: []uint32{0, 2, 0, 1, 2}, Values: []float32{1, 2, 4, 5, 6}, Names: []uint32{7, 9}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if columns, _, unknown := got.Known(2, len(got.Names)); len(columns) != 2 || unknown != 1 {
		t.Errorf("%v and %d unknown ones", columns, unknown)
	}
	if c.Columns[0] != 7 {
		t.Error("the rows themselves have changed")
	}
}
