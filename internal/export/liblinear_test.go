package export

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/artifact"
)

// TestLiblinear wants text as liblinear-train writes it. The first label is that of
// margins above 0.
func TestLiblinear(t *testing.T) {
	for name, c := range map[string]struct {
		model *artifact.Model
		want  string
	}{
		"logistic": {twoClasses(t, "logistic"), "solver_type L2R_LR\nnr_class 2\nlabel 2 -1\nnr_feature 3\nbias 1\nw\n-1 \n1.5 \n3 \n0.25 \n"},
		"hinge":    {twoClasses(t, "hinge"), "solver_type L2R_L1LOSS_SVC_DUAL\nnr_class 2\nlabel 2 -1\nnr_feature 3\nbias 1\nw\n-1 \n1.5 \n3 \n0.25 \n"},
		"linear": {save(t, artifact.Model{Kind: "linear", Columns: 1}, nil, -2, 0.1),
			"solver_type L2R_L2LOSS_SVR\nnr_class 2\nnr_feature 1\nbias 1\nw\n0.10000000149011612 \n-2 \n"},
		"softmax": {threeClasses(t), "solver_type MCSVM_CS\nnr_class 3\nlabel 3 5 9\nnr_feature 2\nbias 1\nw\n1 0 -1 \n0 1 -1 \n0 0 0.5 \n"},
	} {
		if got := write(t, "liblinear", c.model); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestLiblinearPredicts has liblinear's own program predict rows whose margins are
// plain to see.
func TestLiblinearPredicts(t *testing.T) {
	program, err := exec.LookPath("liblinear-predict")
	if err != nil {
		t.Skip("liblinear-predict is missing (Debian: liblinear-tools)")
	}
	two := save(t, artifact.Model{Kind: "softmax", Columns: 1, Labels: []float32{0, 1},
		Tensors: []artifact.Tensor{tensor("bias", 2), tensor("weights", 2, 1)}}, nil, 1, 0, 1, 3)
	for name, c := range map[string]struct {
		model      *artifact.Model
		rows, want string
	}{
		"logistic":    {twoClasses(t, "logistic"), "0 1:1\n0 2:1\n0\n0 1:0.3\n0 9:5\n", "-1 2 2 -1 2"},
		"hinge":       {twoClasses(t, "hinge"), "0 1:1\n0 2:1\n0\n0 1:0.3\n0 9:5\n", "-1 2 2 -1 2"},
		"linear":      {save(t, artifact.Model{Kind: "linear", Columns: 2}, nil, -2, 0.5, 3), "0 1:1\n0 1:2 2:1\n0\n", "-1.5 2 -2"},
		"softmax":     {threeClasses(t), "0 1:1\n0 2:1\n0\n0 1:0.2\n", "3 5 9 9"},
		"two classes": {two, "0\n0 1:1\n0 1:0.25\n0 1:0.5\n", "0 1 0 0"},
	} {
		dir := t.TempDir()
		put := func(name, text string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			return path
		}
		out := filepath.Join(dir, "out")
		said, err := exec.Command(program, put("rows", c.rows), put("model", write(t, "liblinear", c.model)), out).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, said)
		}
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(strings.Fields(string(got)), " "); got != c.want {
			t.Errorf("%s: liblinear predicts %s, want %s", name, got, c.want)
		}
	}
}
