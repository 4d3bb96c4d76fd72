package artifact

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"parley/internal/param"
)

// CheckOutput tells before training whether output can take a job's results. It
// refuses with param.Invalid a folder that already holds a finished model
// (unless force is set), one that cannot be written, and a path that is no
// folder or lies in none. It leaves nothing behind and does not make the folder.
func CheckOutput(output string, force bool) error {
	if output == "" {
		return param.Errorf(param.Invalid, "output: no folder is given")
	}
	if err := checkPlace(filepath.Join(output, ModelDir), force); err != nil {
		return err
	}
	dir, err := existing(output)
	if err != nil {
		return err
	}
	probe := filepath.Join(dir, tempPrefix+rand.Text()+tempSuffix)
	if err := os.Mkdir(probe, 0o700); err != nil {
		return param.Errorf(param.Invalid, "output %s: cannot write to %s: %w: choose another output", output, dir, reason(err))
	}
	return os.Remove(probe)
}

// checkPlace reports what keeps a model from being put at final.
func checkPlace(final string, force bool) error {
	_, err := os.Lstat(final)
	if errors.Is(err, fs.ErrNotExist) || notDir(err) { // existing has more to say about notDir
		return nil
	}
	if err != nil {
		return param.Errorf(param.Invalid, "output: %w", err)
	}
	if _, err := os.Stat(filepath.Join(final, ModelFile)); err != nil {
		return param.Errorf(param.Invalid, "%s is in the way: it is not a finished model, so Parley does not replace it: remove it or choose another output", final)
	}
	if !force {
		return param.Errorf(param.Invalid, "%s already holds a finished model: choose another output, or replace it with --force", final)
	}
	return nil
}

// existing returns the deepest folder on the way to path that exists: path
// itself or an ancestor.
func existing(path string) (string, error) {
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return "", param.Errorf(param.Invalid, "output %s: %s is a file, not a folder: choose another output", path, dir)
		}
		if err == nil {
			return dir, nil
		}
		if _, lerr := os.Lstat(dir); lerr == nil {
			return "", param.Errorf(param.Invalid, "output %s: %s is a link that leads nowhere", path, dir)
		}
		if !errors.Is(err, fs.ErrNotExist) && !notDir(err) {
			return "", param.Errorf(param.Invalid, "output %s: %w", path, err)
		}
		if dir == filepath.Dir(dir) {
			return "", param.Errorf(param.Invalid, "output %s: %w", path, err)
		}
	}
}

// makeOutput makes the folder output and those around it; undo removes those
// that it made, as far as they are empty.
func makeOutput(output string) (undo func(), err error) {
	top, err := existing(output)
	if err != nil {
		return nil, err
	}
	undo = func() {
		for dir := filepath.Clean(output); dir != top; dir = filepath.Dir(dir) {
			os.Remove(dir)
		}
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		undo()
		return nil, err
	}
	return undo, nil
}

// reason strips the path of a file error, for messages that name it better.
func reason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// notDir reports the error of a path that leads through a file.
func notDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
