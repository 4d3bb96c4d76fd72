package checkpoint

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"parley/internal/param"
)

// cycle makes checkpoints as a job does, rewinding once, and prunes after each. It
// goes on after errors. committed is told of each version that is complete for sure.
func cycle(s Store, committed func(param.Version)) (failed error) {
	for _, v := range []param.Version{15, 20, 25, 20, 30} {
		err := save(s, v, 2)
		if err == nil {
			committed(v)
			err = Prune(context.Background(), s, 2)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// restorable fails the test unless the newest complete checkpoint of a copy of the
// store is sound and at least as new as the last one that was committed.
func restorable(t *testing.T, files map[string][]byte, when string, least param.Version) {
	t.Helper()
	s := newMemory()
	s.files = files
	found, damaged, err := Complete(context.Background(), s)
	if err != nil || len(damaged) > 0 {
		t.Fatalf("%s: %v, %v", when, damaged, err)
	}
	if len(found) == 0 {
		if least > 0 {
			t.Fatalf("%s: there is no checkpoint any more", when)
		}
		return
	}
	newest := found[len(found)-1]
	if newest.Manifest.Version < least {
		t.Fatalf("%s: the newest is of version %d, not %d", when, newest.Manifest.Version, least)
	}
	if err := verify(s, newest); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
}

// TestAnyCopy looks at what a copy would have after every single operation.
func TestAnyCopy(t *testing.T) {
	m := newMemory()
	last, copies := param.Version(0), 0
	m.after = func() {
		copies++
		restorable(t, maps.Clone(m.files), "copy", last)
	}
	if err := cycle(m, func(v param.Version) { last = max(last, v) }); err != nil || copies < 50 {
		t.Error(copies, err)
	}
}

// TestFaults lets every operation of a cycle fail in turn, alone and with all that
// come after, as if the process had died or the disk were full.
func TestFaults(t *testing.T) {
	for _, injected := range []error{syscall.ENOSPC, errShort} {
		for _, forever := range []bool{false, true} {
			for n := 0; ; n++ {
				if !fault(t, n, injected, forever) {
					break
				}
			}
		}
	}
}

// fault lets operation n fail; it reports whether there was one.
func fault(t *testing.T, n int, injected error, forever bool) bool {
	m := newMemory()
	count, hit, last := 0, "", param.Version(0)
	m.before = func(operation, name string) error {
		count++
		if count-1 != n && !(forever && count > n) {
			return nil
		}
		if errors.Is(injected, errShort) && operation != "write" {
			return syscall.EIO
		}
		hit = operation + " " + name
		return injected
	}
	err := cycle(m, func(v param.Version) { last = max(last, v) })
	if count <= n {
		return false
	}
	want := injected
	if errors.Is(injected, errShort) && strings.HasPrefix(hit, "write") {
		want = io.ErrShortWrite
	}
	// A manifest that cannot be read is told of by Complete, and Prune goes on.
	if hit != "" && !errors.Is(err, want) && !strings.HasPrefix(hit, "open") && !strings.HasPrefix(hit, "read") {
		t.Errorf("%s: %v", hit, err)
	}
	restorable(t, m.files, hit, last)
	return true
}

// faulty is a disk of which some operation fails.
type faulty struct {
	disk
	fail string
	err  error
}

func (f *faulty) at(operation string) error {
	if f.fail == operation {
		return f.err
	}
	return nil
}

func (f *faulty) create(name string) (file, error) {
	if err := f.at("create"); err != nil {
		return nil, err
	}
	out, err := f.disk.create(name)
	return &faultyFile{out, f}, err
}

func (f *faulty) rename(from, to string) error {
	if err := f.at("rename"); err != nil {
		return err
	}
	return f.disk.rename(from, to)
}

func (f *faulty) remove(name string) error {
	if err := f.at("remove"); err != nil {
		return err
	}
	return f.disk.remove(name)
}

func (f *faulty) syncDir(name string) error {
	if err := f.at("sync folder"); err != nil {
		return err
	}
	return f.disk.syncDir(name)
}

type faultyFile struct {
	file
	disk *faulty
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.disk.at("write"); err != nil {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, err
	}
	return f.file.Write(p)
}

func (f *faultyFile) Sync() error {
	if err := f.disk.at("sync"); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *faultyFile) Close() error {
	f.file.Close()
	return f.disk.at("close")
}

// TestFullDisk has a folder whose operations fail: the error says why, no temporary
// file is left, and the checkpoint before is as it was.
func TestFullDisk(t *testing.T) {
	for _, operation := range []string{"create", "write", "sync", "close", "rename", "sync folder"} {
		dir := t.TempDir()
		if err := save(Folder(dir), 1, 1); err != nil {
			t.Fatal(err)
		}
		s := &folder{dir, &faulty{fail: operation, err: &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}}}
		err := save(s, 2, 1)
		if !errors.Is(err, syscall.ENOSPC) || param.KindOf(err) != param.Retryable || !strings.Contains(err.Error(), "free some space") {
			t.Errorf("%s: %v", operation, err)
		}
		names, err := s.List(t.Context(), "")
		for _, name := range names {
			if strings.HasSuffix(name, temporary) || strings.HasPrefix(name, Dir(job, 2)) && operation != "sync folder" {
				t.Errorf("%s: left %s", operation, name)
			}
		}
		found, damaged, failed := Complete(t.Context(), s)
		if err != nil || failed != nil || damaged != nil || len(found) != 1 || verify(s, found[0]) != nil {
			t.Errorf("%s: %v, %v, %v, %v", operation, found, damaged, failed, err)
		}
	}
}

// TestStoppedWrite ends a write by its context: nothing is left.
func TestStoppedWrite(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	err := Folder(dir).Write(ctx, "a/b", func(w io.Writer) error {
		cancel(stopped)
		_, err := w.Write([]byte("x"))
		return err
	})
	left, _ := filepath.Glob(filepath.Join(dir, "a", "*"))
	hidden, _ := filepath.Glob(filepath.Join(dir, "a", ".*.tmp"))
	if !errors.Is(err, stopped) || len(left)+len(hidden) > 0 {
		t.Error(err, left, hidden)
	}
}
