package feature

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"parley/internal/job"
)

// oracle is what scikit-learn makes of a file: see testdata/oracle.py.
type oracle struct {
	File    string
	Numbers map[string]map[string]json.RawMessage
	Names   map[string]struct {
		MinCount int64 `json:"min_count"`
		Names    []string
		Columns  []int
		Counts   []int64
		Unknown  int
	}
}

func readOracles(t *testing.T) []oracle {
	t.Helper()
	text, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var out []oracle
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func eachOracle(t *testing.T, test func(*testing.T, *data, oracle)) {
	for _, o := range readOracles(t) {
		t.Run(o.File, func(t *testing.T) { test(t, readData(t, find(t, o.File)), o) })
	}
}

func get[T any](t *testing.T, m map[string]json.RawMessage, key string) (v T) {
	t.Helper()
	if raw, ok := m[key]; ok {
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// near allows for roundings: scikit-learn's moments are sums of rounded numbers.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-11*(1+math.Abs(b)) }

func TestStandardizeAsScikitLearn(t *testing.T) {
	eachOracle(t, func(t *testing.T, d *data, o oracle) {
		for _, name := range sortedKeys(o.Numbers) {
			column, steps := name, []string{"standardize"}
			if n := len(name) - len("log1p"); n > 0 && name[n:] == "log1p" {
				column, steps = name[:n], []string{"log1p", "standardize"}
			}
			tr := d.transform(t, Spec{Features: []job.Feature{{Numeric: column, Transform: steps}}})
			b, want := tr.blocks[0], o.Numbers[name]
			if mean, deviation := get[float64](t, want, "mean"), get[float64](t, want, "deviation"); !near(b.Mean, mean) || !near(b.Deviation, deviation) {
				t.Errorf("%s: mean %v, deviation %v; scikit-learn has %v, %v", name, b.Mean, b.Deviation, mean, deviation)
			}
			rows, _ := d.apply(t, tr)
			for i, v := range get[[]float64](t, want, "values") {
				if got := float64(rows.Values[i]); math.Abs(got-v) > 1e-6*(1+math.Abs(v)) {
					t.Errorf("%s: row %d is %v; scikit-learn has %v", name, i, got, v)
				}
			}
		}
	})
}

func TestBinsAsScikitLearn(t *testing.T) {
	eachOracle(t, func(t *testing.T, d *data, o oracle) {
		for _, name := range sortedKeys(o.Numbers) {
			for _, key := range sortedKeys(o.Numbers[name]) {
				bins := map[string]int{"edges3": 3, "edges4": 4, "edges5": 5, "edges10": 10, "edges50": 50, "edges300": 300}[key]
				if bins == 0 {
					continue
				}
				tr := d.transform(t, Spec{Features: []job.Feature{{Numeric: name, Bins: bins}}})
				if want := get[[]float64](t, o.Numbers[name], key); !slices.Equal(tr.blocks[0].Edges, want) {
					t.Errorf("%s: edges of %d bins are %v; scikit-learn has %v", name, bins, tr.blocks[0].Edges, want)
				}
				rows, _ := d.apply(t, tr)
				for i, bin := range get[[]uint32](t, o.Numbers[name], "bins"+key[len("edges"):]) {
					if rows.Columns[i] != bin {
						t.Errorf("%s: row %d (%s) is in bin %d of %d; scikit-learn has %d", name, i, d.rows[i], rows.Columns[i], bins, bin)
					}
				}
			}
		}
	})
}

func TestCategoriesAsScikitLearn(t *testing.T) {
	eachOracle(t, func(t *testing.T, d *data, o oracle) {
		for _, name := range sortedKeys(o.Names) {
			want := o.Names[name]
			tr := d.transform(t, Spec{Features: []job.Feature{{Category: name, MinCount: want.MinCount}}})
			names := tr.Names()
			for i := range names {
				if names[i] = names[i][len(name)+1:]; names[i] == other {
					names[i] = "infrequent_sklearn"
				}
			}
			if !slices.Equal(names, want.Names) {
				t.Errorf("%s: columns %q; scikit-learn has %q", name, names, want.Names)
				continue
			}
			rows, _ := d.apply(t, tr)
			counts := make([]int64, len(names))
			for i, column := range rows.Columns {
				counts[column]++
				if i < len(want.Columns) && int(column) != want.Columns[i] {
					t.Errorf("%s: row %d is column %d; scikit-learn has %d", name, i, column, want.Columns[i])
				}
			}
			if !slices.Equal(counts, want.Counts) {
				t.Errorf("%s: counts %v; scikit-learn has %v", name, counts, want.Counts)
			}
			unknown := &data{d.columns, [][]string{slices.Repeat([]string{"never seen"}, len(d.columns))}}
			rows, _ = unknown.apply(t, tr)
			if got := rows.Columns; want.Unknown < 0 && len(got) > 0 || want.Unknown >= 0 && (len(got) != 1 || int(got[0]) != want.Unknown) {
				t.Errorf("%s: an unknown name is columns %d; scikit-learn has %d", name, got, want.Unknown)
			}
		}
	})
}
