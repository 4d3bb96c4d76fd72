package parsebench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parley/datashard"
	"parley/datashard/blockcache"
	"parley/datashard/libsvm"
	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/table"
)

// blocks of a cache that is written and read: of some hundred KB each, as
// datashard makes them.
const (
	blockRows = 2048
	blocks    = 16
)

// key is a name that a dataset could have.
func key(n int) string { return fmt.Sprintf("%064x", n) }

// cacheSpeed measures reading, and what writing adds to parsing.
func cacheSpeed(dir string) (read Pace, build float64, err error) {
	dir, err = os.MkdirTemp(dir, "parley-bench-")
	if err != nil {
		return read, 0, err
	}
	defer os.RemoveAll(dir)
	cache, err := blockcache.Open(dir, 4<<30, time.Now)
	if err != nil {
		return read, 0, err
	}
	t := libsvmText(blockRows)
	p, rows := libsvm.Parser{Base: libsvm.OneBased}, &batch.CSR{}
	parse := func() {
		var bad table.BadRows
		reset(rows)
		p.Parse(rows, nil, &bad, t)
	}
	n := 0
	best := alternate(processor, len(t), parse, func() {
		parse()
		if e := cache.Put(key(n/blocks), uint64(n%blocks), rows); e != nil {
			err = e
		}
		n++
	})
	build = best[0] / best[1]
	if err != nil || n < blocks {
		return read, build, err
	}
	i := 0
	best = alternate(processor, int(rows.Bytes()), func() {
		got, e := cache.Get(key(0), uint64(i%blocks), 0, blockRows)
		if e != nil || got == nil {
			err = fmt.Errorf("a block that was written is not there: %w", e)
		}
		i++
	})
	return Pace{best[0] / 1e9}, build, err
}

// scanBytes is the size of the file that is scanned.
const scanBytes = 256 << 20

// scanSpeed measures the search for rows in a file that the system has in memory.
func scanSpeed(ctx context.Context, dir string) (Pace, error) {
	dir, err := os.MkdirTemp(dir, "parley-bench-")
	if err != nil {
		return Pace{}, err
	}
	defer os.RemoveAll(dir)
	path, t := filepath.Join(dir, "a.svm"), libsvmText(10_000)
	file, err := os.Create(path)
	if err != nil {
		return Pace{}, err
	}
	size := 0
	for ; size < scanBytes && err == nil; size += len(t) {
		_, err = file.Write(t)
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return Pace{}, err
	}
	d, err := datashard.Open(ctx, datashard.Source{Path: path, Spec: feature.Spec{Hash: &job.Hash{Bits: 22}}}, datashard.Options{})
	if err != nil {
		return Pace{}, err
	}
	defer d.Close()
	best := alternate(wall, size, func() {
		if _, e := d.Scan(ctx); e != nil {
			err = e
		}
	})
	return Pace{best[0] / 1e9}, err
}
