package datashard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc32"

	"github.com/zeebo/xxh3"

	"parley/datashard/csv"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/profile"
)

// Scan finds the rows of the whole dataset, cuts them into data shards and hashes
// them, without parsing more than where rows begin, and for libsvm text their
// labels and first ids. The manifest that it returns is the same on every machine.
// It is not complete: internal/profile adds what Fit has found.
//
// Errors are Invalid and name file and line, or say that there are no rows; they
// are Corrupt when a file changed meanwhile.
func (d *Dataset) Scan(ctx context.Context) (*plan.Manifest, error) {
	m, err := d.scan(ctx)
	if errors.Is(err, errQuotes) {
		if err := d.cutQuoted(ctx); err != nil {
			return nil, err
		}
		m, err = d.scan(ctx)
	}
	return m, err
}

// errQuotes says that a file has quotes, so that not every newline ends a row.
var errQuotes = errors.New("datashard: scan again, with quotes")

// cutQuoted cuts all files into chunks of whole rows. That takes reading them
// from the beginning, one byte after the other.
func (d *Dataset) cutQuoted(ctx context.Context) error {
	return inParallel(ctx, len(d.files), func(ctx context.Context, i int) error { return d.files[i].cutQuoted(ctx, d.format.comma, d.sizes) })
}

func (f *file) cutQuoted(ctx context.Context, comma byte, s sizes) error {
	var buffer []byte
	f.cuts = []int64{f.begin}
	for lo, size := f.begin, s.chunk; lo < f.size; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		hi := min(lo+size, f.size)
		view, err := f.view(&buffer, lo, hi)
		if err != nil {
			return err
		}
		n := int64(csv.Whole(view, comma))
		switch {
		case hi == f.size: // the last row may lack its newline, or the end of its quotes
			n = hi - lo
		case n == 0 && size <= s.line:
			size *= 2
			continue
		case n == 0:
			n = f.size - lo // too long, which is told when it is read
		}
		lo, size = lo+n, s.chunk
		f.cuts = append(f.cuts, lo)
	}
	return nil
}

func (d *Dataset) scan(ctx context.Context) (*plan.Manifest, error) {
	p := newScan(d)
	if err := (&scanner{d: d}).run(ctx, p.add); err != nil {
		return nil, err
	}
	p.endFiles(len(d.files))
	return p.manifest()
}

// scan is what has been found in the chunks so far, all in logical order.
type scan struct {
	d      *Dataset
	spans  []span // of the files before the current one, then the current one
	lines  int64  // of the current file, so far
	crc    uint32 // of the current file's bytes from begin to offset
	offset int64
	rows   int64
	zero   bool
	labels labelTable
	sum    rowHash
	marks  marks
}

func newScan(d *Dataset) *scan {
	return &scan{d: d, sum: newRowHash(), marks: marks{stride: 16}}
}

// add takes the next chunk in order.
func (p *scan) add(c *chunk) error {
	p.endFiles(c.file)
	if c.lines.tooLong {
		return p.tooLong(c)
	}
	if c.quotes && p.d.files[c.file].cuts == nil {
		return errQuotes
	}
	p.mark(c)
	p.sum.add(c.canonical, c.ends)
	p.labels.merge(&c.labels, p.lines)
	p.zero = p.zero || c.peek.Zero
	p.lines += int64(c.at.Total)
	p.rows += int64(len(c.at.Starts))
	return nil
}

// tooLong is the error of the row behind those of a chunk.
func (p *scan) tooLong(c *chunk) error {
	what, remedy := "line", "cut it up, or correct its line ends"
	if p.d.files[c.file].cuts != nil {
		what, remedy = "row that begins here", "close its quotes, or cut it up"
	}
	return param.Errorf(param.Invalid, "%s:%d: the %s is longer than %d bytes: %s", p.d.files[c.file].path, p.lines+int64(c.at.Total)+1, what, p.d.sizes.line, remedy)
}

// mark notes where rows begin: that of the file's first row, and of each row
// that the marks ask for.
func (p *scan) mark(c *chunk) {
	rows := int64(len(c.at.Starts))
	if rows == 0 {
		p.advance(c, len(c.lines.text))
		return
	}
	here := func(i int64) mark {
		p.advance(c, int(c.at.Starts[i]))
		return mark{offset: p.offset, line: p.lines + int64(c.at.Lines[i]), crc: p.crc}
	}
	if current := &p.spans[c.file]; current.begin.line == 0 { // not yet set
		current.begin = here(0)
	}
	for i := p.marks.next(p.rows) - p.rows; i < rows; i = p.marks.next(p.rows+i+1) - p.rows {
		p.marks.add(here(i))
	}
	p.advance(c, len(c.lines.text))
}

// advance brings crc and offset to a position of the chunk's text. A newline
// that the file lacks is not part of them.
func (p *scan) advance(c *chunk, to int) {
	offset := min(c.lines.offset+int64(to), p.d.files[c.file].size)
	if offset > p.offset {
		p.crc = crc32.Update(p.crc, castagnoli, c.lines.text[p.offset-c.lines.offset:offset-c.lines.offset])
		p.offset = offset
	}
}

// endFiles ends the files before file n and begins n, if there is one.
func (p *scan) endFiles(n int) {
	for len(p.spans) <= n {
		if last := len(p.spans) - 1; last >= 0 {
			s := &p.spans[last]
			s.end = mark{offset: p.offset, crc: p.crc}
			s.rows = p.rows - s.first
		}
		if f := len(p.spans); f < len(p.d.files) {
			p.lines, p.crc, p.offset = p.d.files[f].header, 0, p.d.files[f].begin
		}
		p.spans = append(p.spans, span{first: p.rows})
	}
}

// manifest sums up, once all files have ended.
func (p *scan) manifest() (*plan.Manifest, error) {
	if p.rows == 0 {
		return nil, param.Errorf(param.Invalid, "%s: no rows: give data with at least one", p.d.source.Path)
	}
	d := p.d
	m := &plan.Manifest{
		Rows: p.rows, ZeroBased: p.zero || d.unpacked.zeroBased, SHA256: p.sum.sum(), Names: d.names,
		Sparse: d.format.sparse, Hashed: d.hashed() > 0, Columns: max(d.hashed(), d.unpacked.columns),
		Shards: cutShards(p.rows, p.spans[:len(d.files)], &p.marks),
	}
	if d.format.name == "libsvm" || d.format.name == "vw" {
		m.Labels, m.MoreLabels, m.Least = p.labels.sorted(), p.labels.more, p.labels.least
	}
	for i, f := range d.files {
		m.Files = append(m.Files, plan.File{Path: f.path, Bytes: f.size, Rows: p.spans[i].rows, HeaderCRC32C: f.headerCRC})
	}
	if fitted := d.source.Fitted; fitted != nil {
		m.Transform, m.ZeroBased, m.Columns = fitted.Transform, fitted.ZeroBased, fitted.Columns
	} else if !d.NeedsFit() {
		if err := profile.Unfitted(d.source.Spec, d.plan, m); err != nil {
			return nil, err
		}
	}
	return m, d.check(m)
}

// rowHash is the hash of rows: SHA-256 of the XXH3 hashes of 128 bits of every
// 1024 rows. So it runs at the speed of memory, does not depend on how the rows
// are cut into files, and is sharp: SHA-256 of all bytes would take longer than
// everything else of a scan.
type rowHash struct {
	rows  int // in part
	part  *xxh3.Hasher
	whole hash.Hash
}

const hashRows = 1024

func newRowHash() rowHash { return rowHash{part: xxh3.New(), whole: sha256.New()} }

// add adds rows; row i of text ends at ends[i].
func (h *rowHash) add(text []byte, ends []int) {
	begin := 0
	for len(ends) > 0 {
		n := min(hashRows-h.rows, len(ends))
		_, _ = h.part.Write(text[begin:ends[n-1]]) // of a hash
		begin, ends, h.rows = ends[n-1], ends[n:], h.rows+n
		if h.rows == hashRows {
			h.flush()
		}
	}
}

func (h *rowHash) flush() {
	sum := h.part.Sum128().Bytes()
	h.whole.Write(sum[:])
	h.part.Reset()
	h.rows = 0
}

func (h *rowHash) sum() string {
	if h.rows > 0 {
		h.flush()
	}
	return hex.EncodeToString(h.whole.Sum(nil))
}
