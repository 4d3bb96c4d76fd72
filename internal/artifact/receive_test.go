package artifact

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

type creator = func(name string) (io.WriteCloser, error)

// copyFrom copies files of a folder, up to limit bytes of each.
func copyFrom(dir string, limit int, names ...string) func(creator) error {
	return func(create creator) error {
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			file, err := create(name)
			if err != nil {
				return err
			}
			_, err = file.Write(text[:min(limit, len(text))])
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestReceive(t *testing.T) {
	source := mustSave(t, t.TempDir(), 0.25, false)
	fill := copyFrom(source.Dir(), 1<<20, ParamsFile, ModelFile)
	output := filepath.Join(t.TempDir(), "runs", "x")
	m, err := Receive(output, false, fill)
	if err != nil {
		t.Fatal(err)
	}
	if m.SHA256() != source.SHA256() || m.Dir() != filepath.Join(output, ModelDir) {
		t.Error(m.SHA256(), m.Dir())
	}
	if diff := cmp.Diff(tree(t, source.Dir()), tree(t, m.Dir())); diff != "" {
		t.Errorf("files (-source +copy):\n%s", diff)
	}
	if _, err := Receive(output, false, fill); param.KindOf(err) != param.Invalid {
		t.Errorf("%v, want an invalid error", err)
	}
	if _, err := Receive(output, true, fill); err != nil {
		t.Error(err)
	}
}

func TestFailedReceiveLeavesNothing(t *testing.T) {
	dir := mustSave(t, t.TempDir(), 0.25, false).Dir()
	for name, test := range map[string]struct {
		fill func(creator) error
		want param.Kind
	}{
		"cut off":      {func(creator) error { return param.Errorf(param.Retryable, "connection lost") }, param.Retryable},
		"nothing":      {func(creator) error { return nil }, param.Invalid},
		"one file":     {copyFrom(dir, 1<<20, ModelFile), param.Corrupt},
		"half of each": {copyFrom(dir, 100, ParamsFile, ModelFile), param.Corrupt},
		"a path":       {func(create creator) error { _, err := create("../x"); return err }, param.Unknown},
		"a name twice": {copyFrom(dir, 1<<20, ModelFile, ModelFile), param.Unknown},
	} {
		root := t.TempDir()
		if _, err := Receive(filepath.Join(root, "x"), false, test.fill); err == nil || param.KindOf(err) != test.want {
			t.Errorf("%s: %v (%v), want %v", name, err, param.KindOf(err), test.want)
		}
		if got := tree(t, root); len(got) != 0 {
			t.Errorf("%s: left %v", name, got)
		}
	}
}
