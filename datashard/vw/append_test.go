package vw

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/batch"
	"parley/internal/table"
)

// roundTrip writes rows and reads them back.
func roundTrip(t *testing.T, rows *batch.CSR, bits int) {
	t.Helper()
	var text []byte
	for i := range rows.Rows() {
		text = Append(text, rows, i, nil)
	}
	got, bad := new(batch.CSR), table.BadRows(nil)
	(&Parser{Bits: bits}).Parse(got, nil, &bad, text)
	if diff := cmp.Diff(rows, got, sameBits, cmpopts.EquateEmpty()); diff != "" || len(bad) > 0 {
		t.Fatalf("%q: bad %v (-want +got)\n%s", text, bad, diff)
	}
}

func FuzzAppend(f *testing.F) {
	for _, text := range rowCases {
		f.Add(text, byte(17))
	}
	f.Fuzz(func(t *testing.T, text string, bits byte) {
		rows, bad := new(batch.CSR), table.BadRows(nil)
		p := &Parser{Bits: 1 + int(bits)%MaxBits, Unlabeled: true}
		p.Parse(rows, nil, &bad, []byte(text+"\n"))
		roundTrip(t, rows, p.Bits)
	})
}

func TestAppend(t *testing.T) {
	rows := &batch.CSR{
		Labels:  []float32{1, -0.5, 0, math.SmallestNonzeroFloat32},
		Weights: []float32{1, 2.5, 0, math.MaxFloat32},
		Offsets: []uint32{0, 3, 4, 4, 5},
		Columns: []uint32{0, 7, 1<<28 - 1, 3, 2},
		Values:  []float32{1, 0.25, 0, float32(math.Copysign(0, -1)), 1e-5},
	}
	roundTrip(t, rows, MaxBits)
	names := func(column uint32) string { return []string{"city=New York", "", "a:b|c\td", "\x00é"}[column%4] }
	for row, want := range []struct{ numbers, names string }{
		{"1 | 0 7:0.25 268435455:0", "1 | city=New_York _é:0.25 _é:0"},
		{"-0.5 2.5 | 3:-0", "-0.5 2.5 | _é:-0"},
		{"0 0 |", "0 0 |"},
		{"1e-45 3.4028235e+38 | 2:1e-05", "1e-45 3.4028235e+38 | a_b_c_d:1e-05"},
	} {
		if got := string(Append(nil, rows, row, nil)); got != want.numbers+"\n" {
			t.Errorf("row %d: %q, want %q", row, got, want.numbers)
		}
		if got := strings.TrimSuffix(string(Append([]byte("x\n"), rows, row, names)), "\n"); got != "x\n"+want.names {
			t.Errorf("row %d: %q, want %q", row, got, want.names)
		}
	}
	rows.Weights = nil
	if got := string(Append(nil, rows, 1, func(uint32) string { return "" })); got != "-0.5 | _:-0\n" {
		t.Errorf("got %q", got)
	}
}
