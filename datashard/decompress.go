package datashard

import (
	"bufio"
	"compress/bzip2"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"parley/internal/param"
)

// codec is a compression, chosen by a file's suffix.
type codec struct {
	name string
	// open starts reading; the reader may fail later too.
	open func(io.Reader) (io.Reader, func(), error)
	// foreign reports that an error means "this is something else altogether".
	foreign func(error) bool
}

var codecs = map[string]*codec{
	".gz":  {name: "gzip", open: openGzip, foreign: func(err error) bool { return errors.Is(err, gzip.ErrHeader) }},
	".zst": {name: "zstd", open: openZstd, foreign: func(err error) bool { return errors.Is(err, zstd.ErrMagicMismatch) }},
	".bz2": {name: "bzip2", open: openBzip2, foreign: func(err error) bool {
		return errors.Is(err, bzip2.StructuralError("bad magic value"))
	}},
}

// unsupported are suffixes of files that are surely no text.
var unsupported = map[string]bool{
	".xz": true, ".lzma": true, ".lz4": true, ".lz": true, ".br": true, ".sz": true, ".snappy": true, ".z": true,
	".zip": true, ".7z": true, ".rar": true, ".tar": true, ".tgz": true, ".tbz2": true, ".txz": true, ".zstd": true,
}

// codecOf returns the compression that a file's suffix names, nil for none.
func codecOf(path string) (*codec, error) {
	suffix := strings.ToLower(filepath.Ext(path))
	stem := strings.TrimSuffix(strings.ToLower(path), suffix)
	if unsupported[suffix] || codecs[suffix] != nil && strings.HasSuffix(stem, ".tar") {
		return nil, param.Errorf(param.Invalid, "%s: cannot read %s files: unpack it, or compress it as .gz, .zst or .bz2", path, suffix)
	}
	return codecs[suffix], nil
}

func openGzip(r io.Reader) (io.Reader, func(), error) {
	z, err := gzip.NewReader(r)
	return z, func() {}, err
}

// openZstd bounds the window as the zstd program does, so that a header cannot
// ask for gigabytes.
func openZstd(r io.Reader) (io.Reader, func(), error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return nil, func() {}, err
	}
	return z, z.Close, nil
}

func openBzip2(r io.Reader) (io.Reader, func(), error) { return bzip2.NewReader(r), func() {}, nil }

// decompress reads all of a compressed file into the spool.
func decompress(ctx context.Context, c *codec, compressed io.Reader, to *spool) (*file, error) {
	source := bufio.NewReaderSize(&cancelled{ctx: ctx, r: compressed}, 256<<10)
	if _, err := source.Peek(1); errors.Is(err, io.EOF) {
		return nil, param.Errorf(param.Invalid, "%s: is empty, not %s data", to.path, c.name)
	}
	r, release, err := c.open(source)
	defer release()
	if err == nil {
		_, err = io.CopyBuffer(to, struct{ io.Reader }{r}, make([]byte, 128<<10))
	}
	if err == nil {
		return to.finish(), nil
	}
	fed := to.size > 0
	to.discard()
	return nil, c.explain(to.path, err, fed)
}

// explain turns an error of decompression into one that says what is wrong with
// the file. fed says that some bytes had come out before.
func (c *codec) explain(path string, err error, fed bool) error {
	var spooling *spoolError
	switch {
	case errors.As(err, &spooling), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return param.Errorf(param.Invalid, "%s: the %s data is truncated: copy or download it again", path, c.name)
	case c.foreign(err) && !fed:
		return param.Errorf(param.Invalid, "%s: is not %s data: correct the file's suffix", path, c.name)
	}
	return param.Errorf(param.Invalid, "%s: the %s data is damaged: copy or download it again (%w)", path, c.name, err)
}

// cancelled is a reader that ends with its context.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
