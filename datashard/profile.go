package datashard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"hash/crc32"

	"parley/internal/param"
	"parley/internal/plan"
)

// Profile parses the whole dataset and returns its manifest, with the index base
// told by the data: zero-based if any id is 0. Load may be called after it. The
// manifest is the same on every machine; it is shared with the dataset and may
// not be changed.
//
// Errors are Invalid and name file and line of the first malformed row in
// logical order, or say that there are no rows; they are Corrupt when a file
// changed meanwhile.
func (d *Dataset) Profile(ctx context.Context) (*plan.Manifest, error) {
	return d.profile(ctx, detectBase)
}

// ProfileAs is Profile for data that goes with other data, as a test set goes
// with the training set whose Manifest.ZeroBased it is given: an id means the
// same column in both. If that is one-based, an id 0 is an Invalid error that
// names the row.
func (d *Dataset) ProfileAs(ctx context.Context, zero bool) (*plan.Manifest, error) {
	if zero {
		return d.profile(ctx, zeroBased)
	}
	return d.profile(ctx, oneBased)
}

func (d *Dataset) profile(ctx context.Context, base indexBase) (*plan.Manifest, error) {
	p := newProfile(d.files, d.cacheBytes)
	scan := &scanner{files: d.files, parser: parser{base: base}, sizes: d.sizes}
	if err := scan.run(ctx, p.add); err != nil {
		return nil, err
	}
	p.endFiles(len(d.files))
	m, err := p.manifest(d.source.Path, base)
	if err != nil {
		return nil, err
	}
	if err := d.check(m); err != nil {
		return nil, err
	}
	cache, shift := newCache(d.cacheBytes), uint32(0)
	if base == detectBase && !m.ZeroBased { // ids are not yet columns
		shift = 1
	}
	p.kept.cut(m.Shards, shift, cache)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.manifest, d.mu.cache = m, cache
	return m, nil
}

// profile is what has been learned of the chunks so far, all in logical order.
type profile struct {
	files    []*file
	spans    []span // of the files before the current one, then the current one
	lines    int64  // of the current file, so far
	crc      uint32 // of the current file's bytes before offset
	offset   int64
	rows     int64
	nonzeros int64
	columns  int64
	hasZero  bool
	labels   labelTable
	sum      hash.Hash
	marks    marks
	kept     keeper
}

func newProfile(files []*file, cacheBytes int64) *profile {
	return &profile{files: files, sum: sha256.New(), marks: marks{stride: 16}, kept: keeper{limit: cacheBytes}}
}

// add takes the next chunk in order.
func (p *profile) add(c *chunk) error {
	p.endFiles(c.file)
	if c.bad != nil {
		return param.Errorf(param.Invalid, "%s:%d: %s", p.files[c.file].path, p.lines+int64(c.bad.line), c.bad.reason)
	}
	p.mark(c)
	p.sum.Write(c.canonical)
	p.labels.merge(&c.labels, p.lines)
	p.lines += int64(c.at.total)
	p.rows += int64(c.rows.Rows())
	p.nonzeros += int64(len(c.rows.Columns))
	p.columns, p.hasZero = max(p.columns, c.columns), p.hasZero || c.hasZero
	if p.kept.keep(c.rows) {
		c.rows = nil
	}
	return nil
}

// mark notes where rows begin: that of the file's first row, and of each row
// that the marks ask for.
func (p *profile) mark(c *chunk) {
	rows := int64(len(c.at.starts))
	if rows == 0 {
		p.advance(c, len(c.lines.text))
		return
	}
	here := func(i int64) mark {
		p.advance(c, int(c.at.starts[i]))
		return mark{offset: p.offset, line: p.lines + int64(c.at.lines[i]), crc: p.crc}
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
func (p *profile) advance(c *chunk, to int) {
	offset := min(c.lines.offset+int64(to), p.files[c.file].size)
	if p.offset < c.lines.offset { // before the first chunk: a byte order mark
		p.offset = c.lines.offset
	}
	if offset > p.offset {
		p.crc = crc32.Update(p.crc, castagnoli, c.lines.text[p.offset-c.lines.offset:offset-c.lines.offset])
		p.offset = offset
	}
}

// endFiles ends the files before file n and begins n, if there is one.
func (p *profile) endFiles(n int) {
	for len(p.spans) <= n {
		if last := len(p.spans) - 1; last >= 0 {
			s := &p.spans[last]
			s.end = mark{offset: p.offset, crc: p.crc}
			s.rows = p.rows - s.first
		}
		p.lines, p.crc, p.offset = 0, 0, 0
		p.spans = append(p.spans, span{first: p.rows})
	}
}

// manifest sums up, once all files have ended.
func (p *profile) manifest(source string, base indexBase) (*plan.Manifest, error) {
	if p.rows == 0 {
		return nil, param.Errorf(param.Invalid, "%s: no rows: give data with at least one", source)
	}
	m := &plan.Manifest{
		Rows: p.rows, Columns: p.columns, Nonzeros: p.nonzeros,
		ZeroBased: base == zeroBased || base == detectBase && p.hasZero,
		SHA256:    hex.EncodeToString(p.sum.Sum(nil)),
		Labels:    p.labels.sorted(), MoreLabels: p.labels.more,
		Shards: cutShards(p.rows, p.spans[:len(p.files)], &p.marks),
	}
	if base == detectBase && !p.hasZero && p.columns > 0 {
		m.Columns-- // it counts ids from 0
	}
	for i, f := range p.files {
		m.Files = append(m.Files, plan.File{Path: f.path, Bytes: f.size, Rows: p.spans[i].rows})
	}
	return m, nil
}
