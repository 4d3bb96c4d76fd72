package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/internal/artifact"
)

// faulty is a job over a coordinator, two servers and three trainers as processes,
// with checkpoints every second.
type faulty struct {
	*testCluster
	t           *testing.T
	run         *training
	coordinator *agentProcess
	servers     []*agentProcess
	trainers    []*agentProcess
	data        string // the coordinator's data folder
	checkpoints string
	settings    []string
}

func startFaulty(t *testing.T, settings ...string) *faulty {
	t.Helper()
	f := &faulty{testCluster: &testCluster{}, t: t, data: t.TempDir()}
	f.coordinator = startAgentCommand(t, parley(t, "agent", "--bind", freeAddress(t), "--roles", "coordinator", "--data-dir", f.data))
	f.nodes = []*agentProcess{f.coordinator}
	for range 2 {
		f.servers = append(f.servers, f.add(t, "ps"))
	}
	for range 3 {
		f.trainers = append(f.trainers, f.add(t, "trainer"))
	}
	f.settings = append([]string{faultEpochs(), "run.checkpoint.every=1s"}, settings...)
	f.run = startTraining(t, append([]string{"--cluster", f.address()}, f.settings...)...)
	f.checkpoints = filepath.Join(f.run.output, "checkpoints")
	return f
}

// middle waits until the job has a checkpoint and has gone on from it.
func (f *faulty) middle() {
	f.t.Helper()
	f.poll(f.t, 60*time.Second*slack, "training began", reached(1))
	f.saved(1)
	time.Sleep(200 * time.Millisecond)
}

// saved waits until there are so many checkpoints, and returns their manifests.
func (f *faulty) saved(n int) []string {
	f.t.Helper()
	deadline := time.Now().Add(60 * time.Second * slack)
	for {
		found, _ := filepath.Glob(filepath.Join(f.checkpoints, "*", "manifest.json"))
		if len(found) >= n {
			return found
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%d checkpoints in %s, not %d", len(found), f.checkpoints, n)
		}
		time.Sleep(20 * time.Millisecond) // another process writes it
	}
}

// same waits for the end, which has to be the undisturbed run's, and returns the
// report.
func (f *faulty) same() artifact.Report {
	f.t.Helper()
	report := f.run.report(f.t)
	if want := undisturbed(f.t); report.ModelSHA256 != want {
		f.t.Errorf("model %s, undisturbed %s", report.ModelSHA256, want)
	}
	for _, e := range f.run.events(f.t) {
		if e.Kind == artifact.EventRecovery || e.Kind == artifact.EventRestore || e.Kind == artifact.EventFailure {
			f.t.Logf("%s: %s", e.Kind, e.Message)
		}
	}
	return report
}

// slowTest skips what the loop of random faults has too, where everything takes five
// times as long.
func slowTest(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("slow under the race detector; TestFaultLoop has such faults there")
	}
}

func TestServerKilled(t *testing.T) {
	f := startFaulty(t)
	f.middle()
	f.servers[1].kill(t)
	if r := f.same(); r.Restarts == 0 {
		t.Error("no restart was counted")
	}
}

func TestBothServersKilled(t *testing.T) {
	slowTest(t)
	f := startFaulty(t)
	f.middle()
	f.servers[0].kill(t)
	f.servers[1].kill(t)
	f.add(t, "ps")
	f.same()
}

func TestServerAndTrainerKilled(t *testing.T) {
	slowTest(t)
	f := startFaulty(t)
	f.middle()
	f.servers[0].kill(t)
	f.trainers[0].kill(t)
	f.same()
}

func TestServerStopped(t *testing.T) {
	slowTest(t)
	f := startFaulty(t)
	f.middle()
	f.servers[0].signal(t, syscall.SIGSTOP)
	time.Sleep(stopFor())
	f.servers[0].signal(t, syscall.SIGCONT)
	f.same()
}

// stopFor is longer than a server's lease.
func stopFor() time.Duration {
	if s, err := strconv.Atoi(os.Getenv("PARLEY_FAULT_STOP")); err == nil {
		return time.Duration(s) * time.Second
	}
	return 7 * time.Second
}

// TestCoordinatorKilled: it is started again with its data folder and takes the job
// over without a rewind.
func TestCoordinatorKilled(t *testing.T) {
	f := startFaulty(t)
	f.middle()
	f.coordinator.kill(t)
	time.Sleep(stopFor() / 4)
	again := startAgentCommand(t, parley(t, "agent", "--bind", f.coordinator.Bind, "--roles", "coordinator", "--data-dir", f.data))
	f.nodes[0] = again
	f.same()
	for _, e := range f.run.events(t) {
		if e.Kind == artifact.EventRestore {
			t.Errorf("a rewind: %s", e.Message)
		}
	}
}

// TestAllKilled: the job is resumed by one server and five trainers.
func TestAllKilled(t *testing.T) {
	f := startFaulty(t)
	f.middle()
	for _, n := range f.nodes {
		n.signal(t, syscall.SIGKILL)
	}
	f.run.cmd.Process.Kill()
	<-f.run.done
	f.run.background = startParley(t, "resume", f.run.output, "--servers", "1", "--trainers", "5", "--json")
	f.same()
	restored := false
	for _, e := range f.run.events(t) {
		restored = restored || e.Kind == artifact.EventCheckpoint
	}
	if !restored {
		t.Error("the events of before are gone")
	}
}

// TestServerDrained: SIGTERM moves its ranges, without a rewind.
func TestServerDrained(t *testing.T) {
	f := startFaulty(t)
	f.middle()
	f.servers[0].signal(t, syscall.SIGTERM)
	if o := waitFor(t, f.servers[0].background, 30*time.Second*slack); o.code != 0 {
		t.Errorf("the server that drained: exit code %d\n%s", o.code, f.servers[0].errOut.String())
	}
	if r := f.same(); r.Restarts != 0 {
		t.Errorf("%d restarts", r.Restarts)
	}
}

func TestServerAdded(t *testing.T) {
	slowTest(t)
	f := startFaulty(t)
	f.middle()
	f.add(t, "ps")
	if r := f.same(); r.Restarts != 0 {
		t.Errorf("%d restarts", r.Restarts)
	}
	moved := false
	for _, e := range f.run.events(t) {
		moved = moved || strings.Contains(e.Message, "moved from node")
	}
	if !moved {
		t.Error("no range has moved")
	}
}

// TestDiskFull: the job goes on and says so.
func TestDiskFull(t *testing.T) {
	small := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "none", small).Run(); err != nil {
		t.Skip("no file system can be mounted by this user: none can be full")
	}
	t.Cleanup(func() { exec.Command("umount", "-l", small).Run() })
	f := startFaulty(t, "run.checkpoint.to="+filepath.Join(small, "c"))
	f.checkpoints = filepath.Join(small, "c")
	f.middle()
	filler, err := os.Create(filepath.Join(small, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	filler.Close()
	f.same()
	said := false
	for _, e := range f.run.events(t) {
		said = said || strings.Contains(e.Message, "no space left on device") && strings.Contains(e.Message, "; the job goes on, the last good one is of round")
	}
	if !said {
		t.Error("nothing was said of the full disk")
	}
}

// TestDamagedPart: a part that is cut short, and one with a flipped byte, are
// refused with their file named, and an earlier checkpoint is used.
func TestDamagedPart(t *testing.T) {
	f := startFaulty(t, "run.checkpoint.keep=100")
	f.saved(3)
	for _, n := range f.nodes {
		n.signal(t, syscall.SIGKILL)
	}
	f.run.cmd.Process.Kill()
	<-f.run.done
	dirs := f.saved(3)
	var damaged []string
	for i, dir := range dirs[len(dirs)-2:] {
		parts, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*.part"))
		damaged = append(damaged, filepath.Base(parts[0]))
		text, err := os.ReadFile(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			text = text[:len(text)/2]
		} else {
			text[len(text)/2] ^= 1
		}
		if err := os.WriteFile(parts[0], text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f.run.background = startParley(t, "resume", f.run.output, "--json")
	f.same()
	for _, name := range damaged {
		named := false
		for _, e := range f.run.events(t) {
			named = named || strings.Contains(e.Message, "cannot be used") && strings.Contains(e.Message, name)
		}
		if !named {
			t.Errorf("no event names %s", name)
		}
	}
}
