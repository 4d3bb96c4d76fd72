package coordinator

import (
	"cmp"
	"hash/fnv"
	"slices"

	"parley/internal/param"
)

// Place puts units 0..len(previous)-1 (workers or ranges) on nodes, even to
// within one a node, and moves none that need not move: previous[i] is where
// unit i is, empty for nowhere. It is a pure function of its arguments. Where there
// is something to place, which nodes get one more is decided by what others (nil:
// nothing) says they have of other jobs, the least first, and then by a hash of
// job and node (rendezvous hashing), so that small jobs do not all land on the same
// nodes.
func Place(job param.JobID, nodes []param.NodeID, previous []param.NodeID, others func(param.NodeID) int) []param.NodeID {
	placed := make([]param.NodeID, len(previous))
	if len(nodes) == 0 {
		return placed
	}
	if others == nil || !slices.ContainsFunc(previous, func(n param.NodeID) bool { return !slices.Contains(nodes, n) }) {
		others = func(param.NodeID) int { return 0 }
	}
	bins := makeBins(job, nodes, previous, others)
	room := map[param.NodeID]*bin{}
	for _, b := range bins {
		room[b.node] = b
	}
	for i, node := range previous {
		if b := room[node]; b != nil && b.used < b.size {
			placed[i] = node
			b.used++
		}
	}
	for i := range placed {
		if placed[i] == "" {
			// Fill the emptiest first, so that consecutive units spread.
			b := slices.MinFunc(bins, func(a, b *bin) int { return cmp.Compare(a.used-a.size, b.used-b.size) })
			placed[i] = b.node
			b.used++
		}
	}
	return placed
}

// bin is a node with the number of units that it gets.
type bin struct {
	node       param.NodeID
	weight     uint64
	held       int // of previous
	others     int // of other jobs
	size, used int
}

// makeBins gives each node its share. The remainder goes to the nodes that hold
// the most already, then to those that have the least of other jobs, then by weight.
func makeBins(job param.JobID, nodes, previous []param.NodeID, others func(param.NodeID) int) []*bin {
	bins := make([]*bin, 0, len(nodes))
	for _, n := range nodes {
		b := &bin{node: n, weight: weight(job, n), others: others(n)}
		for _, p := range previous {
			if p == n {
				b.held++
			}
		}
		bins = append(bins, b)
	}
	slices.SortFunc(bins, func(a, b *bin) int {
		return cmp.Or(-cmp.Compare(a.held, b.held), cmp.Compare(a.others, b.others), cmp.Compare(a.weight, b.weight), cmp.Compare(a.node, b.node))
	})
	each, more := len(previous)/len(nodes), len(previous)%len(nodes)
	for i, b := range bins {
		b.size = each
		if i < more {
			b.size++
		}
	}
	return bins
}

func weight(job param.JobID, node param.NodeID) uint64 {
	h := fnv.New64a()
	h.Write([]byte(job))
	h.Write([]byte{0})
	h.Write([]byte(node))
	return h.Sum64()
}
