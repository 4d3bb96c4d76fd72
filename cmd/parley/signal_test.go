package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	parleyv1 "parley/proto/parley/v1"
)

// says waits until a command has said something on standard error or output.
func says(t testing.TB, b *background, what string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(b.errOut.String()+b.out.String(), what) {
			return
		}
		select {
		case <-b.done:
			t.Fatalf("%v ended; it said:\n%s", b.cmd.Args[1:], b.errOut.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v has not said %q:\n%s", b.cmd.Args[1:], what, b.errOut.String())
		}
	}
}

func (b *background) send(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := b.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

var interrupted = regexp.MustCompile(`(?m)^parley: interrupted: job \S+ was stopped; its last checkpoint is of round \d+: go on with parley resume \S*out$`)

// interrupted checks the end of a training that was interrupted.
func (p *place) interrupted(b *background) {
	p.t.Helper()
	at := time.Now()
	o := p.end(b)
	if took := time.Since(at); took > slack*time.Second {
		p.t.Errorf("it took %v to end", took)
	}
	if o.code != exitInterrupted || !interrupted.MatchString(o.stderr) || o.stdout != "" {
		p.t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	if p.exists("out/model") || p.exists("out/report.json") {
		p.t.Errorf("an interrupted job has left\n%s", p.list(p.dir))
	}
}

func TestInterruptEmbedded(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := newPlace(t)
		b := p.start("train", "job.yaml", "run.epochs=1000000")
		says(t, b, "epoch 1")
		b.send(t, s)
		p.interrupted(b)
	}
}

func TestInterruptCluster(t *testing.T) {
	t.Parallel()
	p, c := newPlace(t), startCluster(t, "coordinator,ps,trainer")
	b := p.start("train", "job.yaml", "run.epochs=1000000", "--cluster", c.address())
	says(t, b, "epoch 1")
	b.send(t, syscall.SIGINT)
	p.interrupted(b)
	s := c.poll(t, 5*time.Second, "that the job is stopped", func(s *parleyv1.JobStatus) bool { return s.GetPhase() == "stopped" })
	if s.GetCause() != "stopped: interrupted" {
		t.Errorf("cause %q", s.GetCause())
	}
	p.ok("train", "job.yaml", "--cluster", c.address()) // nothing is in the next job's way
}

// TestInterruptEarly: a signal before there is a job is an interruption too.
func TestInterruptEarly(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	b := p.start("train", "job.yaml", "--cluster", silent.Addr().String())
	conn, err := silent.Accept() // the command runs and waits for an answer
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b.send(t, syscall.SIGINT)
	if o := p.end(b); o.code != exitInterrupted || o.stderr != "parley: interrupted\n" || p.exists("out") {
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
}

// TestSecondInterrupt: whoever does not want to wait for a coordinator that does
// not answer presses Ctrl-C again.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	p, c := newPlace(t), startCluster(t, "coordinator,ps,trainer")
	b := p.start("train", "job.yaml", "run.epochs=1000000", "--cluster", c.address())
	says(t, b, "epoch 1")
	c.nodes[0].signal(t, syscall.SIGSTOP)
	b.send(t, syscall.SIGINT)
	says(t, b, "stopping the job ...")
	at := time.Now()
	b.send(t, syscall.SIGINT)
	waitFor(t, b, 10*time.Second)
	if took := time.Since(at); took > time.Second*slack/2 {
		t.Errorf("the second signal took %v", took)
	}
	if status := b.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v", b.cmd.ProcessState)
	}
}

// TestAgentTerminated: an agent ends in good order, alone, in a cluster and in
// the middle of a job.
func TestAgentTerminated(t *testing.T) {
	t.Parallel()
	p, c := newPlace(t), startCluster(t, "coordinator,ps,trainer", "trainer")
	b := p.start("train", "job.yaml", "run.epochs=1000000", "--cluster", c.address())
	says(t, b, "epoch 1")
	for _, n := range []*agentProcess{c.nodes[1], c.nodes[0]} {
		n.signal(t, syscall.SIGTERM)
		at := time.Now()
		o := waitFor(t, n.background, 20*time.Second)
		took := time.Since(at)
		t.Logf("it took %v", took)
		if took > 3*time.Second*slack || o.code != exitDone || strings.Contains(o.stderr, "goroutine") {
			t.Errorf("exit code %d after %v:\n%s", o.code, took, o.stderr)
		}
	}
	if o := p.end(b); o.code != exitFailed || !strings.Contains(o.stderr, c.address()) {
		t.Errorf("the client, whose coordinator has gone: exit code %d: %s", o.code, o.stderr)
	}
}

// TestDevKilled: agents do not outlive the command that started them, however it
// ends.
func TestDevKilled(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process of its parent's death")
	}
	c := parley(t, "dev", "--nodes", "2", "--bind", "127.0.0.1:0")
	c.Env = append(c.Env, "TMPDIR="+t.TempDir())
	b := startCommand(t, c)
	says(t, b, "Ctrl-C ends them")
	b.send(t, syscall.SIGKILL)
	waitFor(t, b, 10*time.Second)
	for _, n := range devNode.FindAllStringSubmatch(b.out.String(), -1) {
		for deadline := time.Now().Add(20 * time.Second); !ended(t, n[2]); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				killProcess(t, n[2])
				t.Errorf("process %s of %s is still there", n[2], n[1])
				break
			}
		}
	}
}

func killProcess(t testing.TB, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err == nil {
		err = syscall.Kill(n, syscall.SIGKILL)
	}
	if err != nil {
		t.Error(err)
	}
}

// ended reports that a process is gone, or has ended and nobody has asked how.
func ended(t testing.TB, pid string) bool {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

var devNode = regexp.MustCompile(`(?m)^node (\S+)  pid (\d+)$`)

var devPage = regexp.MustCompile(`http://\S+`)

func getPage(t *testing.T, url string) string {
	t.Helper()
	reply, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, reply.Status, err)
	}
	return string(text)
}

// TestDev: a local cluster trains, and ends with Ctrl-C, all of it.
func TestDev(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := parley(t, "dev", "--nodes", "3", "--bind", "127.0.0.1:0")
	tmp := t.TempDir()
	c.Env = append(c.Env, "TMPDIR="+tmp)
	b := startCommand(t, c)
	says(t, b, "Ctrl-C ends them")
	nodes := devNode.FindAllStringSubmatch(b.out.String(), -1)
	if len(nodes) != 3 {
		t.Fatalf("%d nodes:\n%s", len(nodes), b.out.String())
	}
	p.ok("train", "job.yaml")
	want := p.report("out").ModelSHA256
	p.ok("train", "job.yaml", "output=other", "--cluster", nodes[2][1])
	if got := p.report("other").ModelSHA256; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	if page := getPage(t, devPage.FindString(b.out.String())); !strings.Contains(page, `<span class="phase done">done</span>`) || !strings.Contains(page, "<tr data-node=") {
		t.Errorf("the page of the cluster:\n%s", page)
	}
	b.send(t, syscall.SIGINT)
	if o := waitFor(t, b, 10*time.Second); o.code != exitDone && o.code != exitInterrupted {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
	for _, n := range nodes {
		pid, err := strconv.Atoi(n[2])
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d of %s is still there: %v", pid, n[1], err)
		}
	}
	if left := p.list(tmp); left != "" {
		t.Errorf("temporary files are left:\n%s", left)
	}
}
