package coordinator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/internal/param"
)

// TestPlaceProperties draws placements and checks what Place promises: even to
// within one, nothing moves that need not, nobody but live nodes, and the same
// again for the same arguments in any order of the nodes.
func TestPlaceProperties(t *testing.T) {
	for seed := range uint64(3000) {
		g := rand.New(rand.NewPCG(seed, 9))
		var all []param.NodeID
		for i := range 8 {
			all = append(all, param.NodeID(fmt.Sprintf("n%d", i)))
		}
		previous := make([]param.NodeID, g.IntN(40))
		for i := range previous {
			if n := g.IntN(len(all) + 2); n < len(all) {
				previous[i] = all[n]
			}
		}
		nodes := slices.Clone(all[:1+g.IntN(len(all))])
		job := param.JobID(fmt.Sprint(seed))
		got := Place(job, nodes, previous, nil)
		load, held, stay := map[param.NodeID]int{}, map[param.NodeID]int{}, 0
		for i, n := range got {
			if !slices.Contains(nodes, n) {
				t.Fatalf("seed %d: unit %d is on %q", seed, i, n)
			}
			load[n]++
			held[previous[i]]++
			if n == previous[i] {
				stay++
			}
		}
		each, more := len(previous)/len(nodes), len(previous)%len(nodes)
		var most []int // that nodes could keep, the largest first
		for _, n := range nodes {
			if l := load[n]; l < each || l > each+1 {
				t.Fatalf("seed %d: %d units on %s, want %d or one more", seed, l, n, each)
			}
			most = append(most, held[n])
		}
		slices.Sort(most)
		slices.Reverse(most)
		want := 0
		for i, h := range most {
			size := each
			if i < more {
				size++
			}
			want += min(h, size)
		}
		if stay != want {
			t.Fatalf("seed %d: %d units stay, %d could", seed, stay, want)
		}
		g.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		if again := Place(job, nodes, previous, nil); !slices.Equal(again, got) {
			t.Fatalf("seed %d: in another order of nodes %v, then %v", seed, got, again)
		}
		if again := Place(job, nodes, got, nil); !slices.Equal(again, got) {
			t.Fatalf("seed %d: placed again %v becomes %v", seed, got, again)
		}
	}
}

func TestPlaceNowhere(t *testing.T) {
	if got := Place("j", nil, []param.NodeID{"a", ""}, nil); !slices.Equal(got, []param.NodeID{"", ""}) {
		t.Errorf("placed %v on no nodes", got)
	}
	if got := Place("j", []param.NodeID{"a"}, nil, nil); len(got) != 0 {
		t.Errorf("placed %v of nothing", got)
	}
}

// TestPlaceSpreadsJobs: jobs of one unit do not all land on one node.
func TestPlaceSpreadsJobs(t *testing.T) {
	used := map[param.NodeID]bool{}
	for i := range 100 {
		used[Place(param.JobID(fmt.Sprint(i)), []param.NodeID{"a", "b", "c"}, make([]param.NodeID, 1), nil)[0]] = true
	}
	if len(used) != 3 {
		t.Errorf("100 jobs use %d of 3 nodes", len(used))
	}
}

// TestPlaceBesideOthers: what is new goes to the nodes that have the least of other
// jobs, and what is placed stays, whatever the others do.
func TestPlaceBesideOthers(t *testing.T) {
	nodes := []param.NodeID{"a", "b", "c"}
	for i := range 20 { // whatever the hash says
		job := param.JobID(fmt.Sprint(i))
		for _, c := range []struct {
			previous, want []param.NodeID
			others         map[param.NodeID]int
		}{
			{[]param.NodeID{""}, []param.NodeID{"b"}, map[param.NodeID]int{"a": 2, "b": 1, "c": 3}},
			{[]param.NodeID{"a"}, []param.NodeID{"a"}, map[param.NodeID]int{"a": 2, "b": 1, "c": 3}},
			{[]param.NodeID{"", "c"}, []param.NodeID{"b", "c"}, map[param.NodeID]int{"a": 2, "b": 1, "c": 3}},
			{[]param.NodeID{"gone"}, []param.NodeID{"c"}, map[param.NodeID]int{"a": 2, "b": 1}},
			{[]param.NodeID{"a", "a", "b", "c"}, []param.NodeID{"a", "a", "b", "c"}, map[param.NodeID]int{"a": 9}},
		} {
			if got := Place(job, nodes, c.previous, func(n param.NodeID) int { return c.others[n] }); !slices.Equal(got, c.want) {
				t.Errorf("job %s: %v become %v beside %v, want %v", job, c.previous, got, c.others, c.want)
			}
		}
	}
}
