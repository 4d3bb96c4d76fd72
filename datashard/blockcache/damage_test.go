package blockcache

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"

	"parley/internal/batch"
)

// replant makes a file of a cache anew.
func replant(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// planted returns a cache with a shard, and the shard's file.
func planted(t testing.TB, rows *batch.CSR) (c *Cache, path string, content []byte) {
	t.Helper()
	c = open(t, t.TempDir(), plenty)
	put(t, c, key("c"), 3, rows)
	path = c.path(key("c"), 3)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return c, path, content
}

func TestFlippedBytes(t *testing.T) {
	for i := range 4 {
		rows := generate(uint64(i), 70, 5, 2, i&1 != 0, i&2 != 0)
		c, path, content := planted(t, rows)
		for at := range content {
			for _, flip := range []byte{0xff, 1 << (at % 8)} {
				bad := slices.Clone(content)
				bad[at] ^= flip
				replant(t, path, bad)
				absent(t, c, key("c"), 3, rows)
				if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("byte %d of %d: the file is still there: %v", at, len(content), err)
				}
			}
		}
		n := 2 * int64(len(content))
		stats(t, c, Stats{Written: 1, Misses: n, Damaged: n})
		put(t, c, key("c"), 3, rows)
		want(t, c, key("c"), 3, rows)
	}
}

func TestTruncated(t *testing.T) {
	rows := generate(1, 70, 5, 2, true, false)
	c, path, content := planted(t, rows)
	for n := range content {
		replant(t, path, content[:n])
		absent(t, c, key("c"), 3, rows)
	}
	replant(t, path, append(content, 0))
	absent(t, c, key("c"), 3, rows)
	replant(t, path, content)
	want(t, c, key("c"), 3, rows)
}

// A shard's file that stands in for another's must not pass.
func TestOtherRows(t *testing.T) {
	rows := generate(1, 70, 5, 2, false, false)
	c, path, content := planted(t, rows)
	for name, get := range map[string]func() (*batch.CSR, error){
		"first row":    func() (*batch.CSR, error) { return c.Get(key("c"), 3, 71, 5) },
		"negative row": func() (*batch.CSR, error) { return c.Get(key("c"), 3, -1, 5) },
		"fewer rows":   func() (*batch.CSR, error) { return c.Get(key("c"), 3, 70, 4) },
		"no rows":      func() (*batch.CSR, error) { return c.Get(key("c"), 3, 70, 0) },
		"minus rows":   func() (*batch.CSR, error) { return c.Get(key("c"), 3, 70, -5) },
		"most rows":    func() (*batch.CSR, error) { return c.Get(key("c"), 3, 70, 1<<63-1) },
	} {
		replant(t, path, content)
		if got, err := get(); got != nil || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	stats(t, c, Stats{Written: 1, Misses: 6, Damaged: 6})
	for _, other := range []struct {
		key   string
		shard uint64
	}{{key("d"), 3}, {key("c"), 4}} {
		put(t, c, other.key, other.shard, rows)
		replant(t, c.path(other.key, other.shard), content)
		absent(t, c, other.key, other.shard, rows)
	}
}

// A checksum that is right does not make rows of what is not a CSR.
func TestOffsetsThatDescend(t *testing.T) {
	rows := generate(1, 70, 5, 2, false, false)
	c, path, _ := planted(t, rows)
	bad := *rows
	bad.Offsets = slices.Clone(rows.Offsets)
	bad.Offsets[2] = bad.Offsets[5] + 1
	if err := writeFile(path, identity{key("c"), 3, 70}, &bad); err != nil {
		t.Fatal(err)
	}
	absent(t, c, key("c"), 3, rows)
	stats(t, c, Stats{Written: 1, Misses: 1, Damaged: 1})
}

func FuzzGet(f *testing.F) {
	rows := generate(1, 70, 5, 2, true, true)
	c, path, content := planted(f, rows)
	f.Add(content)
	f.Add(content[:len(content)/2])
	f.Fuzz(func(t *testing.T, content []byte) {
		replant(t, path, content)
		got := get(t, c, key("c"), 3, rows)
		if got != nil && !ascend(got.Offsets, 5, len(got.Columns)) {
			t.Error("malformed rows")
		}
	})
}
