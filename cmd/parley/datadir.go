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
	f.Float64Var(&o.limit, "cache-limit", 10, "size of the cache of parsed rows in GiB; what was not used for longest goes first; 0 for no cache")
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
