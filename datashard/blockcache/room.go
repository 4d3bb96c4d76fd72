package blockcache

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// usage is what is known of the folder. Other processes write and remove too: it
// is put right by each scan.
type usage struct {
	datasets map[string]*dataset // by key
	puts     int64               // since the last scan
	stuck    bool                // the last trim could not make the room that was asked for
}

// dataset is what is known of the shards of a key.
type dataset struct {
	shards  int64
	bytes   int64
	pending int64     // bytes that are being written
	touched time.Time // when this process last marked it as used
	used    time.Time // when any process last did, as of the last scan
}

func (u *usage) dataset(key string) *dataset {
	d := u.datasets[key]
	if d == nil {
		d = &dataset{}
		u.datasets[key] = d
	}
	return d
}

func (u *usage) bytes() (sum int64) {
	for _, d := range u.datasets {
		sum += d.bytes + d.pending
	}
	return sum
}

func (u *usage) shards() (sum int64) {
	for _, d := range u.datasets {
		sum += d.shards
	}
	return sum
}

// scanDue reports whether so many shards were put that others may have changed
// much: the more files there are to look at, the more rarely, so that a Put
// costs a look at eight files on average.
func (u *usage) scanDue() bool { return u.puts >= 1024+u.shards()/8 }

// reserve takes room for a file of a dataset, and makes it if there is none. It
// reports whether there is room. The caller must settle what was reserved.
func (c *Cache) reserve(key string, size int64) (bool, error) {
	c.mu.Lock()
	c.mu.puts++
	ok, trim := c.fitsLocked(key, size)
	c.mu.Unlock()
	if trim {
		var err error
		if ok, err = c.trim(key, size); err != nil {
			return false, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !ok {
		c.mu.stats.Declined++
		return false, nil
	}
	c.mu.dataset(key).pending += size
	return true, nil
}

// fitsLocked reports whether there is room for a file of a dataset, and whether a
// trim is due to be sure of that.
func (c *Cache) fitsLocked(key string, size int64) (ok, trim bool) {
	d := c.mu.dataset(key)
	if c.mu.scanDue() {
		return false, true
	}
	if d.bytes+d.pending+size > c.limit {
		return false, false
	}
	ok = c.mu.bytes()+size <= c.limit
	return ok, !ok && !c.mu.stuck
}

// settle turns what was reserved into what is there.
func (c *Cache) settle(key string, size int64, written bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.mu.dataset(key)
	d.pending -= size
	if written {
		d.bytes, d.shards = d.bytes+size, d.shards+1
		c.mu.stats.Written++
	}
}

// trim scans the folder and makes room for a file of a dataset. It reports whether
// there is room.
func (c *Cache) trim(key string, size int64) (bool, error) {
	c.trimming.Lock()
	defer c.trimming.Unlock()
	c.mu.Lock()
	ok, trim := c.fitsLocked(key, size)
	c.mu.Unlock()
	if !trim { // somebody else made room
		return ok, nil
	}
	if err := c.scan(); err != nil {
		return false, err
	}
	c.makeRoom(key, size)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.stuck = false
	ok, c.mu.stuck = c.fitsLocked(key, size)
	return ok, nil
}

// makeRoom removes, until there is room for a file of a dataset, other datasets,
// beginning with the one that was not used for longest; and then the dataset's
// oldest shards, as far as they alone exceed the limit. A file that would make the
// dataset too large gets no room.
//
// When it removes a dataset it goes on until a sixteenth of the limit is free:
// else a full folder of many small ones would be scanned at each Put.
func (c *Cache) makeRoom(key string, size int64) {
	c.mu.Lock()
	if d := c.mu.dataset(key); d.bytes+d.pending+size > c.limit {
		size = 0
	}
	c.mu.Unlock()
	if c.over(size) > 0 {
		for _, other := range c.leastRecent() {
			if c.over(size)+c.limit/16 <= 0 {
				break
			}
			if other != key {
				c.evict(other)
			}
		}
	}
	c.shorten(key)
}

// over returns by how much the folder would exceed the limit with a file more.
func (c *Cache) over(size int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.bytes() + size - c.limit
}

// leastRecent returns the keys by time of last use.
func (c *Cache) leastRecent() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := slices.Collect(maps.Keys(c.mu.datasets))
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(c.mu.datasets[a].used.Compare(c.mu.datasets[b].used), cmp.Compare(a, b))
	})
	return keys
}

// evict removes a dataset. What cannot be removed stays counted.
func (c *Cache) evict(key string) {
	_ = os.RemoveAll(filepath.Join(c.dir, key)) // a failure shows in the scan
	left, err := c.scanDataset(key)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.mu.dataset(key)
	c.mu.stats.Evicted += max(0, d.shards-left.shards)
	d.shards, d.bytes, d.touched = left.shards, left.bytes, time.Time{}
}

// shorten removes a dataset's oldest shards until it is within the limit.
func (c *Cache) shorten(key string) {
	c.mu.Lock()
	over := c.mu.dataset(key).bytes - c.limit
	c.mu.Unlock()
	if over <= 0 {
		return
	}
	files, err := c.files(key)
	if err != nil {
		return // the shards are counted, so nothing is added to them
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.time.Compare(b.time), cmp.Compare(a.path, b.path)) })
	for _, f := range files {
		if over <= 0 {
			break
		}
		if os.Remove(f.path) == nil {
			over -= f.bytes
			c.forget(key, f.bytes)
		}
	}
}

// forget takes a shard that was evicted out of the count.
func (c *Cache) forget(key string, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.mu.dataset(key)
	d.shards, d.bytes = d.shards-1, d.bytes-bytes
	c.mu.stats.Evicted++
}
