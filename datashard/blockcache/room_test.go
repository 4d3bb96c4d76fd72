package blockcache

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"parley/internal/batch"
)

// shards puts shards first to last-1 of a key and returns the bytes of each file.
func shards(t testing.TB, c *Cache, key string, first, last int) int64 {
	t.Helper()
	for i := first; i < last; i++ {
		put(t, c, key, uint64(i), shardOf(i))
	}
	return fileSize(shardOf(0))
}

// shardOf returns rows that all take the same room.
func shardOf(i int) *batch.CSR {
	rows := generate(uint64(i), int64(i)*100, 100, 0, false, false)
	rows.Columns, rows.Values = make([]uint32, 400), make([]float32, 400)
	for j := range rows.Offsets {
		rows.Offsets[j] = uint32(4 * j)
	}
	rows.Columns[0] = uint32(i)
	return rows
}

// there returns which of shards 0 to n-1 of a key there are.
func there(t testing.TB, c *Cache, key string, n int) (found []int) {
	t.Helper()
	for i := range n {
		if rows := get(t, c, key, uint64(i), shardOf(i)); rows != nil {
			found = append(found, i)
		}
	}
	return found
}

func wantThere(t testing.TB, c *Cache, key string, want ...int) {
	t.Helper()
	if got := there(t, c, key, 30); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("shards of %.2s... are %v, want %v", key, got, want)
	}
}

var size = fileSize(shardOf(0))

func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	at := newClock()
	c := openAt(t, t.TempDir(), 9*size, at)
	for i, k := range []string{"a", "b", "c"} {
		at.Time = at.Add(time.Duration(i) * 2 * time.Minute)
		shards(t, c, key(k), 0, 3)
	}
	at.Time = at.Add(2 * time.Minute)
	want(t, c, key("a"), 1, shardOf(1))
	shards(t, c, key("d"), 0, 1) // in place of b
	wantThere(t, c, key("b"))
	wantThere(t, c, key("a"), 0, 1, 2)
	wantThere(t, c, key("c"), 0, 1, 2)
	wantThere(t, c, key("d"), 0)
	if s := c.Stats(); s.Evicted != 3 || s.Bytes != 7*size {
		t.Errorf("%+v, want 3 evicted and %d bytes", s, 7*size)
	}
}

// What one process uses, another does not evict.
func TestUseIsSharedByProcesses(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	one, two := openAt(t, dir, 4*size, at), openAt(t, dir, 4*size, at)
	shards(t, one, key("a"), 0, 2)
	at.Time = at.Add(time.Minute)
	shards(t, one, key("b"), 0, 2)
	at.Time = at.Add(time.Minute)
	want(t, one, key("a"), 0, shardOf(0))
	at.Time = at.Add(time.Minute)
	shards(t, two, key("c"), 0, 4) // it learns of a and b at the next scan
	if _, err := Open(dir, 6*size+size/2, at.now); err != nil {
		t.Fatal(err)
	}
	wantThere(t, one, key("b"))
	wantThere(t, one, key("a"), 0, 1)
	wantThere(t, one, key("c"), 0, 1, 2, 3)
}

func TestDatasetBeyondTheLimit(t *testing.T) {
	c := open(t, t.TempDir(), 5*size+size/2)
	shards(t, c, key("a"), 0, 9)
	wantThere(t, c, key("a"), 0, 1, 2, 3, 4)
	s := c.Stats()
	if s.Written != 5 || s.Declined != 4 || s.Evicted != 0 || s.Bytes != 5*size {
		t.Errorf("%+v", s)
	}
	big := generate(1, 0, 10000, 9, false, false)
	put(t, c, key("b"), 0, big)
	absent(t, c, key("b"), 0, big)
	wantThere(t, c, key("a"), 0, 1, 2, 3, 4)
}

func TestNoRoomAtAll(t *testing.T) {
	for _, limit := range []int64{0, -1} {
		c := open(t, t.TempDir(), limit)
		shards(t, c, key("a"), 0, 2)
		wantThere(t, c, key("a"))
	}
}

func TestOpenTrims(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	c := openAt(t, dir, plenty, at)
	shards(t, c, key("b"), 0, 3)
	at.Time = at.Add(2 * time.Minute)
	shards(t, c, key("a"), 0, 6)
	for i := range 6 { // the oldest have the largest numbers
		old := at.Add(-time.Duration(i) * time.Minute)
		if err := os.Chtimes(c.path(key("a"), uint64(i)), old, old); err != nil {
			t.Fatal(err)
		}
	}
	c = openAt(t, dir, 4*size, at)
	if s := c.Stats(); s.Evicted != 5 || s.Bytes != 4*size {
		t.Errorf("%+v", s)
	}
	wantThere(t, c, key("b"))
	wantThere(t, c, key("a"), 0, 1, 2, 3)
}

func TestFilesThatAreNotOurs(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	folder := filepath.Join(dir, key("a"), "0")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	files := []struct {
		path string
		age  time.Duration
		stay bool
	}{
		{filepath.Join(folder, ".1.arrow-7.tmp"), 61 * time.Minute, false},
		{filepath.Join(folder, ".2.arrow-7.tmp"), 59 * time.Minute, true},
		{filepath.Join(dir, "notes.tmp"), 100 * time.Hour, true},
		{filepath.Join(dir, "abc"), 100 * time.Hour, true},
	}
	for _, f := range files {
		replant(t, f.path, make([]byte, 1000))
		if err := os.Chtimes(f.path, at.Time, at.Add(-f.age)); err != nil {
			t.Fatal(err)
		}
	}
	c := openAt(t, dir, 5*size, at)
	if s := c.Stats(); s.Bytes != 0 || s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
	for _, f := range files {
		if _, err := os.Lstat(f.path); (err == nil) != f.stay {
			t.Errorf("%s: %v", f.path, err)
		}
	}
}

// Two caches that know nothing of each other's files find out after a while.
func TestScanAfterManyPuts(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	one, two := openAt(t, dir, 100*size, at), openAt(t, dir, 100*size, at)
	shards(t, one, key("a"), 0, 60)
	at.Time = at.Add(2 * time.Minute)
	shards(t, two, key("b"), 0, 60)
	if got := two.Stats().Bytes; got != 60*size {
		t.Fatalf("%d bytes: this test shows nothing", got)
	}
	for range 1100 {
		shards(t, two, key("b"), 60, 61)
		_ = os.Remove(two.path(key("b"), 60)) // so that the next Put writes it, if it has room
	}
	wantThere(t, one, key("a"))
	if got := two.Stats().Evicted; got != 60 {
		t.Errorf("%d evicted", got)
	}
}

// A full folder of many small datasets is not scanned at each Put.
func TestEvictionFreesMoreThanItMust(t *testing.T) {
	at := newClock()
	c := openAt(t, t.TempDir(), 64*size, at)
	for i := range 64 {
		at.Time = at.Add(time.Minute)
		shards(t, c, fmt.Sprintf("%064x", i), 0, 1)
	}
	shards(t, c, key("a"), 0, 1)
	if s := c.Stats(); s.Evicted != 5 || s.Bytes != 60*size {
		t.Errorf("%d evicted, %d bytes, want 5 and %d", s.Evicted, s.Bytes, 60*size)
	}
}

// Goroutines and processes put, get and evict in one folder: rows are right or
// absent, and nothing fails.
func TestConcurrent(t *testing.T) {
	dir, at := t.TempDir(), newClock()
	caches := []*Cache{openAt(t, dir, 20*size, at), openAt(t, dir, 12*size, at)}
	rows := make([]*batch.CSR, 8)
	for i := range rows {
		rows[i] = shardOf(i)
	}
	var all sync.WaitGroup
	for g := range 6 {
		all.Go(func() {
			c := caches[g%2]
			for i := range 300 {
				k, n := key(string("abcd"[(i/50+g)%4])), (i*7+g)%len(rows)
				got, err := c.Get(k, uint64(n), rows[n].FirstRow, 100)
				switch {
				case err != nil:
					t.Errorf("get: %v", err)
				case got == nil:
					if err := c.Put(k, uint64(n), rows[n]); err != nil {
						t.Errorf("put: %v", err)
					}
				case !equal(got, rows[n]):
					t.Errorf("shard %d differs", n)
				}
			}
		})
	}
	all.Wait()
	for _, c := range caches {
		s := c.Stats()
		if s.Hits+s.Misses != 900 || s.Damaged != 0 || s.Written == 0 || s.Evicted == 0 {
			t.Errorf("%+v", s)
		}
	}
	if got := openAt(t, dir, plenty, at).Stats().Bytes; got > 32*size {
		t.Errorf("%d bytes, more than both limits", got)
	}
}
