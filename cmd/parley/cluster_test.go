package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/coordinator/coordserver"
	"parley/internal/artifact"
)

// faultEpochs makes a job long enough to be disturbed. PARLEY_FAULT_EPOCHS=2000
// makes it about 20 s or more on two cores.
func faultEpochs() string {
	if n, err := strconv.Atoi(os.Getenv("PARLEY_FAULT_EPOCHS")); err == nil {
		return "run.epochs=" + strconv.Itoa(n)
	}
	if raceDetector {
		return "run.epochs=60" // everything takes five times as long
	}
	return "run.epochs=250"
}

// TestSameHash: the model's hash depends on data, job and seed alone.
func TestSameHash(t *testing.T) {
	want := trainReport(t, "--servers", "1", "--trainers", "1").ModelSHA256
	check := func(name string, args ...string) {
		t.Helper()
		if got := trainReport(t, args...).ModelSHA256; got != want {
			t.Errorf("%s: hash %s, want %s", name, got, want)
		}
	}
	check("1x1 again", "--servers", "1", "--trainers", "1")
	check("3x2", "--servers", "3", "--trainers", "2")
	check("1x5", "--servers", "1", "--trainers", "5")
	check("7 ranges", "run.ranges=7")
	c := startCluster(t, "coordinator,ps,trainer")
	for _, n := range []int{1, 3, 5} {
		for len(c.nodes) < n {
			c.add(t, "coordinator,ps,trainer")
		}
		for range 2 {
			check(strconv.Itoa(n)+" agents", "--cluster", c.nodes[n-1].Bind)
		}
	}
	for _, other := range []string{"run.seed=2", "run.workers=7"} {
		if trainReport(t, other).ModelSHA256 == want {
			t.Errorf("%s has the same hash", other)
		}
	}
}

// faultTest is a run over one coordinator and server and four trainers that is
// disturbed in the middle.
type faultTest struct {
	*testCluster
	job *training
}

func startFaultTest(t *testing.T) *faultTest {
	t.Helper()
	c := startCluster(t, "coordinator,ps", "trainer", "trainer", "trainer", "trainer")
	f := &faultTest{c, startTraining(t, "--cluster", c.address(), faultEpochs())}
	c.poll(t, 20*time.Second, "round 20", reached(20))
	return f
}

// check waits for the end and compares with the undisturbed run. restarts is how
// many there have to be at least; within bounds the time from the loss to the
// next round, if it is not 0.
func (f *faultTest) check(t *testing.T, restarts int, within time.Duration) {
	t.Helper()
	r := f.job.report(t)
	if want := undisturbed(t); r.ModelSHA256 != want {
		t.Errorf("hash %s, want %s", r.ModelSHA256, want)
	}
	if r.Restarts < restarts {
		t.Errorf("%d restarts, want %d or more", r.Restarts, restarts)
	}
	kinds := map[artifact.EventKind]int{}
	for _, e := range f.job.events(t) {
		if kinds[e.Kind]++; e.Kind == artifact.EventFailure || e.Kind == artifact.EventRecovery || e.Kind == artifact.EventFenced {
			t.Logf("%s: %s", e.Kind, e.Message)
		}
		if e.Kind == artifact.EventRecovery && within > 0 && e.Metrics["seconds"] > within.Seconds()*slack {
			t.Errorf("rounds advance again after %.2f s, more than %v", e.Metrics["seconds"], within)
		}
	}
	t.Logf("restarts %d, seconds %.1f, events %v", r.Restarts, r.Seconds.Total, kinds)
	if restarts > 0 && (kinds[artifact.EventFailure] == 0 || kinds[artifact.EventRecovery] == 0) {
		t.Errorf("failure and recovery were not told: %v", kinds)
	}
	why := runParley(t, "job", "why", f.jobID(t), "--cluster", f.address())
	if why.code != 0 || restarts > 0 && !strings.Contains(why.stdout, "was lost") {
		t.Errorf("job why: code %d\n%s%s", why.code, why.stdout, why.stderr)
	}
}

func (f *faultTest) jobID(t *testing.T) string {
	t.Helper()
	return f.poll(t, 5*time.Second, "the job", reached0).GetJob()
}

var hashOf string

// undisturbed is the hash of the job of the fault tests.
func undisturbed(t *testing.T) string {
	t.Helper()
	if hashOf == "" {
		hashOf = trainReport(t, faultEpochs()).ModelSHA256
	}
	return hashOf
}

func TestTrainerKilled(t *testing.T) {
	f := startFaultTest(t)
	f.nodes[2].kill(t)
	f.check(t, 1, 2*time.Second)
}

func TestTrainerStopped(t *testing.T) {
	f := startFaultTest(t)
	at := time.Now()
	f.nodes[2].signal(t, syscall.SIGSTOP)
	stopped := 3 * time.Second
	if os.Getenv("PARLEY_FAULT_EPOCHS") != "" {
		stopped = 20 * time.Second
	}
	time.Sleep(time.Until(at.Add(stopped))) // the process sleeps, so does the test
	f.nodes[2].signal(t, syscall.SIGCONT)
	f.check(t, 1, 3*time.Second-coordserver.DefaultLease) // the lease has run out before the loss is told
	fenced := false
	for _, e := range f.job.events(t) {
		fenced = fenced || e.Kind == artifact.EventFenced && string(e.Node) == f.nodes[2].Node
	}
	if !fenced {
		t.Errorf("no event tells that the woken trainer was refused; it said:\n%s", f.nodes[2].errOut.String())
	}
	said := f.nodes[2].errOut.String()
	if !strings.Contains(said, "session with the coordinator") || strings.Count(said, "msg=registered") < 2 {
		t.Errorf("the woken trainer has not come back; it said:\n%s", said)
	}
}

func TestTrainerAdded(t *testing.T) {
	f := startFaultTest(t)
	a := f.add(t, "trainer")
	f.check(t, 0, 0)
	joined := false
	for _, e := range f.job.events(t) {
		joined = joined || e.Kind == artifact.EventAssignment && string(e.Node) == a.Node && *e.Round > 0
	}
	if !joined {
		t.Error("the trainer that joined was given no workers")
	}
}

func TestTwoTrainersKilled(t *testing.T) {
	f := startFaultTest(t)
	f.nodes[1].kill(t)
	f.nodes[3].kill(t)
	f.check(t, 2, 2*time.Second)
}

func TestLastTrainerKilled(t *testing.T) {
	c := startCluster(t, "coordinator,ps", "trainer")
	f := &faultTest{c, startTraining(t, "--cluster", c.address(), faultEpochs())}
	c.poll(t, 20*time.Second, "round 20", reached(20))
	c.nodes[1].kill(t)
	c.poll(t, 5*time.Second, "that a trainer is waited for", waitsForTrainer)
	pause := 2 * time.Second
	if os.Getenv("PARLEY_FAULT_EPOCHS") != "" {
		pause = 15 * time.Second
	}
	time.Sleep(pause)
	c.add(t, "trainer")
	f.check(t, 1, 0)
}

// TestCoordinatorLost: when it does not come back the client ends and names it, the
// agents end the work with the next coordinator, and take the next job.
func TestCoordinatorLost(t *testing.T) {
	t.Parallel()
	c := startCluster(t, "trainer", "coordinator", "ps", "trainer")
	job := startTraining(t, "--cluster", c.address(), faultEpochs())
	c.poll(t, 20*time.Second, "round 20", reached(20))
	victim := c.nodes[1]
	victim.kill(t)
	c.add(t, "coordinator")
	o := waitFor(t, job.background, 45*time.Second*slack)
	if o.code != 1 || !strings.Contains(o.stderr, "parley resume") {
		t.Errorf("exit code %d:\n%s", o.code, o.stderr)
	}
	c.nodes[1] = c.nodes[len(c.nodes)-1] // it has no work
	c.nodes = c.nodes[:len(c.nodes)-1]
	c.awaitSaid(t, c.nodes[1], 10*time.Second)
	if got, want := trainReport(t, "--cluster", c.address()).ModelSHA256, trainReport(t).ModelSHA256; got != want {
		t.Errorf("the next job has the hash %s, want %s", got, want)
	}
}
