package datashard

import (
	"bufio"
	"compress/bzip2"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
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
	// magics are how its data may begin: what begins otherwise is something else
	// altogether, not damaged.
	magics []string
}

var codecs = map[string]*codec{
	".gz":  {name: "gzip", open: openGzip, magics: []string{"\x1F\x8B"}},
	".zst": {name: "zstd", open: openZstd, magics: []string{"\x28\xB5\x2F\xFD", "\x50\x2A\x4D\x18"}}, // a frame, one to skip
	".bz2": {name: "bzip2", open: openBzip2, magics: []string{"BZh"}},
}

// plainCopy is for what is not compressed, but can be read once alone.
var plainCopy = &codec{name: "plain", open: func(r io.Reader) (io.Reader, func(), error) { return r, func() {}, nil }, magics: []string{""}}

// begins reports that data, of which head are the first bytes, may be the
// codec's. It may be shorter than the magic.
func (c *codec) begins(head []byte) bool {
	return slices.ContainsFunc(c.magics, func(magic string) bool {
		return strings.HasPrefix(magic, string(head[:min(len(head), len(magic))]))
	})
}

// unsupported are suffixes of files that are surely no text.
var unsupported = map[string]bool{
	".xz": true, ".lzma": true, ".lz4": true, ".lz": true, ".br": true, ".sz": true, ".snappy": true, ".z": true,
	".zip": true, ".7z": true, ".rar": true, ".tar": true, ".tgz": true, ".tbz2": true, ".txz": true, ".zstd": true,
}

// codecOf returns the compression that a file's suffix names, nil for none.
func codecOf(path string) (*codec, error) {
	suffix := strings.ToLower(filepath.Ext(path))
	if strings.HasSuffix(strings.ToLower(path), ".tar"+suffix) && suffix != "" {
		suffix = ".tar" + suffix
	}
	if unsupported[suffix] || strings.HasPrefix(suffix, ".tar") {
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
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return nil, func() {}, err
	}
	return z, z.Close, nil
}

func openBzip2(r io.Reader) (io.Reader, func(), error) { return bzip2.NewReader(r), func() {}, nil }

// decompress reads all of a compressed file into the spool.
func decompress(ctx context.Context, c *codec, compressed io.Reader, to *spool) (*file, error) {
	source := bufio.NewReaderSize(&cancelled{ctx: ctx, r: compressed}, 256<<10)
	head, err := source.Peek(4)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, c.explain(to.path, err)
	case len(head) == 0:
		return nil, param.Errorf(param.Invalid, "%s: is empty, not %s data: copy or download it again", to.path, c.name)
	case !c.begins(head):
		return nil, param.Errorf(param.Invalid, "%s: is not %s data: correct the file's suffix", to.path, c.name)
	}
	r, release, err := c.open(source)
	defer release()
	if err == nil {
		_, err = io.CopyBuffer(to, struct{ io.Reader }{r}, make([]byte, 128<<10))
	}
	if err == nil {
		return to.finish(), nil
	}
	to.discard()
	return nil, c.explain(to.path, err)
}

// explain turns an error of decompression into one that says what is wrong with
// the file.
func (c *codec) explain(path string, err error) error {
	var spooling *spoolError
	switch {
	case errors.As(err, &spooling), param.KindOf(err) != param.Unknown, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return param.Errorf(param.Invalid, "%s: the %s data is truncated: copy or download it again", path, c.name)
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
