package text

import (
	"encoding/binary"
	"math/bits"
)

// A dictionary numbers terms in the order they come. It is an open addressing
// table over one array of bytes: no pointers for the collector to follow.
type dictionary struct {
	slots []slot // a power of two, at most three quarters full
	shift int    // 64 less the logarithm of len(slots)
	ends  []uint64
	arena []byte // term i is arena[ends[i-1]:ends[i]]
}

// slot holds a term. Up to 8 bytes the key and the length are the term; of
// longer ones the key is a hash.
type slot struct {
	key    uint64
	length uint32 // 0: free; a term has a byte
	id     uint32
}

// newDictionary returns a dictionary with room for n terms.
func newDictionary(n int) *dictionary {
	d := &dictionary{}
	d.resize(bits.Len(uint(n + n/2 + 8)))
	return d
}

func (d *dictionary) len() int { return len(d.ends) }

func (d *dictionary) term(id int) []byte {
	begin := uint64(0)
	if id > 0 {
		begin = d.ends[id-1]
	}
	return d.arena[begin:d.ends[id]]
}

// find returns the number of a term, or -1.
func (d *dictionary) find(term []byte) int {
	key := keyOf(term)
	s := &d.slots[d.probe(key, term)]
	if s.length == 0 {
		return -1
	}
	return int(s.id)
}

// add returns the number of a term, which becomes the next if it is new.
func (d *dictionary) add(term []byte) int {
	key := keyOf(term)
	s := &d.slots[d.probe(key, term)]
	if s.length > 0 {
		return int(s.id)
	}
	id := len(d.ends)
	*s = slot{key, uint32(len(term)), uint32(id)}
	d.arena = append(d.arena, term...)
	d.ends = append(d.ends, uint64(len(d.arena)))
	if 4*len(d.ends) > 3*len(d.slots) {
		d.resize(bits.Len(uint(len(d.slots))))
	}
	return id
}

// probe returns the position of the term's slot, or of the free one where it
// belongs.
func (d *dictionary) probe(key uint64, term []byte) int {
	mask, n := len(d.slots)-1, uint32(len(term))
	for i := d.home(key, n); ; i = (i + 1) & mask {
		s := &d.slots[i]
		if s.length == 0 || s.key == key && s.length == n && (n <= 8 || string(d.term(int(s.id))) == string(term)) {
			return i
		}
	}
}

func (d *dictionary) home(key uint64, n uint32) int {
	return int(mix(key^uint64(n)<<56, 0x9E3779B97F4A7C15) >> d.shift)
}

// resize makes 1<<log slots.
func (d *dictionary) resize(log int) {
	old := d.slots
	d.slots, d.shift = make([]slot, 1<<log), 64-log
	mask := len(d.slots) - 1
	for _, s := range old {
		if s.length == 0 {
			continue
		}
		i := d.home(s.key, s.length)
		for d.slots[i].length > 0 {
			i = (i + 1) & mask
		}
		d.slots[i] = s
	}
}

// keyOf returns the bytes of a term, in some order, or a hash if there are more
// than 8.
func keyOf(term []byte) uint64 {
	switch n := len(term); {
	case n > 8:
		return hashLong(term)
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(term)) | uint64(binary.LittleEndian.Uint32(term[n-4:]))<<32
	default:
		return uint64(term[0]) | uint64(term[n/2])<<8 | uint64(term[n-1])<<16
	}
}

func hashLong(term []byte) uint64 {
	h, last := uint64(0), binary.LittleEndian.Uint64(term[len(term)-8:])
	for ; len(term) > 8; term = term[8:] {
		h = mix(h^binary.LittleEndian.Uint64(term), 0xD6E8FEB86659FD93)
	}
	return h ^ last
}

// mix multiplies to 128 bits and folds them.
func mix(x, y uint64) uint64 {
	high, low := bits.Mul64(x, y)
	return high ^ low
}
