package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/internal/artifact"
	"parley/internal/client"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// asParley makes the test binary behave as parley: the processes of these tests
// are this binary, started again.
const asParley = "PARLEY_TEST_AS_PARLEY"

func TestMain(m *testing.M) {
	if os.Getenv(asParley) != "" {
		main()
	}
	os.Exit(runTests(m))
}

// runTests keeps what the commands keep of parsed rows out of the user's folder.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "parley-test")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv("XDG_CACHE_HOME", dir)
	return m.Run()
}

// parley is a command of ours, not started yet. What it starts ends with the test.
func parley(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	// The race detector has a process that succeeds sleep for a second before it ends.
	c.Env = append(os.Environ(), asParley+"=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

// outcome is how a command ended.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs a command to its end, which must come soon.
func runParley(t testing.TB, args ...string) outcome {
	t.Helper()
	return waitFor(t, startParley(t, args...), 2*time.Minute)
}

// background is a command that runs.
type background struct {
	cmd         *exec.Cmd
	out, errOut said
	done        chan struct{}
}

// said collects what a process writes; it may be read meanwhile.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func startParley(t testing.TB, args ...string) *background {
	t.Helper()
	return startCommand(t, parley(t, args...))
}

func startCommand(t testing.TB, cmd *exec.Cmd) *background {
	t.Helper()
	b := &background{cmd: cmd, done: make(chan struct{})}
	b.cmd.WaitDelay = 5 * time.Second // a process that it left behind may hold what it writes to
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.errOut
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { b.cmd.Wait(); close(b.done) }()
	t.Cleanup(func() { b.cmd.Process.Kill(); <-b.done })
	return b
}

func waitFor(t testing.TB, b *background, within time.Duration) outcome {
	t.Helper()
	select {
	case <-b.done:
	case <-time.After(within):
		b.cmd.Process.Kill()
		<-b.done
		t.Fatalf("%v has not ended within %v; it said:\n%s", b.cmd.Args[1:], within, b.errOut.String())
	}
	return outcome{code: b.cmd.ProcessState.ExitCode(), stdout: b.out.String(), stderr: b.errOut.String()}
}

// agent is an agent process.
type agentProcess struct {
	*background
	Node, Bind, Gossip, HTTP string
}

// startNode starts an agent and waits until it is ready.
func startNode(t testing.TB, args ...string) *agentProcess {
	t.Helper()
	return startAgentCommand(t, parley(t, append([]string{"agent", "--bind", "127.0.0.1:0", "--data-dir", t.TempDir()}, args...)...))
}

func startAgentCommand(t testing.TB, cmd *exec.Cmd) *agentProcess {
	t.Helper()
	b := &background{cmd: cmd, done: make(chan struct{})}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.cmd.Stderr = &b.errOut
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &agentProcess{background: b}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, a)
	}
	go func() { b.cmd.Wait(); close(b.done) }()
	t.Cleanup(func() { a.signal(t, syscall.SIGKILL); <-b.done })
	if err != nil {
		<-b.done
		t.Fatalf("%v: %v; it said:\n%s", cmd.Args[1:], err, b.errOut.String())
	}
	return a
}

func (a *agentProcess) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := a.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal %v: %v", s, err)
	}
}

// kill ends an agent as kill -9 does, and waits until it is gone.
func (a *agentProcess) kill(t testing.TB) {
	t.Helper()
	a.signal(t, syscall.SIGKILL)
	<-a.done
}

// cluster is a cluster of agent processes.
type testCluster struct {
	nodes []*agentProcess
}

// startCluster starts one node of each of the given roles, the first as the
// others' seed.
func startCluster(t testing.TB, roles ...string) *testCluster {
	t.Helper()
	c := &testCluster{}
	for _, r := range roles {
		c.add(t, r)
	}
	return c
}

func (c *testCluster) add(t testing.TB, roles string) *agentProcess {
	t.Helper()
	args := []string{"--roles", roles}
	if len(c.nodes) > 0 {
		args = append(args, "--join", c.nodes[0].Bind)
	}
	a := startNode(t, args...)
	c.nodes = append(c.nodes, a)
	return a
}

func (c *testCluster) address() string { return c.nodes[0].Bind }

// jobFile is the bundled job.
func jobFile(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../experiments/a9a/job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// train runs the bundled job and returns its report.
func trainReport(t testing.TB, args ...string) artifact.Report {
	t.Helper()
	b := startTraining(t, args...)
	return b.report(t)
}

// training is a run of parley train --json.
type training struct {
	*background
	output string
}

func startTraining(t testing.TB, args ...string) *training {
	t.Helper()
	output := filepath.Join(t.TempDir(), "out")
	return &training{startParley(t, append([]string{"train", jobFile(t), "--json", "output=" + output}, args...)...), output}
}

// report waits for a run that must succeed.
func (r *training) report(t testing.TB) (report artifact.Report) {
	t.Helper()
	o := waitFor(t, r.background, 5*time.Minute)
	if o.code != 0 {
		t.Fatalf("exit code %d:\n%s", o.code, o.stderr)
	}
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil {
		t.Fatalf("standard output is not a report: %v\n%s", err, o.stdout)
	}
	return report
}

// events reads the events that a run has left.
func (r *training) events(t testing.TB) (events []artifact.Event) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.output, artifact.EventsFile))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e artifact.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		events = append(events, e)
	}
	return events
}

// poll asks for the status of the one job of a cluster until the condition
// holds.
func (c *testCluster) poll(t testing.TB, within time.Duration, what string, until func(*parleyv1.JobStatus) bool) *parleyv1.JobStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	cl, err := client.Connect(ctx, rpc.TCP{}, c.address())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var last *parleyv1.JobStatus
	for ctx.Err() == nil {
		s, err := cl.Status(ctx, "")
		if err == nil && len(s.GetJobs()) > 0 {
			last = s.GetJobs()[len(s.GetJobs())-1]
			if until(last) {
				return last
			}
		}
		time.Sleep(20 * time.Millisecond) // real processes: there is nothing to wait on but the time
	}
	t.Fatalf("not within %v: %s; the last status: %v", within, what, last)
	return nil
}

// reached is the condition that training has come to a round.
func reached(round uint64) func(*parleyv1.JobStatus) bool {
	return func(s *parleyv1.JobStatus) bool { return s.GetPhase() == "training" && s.GetRound() >= round }
}

func reached0(*parleyv1.JobStatus) bool { return true }

func waitsForTrainer(s *parleyv1.JobStatus) bool { return strings.Contains(s.GetWhy(), "role trainer") }

// slack widens bounds on time in tests: the race detector and busy machines are
// slow. The figures that are logged are what counts.
const slack = 3 * slower

// awaitSaid waits until every other agent has logged the end of the job.
func (c *testCluster) awaitSaid(t testing.TB, victim *agentProcess, within time.Duration) {
	t.Helper()
	deadline := time.Now().Add(within * slack)
	for _, n := range c.nodes {
		if n == victim {
			continue
		}
		for !strings.Contains(n.errOut.String(), "job ended") {
			if time.Now().After(deadline) {
				t.Errorf("node %s has not said that the job ended:\n%s", n.Bind, n.errOut.String())
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}
