// Package datashard gives rows: it opens a dataset (a file, a directory or a
// glob, plain or compressed), profiles it into a plan.Manifest that fixes its
// rows and data shards, and loads shards as batch.CSR.
//
// The main type is Dataset. The coordinator opens one and profiles it; each
// trainer opens the same source and is given the coordinator's manifest with
// Use; both then Load shards. Bytes flow in from files, rows flow out; nothing
// here knows of parameters, sockets or clocks.
//
// Opening decompresses what is compressed, so that every file offers random
// access to its text; profiling and loading read that text in bounded pieces.
// What a dataset holds in memory is Options.MemoryLimit of decompressed text,
// Options.CacheBytes of parsed rows, a mark every few rows, and what is being
// read at the moment, whatever the size of the data.
//
// A Dataset is safe for concurrent use, except that Close may be called only
// after all other calls have returned. Open and Profile start goroutines and
// wait for them; Load runs in its caller.
package datashard

import (
	"context"
	"errors"
	"sync"

	"parley/internal/param"
	"parley/internal/plan"
)

// Source says where a dataset is and how its rows are written.
type Source struct {
	// Path of a file, of a directory (its regular files that are not hidden, in
	// the order of their names, without those of subdirectories) or a glob
	// (its matches in the order of their names). A suffix .gz, .zst or .bz2 of a
	// file says that it is compressed.
	Path string
	// Format of the rows: "libsvm". Empty means libsvm.
	Format string
}

// Options bound what a dataset takes. The zero value is usable.
type Options struct {
	// TempDir is the directory of temporary files, for compressed files that are
	// too large for MemoryLimit. Their names are removed at once, so that nothing
	// is left behind by a process that is killed. Empty means os.TempDir().
	TempDir string
	// MemoryLimit is the number of decompressed bytes that the whole dataset may
	// keep in memory; what goes beyond is spooled to TempDir. More memory saves
	// disk traffic alone. 0 means 64 MiB, negative none.
	MemoryLimit int64
	// CacheBytes bounds the parsed rows that are kept for the next Load. A dataset
	// that fits is parsed once; one that does not is parsed once an epoch.
	// 0 means 256 MiB, negative none.
	CacheBytes int64
}

const (
	defaultMemoryLimit = 64 << 20
	defaultCacheBytes  = 256 << 20
)

// Dataset is an opened dataset.
type Dataset struct {
	source     Source
	files      []*file
	cacheBytes int64
	sizes      sizes
	mu         struct {
		sync.Mutex
		manifest *plan.Manifest // never changed, only replaced, the cache with it:
		cache    *cache         // a load that is under way may end into the old one
	}
}

// Open finds the files of a source and makes them readable at random. It
// decompresses compressed files, several at a time, and does not look into
// plain ones. The errors are Invalid and name the file: missing, unreadable,
// not in the compression that its suffix says, damaged. The caller closes the
// dataset.
func Open(ctx context.Context, source Source, options Options) (*Dataset, error) {
	if source.Format != "" && source.Format != "libsvm" {
		return nil, param.Errorf(param.Invalid, "%s: format %s is not supported: use libsvm", source.Path, quote(source.Format))
	}
	paths, err := resolve(source.Path)
	if err != nil {
		return nil, err
	}
	options = options.withDefaults()
	files, err := openFiles(ctx, paths, options)
	if err != nil {
		return nil, err
	}
	return &Dataset{source: source, files: files, cacheBytes: options.CacheBytes, sizes: usual}, nil
}

func (o Options) withDefaults() Options {
	if o.MemoryLimit == 0 {
		o.MemoryLimit = defaultMemoryLimit
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	return o
}

// Close releases the files, the temporary ones too. CSRs that were loaded stay
// valid.
func (d *Dataset) Close() error { return closeFiles(d.files) }

func closeFiles(files []*file) error {
	var errs []error
	for _, f := range files {
		if f != nil {
			errs = append(errs, f.close())
		}
	}
	return errors.Join(errs...)
}

// Manifest returns what Profile made or Use was given last, or nil. The
// manifest is shared: nobody may change it.
func (d *Dataset) Manifest() *plan.Manifest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.manifest
}
