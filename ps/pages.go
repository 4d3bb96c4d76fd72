package ps

import (
	"math"
	"math/bits"
	"slices"
	"unsafe"
)

// A page is so many neighbouring keys of a span: as many as have a head of one
// cache line.
const (
	pageBits  = 8
	pageKeys  = 1 << pageBits
	pageWords = pageKeys / 64
)

// pages has the rows of the keys that were written, however large the span; the
// others have the weights that they begin with, and zeros. It is
// a table of bits, one a key of the span, that say which keys have rows; a key's
// row is found by counting the bits before it. So a key costs its row and no more,
// beside two bits for each key of the span; keys are always in order, and batches
// of ascending keys walk the memory forward. (A hash table with open addressing
// costs a key, a row number and free places a key, and a search.)
type pages struct {
	n       int
	slots   int
	keys    int // that have rows
	pages   []page
	zeros   []float32                              // the row of a key that has none, but for its weight
	draw    func(weights []float32, offset uint32) // nil: they begin at zero
	fresh   []uint32                               // of an insertion
	fetched uint64
	moved   float32
	// generation counts the copies that share rows: a page of an earlier one has its rows
	// copied before they change.
	generation uint32
}

// page has the rows of its keys, in key order. It is 64 bytes long.
type page struct {
	words      [pageWords]uint64 // one bit a key that has a row
	ranks      [pageWords]uint8  // rows before those of each word
	generation uint32
	rows       []float32 // row-major
}

func newPages(n, slots int) *pages {
	return &pages{n: n, slots: slots, zeros: make([]float32, slots), pages: make([]page, (n+pageKeys-1)>>pageBits)}
}

// rank returns the number of rows before that of the key, and whether it has one.
func (p *page) rank(o uint32) (int, bool) {
	w, bit := o%pageKeys/64, uint64(1)<<(o%64)
	word := p.words[w]
	return int(p.ranks[w]) + bits.OnesCount64(word&(bit-1)), word&bit != 0
}

// inPage returns how many of the ascending offsets are in the page of the first.
func inPage(offsets []uint32) int {
	end := offsets[0] | (pageKeys - 1)
	if offsets[len(offsets)-1] <= end {
		return len(offsets)
	}
	k := 1
	for k < len(offsets) && offsets[k] <= end {
		k++
	}
	return k
}

// readKeys is the number of keys that are looked up at once: enough for their cache
// misses to overlap, few enough for what they bring to stay in the cache.
const readKeys = 512

// fetchHeads brings the heads of the keys' pages to the cache, by loads that do
// not wait for one another.
func (t *pages) fetchHeads(offsets []uint32) {
	var sum uint64
	for _, o := range offsets {
		sum += t.pages[o>>pageBits].words[0]
	}
	t.fetched = sum // so that the compiler keeps the loads
}

// fetchPlaces brings the rows that have to make way for those of keys that have
// none.
func (t *pages) fetchPlaces(offsets []uint32) {
	var sum float32
	for _, o := range offsets {
		p := &t.pages[o>>pageBits]
		if r, has := p.rank(o); !has && r*t.slots < len(p.rows) {
			sum += p.rows[0] + p.rows[r*t.slots]
		}
	}
	t.moved = sum
}

func (t *pages) read(dst []float32, offsets []uint32) {
	m := len(offsets)
	for at := 0; at < m; at += readKeys {
		t.readSome(dst, m, at, offsets[at:min(at+readKeys, m)])
	}
}

// readSome fills places at, at+1, ... of the slots of dst, each m long. It does so
// in passes, each of loads that do not wait for one another: the heads of pages,
// the rows.
func (t *pages) readSome(dst []float32, m, at int, offsets []uint32) {
	t.fetchHeads(offsets)
	var rows [readKeys]*float32
	for i, o := range offsets {
		rows[i] = t.row(o)
	}
	if t.slots == 2 && len(dst) == 2*m { // the loop below, unrolled
		first, second := dst[at:at+len(offsets)], dst[m+at:m+at+len(offsets)]
		for i := range offsets {
			row := (*[2]float32)(unsafe.Pointer(rows[i%readKeys]))
			first[i], second[i] = row[0], row[1]
		}
	} else {
		for s := 0; s*m < len(dst); s++ {
			to := dst[s*m+at : s*m+at+len(offsets)]
			for i := range to {
				to[i] = unsafe.Slice(rows[i], t.slots)[s]
			}
		}
	}
	if t.draw != nil {
		t.drawSome(dst[at:at+len(offsets)], offsets, rows[:])
	}
}

// drawSome sets the weights of keys that have no rows to what they begin with.
func (t *pages) drawSome(weights []float32, offsets []uint32, rows []*float32) {
	none := &t.zeros[0]
	for i := 0; i < len(offsets); {
		if rows[i] != none {
			i++
			continue
		}
		end := i + 1 // of a run of neighbours
		for end < len(offsets) && offsets[end] == offsets[end-1]+1 && rows[end] == none {
			end++
		}
		t.draw(weights[i:end], offsets[i])
		i = end
	}
}

// row returns the first value of the key's row, or of a row of zeros.
func (t *pages) row(o uint32) *float32 {
	p := &t.pages[o>>pageBits]
	if r, has := p.rank(o); has {
		return &p.rows[r*t.slots]
	}
	return &t.zeros[0]
}

func (t *pages) write(offsets []uint32, src []float32) {
	m := len(offsets)
	for at := 0; at < m; at += readKeys {
		t.writeSome(src, m, at, offsets[at:min(at+readKeys, m)])
	}
}

func (t *pages) writeSome(src []float32, m, at int, offsets []uint32) {
	t.fetchHeads(offsets)
	t.fetchPlaces(offsets)
	for len(offsets) > 0 {
		k := inPage(offsets)
		p, some := &t.pages[offsets[0]>>pageBits], offsets[:k]
		if p.generation != t.generation {
			p.rows, p.generation = slices.Clone(p.rows), t.generation
		}
		if !p.write(src, m, at, some, t.slots) {
			t.insert(p, some)
			p.write(src, m, at, some, t.slots)
		}
		at, offsets = at+k, offsets[k:]
	}
}

// write sets the rows of some keys to what stands at places at, at+1, ... of the
// slots of src, each m long. It stops at a key that has no row, and reports false.
func (p *page) write(src []float32, m, at int, offsets []uint32, slots int) bool {
	rows := p.rows
	for i, o := range offsets {
		r, has := p.rank(o)
		if !has {
			return false
		}
		row := rows[r*slots : (r+1)*slots]
		for j, s := 0, at+i; j < len(row) && s < len(src); j, s = j+1, s+m {
			row[j] = src[s]
		}
	}
	return true
}

// insert gives rows to those of a page's keys that have none.
func (t *pages) insert(p *page, offsets []uint32) {
	t.fresh = t.fresh[:0]
	for _, o := range offsets {
		if _, has := p.rank(o); !has {
			t.fresh = append(t.fresh, o)
		}
	}
	t.keys += len(t.fresh)
	p.insert(t.fresh, t.slots)
}

// insert makes room for the rows of some keys that have none, by moving the others
// up from the last on.
func (p *page) insert(fresh []uint32, slots int) {
	old := len(p.rows)
	p.grow(old + len(fresh)*slots)
	end := old
	for i := len(fresh) - 1; i >= 0; i-- {
		r, _ := p.rank(fresh[i])
		copy(p.rows[(r+i+1)*slots:], p.rows[r*slots:end])
		clear(p.rows[(r+i)*slots : (r+i+1)*slots])
		end = r * slots
	}
	for _, o := range fresh {
		p.words[o%pageKeys/64] |= 1 << (o % 64)
	}
	n := 0
	for w, word := range p.words {
		p.ranks[w] = uint8(n)
		n += bits.OnesCount64(word)
	}
}

// grow lengthens the rows. Room to grow is an eighth, as memory matters more here
// than the time of a copy.
func (p *page) grow(n int) {
	if n > cap(p.rows) {
		p.rows = append(slices.Grow([]float32(nil), n+n/8), p.rows...)
	}
	p.rows = p.rows[:n]
}

// each calls visit with each page that has rows and the offset of its first key.
func (t *pages) each(visit func(first uint32, p *page)) {
	for i := range t.pages {
		if p := &t.pages[i]; len(p.rows) > 0 {
			visit(uint32(i)<<pageBits, p)
		}
	}
}

// offsets appends those of the page's keys.
func (p *page) offsets(dst []uint32, first uint32) []uint32 {
	for w, word := range p.words {
		for ; word != 0; word &= word - 1 {
			dst = append(dst, first+64*uint32(w)+uint32(bits.TrailingZeros64(word)))
		}
	}
	return dst
}

func (t *pages) weights(dst []float32) []float32 {
	n := len(dst)
	dst = append(dst, make([]float32, t.n)...)
	if t.draw != nil {
		t.draw(dst[n:], 0)
	}
	var offsets []uint32
	t.each(func(first uint32, p *page) {
		offsets = p.offsets(offsets[:0], first)
		for i, o := range offsets {
			dst[n+int(o)] = p.rows[i*t.slots]
		}
	})
	return dst
}

func (t *pages) setWeights(w []float32) { t.writeOther([][]float32{w}) }

// writeOther writes the keys whose values, given by slot, have other bits than a key
// without a row has. Slots that are not given are zero.
func (t *pages) writeOther(values [][]float32) {
	var offsets []uint32
	var src []float32
	begins := make([]float32, readKeys)
	for o := range t.n {
		if t.draw != nil && o%readKeys == 0 {
			t.draw(begins[:min(readKeys, t.n-o)], uint32(o))
		}
		for s, v := range values {
			if s == 0 && math.Float32bits(v[o]) != math.Float32bits(begins[o%readKeys]) || s > 0 && math.Float32bits(v[o]) != 0 {
				offsets = append(offsets, uint32(o))
				break
			}
		}
		if len(offsets) < readKeys && o+1 < t.n {
			continue
		}
		src = resize(src, len(offsets)*t.slots)
		clear(src)
		for s, v := range values {
			gather(src[s*len(offsets):(s+1)*len(offsets)], v, t.n, offsets)
		}
		t.write(offsets, src)
		offsets = offsets[:0]
	}
}

// freeze returns a copy to be kept, which shares the rows.
func (t *pages) freeze() *pages {
	t.generation++
	return &pages{n: t.n, slots: t.slots, keys: t.keys, pages: slices.Clone(t.pages)}
}

func (t *pages) keep(s *Snapshot) {
	if s.Offsets == nil {
		s.Offsets = []uint32{}
	}
	s.Offsets, s.State = resize(s.Offsets, t.keys)[:0], resize(s.State, t.keys*t.slots)
	t.each(func(first uint32, p *page) {
		at := len(s.Offsets)
		s.Offsets = p.offsets(s.Offsets, first)
		for i := range len(s.Offsets) - at {
			for j := range t.slots {
				s.State[j*t.keys+at+i] = p.rows[i*t.slots+j]
			}
		}
	})
}

func (t *pages) load(s *Snapshot) {
	if s.Offsets != nil {
		t.write(s.Offsets, s.State)
		return
	}
	var values [][]float32
	for slot := range slices.Chunk(s.State, t.n) {
		values = append(values, slot)
	}
	t.writeOther(values)
}
