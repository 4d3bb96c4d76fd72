// Package checkpoint keeps the state of jobs where it outlives every node: in a
// folder that all servers share, or below a prefix of an object store.
//
// Each range's server calls [WritePart] on its own; when all parts are durable the
// coordinator calls [Commit], which writes the [Manifest] last and in one step. So
// a checkpoint is there in full or not at all, at any moment and in any copy that
// is made of the place. [Complete] finds those that are there, [ReadPart] verifies
// every byte of a range before it is used, [Prune] removes what is too old, and
// [Probe] tells before training whether a node sees the place that others see.
//
// A [Store] is what is needed of the place: [Folder] is one, internal/node brings
// the one of internal/source. docs/formats/checkpoint.md has the bytes. Nothing here
// starts a goroutine; functions may run at once on the same Store.
package checkpoint

import (
	"context"
	"fmt"
	"io"
	"regexp"

	"parley/internal/param"
)

// Format is the version of the layout that this package writes and reads.
const Format = 1

// manifestFile is the name of a checkpoint's manifest; without it a folder is none.
const manifestFile = "manifest.json"

// Store is what checkpoints need of the place where they lie. Names are relative,
// clean and have slashes. A Store may say in String what a user calls the place.
type Store interface {
	// Write makes a file of what write gives to its writer, or replaces one. It is
	// durable when Write returns; before, and after an error, nothing of it is to be
	// seen under the name and what was there before is still there. An error of
	// write is returned, wrapped.
	Write(ctx context.Context, name string, write func(io.Writer) error) error
	// Open reads a file; the context bounds all reads. If there is none,
	// errors.Is(err, fs.ErrNotExist).
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List returns the names that start with the prefix, sorted. Files that are
	// being written, or were when a process died, may be among them under names of
	// their own.
	List(ctx context.Context, prefix string) ([]string, error)
	// Remove removes a file for good. It is no error if there is none.
	Remove(ctx context.Context, name string) error
}

// Dir returns the name of the folder, within a store, of a job's checkpoint at a
// version. Names of higher versions sort behind.
func Dir(job param.JobID, v param.Version) string { return fmt.Sprintf("%012d-%s", v, job) }

// dirs are the names that Dir gives. Nothing that lies below others is ever removed.
var dirs = regexp.MustCompile(`^[0-9]{12,20}-[^/\\\x00]+$`)

// checkDir refuses what is not a name of Dir.
func checkDir(dir string) error {
	if !dirs.MatchString(dir) {
		return param.Errorf(param.Invalid, "%q names no checkpoint: it must be VERSION-JOB with 12 digits or more and without slashes", dir)
	}
	return nil
}

// shown returns a file's name as users know it.
func shown(s Store, name string) string {
	if p, ok := s.(fmt.Stringer); ok {
		return p.String() + "/" + name
	}
	return name
}

// place returns what users call a store.
func place(s Store) string {
	if p, ok := s.(fmt.Stringer); ok {
		return p.String()
	}
	return "the place of the checkpoints"
}
