package coordinator

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"parley/internal/param"
)

// Bounds are how many nodes a job uses at most; 0 is all that there are.
type Bounds struct {
	Servers  int `json:",omitempty"`
	Trainers int `json:",omitempty"`
}

// Scale bounds how many servers and trainers the job uses from now on; 0 leaves
// the bound as it is. Ranges and workers move as they do when nodes join and drain:
// nobody is rewound, and the model has the same bits. More than there are is all
// that there are and those that come. A job that is over stays as it is.
func (m *Machine) Scale(now time.Time, servers, trainers int) {
	m.now = now
	if m.over() {
		return
	}
	next := Bounds{cmp.Or(servers, m.bounds.Servers), cmp.Or(trainers, m.bounds.Trainers)}
	if next == m.bounds {
		return
	}
	m.bounds = next
	m.note(Event{Kind: "scale", Round: param.Round(m.version()), Message: "the job uses " + next.String()})
	m.advance()
}

// String says the bounds in words.
func (b Bounds) String() string {
	return atMost(b.Servers, "server") + " and " + atMost(b.Trainers, "trainer")
}

func atMost(n int, noun string) string {
	switch n {
	case 0:
		return "all " + noun + "s"
	case 1:
		return "at most 1 " + noun
	}
	return fmt.Sprintf("at most %d %ss", n, noun)
}

// Beside tells the job what other jobs have on a node, for it to prefer those that have
// little. It is called before anything else.
func (m *Machine) Beside(others func(param.NodeID) Load) { m.others = others }

// Load is what a node has to do.
type Load struct{ Workers, Ranges int } // workers: and units

// Load returns what a node has to do for the job.
func (m *Machine) Load(node param.NodeID) Load {
	if m.over() {
		return Load{}
	}
	l := Load{Workers: m.load(node), Ranges: len(m.rangesOf(node))}
	if m.phase == Profiling && m.profiler == node {
		l.Workers++
	}
	return l
}

func (m *Machine) otherWorkers(node param.NodeID) int {
	if m.others == nil {
		return 0
	}
	return m.others(node).Workers
}

func (m *Machine) otherRanges(node param.NodeID) int {
	if m.others == nil {
		return 0
	}
	return m.others(node).Ranges
}

// within returns those of some nodes that a bound leaves: those that hold the most
// now, so that little moves, of equal ones those that have the least of other jobs,
// and then the first by name. The order stays as it was.
func within(bound int, nodes []param.NodeID, held, others func(param.NodeID) int) []param.NodeID {
	if bound == 0 || len(nodes) <= bound {
		return nodes
	}
	load, beside := make(map[param.NodeID]int, len(nodes)), make(map[param.NodeID]int, len(nodes))
	for _, n := range nodes {
		load[n], beside[n] = held(n), others(n)
	}
	kept := slices.Clone(nodes)
	slices.SortFunc(kept, func(a, b param.NodeID) int {
		return cmp.Or(cmp.Compare(load[b], load[a]), cmp.Compare(beside[a], beside[b]), cmp.Compare(a, b))
	})
	kept = kept[:bound]
	return slices.DeleteFunc(nodes, func(n param.NodeID) bool { return !slices.Contains(kept, n) })
}

// load returns how many workers and units are on a trainer, or on their way there.
func (m *Machine) load(node param.NodeID) (n int) {
	for _, w := range m.workers {
		if w.home() == node {
			n++
		}
	}
	for _, u := range m.units {
		if u.node == node && !u.done {
			n++
		}
	}
	return n
}
