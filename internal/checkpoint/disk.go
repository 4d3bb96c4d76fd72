package checkpoint

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"parley/internal/param"
)

// disk is the system as it is.
type disk struct{}

func (disk) create(name string) (file, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func (disk) rename(from, to string) error { return os.Rename(from, to) }
func (disk) remove(name string) error     { return os.Remove(name) }

func (disk) syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil // some file systems of networks cannot, and need not
	}
	return err
}

// explain says what failed and what to do about it. Errors that have a kind, and
// ends of contexts, are those of the caller and keep it.
func explain(what, path string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case param.KindOf(err) != param.Unknown:
		return param.Errorf(param.KindOf(err), "%s %s: %w", what, path, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return param.Errorf(param.Retryable, "%s %s: %w: free some space, or keep fewer checkpoints (run.checkpoint.keep)", what, path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return param.Errorf(param.Invalid, "%s %s: %w: allow the user that runs Parley to write there, or give another run.checkpoint.to", what, path, err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return param.Errorf(param.Invalid, "%s %s: %w: give a folder as run.checkpoint.to", what, path, err)
	}
	return param.Errorf(param.Retryable, "%s %s: %w", what, path, err)
}
