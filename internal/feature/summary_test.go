package feature

import (
	"fmt"
	"testing"

	"parley/internal/job"
)

func TestSummaryOfColumnsAndFaults(t *testing.T) {
	d := parse("id,x,c,y", "101,1,a,dog", "102,,a,cat", "101,4,,dog", "103,2,,dog", "101,bad,b,cat")
	s := Spec{
		Label:    &job.Label{Column: "y"},
		Features: []job.Feature{{Numeric: "x"}, {Category: "c"}},
		Quality:  &job.Quality{MinRows: 5, MaxMissing: map[string]float64{"c": 0.3, "x": 0.3}, Unique: "id"},
	}
	want := Summary{
		Rows: 5, Bad: []Count{{"number", 1}}, LargestColumn: -1,
		Labels:  []Label{{Value: 0, Name: "cat", Rows: 1, FirstRow: 1, Line: 3}, {Value: 1, Name: "dog", Rows: 3, FirstRow: 0, Line: 2}},
		Columns: []Column{{Name: "id"}, {Name: "x", Missing: 1, Numbers: 3, Least: 1, Most: 4, Mean: 7. / 3}, {Name: "c", Missing: 2}, {Name: "y"}},
		Faults: []Fault{
			{"data.quality.min_rows", "4 rows can be used, but there must be at least 5"},
			{"data.quality.max_missing.c", "2 of 5 rows (40%) have no c, but at most 30% may"},
			{"data.quality.unique", `2 rows repeat the id of another row: "101" is there 3 times`},
		},
	}
	same(t, d.fit(t, s).Summary(), want)
}

func TestUniqueValuesOfAllKinds(t *testing.T) {
	for _, test := range []struct{ cell, shown string }{
		{"a", `"a"`}, {"\xFFx", `"\xffx"`}, {"1234567", `"1234567"`}, {"123456789012345678", "123456789012345678"},
		{"0123456789", "a long value"}, {"a very long cell", "a long value"}, {"", `""`},
	} {
		var u uniqueFit
		u.add([]byte(test.cell))
		u.add([]byte("other"))
		if rows, _, _ := u.repeats(); rows != 0 {
			t.Errorf("%q repeats %d times", test.cell, rows)
		}
		u.add([]byte(test.cell))
		if rows, code, times := u.repeats(); rows != 1 || times != 2 || textOf(code) != test.shown {
			t.Errorf("%q: %d rows repeat, %s is there %d times", test.cell, rows, textOf(code), times)
		}
	}
}

func TestManyLabelsAreNotListed(t *testing.T) {
	d := &data{columns: []string{"y", "c"}}
	for i := range MaxLabels {
		d.rows = append(d.rows, []string{fmt.Sprint(i), "a"})
	}
	s := Spec{Label: &job.Label{Column: "y"}, Features: []job.Feature{{Category: "c"}}}
	if got := d.fit(t, s).Summary(); got.MoreLabels || len(got.Labels) != MaxLabels {
		t.Errorf("%d labels are listed, more %v", len(got.Labels), got.MoreLabels)
	}
	d.rows = append(d.rows, []string{"-1", "a"}, []string{"-1", "a"}, []string{"7", "a"})
	got := d.fit(t, s).Summary()
	if !got.MoreLabels || got.Labels != nil {
		t.Errorf("%d labels are listed, more %v", len(got.Labels), got.MoreLabels)
	}
	same(t, got.Least, &Label{Value: -1, FirstRow: MaxLabels, Line: MaxLabels + 2})
}
