package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"parley/internal/param"
)

// Folder returns the store that is a folder, made when the first file is written.
// Errors are Invalid where the folder cannot be used as it is (it is a file, or
// access is denied) and Retryable otherwise; that of a full disk is syscall.ENOSPC.
func Folder(dir string) Store { return &folder{dir: dir, disk: disk{}} }

// folder is a Store.
type folder struct {
	dir  string
	disk operations
}

// operations are those of the system whose failure tests need.
type operations interface {
	create(name string) (file, error)
	rename(from, to string) error
	remove(name string) error
	syncDir(name string) error
}

// file is one that is written.
type file interface {
	io.WriteCloser
	Sync() error
}

// temporary ends the names of files that are not finished.
const temporary = ".tmp"

// String returns the folder's name.
func (f *folder) String() string { return f.dir }

// path returns where a file lies.
func (f *folder) path(name string) (string, error) {
	local := filepath.FromSlash(name)
	if !filepath.IsLocal(local) || filepath.Clean(local) != local {
		return "", param.Errorf(param.Invalid, "%q is not the name of a file below %s", name, f.dir)
	}
	return filepath.Join(f.dir, local), nil
}

// Write implements Store: the file is written under another name, made durable,
// renamed, and then its folder is made durable.
func (f *folder) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if err := f.makeDir(filepath.Dir(path)); err != nil {
		return explain("make a folder for", path, err)
	}
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%016x%s", filepath.Base(path), rand.Uint64(), temporary))
	renamed := false
	defer func() { // also if write panics
		if !renamed {
			f.disk.remove(temp) // the first error says more
		}
	}()
	if err := f.fill(ctx, temp, write); err != nil {
		return explain("write", path, err)
	}
	if err := f.disk.rename(temp, path); err != nil {
		return explain("write", path, err)
	}
	renamed = true
	if err := f.disk.syncDir(filepath.Dir(path)); err != nil {
		return explain("make durable", path, err)
	}
	return nil
}

// fill writes a new file and makes its bytes durable.
func (f *folder) fill(ctx context.Context, temp string, write func(io.Writer) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	out, err := f.disk.create(temp)
	if err != nil {
		return err
	}
	err = write(&writer{ctx, out})
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// writer ends with its context.
type writer struct {
	ctx context.Context
	out io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.out.Write(p)
}

// makeDir makes a folder and those above it, durably.
func (f *folder) makeDir(dir string) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		if err := f.makeDir(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o755)
	}
	if err == nil {
		return f.disk.syncDir(filepath.Dir(dir))
	}
	info, found := os.Stat(dir)
	switch {
	case found != nil:
		return err
	case !info.IsDir():
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	}
	return nil
}

// Open implements Store.
func (f *folder) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, explain("read", path, err)
	}
	return &reader{ctx, in}, nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	*os.File
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.File.Read(p)
}

// List implements Store. A folder that was not made yet has no files.
func (f *folder) List(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist): // removed while we look
			return nil
		case err != nil:
			return err
		case path == f.dir && d.IsDir():
			return nil
		case path == f.dir:
			return syscall.ENOTDIR
		}
		return f.visit(path, d, prefix, &names)
	})
	if err != nil {
		return nil, explain("look through", f.dir, err)
	}
	slices.Sort(names)
	return names, nil
}

// visit takes a file whose name has the prefix and skips folders that have none.
func (f *folder) visit(path string, d fs.DirEntry, prefix string, names *[]string) error {
	rel, err := filepath.Rel(f.dir, path)
	if err != nil {
		return err
	}
	name := filepath.ToSlash(rel)
	if d.IsDir() {
		if below := name + "/"; !strings.HasPrefix(below, prefix) && !strings.HasPrefix(prefix, below) {
			return fs.SkipDir
		}
		return nil
	}
	if strings.HasPrefix(name, prefix) {
		*names = append(*names, name)
	}
	return nil
}

// Remove implements Store. A folder below the store's goes with its last file.
func (f *folder) Remove(ctx context.Context, name string) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	dir := filepath.Dir(path)
	err = f.disk.remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		// The order of removals has to be that on disk: a manifest goes before its parts.
		err = f.disk.syncDir(dir)
	}
	if err != nil {
		return explain("remove", path, err)
	}
	for ; dir != filepath.Clean(f.dir) && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
		continue // one that is not empty stays
	}
	return nil
}
