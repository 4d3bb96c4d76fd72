package wire

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"parley/internal/param"
)

// group is the number of keys that are packed with one width.
const group = 128

// tail is what a packed list has behind its last group, so that eight bytes may be
// read at each key.
const tail = 8

// packKeys appends a list: the width of each group's gaps, a byte each, then the
// gaps, group by group, each group from a new byte on; then tail zeros. A gap is
// the distance to the key before, less one: a list that is not strictly ascending
// has no packed form, and the error is Invalid. One to two bytes a key are usual.
func packKeys(dst []byte, keys []uint32) ([]byte, error) {
	widths := len(dst)
	groups := (len(keys) + group - 1) / group
	dst = append(dst, make([]byte, groups)...)
	before := int64(-1)
	var gaps [group]uint32
	for g := range groups {
		part := keys[g*group : min((g+1)*group, len(keys))]
		var any uint32
		wrong := int64(0)
		for i, k := range part {
			d := int64(k) - before - 1
			wrong |= d
			gaps[i], before = uint32(d), int64(k)
			any |= uint32(d)
		}
		if wrong < 0 {
			return dst, param.Errorf(param.Invalid, "a list of keys is not strictly ascending near its key %d", g*group)
		}
		w := bits.Len32(any)
		dst[widths+g] = byte(w)
		dst = packGroup(dst, gaps[:len(part)], w)
	}
	return append(dst, make([]byte, tail)...), nil
}

// packGroup appends numbers of w bits, the first in the lowest bits.
func packGroup(dst []byte, gaps []uint32, w int) []byte {
	n := (len(gaps)*w + 7) / 8
	at := len(dst)
	dst = append(dst, packRoom[:n+tail]...)
	acc, filled := uint64(0), 0
	for _, d := range gaps {
		acc |= uint64(d) << filled
		if filled += w; filled >= 32 {
			binary.LittleEndian.PutUint32(dst[at:], uint32(acc))
			acc >>= 32
			filled -= 32
			at += 4
		}
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(acc))
	return dst[:len(dst)-tail]
}

var packRoom [4*group + tail]byte

// unpackKeys sets keys to the packed list and returns an error, which is Invalid,
// if the list does not have exactly the bytes that it says or goes beyond limit.
func unpackKeys(keys []uint32, packed []byte, limit int64) error {
	groups := (len(keys) + group - 1) / group
	if len(packed) < groups+tail {
		return param.Errorf(param.Invalid, "a list of %d keys in %d bytes", len(keys), len(packed))
	}
	widths, data := packed[:groups], packed[groups:]
	last := uint64(0) // one more than the key before
	for g, w := range widths {
		part := keys[g*group : min((g+1)*group, len(keys))]
		n := (len(part)*int(w) + 7) / 8
		if w > 32 || n+tail > len(data) {
			return param.Errorf(param.Invalid, "a list of %d keys is cut off at its key %d", len(keys), g*group)
		}
		last = unpackGroup(part, data[:n+tail], uint(w), last)
		if last > uint64(limit) {
			return param.Errorf(param.Invalid, "key %d of a list is beyond the %d keys of the range", last-1, limit)
		}
		data = data[n:]
	}
	if len(data) != tail {
		return param.Errorf(param.Invalid, "a list of %d keys has %d bytes too many", len(keys), len(data)-tail)
	}
	return nil
}

// unpackGroup reads numbers of w bits; data has tail bytes more than they take.
func unpackGroup(keys []uint32, data []byte, w uint, last uint64) uint64 {
	mask := uint64(1)<<w - 1
	p := unsafe.Pointer(unsafe.SliceData(data))
	at := uint(0)
	for i := range keys {
		// at/8 is at most the bytes of the numbers, and eight more are there.
		gap := binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(p, at>>3))[:]) >> (at & 7) & mask
		last += gap
		keys[i] = uint32(last)
		last++
		at += w
	}
	return last
}

// list is an unpacked list of keys in pooled memory, shared by the cache and the
// requests that name it.
type list struct {
	keys []uint32
	buf  *[]byte
	refs atomic.Int32
}

var lists = sync.Pool{New: func() any { return new(list) }}

// newList returns a list of n keys, not set yet, with one reference.
func newList(n int) *list {
	l := lists.Get().(*list)
	l.buf = Buffers.Get(4 * n)
	l.keys = unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(*l.buf))), n)
	l.refs.Store(1)
	return l
}

func (l *list) release() {
	if l == nil || l.refs.Add(-1) > 0 {
		return
	}
	Buffers.Put(l.buf)
	l.keys, l.buf = nil, nil
	lists.Put(l)
}

func listBytes(keys []uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(keys))), 4*len(keys))
}
