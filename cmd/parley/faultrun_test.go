package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/internal/artifact"
)

// The roles of a loop's nodes, a node each.
const (
	roleCoordinator = "coordinator"
	roleServer      = "server"
	roleTrainer     = "trainer"
)

// loopNode is an agent process of a run.
type loopNode struct {
	*background
	name    string
	role    string
	args    []string
	fault   fault // that it left by
	leaving bool  // it was sent SIGTERM
	gone    bool  // it has ended, and that is dealt with
}

// ready reports that the node has said so.
func (n *loopNode) ready() bool { return n.bind() != "" }

// bind is the address of a node that is ready.
func (n *loopNode) bind() string {
	var said agentProcess
	line, _, whole := strings.Cut(n.out.String(), "\n")
	if !whole || json.Unmarshal([]byte(line), &said) != nil {
		return ""
	}
	return said.Bind
}

func (n *loopNode) ended() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

// action is something that is to be done.
type action struct {
	at    time.Time
	fault bool // of the plan, not what follows from one
	do    func()
}

// loopRun is one job that is disturbed. Everything happens in the test's goroutine.
type loopRun struct {
	t      *testing.T
	dir    string // of the run: data folders, output, logs
	plan   faultPlan
	epochs int

	address string // of the coordinator
	nodes   []*loopNode
	clients []*background // the last is the one that runs
	due     []action
	waiting []fault   // for an epoch
	looked  time.Time // at the epochs
	began   time.Time // the job was accepted
	moved   time.Time // something was last done to it

	happened []string // for the log
	counts   map[faultKind]int
	wrong    []string
}

func (r *loopRun) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !r.began.IsZero() {
		text = fmt.Sprintf("%6.2f s: %s", time.Since(r.began).Seconds(), text)
	}
	r.happened = append(r.happened, text)
}

// fail notes something that must not be.
func (r *loopRun) fail(format string, args ...any) {
	r.note("WRONG: "+format, args...)
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *loopRun) output() string { return filepath.Join(r.dir, "out") }

func (r *loopRun) client() *background { return r.clients[len(r.clients)-1] }

// later has something done, in the order of time.
func (r *loopRun) later(after time.Duration, do func()) {
	r.at(action{at: time.Now().Add(after), do: do})
}

func (r *loopRun) at(a action) {
	at, _ := slices.BinarySearchFunc(r.due, a, func(x, y action) int { return cmp.Or(x.at.Compare(y.at), -1) })
	r.due = slices.Insert(r.due, at, a)
}

// A job hangs when nothing has happened to it for silence, and runs in circles when
// it has not ended within atMost. Both are generous: machines are shared, and a slow
// round is no fault. Runs of more than bound are counted, and told at the end.
const (
	silence = 30 * time.Second * slower
	bound   = 60 * time.Second * slower
	atMost  = 3 * bound
)

// stuck says why a job will not end, or nothing.
func (r *loopRun) stuck() string {
	if time.Since(r.began) > atMost {
		return fmt.Sprintf("the job has not ended within %v", atMost)
	}
	heard := r.moved
	if info, err := os.Stat(filepath.Join(r.output(), artifact.EventsFile)); err == nil && info.ModTime().After(heard) {
		heard = info.ModTime() // a line an epoch
	}
	if time.Since(heard) > silence {
		return fmt.Sprintf("nothing has happened for %v", silence)
	}
	return ""
}

// play takes the job to its end. It reports whether it came.
func (r *loopRun) play() bool {
	r.startCluster(2, 3)
	r.train(append(r.trainArgs(), "--cluster", r.address)...)
	says(r.t, r.client(), "on the cluster of")
	r.began, r.moved = time.Now(), time.Now()
	for _, f := range r.plan.faults {
		if f.share > 0 {
			r.waiting = append(r.waiting, f)
			continue
		}
		r.at(action{at: r.began.Add(f.at), fault: true, do: func() { r.strike(f) }})
	}
	for tick := time.NewTicker(20 * time.Millisecond); ; { // real processes: there is nothing to wait on but the time
		select {
		case <-r.client().done:
			return true
		case <-tick.C:
		}
		if why := r.stuck(); why != "" {
			r.fail("%s", why)
			return false
		}
		r.awaitEpochs()
		for len(r.due) > 0 && !time.Now().Before(r.due[0].at) {
			next := r.due[0]
			r.due = r.due[1:]
			next.do()
			r.moved = time.Now()
		}
		r.supervise()
	}
}

// awaitEpochs makes those faults due whose epoch has ended.
func (r *loopRun) awaitEpochs() {
	if len(r.waiting) == 0 || time.Since(r.looked) < 100*time.Millisecond {
		return
	}
	r.looked = time.Now()
	text, err := os.ReadFile(filepath.Join(r.output(), artifact.EventsFile))
	if err != nil {
		return // it is there once workers are placed
	}
	share := 100 * bytes.Count(text, []byte(`"kind":"epoch"`)) / r.epochs
	r.waiting = slices.DeleteFunc(r.waiting, func(f fault) bool {
		if f.share <= share {
			r.at(action{at: r.looked, fault: true, do: func() { r.strike(f) }})
		}
		return f.share <= share
	})
}

func (r *loopRun) trainArgs() []string {
	return []string{"train", jobFile(r.t), "run.epochs=" + strconv.Itoa(r.epochs), "run.ranges=" + strconv.Itoa(r.plan.ranges),
		"run.checkpoint.every=1s", "output=" + r.output(), "--json"}
}

// startCluster starts a coordinator, and waits for it, and the other nodes.
func (r *loopRun) startCluster(servers, trainers int) {
	r.address = freeAddress(r.t)
	c := r.start(roleCoordinator, "--bind", r.address)
	for deadline := time.Now().Add(20 * time.Second); !c.ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("the coordinator is not ready:\n%s", c.errOut.String())
		}
	}
	for range servers {
		r.start(roleServer)
	}
	for range trainers {
		r.start(roleTrainer)
	}
}

// freeAddress is one where nothing listens, nor at the next port, and below the
// ports that systems give to those who dial: a coordinator that is away must find it
// free when it is back.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := 20000 + 2*rand.IntN(6000)
		free := true
		for i := range 2 {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+i)))
			if err == nil {
				l.Close()
			}
			free = free && err == nil
		}
		if free {
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		}
	}
	t.Fatal("no free port among a hundred")
	return ""
}

// start starts a node and does not wait for it.
func (r *loopRun) start(role string, args ...string) *loopNode {
	name := fmt.Sprintf("%02d-%s", len(r.nodes), role)
	flag := role
	if role == roleServer {
		flag = "ps"
	}
	args = append([]string{"agent", "--roles", flag, "--data-dir", filepath.Join(r.dir, name)}, args...)
	if role != roleCoordinator {
		args = append(args, "--bind", "127.0.0.1:0", "--join", r.seeds())
	}
	n := &loopNode{background: startParley(r.t, args...), name: name, role: role, args: args}
	r.nodes = append(r.nodes, n)
	return n
}

// seeds are the coordinator and some others: it may be away just now.
func (r *loopRun) seeds() string {
	seeds := []string{r.address}
	for _, n := range r.nodes {
		if !n.gone && n.role != roleCoordinator && n.ready() && len(seeds) < 4 {
			seeds = append(seeds, n.bind())
		}
	}
	return strings.Join(seeds, ",")
}

func (r *loopRun) train(args ...string) {
	r.clients = append(r.clients, startParley(r.t, args...))
}

// supervise looks for processes that have ended.
func (r *loopRun) supervise() {
	for _, n := range r.nodes {
		if n.gone || !n.ended() {
			continue
		}
		n.gone = true
		code := n.cmd.ProcessState.ExitCode()
		switch {
		case n.leaving && code == 0:
			r.note("%s has left", n.name)
			r.replace(n, n.fault.back)
		case n.leaving:
			r.fail("%s was sent SIGTERM and ended with exit code %d", n.name, code)
			r.replace(n, n.fault.back)
		case !n.ready(): // its seeds were away, or the address is not free yet
			r.note("%s has not started: it is started again", n.name)
			r.replace(n, 200*time.Millisecond)
		default:
			r.fail("%s ended by itself with exit code %d", n.name, code)
			r.replace(n, n.fault.back)
		}
	}
}

// replace starts another node in place of one, or the same coordinator again.
func (r *loopRun) replace(n *loopNode, after time.Duration) {
	r.later(after, func() {
		if n.role != roleCoordinator {
			r.note("%s in place of %s", r.start(n.role).name, n.name)
			return
		}
		again := &loopNode{background: startParley(r.t, n.args...), name: n.name + "-again", role: n.role, args: n.args}
		r.nodes = append(r.nodes, again)
		r.note("%s", again.name)
	})
}

// check compares the report of a job that has ended, and returns it.
func (r *loopRun) check(want string) (report artifact.Report) {
	c := r.client()
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		r.fail("exit code %d: %s", code, lastLine(c.errOut.String()))
		return report
	}
	if err := json.Unmarshal([]byte(c.out.String()), &report); err != nil {
		r.fail("standard output is not a report: %v", err)
	} else if report.ModelSHA256 != want {
		r.fail("model %s, undisturbed %s", report.ModelSHA256, want)
	}
	return report
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// alive are the nodes of a role that were not killed and not told to go.
func (r *loopRun) alive(role string) (nodes []*loopNode) {
	for _, n := range r.nodes {
		if n.role == role && !n.gone && !n.leaving {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// kill ends a node as kill -9 does.
func (n *loopNode) kill() {
	n.cmd.Process.Signal(syscall.SIGKILL)
	<-n.done
	n.gone = true
}
