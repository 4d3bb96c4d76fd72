package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/internal/artifact"
)

// hosts are two network namespaces of the test's own, joined by a cable that can
// be pulled.
type hosts struct {
	a, b         string // namespaces
	aAddr, bAddr string
}

func newHosts(t *testing.T) *hosts {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("there is no ip command (Debian's iproute2)")
	}
	h := &hosts{a: fmt.Sprintf("parley-%d-a", os.Getpid()), b: fmt.Sprintf("parley-%d-b", os.Getpid()), aAddr: "10.231.7.1", bAddr: "10.231.7.2"}
	t.Cleanup(func() {
		exec.Command("ip", "netns", "del", h.a).Run()
		exec.Command("ip", "netns", "del", h.b).Run()
	})
	for _, ns := range []string{h.a, h.b} {
		if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			t.Skipf("network namespaces cannot be made here: %s", out)
		}
	}
	h.ip(t, "-n", h.a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", h.b)
	for ns, addr := range map[string]string{h.a: h.aAddr, h.b: h.bAddr} {
		h.ip(t, "-n", ns, "addr", "add", addr+"/24", "dev", "eth0")
		h.ip(t, "-n", ns, "link", "set", "lo", "up")
		h.ip(t, "-n", ns, "link", "set", "eth0", "up")
	}
	return h
}

func (h *hosts) ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// on makes a command run in a namespace.
func on(ns string, c *exec.Cmd) *exec.Cmd {
	c.Args = append([]string{"ip", "netns", "exec", ns, c.Path}, c.Args[1:]...)
	path, err := exec.LookPath("ip")
	if err != nil {
		panic(err) // newHosts has found it
	}
	c.Path = path
	return c
}

// agent starts an agent on a host.
func (h *hosts) agent(t *testing.T, ns, addr string, args ...string) *agentProcess {
	t.Helper()
	args = append([]string{"agent", "--bind", addr + ":0", "--insecure", "--data-dir", t.TempDir()}, args...)
	return startAgentCommand(t, on(ns, parley(t, args...)))
}

// TestPartition pulls the cable of a trainer in the middle of a job: nobody is
// told, packets just vanish.
func TestPartition(t *testing.T) {
	h := newHosts(t)
	first := h.agent(t, h.a, h.aAddr, "--roles", "coordinator,ps")
	h.agent(t, h.a, h.aAddr, "--roles", "trainer", "--join", first.Bind)
	far := h.agent(t, h.b, h.bAddr, "--roles", "trainer", "--join", first.Bind)
	output := filepath.Join(t.TempDir(), "out")
	job := &training{startCommand(t, on(h.a, parley(t, "train", jobFile(t), "--json", "output="+output, "--cluster", first.Bind, faultEpochs()))), output}
	awaitTold(t, job.background, "epoch 1:")
	h.ip(t, "-n", h.a, "link", "set", "eth0", "down")
	awaitTold(t, job.background, "rounds advance again")
	h.ip(t, "-n", h.a, "link", "set", "eth0", "up")
	r := job.report(t)
	if want := undisturbed(t); r.ModelSHA256 != want || r.Restarts < 1 {
		t.Errorf("hash %s, want %s; %d restarts, want 1 or more", r.ModelSHA256, want, r.Restarts)
	}
	back := false
	for _, e := range job.events(t) {
		switch e.Kind {
		case artifact.EventFailure, artifact.EventRecovery:
			t.Logf("%s: %s", e.Kind, e.Message)
		case artifact.EventJoin:
			back = back || string(e.Node) == far.Node
		}
	}
	if !back {
		t.Errorf("the trainer that was cut off has not come back; it said:\n%s", far.errOut.String())
	}
}

// awaitTold waits until a command has written something to standard error.
func awaitTold(t *testing.T, b *background, what string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(b.errOut.String(), what); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not told within 20 s: %q; it said:\n%s", what, b.errOut.String())
		}
	}
}
