package blockcache

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"parley/internal/param"
)

// disk mounts a file system of so many bytes for the duration of the test.
func disk(t *testing.T, bytes string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+bytes); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// filesIn returns the files below a folder.
func filesIn(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFullDisk(t *testing.T) {
	dir := disk(t, "64k")
	c := open(t, dir, plenty)
	rows := generate(1, 0, 500, 5, false, false) // about 24 KB
	failed := 0
	for i := range 6 {
		err := c.Put(key("a"), uint64(i), rows)
		switch {
		case err == nil:
			want(t, c, key("a"), uint64(i), rows)
		case errors.Is(err, syscall.ENOSPC):
			failed++
			if !strings.HasPrefix(err.Error(), "cache data shard ") {
				t.Errorf("error %v", err)
			}
			absent(t, c, key("a"), uint64(i), rows)
		default:
			t.Error(err)
		}
	}
	written := c.Stats().Written
	if failed == 0 || written == 0 || failed+int(written) != 6 {
		t.Errorf("%d written, %d failed", written, failed)
	}
	if files := filesIn(t, dir); len(files) != int(written) {
		t.Errorf("files: %v", files)
	}
	if got := c.Stats().Bytes; got != written*fileSize(rows) {
		t.Errorf("%d bytes", got)
	}
}

func TestReadOnly(t *testing.T) {
	dir := disk(t, "1m")
	c := open(t, dir, plenty)
	rows := generate(1, 0, 50, 5, false, false)
	put(t, c, key("a"), 0, rows)
	put(t, c, key("a"), 1, rows)
	replant(t, c.path(key("a"), 1), []byte("damaged"))
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("mounting read-only: %v", err)
	}
	want(t, c, key("a"), 0, rows)
	if got, err := c.Get(key("a"), 1, 0, 50); got != nil || !errors.Is(err, syscall.EROFS) {
		t.Errorf("a damaged file: %v, %v", got, err)
	}
	if err := c.Put(key("a"), 2, rows); !errors.Is(err, syscall.EROFS) {
		t.Errorf("put: %v", err)
	}
	_, err := Open(dir, plenty, newClock().now)
	if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), dir+": cannot be written (read-only file system)") {
		t.Errorf("open: %v", err)
	}
}
