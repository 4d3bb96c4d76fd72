package artifact

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// saveClasses saves a model whose weight of class k and column j is 1000000 k + j,
// and whose bias of class k is k.
func saveClasses(t *testing.T, classes, columns int64) *Model {
	t.Helper()
	m := &Model{Kind: "softmax", Parley: "0.1.0", Job: json.RawMessage("{}"), Columns: columns,
		Tensors: []Tensor{{"bias", Float32, []int64{classes}}, {"weights", Float32, []int64{classes, columns}}}}
	for k := range classes {
		m.Labels = append(m.Labels, float32(k))
	}
	if classes == 1 {
		m.Kind, m.Labels, m.Tensors[1].Shape = "linear", nil, []int64{columns}
	}
	saved, err := Save(t.TempDir(), m, nil, func(w *Writer) error {
		var values []float32
		for k := range classes {
			values = append(values, float32(k))
		}
		for k := range classes {
			for j := range columns {
				values = append(values, float32(1_000_000*k+j))
			}
		}
		return w.Float32(values)
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// TestLinear reads models smaller and larger than a piece, of few and many classes.
func TestLinear(t *testing.T) {
	for _, shape := range [][2]int64{{1, 0}, {1, 5}, {3, 5}, {3, pieceBytes/12 + 7}, {pieceBytes/4 + 3, 2}} {
		m := saveClasses(t, shape[0], shape[1])
		l, err := m.Linear()
		if err != nil {
			t.Fatal(err)
		}
		if n := int64(len(l.Bias)); n != shape[0] || l.Bias[n-1] != float32(n-1) {
			t.Errorf("%v: %d biases, the last %v", shape, n, l.Bias[n-1])
		}
		next, wrong := int64(0), 0
		if err := l.Each(func(column int64, weights []float32) error {
			if column != next {
				t.Fatalf("%v: column %d, want %d", shape, column, next)
			}
			next++
			for k, v := range weights {
				if v != float32(1_000_000*int64(k)+column) {
					wrong++
				}
			}
			return nil
		}); err != nil || next != shape[1] || wrong > 0 {
			t.Errorf("%v: %d columns, %d wrong weights, %v", shape, next, wrong, err)
		}
		stop := errors.New("stop")
		if err := l.Each(func(int64, []float32) error { return stop }); shape[1] > 0 && err != stop {
			t.Errorf("%v: %v, want the error of visit", shape, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestIsLinear(t *testing.T) {
	bias, weights := Tensor{"bias", Float32, []int64{2}}, Tensor{"weights", Float32, []int64{2, 4}}
	for name, tensors := range map[string][]Tensor{
		"no bias":      {weights},
		"more":         {bias, weights, {"zeros", Float32, []int64{1}}},
		"factors":      {bias, {"factors", Float32, []int64{2, 4}}},
		"float64":      {bias, {"weights", Float64, []int64{2, 4}}},
		"other length": {bias, {"weights", Float32, []int64{2, 3}}},
		"one weight":   {bias, {"weights", Float32, []int64{4}}},
		"no classes":   {{"bias", Float32, []int64{0}}, {"weights", Float32, []int64{0, 4}}},
		"matrix":       {{"bias", Float32, []int64{1, 1}}, {"weights", Float32, []int64{4}}},
	} {
		m := &Model{Columns: 4, Tensors: tensors}
		if m.IsLinear() {
			t.Errorf("%s: %v is taken for a linear model", name, tensors)
		}
		if _, err := m.Linear(); param.KindOf(err) != param.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m := (&Model{Columns: 4, Tensors: []Tensor{bias, weights}}); !m.IsLinear() {
		t.Error("a model of two classes is not taken for a linear one")
	}
}

func TestClass(t *testing.T) {
	for _, c := range []struct {
		m       Model
		outputs int
		want    string
	}{
		{Model{Labels: []float32{-1, 2.5}, LabelNames: []string{"a", "b"}}, 2, "b"},
		{Model{Labels: []float32{-1, 2.5}}, 2, "2.5"},
		{Model{Labels: []float32{-1, 2.5}}, 3, "1"},
		{Model{}, 2, "1"},
	} {
		if got := c.m.Class(1, c.outputs); got != c.want {
			t.Errorf("%v: class %q, want %q", c.m.labels(), got, c.want)
		}
	}
}

func TestColumnNames(t *testing.T) {
	m := earlierModel(t, true, "a", "b\n", "")
	names, err := m.ColumnNames()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]byte{[]byte("a"), []byte(`b\n`), {}}, names); diff != "" || m.FeatureName(names, 1) != `b\n` {
		t.Error(diff)
	}
	for zeroBased, want := range map[bool]string{false: "3", true: "2"} {
		m := earlierModel(t, zeroBased)
		names, err := m.ColumnNames()
		if got := m.FeatureName(names, 2); names != nil || err != nil || got != want {
			t.Errorf("from 0: %v: %q, %v, want the id %s", zeroBased, got, err, want)
		}
	}
	m.Columns = 4
	if _, err := m.ColumnNames(); param.KindOf(err) != param.Corrupt {
		t.Errorf("three names for four columns: %v", err)
	}
	if err := os.WriteFile(filepath.Join(m.Dir(), VocabularyFile), []byte("a\nb\nc\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ColumnNames(); param.KindOf(err) != param.Corrupt {
		t.Errorf("names that were changed: %v", err)
	}
}
