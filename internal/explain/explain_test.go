package explain

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/artifact"
	"parley/internal/param"
)

func save(t *testing.T, m artifact.Model, names []string, values ...float32) *artifact.Model {
	t.Helper()
	m.Job = json.RawMessage("{}")
	files := map[string][]byte{}
	if names != nil {
		files[artifact.VocabularyFile] = artifact.Vocabulary(names)
	}
	saved, err := artifact.Save(t.TempDir(), &m, files, func(w *artifact.Writer) error { return w.Float32(values) }, false)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func TestHeaviest(t *testing.T) {
	one := []artifact.Tensor{{Name: "bias", DType: artifact.Float32, Shape: []int64{1}}, {Name: "weights", DType: artifact.Float32, Shape: []int64{6}}}
	two := []artifact.Tensor{{Name: "bias", DType: artifact.Float32, Shape: []int64{2}}, {Name: "weights", DType: artifact.Float32, Shape: []int64{2, 3}}}
	for name, c := range map[string]struct {
		model *artifact.Model
		top   int
		want  []Output
	}{
		"names": {
			save(t, artifact.Model{Kind: "logistic", Columns: 6, Labels: []float32{0, 1}, Tensors: one}, []string{"a", "b", "c", "d", "e", "f"}, 9, 1, -2, 0, 3, 1, 2), 2,
			[]Output{{Bias: 9, Positive: []Weight{{3, "d", 3}, {5, "f", 2}}, Negative: []Weight{{1, "b", -2}}}},
		},
		"equal": {
			save(t, artifact.Model{Kind: "linear", Columns: 6, Tensors: one}, nil, -1, 1, 1, -1, 1, 1, -1), 3,
			[]Output{{Bias: -1, Positive: []Weight{{0, "1", 1}, {1, "2", 1}, {3, "4", 1}}, Negative: []Weight{{2, "3", -1}, {5, "6", -1}}}},
		},
		"none": {
			save(t, artifact.Model{Kind: "linear", Columns: 6, Tensors: one}, nil, -1, 1, 1, -1, 1, 1, -1), 0,
			[]Output{{Bias: -1, Positive: []Weight{}, Negative: []Weight{}}},
		},
		"classes": {
			save(t, artifact.Model{Kind: "softmax", Columns: 3, ZeroBased: true, Labels: []float32{0, 1}, LabelNames: []string{"cat", "dog"}, Tensors: two}, nil, 7, 8, 1, 2, 3, -4, 5, -6), 2,
			[]Output{
				{Class: "cat", Bias: 7, Positive: []Weight{{2, "2", 3}, {1, "1", 2}}, Negative: []Weight{}},
				{Class: "dog", Bias: 8, Positive: []Weight{{1, "1", 5}}, Negative: []Weight{{2, "2", -6}, {0, "0", -4}}},
			},
		},
	} {
		got, err := Heaviest(c.model, c.top)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestHeaviestRefuses(t *testing.T) {
	m := save(t, artifact.Model{Kind: "lda", Columns: 1, Tensors: []artifact.Tensor{{Name: "topics", DType: artifact.Float32, Shape: []int64{1, 1}}}}, nil, 1)
	if _, err := Heaviest(m, 1); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}
