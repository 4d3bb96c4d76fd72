package survey

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// maxDistinct is the number of different values of a column up to which they are
// counted one by one.
const maxDistinct = 100_000

// maxBytes bounds what the values of all columns take together: beyond it, no
// column takes up further ones.
const maxBytes = 128 << 20

// shownBytes is how much is kept of the text of a value.
const shownBytes = 64

// budget is room that columns share.
type budget struct{ left int64 }

func newBudget() *budget { return &budget{maxBytes} }

// entry is one value of a column.
type entry struct {
	hash  uint64
	rows  int64
	about about
	start int // of its text
	size  int // of its text, up to shownBytes
}

// tally counts the values of a column: an open-addressing table of the hashes of
// 64 bits of cells. Two of 100,000 values share a hash with a probability below
// 1e-9. When it is full it still counts the values that it has, and says of others
// that it does not know them; a HyperLogLog sketch estimates how many there are
// (Flajolet, Fusy, Gandouet, Meunier 2007).
type tally struct {
	room    *budget
	slots   []uint64 // upper bits of a hash, then 1 + position in entries; 0 is empty; a power of two
	entries []entry
	text    []byte
	full    bool
	sketch  []uint8 // by the upper bits of a hash; once full
}

// positionMask is the part of a slot with the position: more than maxDistinct.
const positionMask = 1<<20 - 1

const entryBytes = 112 // with its slots and what growing leaves behind

// count counts a cell that is known, and returns false for others.
func (t *tally) count(hash uint64) bool {
	if len(t.slots) == 0 {
		return false
	}
	i, found := t.find(hash)
	if found {
		t.entries[t.slots[i]&positionMask-1].rows++
	}
	return found
}

func (t *tally) find(hash uint64) (slot uint64, found bool) {
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch n := t.slots[i]; {
		case n == 0:
			return i, false
		case n&^positionMask == hash&^positionMask && t.entries[n&positionMask-1].hash == hash: // mostly the entry is not looked at in vain
			return i, true
		}
	}
}

// insert takes up a cell that is not known, and returns false if there is no room.
func (t *tally) insert(hash uint64, cell []byte, a about) bool {
	size := min(len(cell), shownBytes)
	if !t.full && (len(t.entries) == maxDistinct || t.room.left < int64(entryBytes+size)) {
		t.fill()
	}
	if t.full {
		t.see(hash)
		return false
	}
	t.room.left -= int64(entryBytes + size)
	if 2*len(t.entries) >= len(t.slots) {
		t.grow()
	}
	i, _ := t.find(hash)
	if len(t.entries) == cap(t.entries) { // by half: what is left behind is garbage soon
		t.entries = slices.Grow(t.entries, 16+len(t.entries)/2)
	}
	t.entries = append(t.entries, entry{hash: hash, rows: 1, about: a, start: len(t.text), size: size})
	t.slots[i] = hash&^positionMask | uint64(len(t.entries))
	t.text = append(t.text, cell[:size]...)
	return true
}

func (t *tally) grow() {
	t.slots = make([]uint64, max(64, 2*len(t.slots)))
	for n, e := range t.entries {
		i, _ := t.find(e.hash)
		t.slots[i] = e.hash&^positionMask | uint64(n+1)
	}
}

const sketchBits = 14

func (t *tally) fill() {
	t.full, t.sketch = true, make([]uint8, 1<<sketchBits)
	for _, e := range t.entries {
		t.see(e.hash)
	}
}

func (t *tally) see(hash uint64) {
	rank := uint8(1 + bits.LeadingZeros64(hash<<sketchBits|1<<(sketchBits-1)))
	if r := &t.sketch[hash>>(64-sketchBits)]; *r < rank {
		*r = rank
	}
}

// distinct returns how many different values there are, and whether that is an
// estimate, off by about 1 %.
func (t *tally) distinct() (n int64, about bool) {
	if !t.full {
		return int64(len(t.entries)), false
	}
	const m = 1 << sketchBits
	sum, zero := 0.0, 0
	for _, r := range t.sketch {
		sum += math.Ldexp(1, -int(r))
		if r == 0 {
			zero++
		}
	}
	estimate := 0.7213 / (1 + 1.079/m) * m * m / sum
	if estimate < 2.5*m && zero > 0 {
		estimate = m * math.Log(m/float64(zero))
	}
	return max(int64(len(t.entries)), int64(math.Round(estimate))), true
}

func (t *tally) textOf(e *entry) string { return string(t.text[e.start : e.start+e.size]) }

// hashOf hashes a cell, eight bytes at a time, by folded multiplication (Wang's
// wyhash has the idea).
func hashOf(cell []byte) uint64 {
	const a, b = 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	h := uint64(len(cell)+1) * b // far from the bits of a short cell
	for ; len(cell) >= 8; cell = cell[8:] {
		h = fold(h^binary.LittleEndian.Uint64(cell), b)
	}
	tail := uint64(0)
	for i, c := range cell {
		tail |= uint64(c) << (8 * i)
	}
	return fold(fold(h^tail, a), b)
}

func fold(x, y uint64) uint64 {
	high, low := bits.Mul64(x, y)
	return high ^ low
}
