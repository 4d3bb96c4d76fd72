package feature

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/murmur3"

	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/table"
)

// show writes rows as name:value, and as column:value where there are no names.
func show(c *batch.CSR, tr *Transform) []string {
	names := tr.Names()
	out := make([]string, c.Rows())
	for row := range out {
		var parts []string
		for i := c.Offsets[row]; i < c.Offsets[row+1]; i++ {
			name := fmt.Sprint(c.Columns[i])
			if names != nil {
				name = names[c.Columns[i]]
			}
			parts = append(parts, fmt.Sprintf("%s:%v", name, c.Values[i]))
		}
		out[row] = strings.Join(parts, " ")
	}
	return out
}

func reasons(bad table.BadRows) []string {
	var out []string
	for _, b := range bad {
		out = append(out, fmt.Sprintf("%d %s: %s", b.Row, b.Code, b.Reason))
	}
	return out
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRowsOfEachKind(t *testing.T) {
	tests := []struct {
		name     string
		features []job.Feature
		data     *data
		names    []string
		rows     []string
	}{
		{"numbers", []job.Feature{{Numeric: "x", Scale: 2}}, parse("x", "1", "", "0", "-2"), []string{"x", "x missing"},
			[]string{"x:2", "x:-0.6666667 x missing:1", "", "x:-4"}},
		{"without missing", []job.Feature{{Numeric: "x"}}, parse("x", "1", "2"), []string{"x"}, []string{"x:1", "x:2"}},
		{"standardized", []job.Feature{{Numeric: "x", Transform: []string{"standardize"}}}, parse("x", "1", "3", "", "2"), []string{"x", "x missing"},
			[]string{"x:-1.2247449", "x:1.2247449", "x missing:1", ""}},
		{"constant", []job.Feature{{Numeric: "x", Transform: []string{"standardize"}}}, parse("x", "5", "5"), []string{"x"}, []string{"", ""}},
		{"logarithm", []job.Feature{{Numeric: "x", Transform: []string{"log1p"}}}, parse("x", "0", "1.718281828459045"), []string{"x"}, []string{"", "x:1"}},
		{"bins", []job.Feature{{Numeric: "x", Bins: 2}}, parse("x", "0", "1", "2", "3", ""), []string{"x bin 0 [0,1.5)", "x bin 1 [1.5,3]", "x missing"},
			[]string{"x bin 0 [0,1.5):1", "x bin 0 [0,1.5):1", "x bin 1 [1.5,3]:1", "x bin 1 [1.5,3]:1", "x missing:1"}},
		{"names", []job.Feature{{Category: "c", MinCount: 2}}, parse("c", "b", "a", "b", "", "", "z"), []string{"c=(missing)", "c=b", "c=(other)"},
			[]string{"c=b:1", "c=(other):1", "c=b:1", "c=(missing):1", "c=(missing):1", "c=(other):1"}},
		{"times", []job.Feature{{Time: "t", Parts: []string{"hour", "weekday"}}}, parse("t", "2001-01-31 07:05", "2001-02-04", ""),
			[]string{"t.hour=(missing)", "t.hour=0", "t.hour=7", "t.weekday=(missing)", "t.weekday=2", "t.weekday=6"},
			[]string{"t.hour=7:1 t.weekday=2:1", "t.hour=0:1 t.weekday=6:1", "t.hour=(missing):1 t.weekday=(missing):1"}},
		{"combinations", []job.Feature{{Cross: []string{"c", "t.hour"}, MinCount: 2}}, parse("c,t", "SFO,2001-01-31 07:05", "SFO,2001-02-01 07:59", "JFK,2001-02-01 07:59"),
			[]string{"c×t.hour=SFO×7", "c×t.hour=(other)"}, []string{"c×t.hour=SFO×7:1", "c×t.hour=SFO×7:1", "c×t.hour=(other):1"}},
		{"combinations of bins", []job.Feature{{Numeric: "x", Bins: 2}, {Cross: []string{"c", "x"}}}, parse("c,x", "a,0", "a,1", "b,3", "b,", "a,4"),
			[]string{"x bin 0 [0,2)", "x bin 1 [2,4]", "x missing", "c×x=a×bin 0 [0,2)", "c×x=a×bin 1 [2,4]", "c×x=b×(missing)", "c×x=b×bin 1 [2,4]"},
			[]string{"x bin 0 [0,2):1 c×x=a×bin 0 [0,2):1", "x bin 0 [0,2):1 c×x=a×bin 0 [0,2):1", "x bin 1 [2,4]:1 c×x=b×bin 1 [2,4]:1", "x missing:1 c×x=b×(missing):1", "x bin 1 [2,4]:1 c×x=a×bin 1 [2,4]:1"}},
		{"automatic", nil, parse("x,c,none", "1,a,", "3,a,", ",1,"), []string{"x", "x missing", "c=a", "c=(other)"},
			[]string{"x:-1 c=a:1", "x:1 c=a:1", "x missing:1 c=(other):1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tr := test.data.transform(t, Spec{Features: test.features})
			rows, bad := test.data.apply(t, tr)
			same(t, tr.Names(), test.names)
			same(t, show(rows, tr), test.rows)
			same(t, reasons(bad), []string(nil))
		})
	}
}

func TestNamesThatTheFitHasNotSeen(t *testing.T) {
	seen, unseen := parse("c", "a", "b", "a"), parse("c", "z", "a", "")
	rows, _ := unseen.apply(t, seen.transform(t, Spec{Features: []job.Feature{{Category: "c"}}}))
	tr := seen.transform(t, Spec{Features: []job.Feature{{Category: "c", MinCount: 2}}})
	others, _ := unseen.apply(t, tr)
	same(t, rows.Columns, []uint32{0})
	same(t, show(others, tr), []string{"c=(other):1", "c=a:1", "c=(other):1"})
}

func TestHashedColumns(t *testing.T) {
	d := parse("c,x,t", "SFO,2,2001-01-31 07:05", "JFK,0,2001-01-31 08:05")
	s := Spec{Hash: &job.Hash{Bits: 20}, Features: []job.Feature{{Category: "c"}, {Numeric: "x", Missing: "refuse"}, {Cross: []string{"c", "t.hour"}}}}
	tr, err := d.plan(t, s).Unfitted()
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := d.apply(t, tr)
	got := map[uint32]float32{}
	for i := rows.Offsets[0]; i < rows.Offsets[1]; i++ {
		got[rows.Columns[i]] = rows.Values[i]
	}
	hash := func(name string) uint32 { return murmur3.StringSum32(name) & (1<<20 - 1) }
	same(t, got, map[uint32]float32{hash("c=SFO"): 1, hash("x"): 2, hash("c×t.hour=SFO×7"): 1})
	same(t, rows.Offsets, []uint32{0, 3, 5})
	if tr.Names() != nil || tr.Columns() != 1<<20 {
		t.Errorf("%d columns, names %v", tr.Columns(), tr.Names())
	}
}

func TestHashedColumnsThatCollideAreSummed(t *testing.T) {
	d := parse("a,b,c", "1,2,3")
	s := Spec{Hash: &job.Hash{Bits: 1}, Features: []job.Feature{{Category: "a"}, {Category: "b"}, {Category: "c"}}}
	tr, err := d.plan(t, s).Unfitted()
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := d.apply(t, tr)
	total := float32(0)
	for _, v := range rows.Values {
		total += v
	}
	if total != 3 || len(rows.Columns) > 2 {
		t.Errorf("%v: %v", rows.Columns, rows.Values)
	}
}

func TestLabels(t *testing.T) {
	above := 15.0
	tests := []struct {
		name    string
		label   job.Label
		quality *job.Quality
		cells   []string
		labels  []float32
		bad     []string
	}{
		{"numbers", job.Label{}, nil, []string{"1", "-2.5", "1e3", "-0"}, []float32{1, -2.5, 1000, 0}, nil},
		{"too large", job.Label{}, nil, []string{"1", "1e39"}, []float32{1, 0}, []string{"1 label: label 1e39 is beyond the range of 32-bit floats"}},
		{"missing", job.Label{}, nil, []string{"1", ""}, []float32{1, 0}, []string{"1 label: label y is missing"}},
		{"above", job.Label{Above: &above}, nil, []string{"15", "15.001", "late", "16"}, []float32{0, 1, 0, 1}, []string{`2 label: label "late" is not a number: write it in plain decimal digits`}},
		{"map", job.Label{Map: map[string]float64{"no": 0, "yes": 2}}, nil, []string{"yes", "no", "perhaps"}, []float32{2, 0, 0},
			[]string{`2 label: label "perhaps" is not in data.label.map: add it, or * for all others`}},
		{"map with a rest", job.Label{Map: map[string]float64{"no": 0, "*": 1}}, nil, []string{"yes", "no"}, []float32{1, 0}, nil},
		{"names", job.Label{}, nil, []string{"dog", "cat", "eel", "cat"}, []float32{1, 0, 2, 0}, nil},
		{"allowed", job.Label{}, &job.Quality{Labels: []float64{0, 1}}, []string{"0", "1", "2"}, []float32{0, 1, 0},
			[]string{"2 label: label 2 is not one of 0, 1, which data.quality.labels allows"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := &data{columns: []string{"y", "c"}}
			for _, cell := range test.cells {
				d.rows = append(d.rows, []string{cell, "a"})
			}
			test.label.Column = "y"
			tr := d.transform(t, Spec{Label: &test.label, Quality: test.quality, Features: []job.Feature{{Category: "c"}}})
			rows, bad := d.apply(t, tr)
			same(t, rows.Labels, test.labels)
			same(t, reasons(bad), test.bad)
			for _, l := range rows.Labels {
				if math.Signbit(float64(l)) && l == 0 {
					t.Error("a label is -0")
				}
			}
		})
	}
}

func TestClassNamesOfOtherData(t *testing.T) {
	tr := parse("y,c", "dog,a", "cat,a").transform(t, Spec{Label: &job.Label{Column: "y"}, Features: []job.Feature{{Category: "c"}}})
	same(t, tr.Classes(), []string{"cat", "dog"})
	rows, bad := parse("y,c", "dog,a", "cow,a", ",a").apply(t, tr)
	same(t, rows.Labels, []float32{1, 0, 0})
	same(t, reasons(bad), []string{`1 label: label "cow" is none of the 2 classes of the training data`, "2 label: label y is missing"})
}

func TestPredictionNeedsNoLabel(t *testing.T) {
	d := parse("y,w,e,c", "1,2,3,a", "0,1,1,b")
	s := Spec{Label: &job.Label{Column: "y"}, Weight: &job.Column{Column: "w"}, Exposure: &job.Column{Column: "e"}, Features: []job.Feature{{Category: "c"}}}
	tr := d.transform(t, s)
	rows, _ := d.apply(t, tr)
	same(t, [][]float32{rows.Labels, rows.Weights, rows.Exposure}, [][]float32{{1, 0}, {2, 1}, {3, 1}})
	rows, bad := parse("c", "b", "a").apply(t, tr)
	same(t, [][]float32{rows.Labels, rows.Weights, rows.Exposure}, [][]float32{{0, 0}, nil, nil})
	same(t, rows.Columns, []uint32{1, 0})
	same(t, reasons(bad), []string(nil))
	junk := parse("c,y,w,e", "b,?,?,2")
	a, err := tr.BindUnlabeled(junk.columns)
	if err != nil || a.Labeled() {
		t.Fatal(err)
	}
	out, b := &batch.CSR{}, junk.batch(a.Want(), junk.all())
	a.Apply(out, b)
	same(t, reasons(b.Bad), []string(nil))
	same(t, out.Exposure, []float32{2})
	if _, err := tr.Bind([]string{"C"}); err == nil || !strings.Contains(err.Error(), `feature c: no column "C"`) && !strings.Contains(err.Error(), `feature c: no column "c"; did you mean C?`) {
		t.Error(err)
	}
}

func TestBadRowsSayWhy(t *testing.T) {
	s := Spec{
		Weight: &job.Column{Column: "w"}, Exposure: &job.Column{Column: "e"},
		Features: []job.Feature{{Numeric: "x", Missing: "refuse"}, {Numeric: "l", Transform: []string{"log"}}, {Numeric: "p", Transform: []string{"log1p"}}, {Time: "t", Parts: []string{"day"}}},
		Quality:  &job.Quality{Range: map[string][]float64{"r": {0, 10}}},
	}
	d := parse("w,e,x,l,p,t,r",
		"1,1,1,1,1,2001-01-31,10", "-1,1,1,1,1,2001-01-31,1", "1,0,1,1,1,2001-01-31,1", "1,,1,1,1,2001-01-31,1", "x,1,1,1,1,2001-01-31,1",
		"1,1,,1,1,2001-01-31,1", "1,1,ten,1,1,2001-01-31,1", "1,1,1e40,1,1,2001-01-31,1", "1,1,1,0,1,2001-01-31,1", "1,1,1,1,-1,2001-01-31,1",
		"1,1,1,1,1,yesterday,1", "1,1,1,1,1,2001-01-31,11", "1,1,1,1,1,2001-01-31,lots", "1,1,1,1,1,2001-01-31,", "1e39,1,1,1,1,2001-01-31,1", "1,1,nan,1,1,2001-01-31,1")
	f := d.fit(t, s)
	tr, err := f.Finish()
	if err != nil {
		t.Fatal(err)
	}
	rows, bad := d.apply(t, tr)
	want := []string{
		"1 weight: weight w is -1: it must be at least 0", "2 exposure: exposure e is 0: it must be above 0", "3 exposure: exposure e is missing",
		`4 weight: w "x" is not a number: write it in plain decimal digits`,
		"5 missing: x is missing: fill it in, or set missing: mean for the feature", `6 number: x "ten" is not a number: write it in plain decimal digits`,
		"7 number: x 1e40 is beyond the range of 32-bit floats", "8 number: l 0 has no log: it must be above 0 there", "9 number: p -1 has no log1p: it must be above -1 there",
		`10 time: t "yesterday" is not a time: write it as 2001-01-31 07:05 or 2001-01-31T07:05:09Z, or as 10 digits of seconds since 1970`,
		"11 range: r 11 is not between 0 and 10, as data.quality.range asks", `12 number: r "lots" is not a number: write it in plain decimal digits`,
		"14 weight: w 1e39 is beyond the range of 32-bit floats", `15 number: x "nan" is not a number: write it in plain decimal digits`,
	}
	same(t, reasons(bad), want)
	same(t, f.Summary().Bad, []Count{{"exposure", 2}, {"missing", 1}, {"number", 6}, {"range", 1}, {"time", 1}, {"weight", 3}})
	for _, b := range bad {
		if rows.Offsets[b.Row] != rows.Offsets[b.Row+1] || rows.Weights[b.Row] != 1 {
			t.Errorf("bad row %d is not empty", b.Row)
		}
	}
}

func TestFinishSaysWhatCannotBe(t *testing.T) {
	many := &data{columns: []string{"id"}}
	for i := range maxAutoNames + 1 {
		many.rows = append(many.rows, []string{fmt.Sprintf("n%d", i)})
	}
	tests := []struct {
		name string
		data *data
		spec Spec
		want string
	}{
		{"no values", parse("c,d", ",x", ",y"), Spec{Features: []job.Feature{{Category: "c"}}}, "data.features[0].category: column c has no value in any row"},
		{"no numbers", parse("x,d", ",x"), Spec{Features: []job.Feature{{Category: "d"}, {Numeric: "x", Bins: 4}}}, "data.features[1].numeric: column x has no numbers"},
		{"no rows", parse("x", "a"), Spec{Features: []job.Feature{{Numeric: "x"}}}, "there is no row that can be used (1 are bad)"},
		{"nothing left", parse("x,y", ",1"), Spec{Label: &job.Label{Column: "y"}}, "no columns are left"},
		{"many names", many, Spec{}, "data.features: column id has more than 100000 different names: set data.hash, or leave it out with {ignore: id}"},
		{"mixed labels", parse("y,c", "1,a", "x,a", "2,a"), Spec{Label: &job.Label{Column: "y"}},
			`mixed label kinds: label 1 (line 2 of file 1) is a number, but label "x" (line 3 of file 1) is a name`},
		{"named labels allowed", parse("y,c", "x,a"), Spec{Label: &job.Label{Column: "y"}, Quality: &job.Quality{Labels: []float64{1}}}, `data.quality.labels: the labels are names such as "x", not numbers`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.data.fit(t, test.spec).Finish()
			if err == nil || param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
}
