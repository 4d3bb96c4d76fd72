package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"parley/internal/artifact"
	"parley/internal/source"
)

// vocabularySuffix is behind the name of converted data in that of the file with
// the names of its columns.
const vocabularySuffix = ".vocabulary.txt"

// destination is where converted data goes: a file with its vocabulary beside it,
// or objects of S3. Everything is written under another name, or out of sight, and
// put into its place at the end.
type destination struct {
	ctx     context.Context
	name    string
	force   bool
	remote  *source.Remote // nil for a file of this machine
	pending []pending
}

// pending is something written that has not its name yet.
type pending interface {
	io.Writer
	commit() error
	abort() // does nothing after commit
}

// newDestination refuses what exists, unless it may be replaced.
func newDestination(ctx context.Context, name string, force bool) (*destination, error) {
	d := &destination{ctx: ctx, name: name, force: force}
	if strings.Contains(name, "://") {
		d.remote = source.New(source.Options{})
		if _, err := d.remote.Create(ctx, name); err != nil { // asks nobody yet
			return nil, err
		}
	}
	for _, suffix := range []string{"", vocabularySuffix} {
		there, err := d.exists(suffix)
		if err != nil {
			return nil, err
		}
		if there && !force {
			return nil, exit(exitUsage, fmt.Errorf("%s exists: choose another name, or replace it with --force", name+suffix))
		}
	}
	return d, nil
}

func (d *destination) exists(suffix string) (bool, error) {
	if d.remote != nil {
		return d.remote.Exists(d.ctx, d.name+suffix)
	}
	info, err := os.Stat(d.name + suffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, cannotWrite(d.name, err)
	case !info.Mode().IsRegular():
		return false, exit(exitUsage, fmt.Errorf("%s is no regular file: choose another name", d.name+suffix))
	}
	return true, nil
}

// write begins another part of the destination and has do write it.
func (d *destination) write(suffix string, do func(w io.Writer) error) error {
	p, err := d.begin(d.name + suffix)
	if err != nil {
		return err
	}
	d.pending = append(d.pending, p)
	return do(p)
}

func (d *destination) begin(name string) (pending, error) {
	if d.remote != nil {
		u, err := d.remote.Create(d.ctx, name)
		return remoteFile{u}, err
	}
	return pendingFile(name)
}

// pendingFile begins a file of this machine, under another name in its folder.
func pendingFile(name string) (pending, error) {
	f, err := renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)), renameio.WithPermissions(0o644))
	if err != nil {
		return nil, cannotWrite(name, err)
	}
	return localFile{f}, nil
}

func cannotWrite(name string, err error) error {
	return exit(exitUsage, fmt.Errorf("%s: cannot write there: %w: choose another place", name, unnamed(err)))
}

// unnamed returns why a temporary file could not be made, without its path, which
// tells the user nothing.
func unnamed(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// finish writes the names of the columns, if they have some, and puts all into its
// place, the data last. An old vocabulary would be a wrong one.
func (d *destination) finish(names []string) error {
	if names != nil {
		if err := d.write(vocabularySuffix, func(w io.Writer) error {
			_, err := w.Write(artifact.Vocabulary(names))
			return err
		}); err != nil {
			return err
		}
	} else if err := d.removeOld(); err != nil {
		return err
	}
	for i := len(d.pending) - 1; i >= 0; i-- {
		if err := d.pending[i].commit(); err != nil {
			return err
		}
	}
	return nil
}

func (d *destination) removeOld() error {
	switch there, err := d.exists(vocabularySuffix); {
	case err != nil || !there:
		return err
	case d.remote != nil:
		return d.remote.Delete(d.ctx, d.name+vocabularySuffix)
	}
	return os.Remove(d.name + vocabularySuffix)
}

// end removes what was not finished.
func (d *destination) end() {
	for _, p := range d.pending {
		p.abort()
	}
	if d.remote != nil {
		d.remote.Close()
	}
}

type localFile struct{ *renameio.PendingFile }

func (f localFile) commit() error { return f.CloseAtomicallyReplace() }
func (f localFile) abort()        { _ = f.Cleanup() } // its error would hide a better one

type remoteFile struct{ *source.Upload }

func (f remoteFile) commit() error { return f.Commit() }
func (f remoteFile) abort()        { _ = f.Abort() } // its error would hide a better one
