package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/artifact"
	"parley/internal/client"
	"parley/internal/param"
	"parley/internal/rpc"
)

const all = "coordinator,ps,trainer"

// embedded trains in an embedded cluster and returns the report.
func embedded(t *testing.T, servers, trainers int, path string, overrides ...string) *artifact.Report {
	t.Helper()
	var r *artifact.Report
	onEmbedded(t, servers, trainers, func(c *testCluster) { r, _ = c.report(jobOf(t, path, overrides...), nil) })
	return r
}

// onEmbedded calls f with an embedded cluster.
func onEmbedded(t *testing.T, servers, trainers int, f func(c *testCluster)) {
	t.Helper()
	e, err := NewEmbedded(servers, trainers, "test", nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	f(&testCluster{t: t, network: &gate{Network: e.Network}, address: e.Address})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(e.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is left: %v", err)
	}
}

// TestSameHash: the model is the same on clusters of any shape, embedded or of
// nodes over either network, and another one for another seed or plan.
func TestSameHash(t *testing.T) {
	path := dataset(t, 1500)
	first := embedded(t, 1, 1, path)
	if first.Rows != 1500 || !first.Reproducible || first.Metrics.Train["accuracy"] < 0.7 {
		t.Errorf("report %+v", first)
	}
	check := func(name string, r *artifact.Report) {
		t.Helper()
		if r.ModelSHA256 != first.ModelSHA256 || r.PlanSHA256 != first.PlanSHA256 || r.Objective != first.Objective || r.Metrics.Train["auc"] != first.Metrics.Train["auc"] {
			t.Errorf("%s: another model or other metrics", name)
		}
	}
	check("1x1 again", embedded(t, 1, 1, path))
	check("3x2", embedded(t, 3, 2, path))
	check("1x5", embedded(t, 1, 5, path))
	check("2x9, more trainers than workers", embedded(t, 2, 9, path))
	check("5x1, more servers than ranges", embedded(t, 5, 1, path))
	check("7 ranges", embedded(t, 2, 2, path, "run.ranges=7"))
	check("more ranges than keys", embedded(t, 2, 2, path, "run.ranges=1000"))
	for name, network := range map[string]rpc.Network{"inprocess": rpc.NewInProcess(), "tcp": rpc.TCP{}} {
		c := startCluster(t, network, all, all, "trainer", "ps")
		for range 2 {
			r, _ := c.report(jobOf(t, path), nil)
			check("four nodes over "+name, r)
		}
	}
	for _, other := range []string{"run.seed=2", "run.workers=5", "run.batch=17", "model.l2=0.001", "data.holdout=0.1", "optimizer.kind=sgd"} {
		if embedded(t, 1, 2, path, other).ModelSHA256 == first.ModelSHA256 {
			t.Errorf("%s has the same hash", other)
		}
	}
}

// TestHoldout: what was held out is measured apart, and the model does not depend
// on the cluster.
func TestHoldout(t *testing.T) {
	path := dataset(t, 1500)
	first, second := embedded(t, 1, 1, path, "data.holdout=0.2"), embedded(t, 2, 3, path, "data.holdout=0.2")
	if first.ModelSHA256 != second.ModelSHA256 {
		t.Error("another model on another cluster")
	}
	for _, r := range []*artifact.Report{first, second} {
		if r.Rows < 1100 || r.Rows > 1300 || r.Metrics.Holdout["logloss"] == 0 || r.Metrics.Holdout["accuracy"] < 0.7 || len(r.Metrics.Test) != 0 {
			t.Errorf("%d rows, metrics %+v", r.Rows, r.Metrics)
		}
		if r.Metrics.Holdout["auc"] != first.Metrics.Holdout["auc"] || r.Metrics.Holdout["auc"] == r.Metrics.Train["auc"] {
			t.Errorf("metrics %+v", r.Metrics)
		}
	}
}

// long makes a job that can be disturbed in its middle.
const long = "run.epochs=8"

// TestDisturbed kills and adds trainers in the middle of a job.
func TestDisturbed(t *testing.T) {
	path := dataset(t, 1500)
	want := embedded(t, 1, 1, path, long).ModelSHA256
	for _, c := range []struct {
		name     string
		do       func(c *testCluster)
		restarts int
	}{
		{"a trainer is killed", func(c *testCluster) { c.kill("2") }, 1},
		{"two trainers are killed", func(c *testCluster) { c.kill("2"); c.kill("4") }, 2},
		{"all trainers are killed, another comes", func(c *testCluster) {
			for _, n := range []string{"2", "3", "4"} {
				c.kill(n)
			}
			c.add("5", "trainer")
		}, 1},
		{"a trainer comes", func(c *testCluster) { c.add("5", "trainer") }, 0},
		{"one comes as another dies", func(c *testCluster) { c.add("5", "trainer"); c.kill("3") }, 1},
		{"one comes and dies", func(c *testCluster) { c.add("5", "trainer"); c.kill("5") }, 0},
	} {
		for name, network := range map[string]rpc.Network{"inprocess": rpc.NewInProcess(), "tcp": rpc.TCP{}} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				cluster := startCluster(t, network, "coordinator,ps", "ps", "trainer", "trainer", "trainer")
				r, w := cluster.report(jobOf(t, path, long), func() { c.do(cluster) })
				if r.ModelSHA256 != want {
					t.Error("another model")
				}
				if r.Restarts < c.restarts || c.restarts > 0 && (w.told(artifact.EventFailure) == nil || w.told(artifact.EventRecovery) == nil) {
					t.Errorf("%d restarts, want %d; failures %q, recoveries %q", r.Restarts, c.restarts, w.told(artifact.EventFailure), w.told(artifact.EventRecovery))
				}
			})
		}
	}
}

// TestServerKilled: the job goes on from the start when another server has come, and
// the loss is told.
func TestServerKilled(t *testing.T) {
	path := dataset(t, 1500)
	c := startCluster(t, rpc.NewInProcess(), "coordinator", "ps", "trainer")
	lost := string(c.nodes["1"].Name())
	r, w := c.report(jobOf(t, path, long), func() { c.kill("1"); c.add("3", "ps") })
	if r.ModelSHA256 != embedded(t, 1, 1, path, long).ModelSHA256 || r.Restarts != 1 {
		t.Errorf("another model, or %d restarts", r.Restarts)
	}
	if told := w.told(artifact.EventFailure); len(told) == 0 || !strings.Contains(told[0], lost) {
		t.Errorf("failures %q, and node %s was lost", told, lost)
	}
}

// TestStopped ends a job in its middle; nothing of it is left on the nodes, and
// the next one works.
func TestStopped(t *testing.T) {
	path := dataset(t, 1500)
	c := startCluster(t, rpc.NewInProcess(), all, "trainer")
	o, _ := c.follow(jobOf(t, path, long), func() { c.stopAll() })
	if !o.GetStopped() || !strings.Contains(o.GetFault().GetMessage(), "enough") {
		t.Errorf("outcome %v", o)
	}
	r, _ := c.report(jobOf(t, path), nil)
	if r.ModelSHA256 != embedded(t, 1, 1, path).ModelSHA256 {
		t.Error("the next job has another model")
	}
}

// stopAll stops the jobs that run.
func (c *testCluster) stopAll() {
	cl, err := client.Connect(context.Background(), c.network, c.address)
	if err != nil {
		c.t.Error(err)
		return
	}
	defer cl.Close()
	s, err := cl.Status(context.Background(), "")
	if err != nil {
		c.t.Error(err)
		return
	}
	for _, j := range s.GetJobs() {
		if err := cl.Stop(context.Background(), j.GetJob(), "enough"); err != nil {
			c.t.Error(err)
		}
	}
}

// TestTwoJobs train at the same time on the same nodes.
func TestTwoJobs(t *testing.T) {
	path := dataset(t, 1500)
	c := startCluster(t, rpc.NewInProcess(), all, "ps", "trainer")
	other := make(chan *artifact.Report, 1)
	second := jobOf(t, path, "run.seed=2")
	r, _ := c.report(jobOf(t, path, long), func() {
		go func() { // the gate holds its messages too
			r, _ := c.report(second, nil)
			other <- r
		}()
	})
	if r.ModelSHA256 != embedded(t, 1, 1, path, long).ModelSHA256 {
		t.Error("the first job has another model")
	}
	if (<-other).ModelSHA256 != embedded(t, 1, 1, path, "run.seed=2").ModelSHA256 {
		t.Error("the second job has another model")
	}
}

// TestFaults of the data end a job early, with the reason.
func TestFaults(t *testing.T) {
	path := dataset(t, 50)
	bad := filepath.Join(t.TempDir(), "bad.svm")
	if err := os.WriteFile(bad, []byte("+1 1:1\n-1 2:x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := startCluster(t, rpc.NewInProcess(), all, "trainer")
	for _, f := range []struct {
		override string
		words    []string
	}{
		{"data.train.path=/none/at/all", []string{"/none/at/all"}},
		{"data.train.path=" + bad, []string{bad + ":2"}},
		{"data.test.path=" + bad, []string{bad + ":2", "data.test"}},
		{"data.holdout=0.999999999", []string{"holdout"}},
	} {
		overrides := []string{f.override}
		if strings.HasPrefix(f.override, "data.test") {
			overrides = append(overrides, "data.test.format=libsvm")
		}
		o, _ := c.follow(jobOf(t, path, overrides...), nil)
		if !o.GetEarly() || o.GetFault().GetKind() != int32(param.Invalid) {
			t.Errorf("%s: outcome %v", f.override, o)
		}
		for _, w := range f.words {
			if !strings.Contains(o.GetFault().GetMessage(), w) {
				t.Errorf("%s: %q does not say %q", f.override, o.GetFault().GetMessage(), w)
			}
		}
	}
	c.report(jobOf(t, path), nil)
}

func TestConfig(t *testing.T) {
	network := rpc.NewInProcess()
	good := Config{Network: network, Bind: "127.0.0.1:1", Roles: Roles, DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	for name, change := range map[string]func(*Config){
		"no role":      func(c *Config) { c.Roles = nil },
		"unknown role": func(c *Config) { c.Roles = []string{"chef"} },
		"no port":      func(c *Config) { c.Bind = "127.0.0.1" },
		"open":         func(c *Config) { c.Bind = "0.0.0.0:1" },
		"no folder":    func(c *Config) { c.DataDir = "/dev/null/x" },
	} {
		c := good
		change(&c)
		if _, err := New(c); param.KindOf(err) != param.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	n, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(good); !errors.Is(err, rpc.ErrInUse) {
		t.Errorf("the same address again: %v", err)
	}
	n.Close()
	n, err = New(good)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	n.Close()
}
