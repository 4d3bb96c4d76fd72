package artifact

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/param"
)

func linearModel() *Model {
	return &Model{
		Kind: "logistic", Parley: "0.1.0", Job: json.RawMessage(`{"name": "a<b"}`),
		DataSHA256: "d", PlanSHA256: "p", Kernels: "portable", Columns: 3, ZeroBased: true,
		Labels: []float32{-1, 1}, Tensors: linearTensors,
		Metrics: Metrics{Train: Values{"auc": 0.5, "logloss": math.NaN()}},
	}
}

func fillWith(first float32) func(*Writer) error {
	return func(w *Writer) error { return w.Float32([]float32{first, 1.5, -2, 0}) }
}

// mustSave saves a model whose bias is first.
func mustSave(t *testing.T, output string, first float32, force bool) *Model {
	t.Helper()
	m, err := Save(output, linearModel(), nil, fillWith(first), force)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tree returns the paths below dir, with the content of files.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		found[name] = "folder"
		if d.Type().IsRegular() {
			text, err := os.ReadFile(path)
			found[name] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSaveAndOpen(t *testing.T) {
	output := filepath.Join(t.TempDir(), "runs", "a9a")
	saved := mustSave(t, output, 0.25, false)
	names := slices.Sorted(maps.Keys(tree(t, output)))
	if diff := cmp.Diff([]string{"model", "model/model.json", "model/params.safetensors"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, path := range []string{output, filepath.Join(output, "model")} {
		for _, open := range []func(string) (*Model, error){Open, Verify} {
			m, err := open(path)
			if err != nil {
				t.Fatal(err)
			}
			saved.Job = m.Job // indented in the file; Verify compares it
			if diff := cmp.Diff(saved, m, cmpopts.IgnoreUnexported(Model{}), cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("%s (-saved +opened):\n%s", path, diff)
			}
			if m.Dir() != filepath.Join(output, "model") || m.SHA256() == "" || m.JobSHA256 != hexSHA256([]byte(`{"name":"a\u003cb"}`)) {
				t.Error(m.Dir(), m.SHA256(), m.JobSHA256)
			}
		}
	}
	params, err := saved.Params()
	if err != nil {
		t.Fatal(err)
	}
	defer params.Close()
	if w, err := params.Float32("weights"); err != nil || !slices.Equal(w, []float32{1.5, -2, 0}) {
		t.Error(w, err)
	}
}

func TestSaveIsDeterministic(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	mustSave(t, a, 0.25, false)
	mustSave(t, b, 0.25, false)
	if diff := cmp.Diff(tree(t, a), tree(t, b)); diff != "" {
		t.Error(diff)
	}
}

func TestSaveReplacesOnlyWithForce(t *testing.T) {
	output := t.TempDir()
	mustSave(t, output, 0.25, false)
	before := tree(t, output)
	_, err := Save(output, linearModel(), nil, fillWith(7), false)
	if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "--force") {
		t.Errorf("%v, want an invalid error with the way out", err)
	}
	if diff := cmp.Diff(before, tree(t, output)); diff != "" {
		t.Errorf("a refused save changed something:\n%s", diff)
	}
	leftover := filepath.Join(output, ".model-OLD.tmp")
	if err := os.Mkdir(leftover, 0o755); err != nil {
		t.Fatal(err)
	}
	mustSave(t, output, 7, true)
	if _, err := Verify(output); err != nil {
		t.Error(err)
	}
	if got := tree(t, output); len(got) != 3 || got["model/params.safetensors"] == before["model/params.safetensors"] {
		t.Errorf("after the save with force: %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestExchangeByRenames(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, path := range []string{a, b} {
		if err := os.WriteFile(path, []byte(filepath.Base(path)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := exchangeByRenames(a, b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "b", "b": "a"}, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
	if err := exchangeByRenames(filepath.Join(dir, "none"), b); err == nil {
		t.Error("a name that does not exist was exchanged")
	}
	if diff := cmp.Diff(map[string]string{"a": "b", "b": "a"}, tree(t, dir)); diff != "" {
		t.Errorf("a failed exchange changed something:\n%s", diff)
	}
}

func TestFailedSaveLeavesNothing(t *testing.T) {
	failed := errors.New("server died")
	for name, test := range map[string]struct {
		change func(*Model)
		fill   func(*Writer) error
	}{
		"no values":        {func(*Model) {}, func(*Writer) error { return failed }},
		"too few values":   {func(*Model) {}, func(w *Writer) error { return w.Float32([]float32{1}) }},
		"broken job":       {func(m *Model) { m.Job = json.RawMessage("{") }, fillWith(1)},
		"shape of another": {func(m *Model) { m.Columns = 4 }, fillWith(1)},
		"unsorted tensors": {func(m *Model) { m.Tensors = []Tensor{linearTensors[1], linearTensors[0]} }, fillWith(1)},
	} {
		root := t.TempDir()
		m := linearModel()
		test.change(m)
		if _, err := Save(filepath.Join(root, "runs", "x"), m, nil, test.fill, false); err == nil {
			t.Errorf("%s: saved", name)
		}
		if got := tree(t, root); len(got) != 0 {
			t.Errorf("%s: left %v", name, got)
		}
		if m.Files != nil || m.JobSHA256 != "" {
			t.Errorf("%s: the caller's model was changed", name)
		}
	}
}

func TestOpenWithoutModel(t *testing.T) {
	output := t.TempDir()
	for _, path := range []string{output, filepath.Join(output, "none")} {
		if _, err := Open(path); param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want an invalid error that names %s", err, path)
		}
	}
}

// edit replaces text in a file of a saved model.
func edit(t *testing.T, path, old, new string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q in it", path, old)
	}
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsDamage(t *testing.T) {
	model := func(old, new string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { edit(t, filepath.Join(dir, ModelFile), old, new) }
	}
	params := func(old, new string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { edit(t, filepath.Join(dir, ParamsFile), old, new) }
	}
	for name, test := range map[string]struct {
		damage func(t *testing.T, dir string)
		want   []string
	}{
		"a bit of a weight": {params("\x3f", "\x3e"), []string{ParamsFile, "was changed"}},
		"params cut":        {params("\xc0\x00\x00\x00\x00", ""), []string{ParamsFile, "was changed", "tensors take 16 bytes, the file has 11"}},
		"params gone": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, ParamsFile)); err != nil {
				t.Fatal(err)
			}
		}, []string{ParamsFile, "is missing"}},
		"params renamed":   {params(`"bias"`, `"xias"`), []string{"was changed", "xias", "model.json says"}},
		"job":              {model(`"a\u003cb"`, `"c"`), []string{ModelFile, "job_sha256"}},
		"columns":          {model(`"columns": 3`, `"columns": 4`), []string{ModelFile, "model of 4 columns"}},
		"shape":            {model("3\n      ]", "2\n      ]"), []string{ModelFile, "model of 3 columns"}},
		"negative columns": {model(`"columns": 3`, `"columns": -3`), []string{"columns"}},
		"kind":             {model(`"logistic"`, `""`), []string{"kind"}},
		"torn":             {model("}\n", ""), []string{ModelFile}},
		"a path":           {model(`"files": {`, `"files": {"../x": "",`), []string{"../x"}},
		"no params":        {model(ParamsFile, "other"), []string{"files", ParamsFile}},
	} {
		dir := mustSave(t, t.TempDir(), 0.25, false).Dir()
		test.damage(t, dir)
		_, err := Verify(dir)
		if param.KindOf(err) != param.Corrupt {
			t.Errorf("%s: %v, want a corrupt error", name, err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nlacks %q", name, err, want)
			}
		}
	}
}

func TestOpenRefusesNewerFormat(t *testing.T) {
	dir := mustSave(t, t.TempDir(), 0.25, false).Dir()
	edit(t, filepath.Join(dir, ModelFile), `"format": 1`, `"format": 2`)
	if _, err := Open(dir); param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "newer") {
		t.Error(err)
	}
}
