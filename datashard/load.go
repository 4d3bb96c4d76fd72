package datashard

import (
	"context"
	"hash/crc32"
	"reflect"
	"slices"
	"sync"

	"parley/internal/batch"
	"parley/internal/param"
	"parley/internal/plan"
)

// Use gives the dataset the manifest that another node's Profile of the same
// data made. The dataset keeps the manifest; nobody may change it. The error is
// Corrupt and names the first file that differs in base name or size from what
// was profiled; whether the bytes are the same is checked as they are loaded.
func (d *Dataset) Use(m *plan.Manifest) error {
	if len(m.Files) != len(d.files) {
		return param.Errorf(param.Corrupt, "%s: has %d files, but %d were profiled", d.source.Path, len(d.files), len(m.Files))
	}
	for i, want := range m.Files {
		f := d.files[i]
		if base(f.path) != base(want.Path) {
			return param.Errorf(param.Corrupt, "%s: differs from what was profiled: file %d was %s", f.path, i+1, base(want.Path))
		}
		if f.size != want.Bytes {
			return param.Errorf(param.Corrupt, "%s: differs from what was profiled: it has %d bytes of text, but had %d", f.path, f.size, want.Bytes)
		}
	}
	if err := d.check(m); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !reflect.DeepEqual(m, d.mu.manifest) { // an equal one keeps what is parsed
		d.mu.manifest, d.mu.cache = m, newCache(d.cacheBytes)
	}
	return nil
}

// maxShardBytes bounds the text of one shard, so that nonzeros can be counted
// in 32 bits and a manifest cannot ask for more memory than a shard is worth.
const maxShardBytes = 8 << 30

// check refuses a manifest that does not fit the files: it came over the wire.
func (d *Dataset) check(m *plan.Manifest) error {
	for i, s := range m.Shards {
		bytes, rows := int64(0), int64(0)
		for _, p := range s.Pieces {
			if p.File < 0 || p.File >= len(d.files) || p.Offset < 0 || p.Bytes < 0 || p.Rows < 0 || p.Offset > d.files[p.File].size-p.Bytes {
				return param.Errorf(param.Invalid, "%s: the manifest's data shard %d is outside of the files", d.source.Path, i)
			}
			bytes, rows = bytes+p.Bytes, rows+p.Rows
		}
		if s.ID != param.ShardID(i) || rows != s.Rows {
			return param.Errorf(param.Invalid, "%s: the manifest's data shard %d is malformed", d.source.Path, i)
		}
		if bytes > maxShardBytes {
			return param.Errorf(param.Invalid, "%s: data shard %d has %d bytes of text, more than the limit of %d", d.source.Path, i, bytes, int64(maxShardBytes))
		}
	}
	return nil
}

// Load returns the rows of a data shard of the manifest. They are shared with
// other callers: nobody may change them. They stay valid as long as somebody
// holds them, also when the cache has let them go.
//
// The error is Corrupt and names file and rows when the bytes are not those that
// were profiled, and Invalid when there is no such shard or no manifest yet.
// Callers who ask for one shard at the same time share one parse and its error,
// but for a cancellation, which is its caller's alone.
func (d *Dataset) Load(ctx context.Context, id param.ShardID) (*batch.CSR, error) {
	d.mu.Lock()
	m, cache := d.mu.manifest, d.mu.cache
	d.mu.Unlock()
	if m == nil {
		return nil, param.Errorf(param.Invalid, "%s: load data shard %d: not profiled yet", d.source.Path, id)
	}
	if int64(id) >= int64(len(m.Shards)) {
		return nil, param.Errorf(param.Invalid, "%s: load data shard %d: there are %d", d.source.Path, id, len(m.Shards))
	}
	return cache.get(ctx, id, func() (*batch.CSR, error) { return d.load(ctx, m, m.Shards[id]) })
}

// buffers holds *[]byte for the text of pieces; loads come often and all alike.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (d *Dataset) load(ctx context.Context, m *plan.Manifest, s plan.Shard) (*batch.CSR, error) {
	p := parser{base: oneBased}
	if m.ZeroBased {
		p.base = zeroBased
	}
	rows := &batch.CSR{FirstRow: s.FirstRow}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for _, piece := range s.Pieces {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := d.loadPiece(rows, p, piece, s.FirstRow+int64(rows.Rows()), buffer); err != nil {
			return nil, err
		}
	}
	compact(rows)
	return rows, nil
}

// loadPiece appends a piece, whose first row is at a position of the dataset.
func (d *Dataset) loadPiece(rows *batch.CSR, p parser, piece plan.Piece, first int64, buffer *[]byte) error {
	f := d.files[piece.File]
	text, err := f.view(buffer, piece.Offset, piece.Offset+piece.Bytes)
	if err != nil {
		return err
	}
	changed := func() error {
		return param.Errorf(param.Corrupt, "%s:%d: rows %d to %d changed since the file was profiled", f.path, piece.Line, first, first+piece.Rows-1)
	}
	if crc32.Checksum(text, castagnoli) != piece.CRC32C {
		return changed()
	}
	before := rows.Rows()
	if bad := p.parse(rows, nil, endLine(text)); bad != nil {
		return param.Errorf(param.Corrupt, "%s:%d: %s", f.path, piece.Line+int64(bad.line)-1, bad.reason)
	}
	if int64(rows.Rows()-before) != piece.Rows {
		return changed()
	}
	return nil
}

// compact gives back spare room that is more than a little.
func compact(c *batch.CSR) {
	c.Labels, c.Offsets = compacted(c.Labels), compacted(c.Offsets)
	c.Columns, c.Values = compacted(c.Columns), compacted(c.Values)
}

func compacted[T any](s []T) []T {
	if cap(s)-len(s) > len(s)/16 {
		return slices.Clone(s)
	}
	return s
}
