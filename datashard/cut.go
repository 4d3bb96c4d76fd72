package datashard

import (
	"parley/internal/param"
	"parley/internal/plan"
)

// mark is where a row begins in its file.
type mark struct {
	offset int64
	line   int64
	crc    uint32 // CRC32C of the file's bytes before offset
}

// span is the part of the dataset's rows that a file holds.
type span struct {
	first, rows int64
	begin, end  mark // of its first row; behind its last byte
}

// mostMarks bounds the marks of a dataset whose shards are not the largest yet.
// It is twice the 2048 shards that plan.ShardRows allows before they grow, so the
// stride never outgrows the shards.
const mostMarks = 4096

// marks are the places of the rows 0, stride, 2·stride, …, enough to cut a
// dataset into shards when its rows, and so the shards' size, are known. The
// stride grows with the rows seen; from largestShard rows on there is one mark a
// shard.
type marks struct {
	stride int64
	at     []mark
}

// largestShard is the largest value of plan.ShardRows.
var largestShard = plan.ShardRows(1 << 62)

// next returns the first row from row on that wants a mark.
func (m *marks) next(row int64) int64 { return (row + m.stride - 1) / m.stride * m.stride }

// add notes the next row that wanted a mark.
func (m *marks) add(at mark) {
	m.at = append(m.at, at)
	if len(m.at) <= mostMarks || m.stride >= largestShard {
		return
	}
	half := m.at[:0]
	for i := 0; i < len(m.at); i += 2 {
		half = append(half, m.at[i])
	}
	m.at, m.stride = half, 2*m.stride
}

// cutShards cuts rows into shards. A shard has a piece of each file that it has
// rows of; a piece goes from its first row to where the next one begins, so
// together with what is before a file's first row the pieces are the files.
func cutShards(rows int64, files []span, m *marks) []plan.Shard {
	size := plan.ShardRows(rows)
	shards := make([]plan.Shard, 0, (rows+size-1)/size)
	file := 0
	for first := int64(0); first < rows; first += size {
		s := plan.Shard{ID: param.ShardID(len(shards)), FirstRow: first, Rows: min(size, rows-first)}
		for row := first; row < first+s.Rows; {
			for row >= files[file].first+files[file].rows {
				file++
			}
			to := min(first+s.Rows, files[file].first+files[file].rows)
			s.Pieces = append(s.Pieces, cutPiece(files[file], file, row, to, m))
			row = to
		}
		shards = append(shards, s)
	}
	return shards
}

// cutPiece returns the piece of a file with the rows [lo, hi).
func cutPiece(f span, file int, lo, hi int64, m *marks) plan.Piece {
	begin, end := f.begin, f.end
	if lo > f.first {
		begin = m.at[lo/m.stride]
	}
	if hi < f.first+f.rows {
		end = m.at[hi/m.stride]
	}
	n := end.offset - begin.offset
	return plan.Piece{
		File: file, Offset: begin.offset, Bytes: n, Line: begin.line, Rows: hi - lo,
		CRC32C: behind(end.crc, begin.crc, n),
	}
}
