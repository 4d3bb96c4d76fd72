package artifact

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// earlierModel saves a model with the bias 9 and the weights 1, 2, 3, ..., one a
// name; without names it has three.
func earlierModel(t *testing.T, zeroBased bool, names ...string) *Model {
	t.Helper()
	n := max(3, len(names))
	m := &Model{Kind: "logistic", Parley: "0.1.0", Job: json.RawMessage("{}"), Columns: int64(n), ZeroBased: zeroBased, Labels: []float32{0, 1},
		Tensors: []Tensor{{"bias", Float32, []int64{1}}, {"weights", Float32, []int64{int64(n)}}}}
	files := map[string][]byte{}
	if names != nil {
		files[VocabularyFile] = Vocabulary(names)
	}
	saved, err := Save(t.TempDir(), m, files, func(w *Writer) error {
		values := []float32{9}
		for i := range n {
			values = append(values, float32(i+1))
		}
		return w.Float32(values)
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// TestBegin wants the weights of a model that begins with an earlier one, whatever
// pieces are asked for.
func TestBegin(t *testing.T) {
	for name, c := range map[string]struct {
		earlier   *Model
		columns   int64
		zeroBased bool
		names     []string
		want      []float32
	}{
		"as before":       {earlierModel(t, true), 3, true, nil, []float32{1, 2, 3}},
		"more":            {earlierModel(t, true), 5, true, nil, []float32{1, 2, 3, 0, 0}},
		"fewer":           {earlierModel(t, false), 2, false, nil, []float32{1, 2}},
		"ids from 0 now":  {earlierModel(t, false), 5, true, nil, []float32{0, 1, 2, 3, 0}},
		"ids from 0 then": {earlierModel(t, true), 4, false, nil, []float32{2, 3, 0, 0}},
		"names":           {earlierModel(t, false, "a", "b", "c", "d"), 4, false, []string{"a", "b", "c", "d"}, []float32{1, 2, 3, 4}},
		"names of others": {earlierModel(t, true, "a", "b", "c", "d"), 4, false, []string{"d", "x", "a\n", "b"}, []float32{4, 0, 0, 2}},
		"more names":      {earlierModel(t, true, "a\n", "b", "c"), 5, true, []string{"c", "x", "a\n", "y", "b"}, []float32{3, 0, 1, 0, 2}},
	} {
		var vocabulary []byte
		if c.names != nil {
			vocabulary = Vocabulary(c.names)
		}
		b, err := c.earlier.Begin(&Model{Kind: "logistic", Columns: c.columns, ZeroBased: c.zeroBased, Labels: []float32{0, 1}}, vocabulary)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if bias, err := b.Bias(); bias != 9 || err != nil {
			t.Errorf("%s: bias %v, %v", name, bias, err)
		}
		for piece := range c.columns {
			piece++
			got := make([]float32, c.columns)
			for at := int64(0); at < c.columns; at += piece {
				if err := b.Weights(got[at:min(at+piece, c.columns)], at); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s, pieces of %d: -want +got\n%s", name, piece, diff)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestBeginRefuses wants models that do not fit, and damage, refused.
func TestBeginRefuses(t *testing.T) {
	damage := func(t *testing.T, m *Model, file string) *Model {
		t.Helper()
		path := filepath.Join(m.Dir(), file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[len(text)-2] ^= 1
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return m
	}
	labels, names := []float32{0, 1}, Vocabulary([]string{"a", "b", "c"})
	for name, c := range map[string]struct {
		earlier    *Model
		to         Model
		vocabulary []byte
		want       param.Kind
	}{
		"kind":            {earlierModel(t, true), Model{Kind: "linear", Labels: labels}, nil, param.Invalid},
		"labels":          {earlierModel(t, true), Model{Kind: "logistic", Labels: []float32{1, 2}}, nil, param.Invalid},
		"names of labels": {earlierModel(t, true), Model{Kind: "logistic", Labels: labels, LabelNames: []string{"no", "yes"}}, nil, param.Invalid},
		"names now":       {earlierModel(t, true), Model{Kind: "logistic", Labels: labels, Columns: 3}, names, param.Invalid},
		"names then":      {earlierModel(t, true, "a", "b", "c"), Model{Kind: "logistic", Labels: labels, Columns: 3}, nil, param.Invalid},
		"damage":          {damage(t, earlierModel(t, true), ParamsFile), Model{Kind: "logistic", Labels: labels, Columns: 3}, nil, param.Corrupt},
		"damaged names":   {damage(t, earlierModel(t, true, "a", "b", "c"), VocabularyFile), Model{Kind: "logistic", Labels: labels, Columns: 3}, names, param.Corrupt},
		"names too few":   {earlierModel(t, true, "a", "b", "x"), Model{Kind: "logistic", Labels: labels, Columns: 4}, names, param.Corrupt},
	} {
		if _, err := c.earlier.Begin(&c.to, c.vocabulary); param.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
