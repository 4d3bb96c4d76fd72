// Package datashard gives rows: it opens a dataset (a file, a directory, a glob or
// a URL, plain or compressed, in one of the formats of docs/data.md), finds its
// rows and cuts them into data shards, and loads shards as batch.CSR.
//
// The main type is Dataset. The coordinator has one node Scan it; trainers Fit
// what must be known of the rows, unit by unit; internal/profile makes the final
// manifest of both, which every node is given with Use; then all Load shards.
// Profile does all that in one process. Bytes flow in from files, rows flow out;
// nothing here knows of parameters, sockets or clocks.
//
// Every format is text with a row after the other, or becomes so when it is
// opened: what is compressed is decompressed, and what is not text is unpacked,
// into memory or a temporary file (docs/adr/0009). So every file offers random
// access to its text; scanning and loading read that text in bounded pieces. What
// a dataset holds in memory is Options.MemoryLimit of decompressed text,
// Options.CacheBytes of parsed rows, a mark every few rows, and what is being read
// at the moment, whatever the size of the data.
//
// A Dataset is safe for concurrent use, except that Close may be called only
// after all other calls have returned. Open, Scan, Fit and Profile start
// goroutines and wait for them; Load runs in its caller.
package datashard

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"

	"parley/datashard/bow"
	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/profile"
	"parley/internal/table"
)

// Source says where a dataset is, how its rows are written and what features are
// made of them.
type Source struct {
	// Path of a file, of a directory (its regular files that are not hidden, and
	// those of its key=value subdirectories, in the order of their names), a glob
	// (its matches in the order of their names) or a URL. A suffix .gz, .zst or .bz2
	// of a file says that it is compressed.
	Path string
	// Format of the rows, as in the job file. Empty means libsvm.
	Format string
	// Columns are the names of the columns of csv and tsv files without a header.
	Columns []string
	// Labels and Vocab are further files of uci-bow and idx, or empty.
	Labels, Vocab string
	// Spec is what is to be made of the rows.
	Spec feature.Spec
	// Fitted, if not nil, says how the rows of a model are made of the data: Spec is
	// not looked at then, and nothing is fitted.
	Fitted *Fitted
	// Unlabeled takes rows without labels, as prediction does.
	Unlabeled bool
}

// Fitted is what a model says of the data that it was trained on.
type Fitted struct {
	Transform json.RawMessage // as in plan.Manifest
	ZeroBased bool
	Columns   int64
}

// Options bound what a dataset takes. The zero value is usable.
type Options struct {
	// TempDir is the directory of temporary files, for decompressed files that are
	// too large for MemoryLimit. Their names are removed at once, so that nothing
	// is left behind by a process that is killed. Empty means os.TempDir().
	TempDir string
	// MemoryLimit is the number of decompressed bytes that the whole dataset may
	// keep in memory; what goes beyond is spooled to TempDir. More memory saves
	// disk traffic alone. 0 means 64 MiB, negative none.
	MemoryLimit int64
	// CacheBytes bounds the parsed rows that are kept in memory for the next Load. A
	// dataset that fits is parsed once. 0 means 256 MiB, negative none.
	CacheBytes int64
	// Blocks keeps parsed rows on disk, nil for none.
	Blocks Blocks
	// Remote opens URLs, nil where there are none.
	Remote Remote
}

// Blocks is a cache of parsed rows that outlives the dataset.
type Blocks interface {
	// Get returns the rows of a block, or nil if it has none.
	Get(key string, block uint64, firstRow, rows int64) (*batch.CSR, error)
	// Put keeps the rows of a block.
	Put(key string, block uint64, rows *batch.CSR) error
}

// Remote opens URLs.
type Remote interface {
	// List returns the objects that a URL stands for, sorted by name.
	List(ctx context.Context, url string) ([]Object, error)
}

// Object is a file that is not on this machine. Reads of a version other than the
// one that was listed are Corrupt errors.
type Object interface {
	io.ReaderAt
	io.Closer
	// Name is the URL, as people may see it.
	Name() string
	// Size in bytes.
	Size() int64
	// Sequential says that it can be read from its beginning alone, with Stream.
	Sequential() bool
	// Stream reads the object from its beginning.
	Stream(ctx context.Context) io.ReadCloser
}

const (
	defaultMemoryLimit = 64 << 20
	defaultCacheBytes  = 256 << 20
)

// Dataset is an opened dataset.
type Dataset struct {
	source   Source
	options  Options
	format   *format
	files    []*file
	names    []string // of the raw columns, nil for formats without
	keyNames []string // of key=value folders
	keys     int      // how many of names they are; the last ones
	plan     *feature.Plan
	unpacked unpacked // what the files were before they became text
	sizes    sizes
	mu       struct {
		sync.Mutex
		manifest *plan.Manifest // never changed, only replaced, the view with it:
		view     *view          // a load that is under way may end into the old one
	}
}

// Open finds the files of a source and makes them readable at random. It
// decompresses and unpacks what needs it, several files at a time, and reads the
// headers of the others. The errors are Invalid and name the file (missing,
// unreadable, not in the compression that its suffix says, damaged), or the key of
// the job that does not fit the columns. The caller closes the dataset.
func Open(ctx context.Context, source Source, options Options) (*Dataset, error) {
	if source.Format == "" {
		source.Format = "libsvm"
	}
	format := formats[source.Format]
	if format == nil {
		return nil, param.Errorf(param.Invalid, "%s: format %s is not known: the formats are %s", source.Path, table.Quote(source.Format), strings.Join(Formats(), ", "))
	}
	options = options.withDefaults()
	found, err := resolve(ctx, source.Path, options.Remote)
	if err != nil {
		return nil, err
	}
	d := &Dataset{source: source, options: options, format: format, keyNames: found[0].keys, sizes: usual}
	if d.files, err = d.openFiles(ctx, found); err != nil {
		return nil, err
	}
	if err := d.prepare(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
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

// prepare reads the headers and holds the columns against what is asked for.
func (d *Dataset) prepare(ctx context.Context) (err error) {
	if err := d.settle(); err != nil {
		return err
	}
	if err := d.readHeaders(); err != nil {
		return err
	}
	if d.source.Vocab != "" {
		if err := d.readVocabulary(ctx); err != nil {
			return err
		}
	}
	if d.source.Fitted != nil {
		return nil
	}
	if d.plan, err = profile.Compile(d.source.Spec, d.names, d.format.sparse, d.hashed() > 0); err != nil {
		return param.Errorf(param.Invalid, "%s: %w%s", d.source.Path, err, d.unpacked.hint())
	}
	return nil
}

// readVocabulary names the columns of a bag of words.
func (d *Dataset) readVocabulary(ctx context.Context) error {
	return d.beside(ctx, d.source.Vocab, func(r io.Reader, name string) (err error) {
		d.names, err = bow.ReadVocabulary(r, name, d.unpacked.columns)
		return err
	})
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

// Columns returns the names of the raw data's columns, nil for formats without.
func (d *Dataset) Columns() []string { return d.names }
