// Package blockcache keeps parsed data shards on disk, so that the second epoch
// and the second job need not parse. Its main type is Cache, a folder that any
// number of datasets, jobs and processes share; the loader of data shards asks
// it before it parses, and gives it what it parsed. Rows come in and go out as
// batch.CSR; nothing else does.
//
// A shard is one file, an Arrow IPC file that other programs can read; see
// docs/formats/cache.md. One file a shard, not one for several: shards are
// loaded in any order by several workers, and a file that appears by a rename
// needs no index that could be half written. What a file costs on top of its
// bytes is small against the 330 KB of a usual shard, but not against the
// 5 KB of one of 16 rows: text of that size parses about as fast as a file is opened and read.
//
// A file is read with read(2) into memory of Go's, and the rows are that memory.
// Mapping the file and copying out of it was measured at a seventh of the speed
// (0.6 against 4.4 GB/s: a page fault for every 4 KiB), and rows that are the
// mapping itself would need somebody to say when the last of them is let go.
// arrow-go frames a file of each shape once, and only the numbers in that frame
// are set afterwards. Reading parses no frame either: it makes the one that the
// file must have and compares. So a damaged file cannot lead a parser astray.
//
// Files are not synced: one that a power loss damages is found by its checksum.
//
// A Cache is safe for concurrent use, by goroutines and by processes: nothing in
// the folder is ever changed in place, files appear by a rename and disappear
// whole, and no lock is held on disk. It starts no goroutines.
package blockcache

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/internal/batch"
	"parley/internal/param"
)

// Version is that of the files' layout. It belongs into what a key is the hash
// of: rows that were kept in another layout are then rows of another key.
const Version = "1"

// Cache is a folder of parsed data shards; any number of datasets, jobs and
// processes share it.
type Cache struct {
	dir   string
	limit int64
	now   func() time.Time

	// trimming is held while the folder is scanned and trimmed, which is I/O: a
	// Put that needs room waits for the one that makes some. Get never does.
	trimming sync.Mutex

	mu struct {
		sync.Mutex
		usage
		stats Stats
	}
}

// Stats counts what a Cache did since it was opened; Bytes is of the folder.
type Stats struct {
	Hits     int64 // shards that Get found
	Misses   int64 // shards that it did not find
	Written  int64 // shards that Put wrote
	Declined int64 // shards that Put did not write, for lack of room
	Damaged  int64 // files that were removed because they were not what was written
	Evicted  int64 // shards that were removed to make room
	Bytes    int64 // of all shards, as far as known: other processes' are seen at the next scan
}

// Open returns the cache in a folder, which it makes if there is none. The folder
// is trimmed to limit bytes, and kept there by Put. Temporary files that a killed
// process left are removed when they are more than an hour old. A Cache needs no
// closing.
//
// The error is Invalid and names the folder if it cannot be written.
func Open(dir string, limit int64, now func() time.Time) (*Cache, error) {
	c := &Cache{dir: dir, limit: limit, now: now}
	c.mu.datasets = map[string]*dataset{}
	if err := probe(dir); err != nil {
		return nil, param.Errorf(param.Invalid, "cache folder %s: cannot be written (%w): name one that can, or turn the cache off", dir, reason(err))
	}
	if err := c.scan(); err != nil {
		return nil, param.Errorf(param.Invalid, "cache folder %s: cannot be read (%w): name one that can, or turn the cache off", dir, reason(err))
	}
	if keys := c.leastRecent(); len(keys) > 0 {
		c.makeRoom(keys[len(keys)-1], 0)
	}
	return c, nil
}

// probe makes a folder and writes to it.
func probe(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*"+temporary)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// reason takes path and operation out of an error of the file system.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Get returns a data shard of the dataset named by key, which has so many rows
// from firstRow of the dataset on, or nil if it is not there. The rows are the
// caller's alone. Key is the SHA-256, in hex, of all that the rows depend on: the
// data's hash, its format and settings, the transform, and Version.
//
// A file that is not what Put wrote for this very shard is removed and counted as
// damaged, and the shard is not there. An error of the file system is returned;
// the caller may go on as if the shard were not there.
func (c *Cache) Get(key string, shard uint64, firstRow, rows int64) (*batch.CSR, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	path := c.path(key, shard)
	found, err := readFile(path, identity{key, shard, firstRow}, rows)
	switch {
	case err == nil:
		c.touch(key)
		c.count(&c.mu.stats.Hits)
		return found, nil
	case errors.Is(err, errDamaged):
		c.count(&c.mu.stats.Damaged)
		err = os.Remove(path)
	}
	c.count(&c.mu.stats.Misses)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return nil, err
}

// Put keeps a data shard of the dataset named by key, in place of datasets that
// have not been used for longest. It does nothing when the shard is there
// already, or when the dataset's shards alone would exceed the limit: those that
// came first stay. Rows are only read.
//
// The error is Invalid for rows that are not a CSR, and otherwise the file
// system's, as of a full disk. Nothing is left behind, and the caller loses no
// more than the time that the next parse takes.
func (c *Cache) Put(key string, shard uint64, rows *batch.CSR) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := check(rows); err != nil {
		return err
	}
	path, size := c.path(key, shard), fileSize(rows)
	if old, err := os.Lstat(path); err == nil && old.Size() == size {
		c.touch(key)
		return nil
	}
	ok, err := c.reserve(key, size)
	if err != nil || !ok {
		return err
	}
	err = writeFile(path, identity{key, shard, rows.FirstRow}, rows)
	c.settle(key, size, err == nil)
	switch {
	case err == nil:
		c.touch(key)
	case errors.Is(err, fs.ErrNotExist): // the dataset was evicted meanwhile
		err = nil
	}
	return err
}

// Stats returns what the cache did so far.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.mu.stats
	s.Bytes = c.mu.bytes()
	return s
}

func (c *Cache) count(n *int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

// touchEvery is how often the folder of a dataset in use is marked as used.
const touchEvery = time.Minute

// touch marks a dataset as used, for all processes: the folder's time says so. A
// folder that cannot be marked is not worth an error: it goes too early.
func (c *Cache) touch(key string) {
	now := c.now()
	c.mu.Lock()
	d := c.mu.dataset(key)
	due := now.Sub(d.touched) >= touchEvery
	if due {
		d.touched = now
	}
	c.mu.Unlock()
	if due {
		_ = os.Chtimes(filepath.Join(c.dir, key), now, now)
	}
}

// A dataset is a folder with folders of up to 1,024 shards, for file systems that
// are slow with many files in one.
func (c *Cache) path(key string, shard uint64) string {
	return filepath.Join(c.dir, key, strconv.FormatUint(shard/1024, 10), strconv.FormatUint(shard, 10)+suffix)
}

const (
	suffix    = ".arrow"
	temporary = ".tmp"
	keyLength = 64
)

func isKey(name string) bool {
	return len(name) == keyLength && strings.Trim(name, "0123456789abcdef") == ""
}

// checkKey keeps what is not a key from becoming a path.
func checkKey(key string) error {
	if !isKey(key) {
		return param.Errorf(param.Invalid, "cache key %.80q is not a SHA-256: give 64 digits of 0-9 and a-f", key)
	}
	return nil
}

// check refuses rows that are not a CSR, or are more than a file can hold.
func check(c *batch.CSR) error {
	rows, nonzeros := len(c.Labels), len(c.Columns)
	optional := func(s []float32) bool { return s == nil || len(s) == rows }
	if c.FirstRow < 0 || len(c.Values) != nonzeros || !optional(c.Weights) || !optional(c.Exposure) || !ascend(c.Offsets, rows, nonzeros) {
		return param.Errorf(param.Invalid, "cache: rows from %d on are malformed: lengths or offsets do not fit each other", c.FirstRow)
	}
	if rows >= math.MaxInt32 || nonzeros > math.MaxInt32 {
		return param.Errorf(param.Invalid, "cache: rows from %d on have %d nonzeros, more than the limit of %d: cut smaller shards", c.FirstRow, nonzeros, math.MaxInt32)
	}
	return nil
}

// ascend reports whether offsets are those of so many rows and nonzeros.
func ascend(offsets []uint32, rows, nonzeros int) bool {
	if len(offsets) != rows+1 || offsets[0] != 0 || uint64(offsets[rows]) != uint64(nonzeros) {
		return false
	}
	for i, end := range offsets[1:] {
		if end < offsets[i] {
			return false
		}
	}
	return true
}
