package batch

import (
	"math/bits"
	"slices"
)

// Builder makes Blocks. It keeps its tables between calls; one goroutine uses
// it at a time.
type Builder struct {
	words          []word   // of a bitmap of all columns
	pairs, swapped []uint64 // nonzeros by column: the column, then where it is
}

// word is 64 columns: which of them the block has, and how many it has before.
type word struct {
	present uint64
	before  uint32
}

// Build fills dst with the given rows of parts, in that order, and overwrites
// what dst held. Each row gets the value 1 in the column bias, the one behind
// the last column of the model. All columns of parts must be below bias.
func (b *Builder) Build(dst *Block, parts []*CSR, rows []Row, bias uint32) {
	gather(dst, parts, rows, bias)
	dst.Columns = dst.Columns[:0]
	// The bitmap is walked from end to end: more words than nonzeros are not worth it.
	if n := int(bias>>6) + 1; n <= max(64, len(dst.Index)) {
		b.words = slices.Grow(b.words[:0], n)[:n]
		mark(dst, b.words)
	} else {
		b.sort(dst, bits.Len32(bias))
	}
}

// Gather is Build without a key list: the index of dst is of the columns themselves.
func (b *Builder) Gather(dst *Block, parts []*CSR, rows []Row, bias uint32) {
	gather(dst, parts, rows, bias)
	dst.Columns = nil
}

// gather copies the rows; the columns go where the index will be.
func gather(dst *Block, parts []*CSR, rows []Row, bias uint32) {
	total := 0
	for _, r := range rows {
		p := parts[r.Part]
		total += int(p.Offsets[r.Row+1]-p.Offsets[r.Row]) + 1
	}
	dst.Labels, dst.Offsets = slices.Grow(dst.Labels[:0], len(rows)), slices.Grow(dst.Offsets[:0], len(rows)+1)
	dst.Index, dst.Values = slices.Grow(dst.Index[:0], total), slices.Grow(dst.Values[:0], total)
	dst.Offsets = append(dst.Offsets, 0)
	for _, r := range rows {
		p := parts[r.Part]
		lo, hi := p.Offsets[r.Row], p.Offsets[r.Row+1]
		dst.Index = append(append(dst.Index, p.Columns[lo:hi]...), bias)
		dst.Values = append(append(dst.Values, p.Values[lo:hi]...), 1)
		dst.Labels = append(dst.Labels, p.Labels[r.Row])
		dst.Offsets = append(dst.Offsets, uint32(len(dst.Index)))
	}
	dst.Weights = factorsOf(dst.Weights, parts, rows, weightsOf)
	dst.Exposure = factorsOf(dst.Exposure, parts, rows, exposureOf)
}

// mark makes the columns of the index the sorted ones and the index their places,
// by a bitmap: a column's place is the number of columns present before it.
func mark(dst *Block, words []word) {
	clear(words)
	for _, c := range dst.Index {
		words[c>>6].present |= 1 << (c & 63)
	}
	for i := range words {
		words[i].before = uint32(len(dst.Columns))
		for rest := words[i].present; rest != 0; rest &= rest - 1 {
			dst.Columns = append(dst.Columns, uint32(i<<6+bits.TrailingZeros64(rest)))
		}
	}
	for j, c := range dst.Index {
		w := &words[c>>6]
		dst.Index[j] = w.before + uint32(bits.OnesCount64(w.present&(1<<(c&63)-1)))
	}
}

// sort does what mark does, for so many columns that a bitmap would be mostly
// empty: a column has so many bits at most.
func (b *Builder) sort(dst *Block, width int) {
	n := len(dst.Index)
	b.pairs, b.swapped = slices.Grow(b.pairs[:0], n)[:n], slices.Grow(b.swapped[:0], n)[:n]
	for j, c := range dst.Index {
		b.pairs[j] = uint64(c)<<32 | uint64(j)
	}
	for shift := 0; shift < width; shift += digit {
		radix(b.swapped, b.pairs, 32+shift)
		b.pairs, b.swapped = b.swapped, b.pairs
	}
	for i, pair := range b.pairs {
		c := uint32(pair >> 32)
		if i == 0 || c != dst.Columns[len(dst.Columns)-1] {
			dst.Columns = append(dst.Columns, c)
		}
		dst.Index[uint32(pair)] = uint32(len(dst.Columns) - 1)
	}
}

// digit is the number of bits that a pass sorts by: few passes, and counts that
// fit the processor's first cache.
const digit = 11

// radix sets dst to src in the order of the digit at shift, stably: the pass of an
// LSD radix sort.
func radix(dst, src []uint64, shift int) {
	var next [1 << digit]uint32
	for _, v := range src {
		next[v>>shift&(1<<digit-1)]++
	}
	sum := uint32(0)
	for i, n := range next {
		next[i], sum = sum, sum+n
	}
	for _, v := range src {
		d := v >> shift & (1<<digit - 1)
		dst[next[d]] = v
		next[d]++
	}
}
