package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// faultKind is what happens to a cluster.
type faultKind string

// The kinds of faults. A process that was killed or drained is replaced after a
// while, so that a job can end.
const (
	killServer      faultKind = "kill server"
	killTrainer     faultKind = "kill trainer"
	killServers     faultKind = "kill all servers"
	killCoordinator faultKind = "kill coordinator" // it comes back at its address, with its data folder
	killEverything  faultKind = "kill everything"  // the client too; then parley resume
	stopServer      faultKind = "stop server"
	stopTrainer     faultKind = "stop trainer"
	stopCoordinator faultKind = "stop coordinator"
	drainServer     faultKind = "drain server"
	drainTrainer    faultKind = "drain trainer"
	addServer       faultKind = "add server"
	addTrainer      faultKind = "add trainer"
)

// faultKinds are all kinds, in the order in which chance counts them.
var faultKinds = []faultKind{killServer, killTrainer, killServers, killCoordinator, killEverything,
	stopServer, stopTrainer, stopCoordinator, drainServer, drainTrainer, addServer, addTrainer}

// fault is one disturbance. Every fault has all fields, so that a kind more does
// not change what chance says of the others.
type fault struct {
	at      time.Duration // after the job was accepted
	share   int           // or, if it is more than 0, after so many hundredths of the epochs
	kind    faultKind
	target  int           // which of the nodes of the role, modulo those there are
	stopped time.Duration // how long a process that is stopped stays so
	back    time.Duration // how long until a node that is gone is replaced
	// What goes on after killEverything: this many servers and trainers, in one
	// process or as a cluster of their own.
	servers, trainers int
	embedded          bool
}

// String is for people who repeat a run.
func (f fault) String() string {
	text := fmt.Sprintf("%.2fs %s", f.at.Seconds(), f.kind)
	if f.share > 0 {
		text = fmt.Sprintf("%d%% %s", f.share, f.kind)
	}
	verb, role, _ := strings.Cut(string(f.kind), " ")
	if role == roleServer || role == roleTrainer {
		if verb != "add" {
			text += fmt.Sprintf(" #%d", f.target)
		}
	}
	switch {
	case f.kind == killEverything && f.embedded:
		text += fmt.Sprintf(", resume in one process, %d servers, %d trainers", f.servers, f.trainers)
	case f.kind == killEverything:
		text += fmt.Sprintf(", resume on a new cluster, %d servers, %d trainers", f.servers, f.trainers)
	case verb == "stop":
		text += fmt.Sprintf(" for %.1fs", f.stopped.Seconds())
	case verb == "kill", verb == "drain":
		text += fmt.Sprintf(", back after %.1fs", f.back.Seconds())
	}
	return text
}

// faultPlan is what happens in one run.
type faultPlan struct {
	seed, run uint64
	ranges    int // of the job: they change nothing but the load
	faults    []fault
}

// latest is the share of the epochs after which the last faults come. Some go by the
// time, and find what is before training and around its end; some by epochs, so that a
// slow machine has faults all along.
const latest = 97

// planFaults returns the plan of a run: a function of seed and run alone.
func planFaults(seed, run uint64) faultPlan {
	r := rand.New(rand.NewPCG(seed, run))
	p := faultPlan{seed: seed, run: run, ranges: 1 + r.IntN(6), faults: make([]fault, 1+r.IntN(3))}
	for i := range p.faults {
		p.faults[i] = fault{
			at:       between(r, 0, 4*time.Second),
			share:    max(0, r.IntN(2*latest)-latest), // half of them go by the time
			kind:     faultKinds[r.IntN(len(faultKinds))],
			target:   r.IntN(12),
			stopped:  between(r, 200*time.Millisecond, 8*time.Second),
			back:     between(r, 300*time.Millisecond, 2*time.Second),
			servers:  1 + r.IntN(3),
			trainers: 1 + r.IntN(4),
			embedded: r.IntN(2) == 0,
		}
	}
	return p
}

// between is a moment, to the hundredth of a second.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	const step = 10 * time.Millisecond
	return low + time.Duration(r.Int64N(int64((high-low)/step)))*step
}

// TestPlanFaults: a run can be repeated by its number, and every kind occurs.
func TestPlanFaults(t *testing.T) {
	kinds := map[faultKind]int{}
	for run := range uint64(200) {
		p := planFaults(1, run)
		if diff := cmp.Diff(p, planFaults(1, run), cmp.AllowUnexported(faultPlan{}, fault{})); diff != "" {
			t.Errorf("run %d is not the same again:\n%s", run, diff)
		}
		for _, f := range p.faults {
			kinds[f.kind]++
		}
	}
	for _, k := range faultKinds {
		if kinds[k] == 0 {
			t.Errorf("200 runs are without %q", k)
		}
	}
}
