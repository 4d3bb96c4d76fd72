package datashard

import (
	"parley/internal/batch"
	"parley/internal/plan"
)

// keeper holds on to the parsed chunks as long as they fit into the cache.
type keeper struct {
	limit, bytes int64
	chunks       []*batch.CSR
}

// keep takes rows, unless they or earlier ones did not fit: then it gives up.
func (k *keeper) keep(rows *batch.CSR) bool {
	if k.bytes += rows.Bytes(); k.bytes > k.limit {
		k.chunks = nil
		return false
	}
	compact(rows)
	k.chunks = append(k.chunks, rows)
	return true
}

// cut makes shards of the chunks and puts them into the cache. A chunk is let go
// when it has been used up. shift is subtracted from the columns.
func (k *keeper) cut(shards []plan.Shard, shift uint32, into *cache) {
	if k.chunks == nil {
		return
	}
	row := 0 // in the first chunk
	for _, s := range shards {
		shard := &batch.CSR{FirstRow: s.FirstRow, Offsets: make([]uint32, 1, s.Rows+1)}
		for left := int(s.Rows); left > 0; {
			if row == k.chunks[0].Rows() {
				k.chunks[0], k.chunks, row = nil, k.chunks[1:], 0
				continue
			}
			n := min(left, k.chunks[0].Rows()-row)
			appendRows(shard, k.chunks[0], row, row+n, shift)
			row, left = row+n, left-n
		}
		compact(shard)
		into.put(s.ID, shard)
	}
}

// appendRows appends rows lo to hi of src to dst.
func appendRows(dst, src *batch.CSR, lo, hi int, shift uint32) {
	from, to, base := src.Offsets[lo], src.Offsets[hi], uint32(len(dst.Columns))
	dst.Labels = append(dst.Labels, src.Labels[lo:hi]...)
	for _, offset := range src.Offsets[lo+1 : hi+1] {
		dst.Offsets = append(dst.Offsets, base+offset-from)
	}
	dst.Values = append(dst.Values, src.Values[from:to]...)
	for _, column := range src.Columns[from:to] {
		dst.Columns = append(dst.Columns, column-shift)
	}
}
