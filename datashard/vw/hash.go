package vw

import (
	"encoding/binary"
	"math/bits"
)

// hash is Vowpal Wabbit's --hash strings: a name of digits alone is a number,
// added to the seed, and any other is hashed. Names of features are hashed with
// the hash of their namespace as the seed, names of namespaces with 0. The bits
// beyond 32 that Vowpal Wabbit keeps of a number never reach a column.
func hash(name []byte, seed uint32) uint32 {
	number := uint32(0)
	for _, c := range name {
		if c-'0' > 9 {
			return murmur(name, seed)
		}
		number = number*10 + uint32(c-'0')
	}
	return number + seed
}

// murmur is MurmurHash3_x86_32 of Austin Appleby, as one function over the bytes
// in place: the library's twin, twmb/murmur3, is made for long keys.
func murmur(name []byte, seed uint32) uint32 {
	const c1, c2 = 0xCC9E2D51, 0x1B873593
	h, n := seed, uint32(len(name))
	for len(name) >= 4 {
		k := binary.LittleEndian.Uint32(name) * c1
		h ^= bits.RotateLeft32(k, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xE6546B64
		name = name[4:]
	}
	tail := uint32(0)
	switch len(name) {
	case 3:
		tail = uint32(name[2])<<16 | uint32(name[1])<<8 | uint32(name[0])
	case 2:
		tail = uint32(name[1])<<8 | uint32(name[0])
	case 1:
		tail = uint32(name[0])
	}
	h ^= bits.RotateLeft32(tail*c1, 15) * c2 // of an empty tail 0
	h ^= n
	h = (h ^ h>>16) * 0x85EBCA6B
	h = (h ^ h>>13) * 0xC2B2AE35
	return h ^ h>>16
}
