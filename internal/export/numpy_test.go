package export

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/artifact"
)

// load prints what numpy.load finds, which refuses pickles by default.
const load = `
import json, sys, numpy
with numpy.load(sys.argv[1]) as z:
    print(json.dumps({k: [z[k].dtype.str, list(z[k].shape), z[k].tolist()] for k in z.files}))
`

// python returns a Python that has NumPy.
func python(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(program, "-c", "import numpy").Run() == nil {
			return program
		}
	}
	t.Skip("there is no Python with NumPy (Debian: python3-numpy)")
	return ""
}

// TestNumPy has NumPy read what was written.
func TestNumPy(t *testing.T) {
	program := python(t)
	for name, c := range map[string]struct {
		model *artifact.Model
		want  map[string][]any
	}{
		"two classes": {
			save(t, artifact.Model{Kind: "logistic", Columns: 2, Labels: []float32{0, 1}, LabelNames: []string{"no", "später"}},
				[]string{"Köln", "naïve 🙂 x"}, 0.5, -1, 2),
			map[string][]any{
				"bias":        {"<f4", []any{1.}, []any{0.5}},
				"weights":     {"<f4", []any{2.}, []any{-1., 2.}},
				"labels":      {"<f4", []any{2.}, []any{0., 1.}},
				"label_names": {"<U6", []any{2.}, []any{"no", "später"}},
				"names":       {"<U9", []any{2.}, []any{"Köln", "naïve 🙂 x"}},
			},
		},
		"three classes": {
			threeClasses(t),
			map[string][]any{
				"bias":    {"<f4", []any{3.}, []any{0., 0., 0.5}},
				"weights": {"<f4", []any{3., 2.}, []any{[]any{1., 0.}, []any{0., 1.}, []any{-1., -1.}}},
				"labels":  {"<f4", []any{3.}, []any{3., 5., 9.}},
			},
		},
		"an empty name": {
			save(t, artifact.Model{Kind: "linear", Columns: 1}, []string{""}, 1, 2),
			map[string][]any{
				"bias":    {"<f4", []any{1.}, []any{1.}},
				"weights": {"<f4", []any{1.}, []any{2.}},
				"names":   {"<U1", []any{1.}, []any{""}},
			},
		},
	} {
		path := filepath.Join(t.TempDir(), "model.npz")
		if err := os.WriteFile(path, []byte(write(t, "npz", c.model)), 0o644); err != nil {
			t.Fatal(err)
		}
		text, err := exec.Command(program, "-c", load, path).Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got map[string][]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}
