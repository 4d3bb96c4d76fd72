package psbench

import (
	"math/rand/v2"
	"slices"
)

// sparseKeys is the number of keys of a sparse request, over all servers.
const sparseKeys = 100_000

// lists are the key lists of a load.
type lists struct {
	known  [][]uint32
	free   [][]uint32 // of fresh ones
	count  int
	shift  uint32
	shifts uint32
}

// firstKeys is one list of the first n keys.
func firstKeys(n int) *lists {
	l := &lists{known: [][]uint32{make([]uint32, n)}}
	for i := range l.known[0] {
		l.known[0][i] = uint32(i)
	}
	return l
}

// newLists returns lists of n keys of a range, uniformly chosen.
func newLists(seed, n, space int) *lists {
	l := &lists{shifts: uint32(space / 64)}
	for i := range 4 {
		r := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
		keys := make([]uint32, 0, 2*n)
		for len(keys) < n {
			for len(keys) < n+n/8 {
				keys = append(keys, r.Uint32N(uint32(space)-l.shifts))
			}
			slices.Sort(keys)
			keys = slices.Compact(keys)
		}
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		keys = keys[:n]
		slices.Sort(keys)
		l.known = append(l.known, keys)
	}
	return l
}

func (l *lists) next() []uint32 {
	l.count++
	return l.known[l.count%len(l.known)]
}

// fresh returns a known list moved by as much as none was before.
func (l *lists) fresh() []uint32 {
	from := l.next()
	l.shift = l.shift%(l.shifts-1) + 1
	var out []uint32
	if n := len(l.free); n > 0 {
		out, l.free = l.free[n-1], l.free[:n-1]
	} else {
		out = make([]uint32, len(from))
	}
	for i, k := range from {
		out[i] = k + l.shift
	}
	return out
}

// back takes a list back when its request is done.
func (l *lists) back(keys []uint32) {
	for _, k := range l.known {
		if len(keys) == 0 || &k[0] == &keys[0] {
			return
		}
	}
	l.free = append(l.free, keys)
}
