package survey

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/datashard"
	"parley/internal/param"
)

// take surveys a file with this text.
func take(t testing.TB, format, text string, columns ...string) *Survey {
	t.Helper()
	s, err := tryTake(t, format, text, columns...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryTake(t testing.TB, format, text string, columns ...string) (*Survey, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data."+format)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Take(context.Background(), datashard.Source{Path: path, Format: format, Columns: columns}, datashard.Options{CacheBytes: 1 << 20})
}

// plainly compares surveys by what they say, not by how.
var plainly = cmp.Options{cmpopts.IgnoreUnexported(Survey{}, Value{}), cmpopts.EquateApprox(1e-12, 0)}

func TestColumns(t *testing.T) {
	s := take(t, "csv", "when,n,x,ok,name,none,mixed\n"+
		"2001-01-31 07:05,1,0.5,true,ann,,1\n"+
		"2001-02-01,2,1.5,false,bob,,2\n"+
		"2001-02-02T00:00:00Z,2,,true,ann,,?\n"+
		"2001-02-03,7,2.5,true,\"\",,4\n")
	want := []Column{
		{Name: "when", Type: Time, Values: 4, Distinct: 4,
			Numbers: &Numbers{Min: 980924700, Mean: 981035175, Max: 981158400, Std: math.Sqrt(7800721875), Quartiles: [3]float64{980924700, 980985600, 981072000}},
			Times:   &Times{First: "2001-01-31 07:05", Last: "2001-02-03 00:00", Clock: true},
			Top:     []Value{{Text: "2001-01-31 07:05", Rows: 1}, {Text: "2001-02-01", Rows: 1}, {Text: "2001-02-02T00:00:00Z", Rows: 1}, {Text: "2001-02-03", Rows: 1}}},
		{Name: "n", Type: Integer, Values: 4, Distinct: 3,
			Numbers:   &Numbers{Min: 1, Mean: 3, Max: 7, Std: math.Sqrt(5.5), Quartiles: [3]float64{1, 2, 2}},
			Top:       []Value{{Text: "2", Rows: 2}, {Text: "1", Rows: 1}, {Text: "7", Rows: 1}},
			Histogram: []Bin{{1, 2, 1}, {2, 3, 2}, {3, 4, 0}, {4, 5, 0}, {5, 6, 0}, {6, 7, 0}, {7, 8, 1}}},
		{Name: "x", Type: Number, Values: 3, Missing: 1, Distinct: 3,
			Numbers: &Numbers{Min: 0.5, Mean: 1.5, Max: 2.5, Std: math.Sqrt(2. / 3), Quartiles: [3]float64{0.5, 1.5, 2.5}},
			Top:     []Value{{Text: "0.5", Rows: 1}, {Text: "1.5", Rows: 1}, {Text: "2.5", Rows: 1}}},
		{Name: "ok", Type: Boolean, Values: 4, Distinct: 2, Texts: &Texts{Bytes: 4.25, Words: 1, Most: 5},
			Top: []Value{{Text: "true", Rows: 3}, {Text: "false", Rows: 1}}},
		{Name: "name", Type: Category, Values: 4, Distinct: 3, Texts: &Texts{Bytes: 2.25, Words: 0.75, Most: 3},
			Top: []Value{{Text: "ann", Rows: 2}, {Text: "", Rows: 1}, {Text: "bob", Rows: 1}}},
		{Name: "none", Type: Empty, Missing: 4, Top: []Value{}},
		{Name: "mixed", Type: Category, Values: 4, Distinct: 4, Texts: &Texts{Bytes: 1, Words: 1, Most: 1},
			Top: []Value{{Text: "1", Rows: 1}, {Text: "2", Rows: 1}, {Text: "4", Rows: 1}, {Text: "?", Rows: 1}}},
	}
	binned := cmp.FilterPath(func(p cmp.Path) bool { // those of n alone are written out above
		return p.Last().String() == ".Histogram"
	}, cmp.Comparer(func(a, b []Bin) bool { return len(a) == 0 || len(b) == 0 || cmp.Equal(a, b) }))
	if diff := cmp.Diff(want, s.Columns, plainly, binned); diff != "" {
		t.Error(diff)
	}
	if s.Rows != 4 || s.BadRows != 0 || s.Files != 1 || s.Bytes == 0 {
		t.Errorf("%d rows, %d bad, %d files of %d bytes", s.Rows, s.BadRows, s.Files, s.Bytes)
	}
}

func TestLinesOfJSON(t *testing.T) {
	s := take(t, "jsonl", `{"a": 1, "b": "x"}
{"a": null, "b": "y"}
{"b": "x", "c": true}
`)
	got := map[string][3]int64{}
	for _, c := range s.Columns {
		got[c.Name+" "+string(c.Type)] = [3]int64{c.Values, c.Missing, c.Distinct}
	}
	want := map[string][3]int64{"a integer": {1, 2, 1}, "b category": {3, 0, 2}, "c boolean": {1, 2, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadRowsAreCountedAndLeftOut(t *testing.T) {
	s := take(t, "csv", "a,b\n1,2\n3\n\n5,6,7\n\"x\ny\",8\n9\n")
	want := []Place{{Row: 1, Line: 3, Code: "columns"}, {Row: 2, Line: 5, Code: "columns"}, {Row: 4, Line: 8, Code: "columns"}}
	if diff := cmp.Diff(want, s.Places, cmpopts.IgnoreFields(Place{}, "File", "Reason")); diff != "" {
		t.Error(diff)
	}
	if s.BadRows != 3 || s.Rows != 5 || !cmp.Equal(s.Reasons, []Reason{{"columns", 3}}) {
		t.Errorf("%d of %d rows bad: %v", s.BadRows, s.Rows, s.Reasons)
	}
	if c := s.Columns[1]; c.Values != 2 || c.Numbers.Max != 8 {
		t.Errorf("column b has %d values up to %v", c.Values, c.Numbers.Max)
	}
}

func TestSparse(t *testing.T) {
	s := take(t, "libsvm", "1 1:0.5 3:-2\n-1 2:1\nbad 1:1\n-1\n1 1:1 2:1 5:1\n")
	got := s.Sparse
	if got.Columns != 5 || got.Used != 4 || got.Nonzeros != 6 || got.MinRow != 0 || got.MeanRow != 1.5 || got.MaxRow != 3 || got.Density != 0.3 || got.Least != -2 || got.Most != 1 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]Value{{Text: "-1", Rows: 2}, {Text: "1", Rows: 2}}, got.Labels.Top, plainly); diff != "" {
		t.Error(diff)
	}
	if s.BadRows != 1 || s.Places[0].Line != 3 || s.Places[0].Row != 2 {
		t.Errorf("bad rows: %d, %+v", s.BadRows, s.Places)
	}
	if s.Label == nil || s.Label.Values != &got.Labels {
		t.Errorf("label: %+v", s.Label)
	}
}

// rowsOf makes a csv file of one column.
func rowsOf(name string, n int, cell func(i int) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s,other\n", name)
	for i := range n {
		fmt.Fprintf(&b, "\"%s\",%d\n", cell(i), i%3)
	}
	return b.String()
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		name, column string
		cell         func(i int) string
		want         Type
	}{
		{"rising numbers", "n", func(i int) string { return fmt.Sprint(3 * i) }, ID},
		{"different numbers in no order", "n", func(i int) string { return fmt.Sprint(i * 7919 % 10007) }, Integer},
		{"the same called an id", "user_id", func(i int) string { return fmt.Sprint(i * 7919 % 10007) }, ID},
		{"an id that recurs", "user_id", func(i int) string { return fmt.Sprint(i % 50) }, Integer},
		{"rising fractions", "n", func(i int) string { return fmt.Sprint(float64(i) + 0.5) }, Number},
		{"different names", "n", func(i int) string { return fmt.Sprintf("user%d", i) }, ID},
		{"names", "n", func(i int) string { return fmt.Sprintf("user%d", i%40) }, Category},
		{"documents", "n", func(i int) string { return fmt.Sprintf("this is document number %d", i) }, Text},
		{"phrases that recur", "n", func(i int) string { return fmt.Sprintf("this is the phrase %d", i%7) }, Category},
		{"seconds", "created_at", func(i int) string { return fmt.Sprint(1_000_000_000 + i) }, Time},
		{"milliseconds", "timestamp", func(i int) string { return fmt.Sprint(1_000_000_000_000 + 1000*i) }, Time},
		{"dates", "n", func(i int) string { return fmt.Sprintf("2001/01/%02d", 1+i%28) }, Time},
		{"dates and one that is none", "n", func(i int) string { return fmt.Sprintf("2001/01/%02d", 1+i%32) }, Category},
		{"yes and no", "n", func(i int) string { return []string{"Yes", "No"}[i%2] }, Boolean},
		{"one and nought", "n", func(i int) string { return fmt.Sprint(i % 2) }, Integer},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := take(t, "csv", rowsOf(c.column, 200, c.cell)).Columns[0]; got.Type != c.want {
				t.Errorf("%s, not %s (%d different of %d)", got.Type, c.want, got.Distinct, got.Values)
			}
		})
	}
}

func TestMillisecondsAreToldInSeconds(t *testing.T) {
	s := take(t, "csv", "ts,y\n1000000000500,1\n1000000060000,2\n")
	c := s.Columns[0]
	if c.Type != Time || c.Times.First != "2001-09-09 01:46" || c.Numbers.Max != 1000000060 || c.Numbers.Mean != 1000000030.25 {
		t.Errorf("%s: %+v, %+v", c.Type, c.Times, c.Numbers)
	}
}

func TestGuessedLabel(t *testing.T) {
	for header, want := range map[string]string{
		"date,delay,distance,origin,destination": "delay",
		"a,b,Is_Fraud,c,d":                       "Is_Fraud",
		"class,target,b,c,d":                     "target",
		"a,b,c,d,e":                              "e",
	} {
		s := take(t, "csv", header+"\n1,2,3,4,5\n2,3,4,5,6\n")
		if s.Label == nil || s.Label.Column != want {
			t.Errorf("%s: label %+v, not %s", header, s.Label, want)
		}
	}
	if s := take(t, "csv", "label,b\n1,1\n1,1\n"); s.Label != nil {
		t.Errorf("a column of one value is the label: %+v", s.Label)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, format, text, want string }{
		{"empty", "csv", "", "csv"},
		{"header alone", "csv", "a,b\n", "no rows"},
		{"unknown format", "xls", "a,b\n1,2\n", `"xls" is not known`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tryTake(t, c.format, c.text)
			if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
		})
	}
	if _, err := tryTake(t, "libsvm", "1 1:1\n", "a", "b"); param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "names of columns") {
		t.Errorf("columns of libsvm: %v", err)
	}
	if _, err := Take(context.Background(), datashard.Source{Path: filepath.Join(t.TempDir(), "none.csv"), Format: "csv"}, datashard.Options{}); param.KindOf(err) != param.Invalid {
		t.Errorf("missing file: %v", err)
	}
}

func TestJSONHasLists(t *testing.T) {
	text, err := json.Marshal(take(t, "libsvm", "1 1:1\n0 1:1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "null") {
		t.Errorf("null in %s", text)
	}
}
