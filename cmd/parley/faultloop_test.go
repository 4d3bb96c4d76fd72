package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/internal/artifact"
)

// loopSettings are those of scripts/faults.sh; without it a few runs of a fixed seed
// are a test like others.
type loopSettings struct {
	runs        int
	seed, first uint64
	keep        string // where the folders of runs that went wrong go
	loud        bool
}

func loopFromEnvironment(t *testing.T) loopSettings {
	s := loopSettings{runs: 3, seed: 1, keep: os.Getenv("PARLEY_FAULT_KEEP")}
	if n, err := strconv.Atoi(os.Getenv("PARLEY_FAULT_RUNS")); err == nil {
		s.runs, s.loud = n, true
	}
	if text := os.Getenv("PARLEY_FAULT_SEED"); text != "" {
		seed, first, _ := strings.Cut(text, ":")
		var err error
		if s.seed, err = strconv.ParseUint(seed, 10, 64); err == nil && first != "" {
			s.first, err = strconv.ParseUint(first, 10, 64)
		}
		if err != nil {
			t.Fatalf("PARLEY_FAULT_SEED=%s: %v; give SEED or SEED:RUN", text, err)
		}
	}
	return s
}

// loopEpochs makes a job take two to four seconds over processes on two cores.
func loopEpochs() int {
	if n, err := strconv.Atoi(os.Getenv("PARLEY_FAULT_EPOCHS")); err == nil {
		return n
	}
	if raceDetector {
		return 40
	}
	return 150
}

// TestFaultLoop: whatever dies, hangs, leaves or comes, the job ends with the bits of
// the undisturbed run, in bounded time. scripts/faults.sh runs it for longer.
func TestFaultLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	s := loopFromEnvironment(t)
	epochs := loopEpochs()
	want := trainReport(t, "run.epochs="+strconv.Itoa(epochs)).ModelSHA256
	sum := &loopSummary{counts: map[faultKind]int{}}
	t.Run("run", func(t *testing.T) {
		for i := range s.runs {
			plan := planFaults(s.seed, s.first+uint64(i))
			t.Run(fmt.Sprintf("%d:%d", plan.seed, plan.run), func(t *testing.T) {
				t.Parallel() // PARLEY_FAULT_PARALLEL of the script bounds it
				runFaults(t, s, plan, epochs, want, sum)
			})
		}
	})
	text := sum.String()
	if s.loud {
		fmt.Println(text)
	} else {
		t.Log(text)
	}
}

// runFaults makes one run and adds it to the summary.
func runFaults(t *testing.T, s loopSettings, plan faultPlan, epochs int, want string, sum *loopSummary) {
	dir, err := os.MkdirTemp(s.keep, fmt.Sprintf("run-%d-%d-", plan.seed, plan.run))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the processes have ended
		if !t.Failed() || s.keep == "" {
			os.RemoveAll(dir)
		}
	})
	r := &loopRun{t: t, dir: dir, plan: plan, epochs: epochs, counts: map[faultKind]int{}}
	t.Cleanup(func() { // also when the test was ended by a helper
		if t.Failed() {
			r.writeLogs()
		}
	})
	var report artifact.Report
	if r.play() {
		report = r.check(want)
	} else {
		r.diagnose()
	}
	took := time.Since(r.began)
	sum.add(r, report)
	line := fmt.Sprintf("%d:%d  %5.1f s  restarts %d  ranges %d  %v", plan.seed, plan.run, took.Seconds(), report.Restarts, plan.ranges, plan.faults)
	if len(r.wrong) > 0 {
		line += fmt.Sprintf("\n\tWRONG: %s\n\t%s", strings.Join(r.wrong, "; "), strings.Join(r.happened, "\n\t"))
		t.Errorf("repeat it with scripts/faults.sh 1 %d:%d: %s", plan.seed, plan.run, line)
	}
	if s.loud {
		fmt.Println(line)
	} else {
		t.Log(line)
	}
}

// diagnose asks a job that hangs whom it waits for, and all processes for their
// goroutines.
func (r *loopRun) diagnose() {
	var text strings.Builder
	for _, n := range r.nodes {
		if n.gone || !n.ready() {
			continue
		}
		b := startParley(r.t, "status", "--cluster", n.bind())
		select {
		case <-b.done:
		case <-time.After(10 * time.Second):
		}
		fmt.Fprintf(&text, "== status by %s\n%s%s\n", n.name, b.out.String(), b.errOut.String())
	}
	os.WriteFile(filepath.Join(r.dir, "status.txt"), []byte(text.String()), 0o644)
	processes := []*background{r.client()}
	for _, n := range r.nodes {
		if !n.gone {
			processes = append(processes, n.background)
		}
	}
	for _, b := range processes {
		b.cmd.Process.Signal(syscall.SIGCONT)
		b.cmd.Process.Signal(syscall.SIGQUIT)
	}
	late := time.After(10 * time.Second)
	for _, b := range processes {
		select {
		case <-b.done:
		case <-late:
			return
		}
	}
}

// writeLogs keeps what all processes have said.
func (r *loopRun) writeLogs() {
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644); err != nil {
			r.t.Error(err)
		}
	}
	write("happened.txt", fmt.Sprintf("%v\n%s\n", r.plan.faults, strings.Join(r.happened, "\n")))
	for i, c := range r.clients {
		write(fmt.Sprintf("client-%d.log", i), c.errOut.String()+c.out.String())
	}
	for _, n := range r.nodes {
		write(n.name+".log", n.errOut.String())
	}
}

// loopSummary adds up runs.
type loopSummary struct {
	mu         sync.Mutex
	runs       int
	wrong      []string
	restarts   int
	counts     map[faultKind]int
	recoveries []float64 // seconds
	times      []float64
	slow       []string // right, and longer than bound
}

func (s *loopSummary) add(r *loopRun, report artifact.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	s.restarts += report.Restarts
	s.times = append(s.times, time.Since(r.began).Seconds())
	if took := time.Since(r.began); took > bound && len(r.wrong) == 0 {
		s.slow = append(s.slow, fmt.Sprintf("%d:%d", r.plan.seed, r.plan.run))
	}
	for k, n := range r.counts {
		s.counts[k] += n
	}
	if len(r.wrong) > 0 {
		s.wrong = append(s.wrong, fmt.Sprintf("%d:%d", r.plan.seed, r.plan.run))
	}
	if _, err := os.Stat(filepath.Join(r.output(), artifact.EventsFile)); err != nil {
		return
	}
	for _, e := range (&training{output: r.output()}).events(r.t) {
		if e.Kind == artifact.EventRecovery {
			s.recoveries = append(s.recoveries, e.Metrics["seconds"])
		}
	}
}

func (s *loopSummary) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d runs, %d wrong %v, %d slower than %v %v, %d restarts\nfaults:", s.runs, len(s.wrong), s.wrong, len(s.slow), bound, s.slow, s.restarts)
	for _, k := range slices.Sorted(maps.Keys(s.counts)) {
		fmt.Fprintf(&text, " %s %d,", k, s.counts[k])
	}
	fmt.Fprintf(&text, "\nfrom a loss to the next round: %s\nfrom the job's acceptance to its end: %s", spread(s.recoveries), spread(s.times))
	return text.String()
}

// spread is for people.
func spread(seconds []float64) string {
	if len(seconds) == 0 {
		return "none"
	}
	slices.Sort(seconds)
	return fmt.Sprintf("median %.2f s, worst %.2f s of %d", seconds[len(seconds)/2], seconds[len(seconds)-1], len(seconds))
}
