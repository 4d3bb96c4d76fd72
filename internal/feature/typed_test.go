package feature

import (
	"bytes"
	"math"
	"testing"

	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/table"
)

func typedBatch() *table.Batch {
	return &table.Batch{Rows: 4, Columns: []table.Column{
		{Kind: table.Number, Numbers: []float64{1, math.NaN(), 1e30 * 1e30, 3}},
		{Kind: table.Time, Times: []int64{7 * 3600 * nanoseconds, 1, 2, 0}, Missing: []bool{false, false, false, true}},
	}}
}

func TestTypedColumns(t *testing.T) {
	for _, features := range [][]job.Feature{nil, {{Numeric: "x", Transform: []string{"standardize"}}, {Category: "t"}, {Time: "t", Parts: []string{"hour"}}}} {
		p, err := Compile(Spec{Features: features}, []string{"x", "t"}, false)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"1 number: x NaN is not finite: leave the row out", "2 number: x 1e+60 is beyond the range of 32-bit floats"}
		f, b := p.NewFit(), typedBatch()
		f.Add(b, Place{})
		same(t, reasons(b.Bad), want)
		tr, err := f.Finish()
		if err != nil {
			t.Fatal(err)
		}
		a, err := tr.Bind([]string{"x", "t"})
		if err != nil {
			t.Fatal(err)
		}
		out, c := &batch.CSR{}, typedBatch()
		a.Apply(out, c)
		same(t, reasons(c.Bad), want)
		rows := []string{"x:-1 t=(other):1", "", "", "x:1 t=(other):1"}
		if features != nil {
			rows = []string{"x:-1 t=1970-01-01 07:00:00:1 t.hour=7:1", "", "", "x:1 t=(missing):1 t.hour=(missing):1"}
		}
		same(t, show(out, tr), rows)
	}
}

func TestCombinationsOfManyNumbersAreCountedOnTheGrid(t *testing.T) {
	d := parse("c,x", "a,1.00001", "a,1.00002", "b,500", "b,")
	s := Spec{Features: []job.Feature{{Numeric: "x", Bins: 2}, {Cross: []string{"c", "x"}}}}
	whole := d.fit(t, s)
	one, two := whole.plan.NewFit(), whole.plan.NewFit()
	one.Add(d.batch(whole.plan.Want(), []int{0, 1}), Place{})
	two.Add(d.batch(whole.plan.Want(), []int{2, 3}), Place{Row: 2})
	parts := whole.binding.Features[1].Parts
	whole.features[1].coarsen(parts)
	one.features[1].coarsen(parts)
	if n := len(whole.features[1].dictionary.names); n != 3 {
		t.Errorf("%d combinations on the grid, want 3", n)
	}
	if err := two.Merge(one); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fitBytes(t, two), fitBytes(t, whole)) {
		t.Error("merged fits are others")
	}
	if _, err := whole.Finish(); err != nil {
		t.Error(err)
	}
}
