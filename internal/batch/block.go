package batch

import (
	"math/bits"
	"slices"
)

// Block is a batch of rows with its own key list. Nonzero j of the block
// belongs to column Columns[Index[j]]; row i has the nonzeros Offsets[i] to
// Offsets[i+1]. The parameters of a block are therefore pulled and pushed once a
// unique column, in column order, and the inner loops gather from a buffer of
// len(Columns) that fits the processor's cache.
type Block struct {
	Columns []uint32 // sorted, unique
	Labels  []float32
	Weights []float32 // one a row, or nil: all 1
	Offsets []uint32  // rows + 1
	Index   []uint32  // into Columns, ascending within a row
	Values  []float32
}

// Rows returns the number of rows.
func (b *Block) Rows() int { return len(b.Labels) }

// Builder makes Blocks. It keeps its tables between calls; one goroutine uses
// it at a time.
type Builder struct {
	slots []slot // open addressing, at most half full
	epoch uint32 // a slot is filled when its stamp equals this
	shift uint
	rank  []uint32
	order []uint64
}

type slot struct{ stamp, column, id uint32 }

// Build fills dst with the given rows of parts, in that order, and overwrites
// what dst held. Each row gets the value 1 in the column bias, the one behind
// the last column of the model. All columns of parts must be below bias.
func (b *Builder) Build(dst *Block, parts []*CSR, rows []Row, bias uint32) {
	dst.Labels, dst.Offsets = dst.Labels[:0], append(dst.Offsets[:0], 0)
	dst.Index, dst.Values, dst.Columns = dst.Index[:0], dst.Values[:0], dst.Columns[:0]
	total := 0
	for _, r := range rows {
		p := parts[r.Part]
		total += int(p.Offsets[r.Row+1]-p.Offsets[r.Row]) + 1
	}
	b.reset(total)
	for _, r := range rows {
		p := parts[r.Part]
		lo, hi := p.Offsets[r.Row], p.Offsets[r.Row+1]
		for j := lo; j < hi; j++ {
			dst.Index = append(dst.Index, b.lookup(dst, p.Columns[j]))
		}
		dst.Values = append(append(dst.Values, p.Values[lo:hi]...), 1)
		dst.Index = append(dst.Index, b.lookup(dst, bias))
		dst.Labels = append(dst.Labels, p.Labels[r.Row])
		dst.Offsets = append(dst.Offsets, uint32(len(dst.Index)))
	}
	dst.Weights = weightsOf(dst.Weights, parts, rows)
	b.sort(dst)
}

// weightsOf returns the rows' weights in the memory of dst, nil if no part has
// some.
func weightsOf(dst []float32, parts []*CSR, rows []Row) []float32 {
	if !slices.ContainsFunc(parts, func(p *CSR) bool { return p.Weights != nil }) {
		return nil
	}
	dst = dst[:0]
	for _, r := range rows {
		w := float32(1)
		if p := parts[r.Part]; p.Weights != nil {
			w = p.Weights[r.Row]
		}
		dst = append(dst, w)
	}
	return dst
}

// reset empties the table and makes it large enough for n columns.
func (b *Builder) reset(n int) {
	size := 1 << bits.Len(uint(2*n+15))
	if size > len(b.slots) {
		b.slots, b.epoch = make([]slot, size), 0
		b.shift = uint(32 - bits.TrailingZeros(uint(size)))
	}
	if b.epoch++; b.epoch == 0 { // the stamps have wrapped around
		clear(b.slots)
		b.epoch = 1
	}
}

// lookup returns the local id of column c in order of first appearance.
func (b *Builder) lookup(dst *Block, c uint32) uint32 {
	mask := uint32(len(b.slots) - 1)
	for i := (c * 0x9E3779B1) >> b.shift; ; i++ {
		s := &b.slots[i&mask]
		if s.stamp != b.epoch {
			*s = slot{stamp: b.epoch, column: c, id: uint32(len(dst.Columns))}
			dst.Columns = append(dst.Columns, c)
			return s.id
		}
		if s.column == c {
			return s.id
		}
	}
}

// sort puts the columns in ascending order and renames the nonzeros' indices.
func (b *Builder) sort(dst *Block) {
	b.order, b.rank = b.order[:0], slices.Grow(b.rank[:0], len(dst.Columns))[:len(dst.Columns)]
	for id, c := range dst.Columns {
		b.order = append(b.order, uint64(c)<<32|uint64(id))
	}
	slices.Sort(b.order)
	for i, o := range b.order {
		dst.Columns[i] = uint32(o >> 32)
		b.rank[uint32(o)] = uint32(i)
	}
	for j, id := range dst.Index {
		dst.Index[j] = b.rank[id]
	}
}
