package artifact

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Receive puts a copy of a model into output/model: fill makes the files of the
// model's folder by the names that the original has. What arrives is verified
// before it takes its place; like Save, Receive leaves all of it or nothing.
func Receive(output string, force bool, fill func(create func(name string) (io.WriteCloser, error)) error) (*Model, error) {
	var model *Model
	err := place(output, force, func(dir string) error {
		err := fill(func(name string) (io.WriteCloser, error) { return createIn(dir, name) })
		if err != nil {
			return err
		}
		if model, err = Verify(dir); err != nil {
			return err
		}
		return syncDir(dir)
	})
	if err != nil {
		return nil, fmt.Errorf("copy model: %w", err)
	}
	model.dir = filepath.Join(output, ModelDir)
	return model, nil
}

// createIn makes a file in a folder; the name may not lead out of it.
func createIn(dir, name string) (io.WriteCloser, error) {
	if filepath.Base(name) != name || name == "." || name == ".." {
		return nil, fmt.Errorf("%q is not the name of a file", name)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	return syncing{f}, nil
}

// syncing is a file whose Close reports what did not reach the disk.
type syncing struct{ *os.File }

func (f syncing) Close() error { return errors.Join(f.Sync(), f.File.Close()) }
