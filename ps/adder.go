package ps

import "math/bits"

// source is ascending keys with values to be added.
type source struct {
	offsets []uint32
	counts  []uint32    // how many contributions each is the sum of; nil: one
	values  [][]float32 // by float of a contribution
}

// part is what sources sum up to, for keys that are near each other.
type part struct {
	offsets, counts []uint32  // ascending
	values          []float32 // slot-major
}

// A block is so many neighbouring keys that their sums stay in a core's cache.
const (
	blockBits = 14
	blockKeys = 1 << blockBits
)

// adder adds up sources. It walks the span block by block, puts the sources'
// values one after the other where their keys stand in the block, and then picks
// the touched ones: no key is looked up or compared, and the order of additions to
// a key is that of the sources.
type adder struct {
	floats int // of a contribution, a key
	block  *block
	part   part
}

type block struct {
	values  [][blockKeys]float32
	counts  [blockKeys]uint32
	words   [blockKeys / 64]uint64 // one bit a touched key
	summary [blockKeys / 64 / 64]uint64
}

// each calls visit with the sums, in key order, a block at a time. The part is the
// adder's. The sources' offsets are cut off as they are taken.
func (a *adder) each(sources []source, visit func(p *part)) {
	if a.block == nil {
		a.block = &block{values: make([][blockKeys]float32, a.floats)}
	}
	for {
		next := ^uint32(0)
		for i := range sources {
			if o := sources[i].offsets; len(o) > 0 {
				next = min(next, o[0]>>blockBits)
			}
		}
		if next == ^uint32(0) {
			return
		}
		for i := range sources {
			a.block.take(&sources[i], next)
		}
		a.pick(next)
		visit(&a.part)
	}
}

// take adds what a source has for the block.
func (b *block) take(s *source, number uint32) {
	if len(s.offsets) == 0 || s.offsets[0]>>blockBits != number {
		return
	}
	m := 1 // a search would wait for memory that the next loop has on its way
	for m < len(s.offsets) && s.offsets[m]>>blockBits == number {
		m++
	}
	offsets := s.offsets[:m]
	s.offsets = s.offsets[m:]
	for f := range s.values {
		sum, values := &b.values[f], s.values[f][:m]
		for i, o := range offsets {
			sum[o%blockKeys] += values[i]
		}
		s.values[f] = s.values[f][m:]
	}
	if s.counts != nil {
		for i, o := range offsets {
			b.counts[o%blockKeys] += s.counts[i]
		}
		s.counts = s.counts[m:]
	} else {
		for _, o := range offsets {
			b.counts[o%blockKeys]++
		}
	}
	for _, o := range offsets {
		b.words[o%blockKeys/64] |= 1 << (o % 64)
		b.summary[o%blockKeys/4096] |= 1 << (o / 64 % 64)
	}
}

// pick moves the sums of the block to the part, and leaves the block empty.
func (a *adder) pick(number uint32) {
	b, p := a.block, &a.part
	p.offsets = p.offsets[:0]
	for i, words := range b.summary {
		for ; words != 0; words &= words - 1 {
			w := 64*i + bits.TrailingZeros64(words)
			first := number<<blockBits + 64*uint32(w)
			for word := b.words[w]; word != 0; word &= word - 1 {
				p.offsets = append(p.offsets, first+uint32(bits.TrailingZeros64(word)))
			}
			b.words[w] = 0
		}
		b.summary[i] = 0
	}
	m := len(p.offsets)
	p.counts, p.values = resize(p.counts, m), resize(p.values, m*a.floats)
	for i, o := range p.offsets {
		p.counts[i], b.counts[o%blockKeys] = b.counts[o%blockKeys], 0
	}
	for f := range b.values {
		sum, values := &b.values[f], p.values[f*m:(f+1)*m]
		for i, o := range p.offsets {
			values[i], sum[o%blockKeys] = sum[o%blockKeys], 0
		}
	}
}
