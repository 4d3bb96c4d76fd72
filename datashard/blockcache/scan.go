package blockcache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// scan looks at all files of the folder. Names that are no keys are not ours.
func (c *Cache) scan() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	found := map[string]*dataset{}
	for _, e := range entries {
		if !isKey(e.Name()) {
			continue
		}
		if found[e.Name()], err = c.scanDataset(e.Name()); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, d := range c.mu.datasets {
		now := found[key]
		if now == nil && d.pending > 0 {
			now = &dataset{}
			found[key] = now
		}
		if now != nil {
			now.pending, now.touched = d.pending, d.touched
		}
	}
	c.mu.datasets, c.mu.puts = found, 0
	return nil
}

// scanDataset looks at the files of a key.
func (c *Cache) scanDataset(key string) (*dataset, error) {
	d := &dataset{}
	if info, err := os.Lstat(filepath.Join(c.dir, key)); err == nil {
		d.used = info.ModTime()
	}
	files, err := c.files(key)
	for _, f := range files {
		d.shards, d.bytes = d.shards+1, d.bytes+f.bytes
	}
	return d, err
}

// file is a shard's.
type file struct {
	path  string
	bytes int64
	time  time.Time
}

// orphaned is the age of a temporary file that nobody is still writing.
const orphaned = time.Hour

// files lists the shards of a key, and removes temporary files that were left.
func (c *Cache) files(key string) (files []file, err error) {
	err = filepath.WalkDir(filepath.Join(c.dir, key), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			return nil
		}
		var info fs.FileInfo
		if err == nil {
			info, err = e.Info()
		}
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
			return nil
		case err != nil:
			return err
		case strings.HasSuffix(path, temporary):
			if c.now().Sub(info.ModTime()) > orphaned {
				_ = os.Remove(path) // the next scan tries again
			}
			return nil
		}
		files = append(files, file{path, info.Size(), info.ModTime()})
		return nil
	})
	return files, err
}
