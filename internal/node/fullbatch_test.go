package node

import (
	"testing"

	"parley/internal/rpc"
)

// fullBatch is a job by lbfgs that takes some dozens of passes.
var fullBatch = []string{"optimizer={kind: lbfgs}", "run={workers: 4, tolerance: 1e-4}", "model.l2=1e-4"}

func withFullBatch(more ...string) []string { return append(more, fullBatch...) }

// TestFullBatchSameHash: a full-batch method has the same bits on clusters of any
// shape, with any number of ranges, and whatever dies on the way. It ends by itself.
func TestFullBatchSameHash(t *testing.T) {
	path := dataset(t, 1500)
	first := embedded(t, 1, 1, path, fullBatch...)
	if first.Epochs < 5 || first.Epochs >= 500 || !first.Reproducible {
		t.Errorf("%d epochs, reproducible %v", first.Epochs, first.Reproducible)
	}
	if sgd := embedded(t, 1, 1, path, "model.l2=1e-4", "run.epochs=20"); first.Objective >= sgd.Objective {
		t.Errorf("objective %v, after 20 epochs of adagrad %v", first.Objective, sgd.Objective)
	}
	for name, hash := range map[string]string{
		"3x4":                   embedded(t, 3, 4, path, fullBatch...).ModelSHA256,
		"1x2, one range":        embedded(t, 1, 2, path, withFullBatch("run.ranges=1")...).ModelSHA256,
		"more ranges than keys": embedded(t, 2, 2, path, withFullBatch("run.ranges=1000")...).ModelSHA256,
	} {
		if hash != first.ModelSHA256 {
			t.Errorf("%s: another model", name)
		}
	}
	for name, do := range map[string]func(c *testCluster){
		"nothing":           func(*testCluster) {},
		"a trainer is lost": func(c *testCluster) { c.kill("3") },
		"a server is lost":  func(c *testCluster) { c.kill("1") },
		"a server comes":    func(c *testCluster) { c.add("5", "ps") },
	} {
		for kind, network := range map[string]rpc.Network{"inprocess": rpc.NewInProcess(), "tcp": rpc.TCP{}} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				c := startCluster(t, network, "coordinator,ps", "ps", "trainer", "trainer")
				r, _ := c.report(jobOf(t, path, fullBatch...), func() { do(c) })
				if r.ModelSHA256 != first.ModelSHA256 || r.Epochs != first.Epochs || r.Objective != first.Objective {
					t.Errorf("another model, or %d epochs, not %d", r.Epochs, first.Epochs)
				}
			})
		}
	}
	for _, other := range []string{"run.tolerance=1e-3", "run.workers=5", "run.epochs=3"} {
		if embedded(t, 1, 2, path, append(withFullBatch(), other)...).ModelSHA256 == first.ModelSHA256 {
			t.Errorf("%s has the same hash", other)
		}
	}
}
