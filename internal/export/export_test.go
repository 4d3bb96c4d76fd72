package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/artifact"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
)

func tensor(name string, shape ...int64) artifact.Tensor {
	return artifact.Tensor{Name: name, DType: artifact.Float32, Shape: shape}
}

// save saves a model written by hand; without tensors it has one bias and a weight
// a column.
func save(t *testing.T, m artifact.Model, names []string, values ...float32) *artifact.Model {
	t.Helper()
	if m.Job == nil {
		m.Job = json.RawMessage("{}")
	}
	if m.Tensors == nil {
		m.Tensors = []artifact.Tensor{tensor("bias", 1), tensor("weights", m.Columns)}
	}
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

// twoClasses has the margin 0.25 - x1 + 1.5 x2 + 3 x3.
func twoClasses(t *testing.T, kind string) *artifact.Model {
	return save(t, artifact.Model{Kind: kind, Columns: 3, Labels: []float32{-1, 2}}, nil, 0.25, -1, 1.5, 3)
}

// threeClasses has weights that are one 1 a class.
func threeClasses(t *testing.T) *artifact.Model {
	return save(t, artifact.Model{Kind: "softmax", Columns: 2, Labels: []float32{3, 5, 9},
		Tensors: []artifact.Tensor{tensor("bias", 3), tensor("weights", 3, 2)}}, nil, 0, 0, 0.5, 1, 0, 0, 1, -1, -1)
}

// network is an mlp of some units between 700 columns and a number.
func network(t *testing.T) *artifact.Model {
	t.Helper()
	j, err := job.Parse("j.yaml", []byte("data: {train: {path: x.svm}}\nmodel: {kind: mlp, loss: mse, layers: [700, 4, 1]}\noutput: out\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	layers := plan.Layers{700, 4, 1}
	return save(t, artifact.Model{Kind: "mlp", Columns: 700, Job: j.Canonical(), Tensors: artifact.LayerTensors(layers, 0)}, nil, make([]float32, 2800+layers.Tail())...)
}

func write(t *testing.T, format string, m *artifact.Model) string {
	t.Helper()
	f, err := Find(format)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := f.Write(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestFind(t *testing.T) {
	for _, name := range Names() {
		if f, err := Find(name); err != nil || f.Name != name {
			t.Errorf("%s: %q, %v", name, f.Name, err)
		}
	}
	for name, want := range map[string]string{
		"xml": `unknown format "xml": choose one of liblinear, npz, onnx, csv, safetensors`,
		"vw":  "cannot read: choose one of liblinear, npz, onnx, csv, safetensors",
	} {
		if _, err := Find(name); param.KindOf(err) != param.Invalid || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTable reads csv back.
func TestTable(t *testing.T) {
	names := []string{`a "quoted", one`, " b\nc", ""}
	for name, c := range map[string]struct {
		model *artifact.Model
		want  [][]string
	}{
		"names": {
			save(t, artifact.Model{Kind: "linear", Columns: 3}, names, 0.1, 1e-30, -16777216, 0),
			[][]string{{"name", "weight"}, {"bias", "0.1"}, {`a "quoted", one`, "1e-30"}, {` b\nc`, "-1.6777216e+07"}, {"", "0"}},
		},
		"ids": {
			twoClasses(t, "logistic"),
			[][]string{{"name", "weight"}, {"bias", "0.25"}, {"1", "-1"}, {"2", "1.5"}, {"3", "3"}},
		},
		"classes": {
			threeClasses(t),
			[][]string{{"name", "3", "5", "9"}, {"bias", "0", "0", "0.5"}, {"1", "1", "0", "-1"}, {"2", "0", "1", "-1"}},
		},
		"poisson": {
			save(t, artifact.Model{Kind: "poisson", Columns: 1, ZeroBased: true}, nil, 2, 4),
			[][]string{{"name", "weight"}, {"bias", "2"}, {"0", "4"}},
		},
	} {
		text := write(t, "csv", c.model)
		got, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

func TestSafetensors(t *testing.T) {
	m := threeClasses(t)
	want, err := os.ReadFile(filepath.Join(m.Dir(), artifact.ParamsFile))
	if err != nil {
		t.Fatal(err)
	}
	if got := write(t, "safetensors", m); got != string(want) {
		t.Error("the parameters are others")
	}
}

// TestRefuses wants models refused that a format has no place for, with the reason
// and before anything is written.
func TestRefuses(t *testing.T) {
	factors := save(t, artifact.Model{Kind: "fm", Columns: 1, Tensors: []artifact.Tensor{tensor("bias", 1), tensor("factors", 1, 1), tensor("weights", 1)}}, nil, 1, 2, 3)
	for name, c := range map[string]struct {
		format string
		model  *artifact.Model
		kind   param.Kind
		want   string
	}{
		"counts":        {"liblinear", save(t, artifact.Model{Kind: "poisson", Columns: 1}, nil, 1, 2), param.Invalid, "exponential of the margin: choose npz or csv"},
		"factors":       {"liblinear", factors, param.Invalid, "no model of the kind fm: choose npz or safetensors"},
		"factors, csv":  {"csv", factors, param.Invalid, "a fm model has more: choose npz or safetensors"},
		"fraction":      {"liblinear", save(t, artifact.Model{Kind: "logistic", Columns: 1, Labels: []float32{0, 0.5}}, nil, 1, 2), param.Invalid, "0.5 is none"},
		"large label":   {"liblinear", save(t, artifact.Model{Kind: "logistic", Columns: 1, Labels: []float32{0, 1 << 31}}, nil, 1, 2), param.Invalid, "2.147483648e+09 is none"},
		"no labels":     {"liblinear", save(t, artifact.Model{Kind: "logistic", Columns: 1}, nil, 1, 2), param.Corrupt, "0 labels for 2 classes"},
		"wider names":   {"npz", save(t, artifact.Model{Kind: "linear", Columns: 3000}, wideNames(), make([]float32, 3001)...), param.Invalid, "choose csv"},
		"changed names": {"npz", changedNames(t), param.Corrupt, "vocabulary.txt was changed"},
		"the same, csv": {"csv", changedNames(t), param.Corrupt, "vocabulary.txt was changed"},
	} {
		f, err := Find(c.format)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := f.Write(&out, c.model); param.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, out.Len())
		}
	}
}

// wideNames are 3000 names of which one is long.
func wideNames() []string {
	names := make([]string, 3000)
	names[7] = strings.Repeat("x", 1<<18)
	return names
}

func changedNames(t *testing.T) *artifact.Model {
	t.Helper()
	m := save(t, artifact.Model{Kind: "linear", Columns: 1}, []string{"a"}, 1, 2)
	if err := os.WriteFile(filepath.Join(m.Dir(), artifact.VocabularyFile), []byte("b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return m
}

// full is a disk that is full after some bytes.
type full struct{ left int }

var errFull = errors.New("disk full")

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestWriteErrors wants the error of writing from every format, wherever it is.
func TestWriteErrors(t *testing.T) {
	m := save(t, artifact.Model{Kind: "logistic", Columns: 3000, Labels: []float32{0, 1}}, nil, make([]float32, 3001)...)
	for _, f := range formats {
		m := m
		if f.Name == "onnx" {
			m = network(t)
		}
		size := len(write(t, f.Name, m))
		for _, left := range []int{0, size / 2, size - 1} {
			var w io.Writer = &full{left}
			if err := f.Write(w, m); !errors.Is(err, errFull) {
				t.Errorf("%s: %v after %d of %d bytes", f.Name, err, left, size)
			}
		}
	}
}
