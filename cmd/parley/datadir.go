package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"parley/datashard"
	"parley/datashard/blockcache"
)

// dataOptions are the flags for the files that a node keeps.
type dataOptions struct {
	dir   string
	limit float64 // GiB
}

func (o *dataOptions) addFlags(c *cobra.Command, dir string) {
	f := c.Flags()
	f.StringVar(&o.dir, "data-dir", "", dir)
	values(c, "data-dir", folders)
	f.Float64Var(&o.limit, "cache-limit", 10, "size of the cache of parsed rows in GiB; what was not used for longest goes first; 0 for no cache")
}

// mostGiB bounds the limit, so that it can be counted in bytes.
const mostGiB = 1_000_000

func (o *dataOptions) check() error {
	if !(o.limit >= 0 && o.limit <= mostGiB) { // and so no NaN
		return fmt.Errorf("--cache-limit must be between 0 and %d GiB", mostGiB)
	}
	return nil
}

// blocks opens the cache of parsed rows; nil is none. A job runs without one too.
func (o *dataOptions) blocks() datashard.Blocks {
	if o.limit <= 0 {
		return nil
	}
	dir := o.dir
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil // a user without a home: nothing is kept
		}
		dir = filepath.Join(user, "parley-data")
	}
	cache, err := blockcache.Open(filepath.Join(dir, "cache"), int64(o.limit*(1<<30)), time.Now)
	if err != nil {
		fmt.Fprintf(os.Stderr, "parley: parsed rows are not kept: %v\n", err)
		return nil
	}
	return cache
}
