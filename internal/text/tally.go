package text

import (
	"math/bits"
	"slices"
)

// tally counts by column within one document. It is small, so it stays in the
// processor's cache where an array over all columns would not.
type tally struct {
	slots   []tallySlot // a power of two, at most half full
	shift   int         // 32 less the logarithm of len(slots)
	epoch   uint32      // a slot is filled when its stamp equals this
	touched []uint64    // column<<32 | position of its slot
}

type tallySlot struct {
	stamp, column uint32
	count         int32
}

// mostIdle is how many slots are kept from one document to the next.
const mostIdle = 1 << 20

// reset forgets all counts.
func (t *tally) reset() {
	t.touched = t.touched[:0]
	if t.epoch++; t.epoch == 0 || len(t.slots) == 0 || len(t.slots) > mostIdle {
		t.epoch = 1
		t.resize(256)
	}
}

func (t *tally) add(column uint32, n int32) {
	s := &t.slots[t.probe(column)]
	if s.stamp == t.epoch {
		s.count += n
		return
	}
	t.insert(tallySlot{t.epoch, column, n})
	if 2*len(t.touched) > len(t.slots) {
		t.grow()
	}
}

func (t *tally) insert(s tallySlot) {
	i := t.probe(s.column)
	t.slots[i] = s
	t.touched = append(t.touched, uint64(s.column)<<32|uint64(i))
}

func (t *tally) probe(column uint32) int {
	mask := len(t.slots) - 1
	i := int(column * 0x9E3779B1 >> t.shift)
	for t.slots[i].stamp == t.epoch && t.slots[i].column != column {
		i = (i + 1) & mask
	}
	return i
}

func (t *tally) resize(n int) {
	t.slots, t.shift = make([]tallySlot, n), 33-bits.Len(uint(n))
}

func (t *tally) grow() {
	old := t.slots
	t.touched = t.touched[:0]
	t.resize(2 * len(old))
	for _, s := range old {
		if s.stamp == t.epoch {
			t.insert(s)
		}
	}
}

// sorted returns the columns with a count, ascending, each with what count wants
// in the lower half.
func (t *tally) sorted() []uint64 {
	slices.Sort(t.touched)
	return t.touched
}

func (t *tally) count(touched uint64) int32 { return t.slots[uint32(touched)].count }
