package datashard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/param"
	"parley/internal/plan"
)

// view is a dataset under one manifest.
type view struct {
	manifest  *plan.Manifest
	transform *feature.Transform // nil where rows are taken as they are
	cache     *cache
	key       string // names the blocks: all that they depend on
	together  int    // shards of a block
	fleeting  bool   // the cache holds a fraction of the blocks alone
	readers   sync.Pool
}

// shardsOfBlock returns how many shards make a block: a power of two that divides
// a unit.
func (d *Dataset) shardsOfBlock(m *plan.Manifest) int {
	text, n := d.textBytes(), 1
	for n < plan.UnitShards && text*int64(n) < d.sizes.block*int64(len(m.Shards)) {
		n *= 2
	}
	return n
}

// newView checks a manifest, which may have come over the wire, and makes the
// view of it.
func (d *Dataset) newView(m *plan.Manifest) (*view, error) {
	if err := d.check(m); err != nil {
		return nil, err
	}
	limit := d.cacheBytes()
	v := &view{manifest: m, cache: newCache(limit), fleeting: limit < d.options.CacheBytes, together: d.shardsOfBlock(m)}
	if m.Transform != nil {
		v.transform = new(feature.Transform)
		if err := json.Unmarshal(m.Transform, v.transform); err != nil {
			return nil, fmt.Errorf("%s: features: %w", d.source.Path, err)
		}
		if v.transform.TakesSparse() != d.format.sparse {
			kinds := map[bool]string{true: "of numbered features (such as libsvm and uci-bow)", false: "with columns or documents (such as csv, jsonl and text)"}
			return nil, param.Errorf(param.Invalid, "%s: format %s: the features were fitted to rows %s: give such rows", d.source.Path, d.source.Format, kinds[!d.format.sparse])
		}
	}
	v.key = d.blockKey(m, v.together)
	r := d.newReader()
	if err := r.bind(v); err != nil {
		return nil, fmt.Errorf("%s: %w", d.source.Path, err)
	}
	v.readers.Put(r)
	v.readers.New = func() any {
		r := d.newReader()
		_ = r.bind(v) // it went well above
		return r
	}
	return v, nil
}

// textBytes is the size of all files.
func (d *Dataset) textBytes() (n int64) {
	for _, f := range d.files {
		n += f.size
	}
	return n
}

// cacheBytes is the limit of the cache in memory. Shards are read in an order of
// chance: of a dataset much larger than the cache, hardly one is there when it is
// asked for, so the memory is better spared.
func (d *Dataset) cacheBytes() int64 {
	if d.textBytes() > 2*d.options.CacheBytes {
		return d.options.CacheBytes / 32
	}
	return d.options.CacheBytes
}

// generation is raised when the same data and settings give other rows than those
// of the program before, so that nobody takes what that one kept.
const generation = 1

// blockKey names the rows of the dataset on disk: all that they depend on.
func (d *Dataset) blockKey(m *plan.Manifest, together int) string {
	text, err := json.Marshal(struct {
		Generation      int
		Data, Format    string
		Columns         []string
		Hashed          int64
		ZeroBased, Bare bool
		Transform       json.RawMessage
		Together        int
		Unpacked        string
		Weighted        bool
		Layout          []layout
	}{generation, m.SHA256, d.format.name, d.names, d.hashed(), m.ZeroBased, d.source.Unlabeled, m.Transform, together,
		d.unpacked.format, d.unpacked.weighted, d.layout(m)})
	if err != nil { // plain values
		panic("datashard: block key: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// layout is what the rows of a file depend on beside their text.
type layout struct {
	Rows  int64
	Order []int
	Keys  []string
}

// layout returns the layouts of the files, nil where the text says all.
func (d *Dataset) layout(m *plan.Manifest) (all []layout) {
	if !slices.ContainsFunc(d.files, func(f *file) bool { return f.order != nil || len(f.keys) > 0 }) {
		return nil
	}
	for i, f := range d.files {
		all = append(all, layout{m.Files[i].Rows, f.order, f.keys})
	}
	return all
}

// blockName is the key of a block of some rows: which of them are set aside goes
// into it, so that nobody takes a row that is bad for one without values.
func (v *view) blockName(bad []int64) string {
	if len(bad) == 0 {
		return v.key
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", v.key, bad))
	return hex.EncodeToString(sum[:])
}

// Use makes the dataset load by a manifest that another process made of the same
// data. It must not be changed afterwards. It checks that the files are as many
// and as long as there, with the same columns; Load checks their bytes. The errors are Corrupt, naming
// the file, or Invalid for a manifest that does not fit.
func (d *Dataset) Use(m *plan.Manifest) error {
	if len(m.Files) != len(d.files) {
		return param.Errorf(param.Corrupt, "%s: there are %d files, but %d where it was scanned: give all nodes the same files", d.source.Path, len(d.files), len(m.Files))
	}
	for i, f := range d.files {
		if want := m.Files[i]; want.Bytes != f.size || base(want.Path) != base(f.path) {
			return param.Errorf(param.Corrupt, "%s has %d bytes, but %s has %d where it was scanned: give all nodes the same files", f.path, f.size, base(want.Path), want.Bytes)
		}
		if f.headerCRC != m.Files[i].HeaderCRC32C {
			return param.Errorf(param.Corrupt, "%s: the header is another one than where it was scanned: give all nodes the same files", f.path)
		}
	}
	if !slices.Equal(m.Names, d.names) {
		return param.Errorf(param.Corrupt, "%s: the columns are %s, but %s where it was scanned: give all nodes the same files", d.source.Path, nameList(d.names), nameList(m.Names))
	}
	v, err := d.newView(m)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.mu.view; old != nil && old.key == v.key { // its blocks are as good
		v.cache = old.cache
	}
	d.mu.manifest, d.mu.view = m, v
	return nil
}

// maxShardBytes bounds the text of one shard, so that nonzeros can be counted
// in 32 bits and a manifest cannot ask for more memory than a shard is worth.
const maxShardBytes = 8 << 30

// check refuses a manifest that does not fit the files: it came over the wire.
func (d *Dataset) check(m *plan.Manifest) error {
	first, ends := int64(0), make(map[int]int64) // behind the last piece of a file
	for i, s := range m.Shards {
		bytes, rows := int64(0), int64(0)
		for _, p := range s.Pieces {
			if p.File < 0 || p.File >= len(d.files) || p.Offset < 0 || p.Bytes < 0 || p.Rows < 0 || p.Offset > d.files[p.File].size-p.Bytes {
				return param.Errorf(param.Invalid, "%s: the manifest's data shard %d is outside of the files", d.source.Path, i)
			}
			if end, begun := ends[p.File]; begun && p.Offset != end || p.Rows > p.Bytes {
				return param.Errorf(param.Invalid, "%s: the manifest's data shard %d is malformed", d.source.Path, i)
			}
			ends[p.File] = p.Offset + p.Bytes
			bytes, rows = bytes+p.Bytes, rows+p.Rows
		}
		if s.ID != param.ShardID(i) || s.FirstRow != first || rows != s.Rows || len(s.Pieces) == 0 {
			return param.Errorf(param.Invalid, "%s: the manifest's data shard %d is malformed", d.source.Path, i)
		}
		first += rows
		if bytes > maxShardBytes {
			return param.Errorf(param.Invalid, "%s: data shard %d has %d bytes of text, more than the limit of %d", d.source.Path, i, bytes, int64(maxShardBytes))
		}
	}
	return nil
}

// Load returns the rows of a data shard of the manifest. They are shared with
// other callers: nobody may change them. They stay valid as long as somebody
// holds them, also when the cache has let them go. Rows that are set aside are
// there, without values.
//
// The error is Corrupt and names file and rows when the bytes are not those that
// were scanned, and Invalid when a row is bad that is not set aside, when there is
// no such shard or no manifest yet. Callers who ask for one shard at the same time
// share one parse and its error, but for a cancellation, which is its caller's
// alone.
func (d *Dataset) Load(ctx context.Context, id param.ShardID) (*batch.CSR, error) {
	d.mu.Lock()
	v := d.mu.view
	d.mu.Unlock()
	if v == nil {
		return nil, param.Errorf(param.Invalid, "%s: load data shard %d: not profiled yet", d.source.Path, id)
	}
	if v.transform == nil && !d.format.sparse {
		return nil, param.Errorf(param.Invalid, "%s: load data shard %d: the manifest does not say how rows are made", d.source.Path, id)
	}
	if int64(id) >= int64(len(v.manifest.Shards)) {
		return nil, param.Errorf(param.Invalid, "%s: load data shard %d: there are %d", d.source.Path, id, len(v.manifest.Shards))
	}
	n := int(id) / v.together
	block, err := v.cache.get(ctx, n, func() (*batch.CSR, error) { return d.loadBlock(ctx, v, n) })
	if err != nil || v.together == 1 {
		return block, err
	}
	s := v.manifest.Shards[id]
	rows := slice(block, int(s.FirstRow-block.FirstRow), int(s.Rows))
	if v.fleeting { // the block is about to go, and would stay for the sake of a part
		rows = clone(rows)
	}
	return rows, nil
}

// slice returns rows of a block. Only the offsets are copied.
func slice(block *batch.CSR, first, rows int) *batch.CSR {
	from, to := block.Offsets[first], block.Offsets[first+rows]
	s := &batch.CSR{FirstRow: block.FirstRow + int64(first), Labels: block.Labels[first : first+rows : first+rows],
		Columns: block.Columns[from:to:to], Values: block.Values[from:to:to], Offsets: make([]uint32, rows+1)}
	for i, offset := range block.Offsets[first : first+rows+1] {
		s.Offsets[i] = offset - from
	}
	if block.Weights != nil {
		s.Weights = block.Weights[first : first+rows : first+rows]
	}
	if block.Exposure != nil {
		s.Exposure = block.Exposure[first : first+rows : first+rows]
	}
	return s
}

func clone(c *batch.CSR) *batch.CSR {
	return &batch.CSR{FirstRow: c.FirstRow, Labels: slices.Clone(c.Labels), Weights: slices.Clone(c.Weights), Exposure: slices.Clone(c.Exposure),
		Offsets: c.Offsets, Columns: slices.Clone(c.Columns), Values: slices.Clone(c.Values)}
}

// shards returns the shards of a block.
func (v *view) shards(n int) []plan.Shard {
	return v.manifest.Shards[n*v.together : min((n+1)*v.together, len(v.manifest.Shards))]
}

// rows returns the first row of a block, and how many there are.
func (v *view) rows(n int) (first, rows int64) {
	shards := v.shards(n)
	last := shards[len(shards)-1]
	return shards[0].FirstRow, last.FirstRow + last.Rows - shards[0].FirstRow
}

// loadBlock reads a block from disk, or else parses it and keeps it there.
func (d *Dataset) loadBlock(ctx context.Context, v *view, n int) (*batch.CSR, error) {
	first, rows := v.rows(n)
	setAside := v.manifest.BadIn(first, rows)
	if d.options.Blocks != nil {
		if block, err := d.options.Blocks.Get(v.blockName(setAside), uint64(n), first, rows); err == nil && block != nil {
			return block, nil // a cache that fails is as good as none
		}
	}
	block, bad, err := d.parseBlock(ctx, v, n, nil)
	if err != nil {
		return nil, err
	}
	for _, b := range bad {
		if !v.manifest.IsBad(b.Row) {
			return nil, param.Errorf(param.Invalid, "%s", describe(b))
		}
	}
	d.keepBlock(v, n, block, setAside)
	return block, nil
}

// keepBlock writes a block to disk, of which some rows are bad. If it cannot be, it
// is parsed again next time.
func (d *Dataset) keepBlock(v *view, n int, block *batch.CSR, bad []int64) {
	if d.options.Blocks != nil {
		_ = d.options.Blocks.Put(v.blockName(bad), uint64(n), block) // the cache counts its failures
	}
}

// parseBlock parses a block into model rows, and describes its bad ones. fit, if
// not nil, sees the rows before features are made of them.
func (d *Dataset) parseBlock(ctx context.Context, v *view, n int, fit *feature.Fit) (*batch.CSR, []plan.BadRow, error) {
	r := v.readers.Get().(*reader)
	defer v.readers.Put(r)
	shards := v.shards(n)
	var block *batch.CSR
	var all []plan.BadRow
	err := d.runs(ctx, shards, &r.buffer, func(run run) error {
		rows := r.model(run, fit)
		if got := int64(rows.Rows()); got != run.rows {
			return param.Errorf(param.Corrupt, "%s:%d: there are %d rows from here on, and %d when the file was scanned", run.file.path, run.line, got, run.rows)
		}
		for _, b := range r.bad {
			all = append(all, run.badRow(&r.at, b))
		}
		block = appendRows(block, rows)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	block.FirstRow = shards[0].FirstRow
	compact(block)
	return block, all, nil
}

// model makes model rows of a run. r.bad has those that are bad.
func (r *reader) model(run run, fit *feature.Fit) *batch.CSR {
	rows := &batch.CSR{}
	if !r.d.format.sparse {
		r.cells(run, r.applier.Want())
		r.applier.Apply(rows, &r.table)
		r.bad = r.table.Bad
		return rows
	}
	r.at.Reset()
	r.bad = r.bad[:0]
	r.sparse(rows, run.text)
	if fit != nil {
		fit.AddSparse(rows, &r.bad, r.place(run))
	}
	if r.applier != nil {
		r.applier.ApplySparse(rows, &r.bad)
	}
	return rows
}

// place says where the rows of a run are.
func (r *reader) place(run run) feature.Place {
	return feature.Place{Row: run.first, File: run.index, Line: func(i int) int64 { return run.line + int64(r.at.Lines[i]) - 1 }}
}

// appendRows appends rows to a block, which may be nil: then they are it.
func appendRows(block, rows *batch.CSR) *batch.CSR {
	if block == nil {
		return rows
	}
	block.Weights = appendAll(block.Weights, rows.Weights, block.Rows(), rows.Rows())
	block.Exposure = appendAll(block.Exposure, rows.Exposure, block.Rows(), rows.Rows())
	block.Labels = append(block.Labels, rows.Labels...)
	base := uint32(len(block.Columns))
	for _, offset := range rows.Offsets[1:] {
		block.Offsets = append(block.Offsets, base+offset)
	}
	block.Columns, block.Values = append(block.Columns, rows.Columns...), append(block.Values, rows.Values...)
	return block
}

// appendAll appends weights where nil stands for ones.
func appendAll(dst, src []float32, before, more int) []float32 {
	if dst == nil && src == nil {
		return nil
	}
	ones := func(s []float32, n int) []float32 {
		for len(s) < n {
			s = append(s, 1)
		}
		return s
	}
	return ones(append(ones(dst, before), src...), before+more)
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
