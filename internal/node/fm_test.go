package node

import (
	"testing"

	"parley/internal/artifact"
	"parley/internal/rpc"
)

// TestFMSameHash: a factorization machine, whose servers draw its factors, is the same
// on clusters of any shape, wherever ranges cut the keys of a column.
func TestFMSameHash(t *testing.T) {
	path := dataset(t, 900)
	for _, kind := range []string{"adagrad", "adam"} {
		of := []string{"model={kind: fm, loss: logistic, rank: 3, l2: 1e-4}", "optimizer.kind=" + kind}
		first := embedded(t, 1, 1, path, of...)
		check := func(name string, r *artifact.Report) {
			t.Helper()
			if r.ModelSHA256 != first.ModelSHA256 || r.PlanSHA256 != first.PlanSHA256 || r.Objective != first.Objective {
				t.Errorf("%s, %s: another model", kind, name)
			}
		}
		check("3x4", embedded(t, 3, 4, path, of...))
		check("2x2, 7 ranges", embedded(t, 2, 2, path, append(of, "run.ranges=7")...))
		c := startCluster(t, rpc.TCP{}, "coordinator,ps", "ps", "trainer", "trainer")
		r, _ := c.report(jobOf(t, path, of...), func() { c.kill("1") })
		check("a server is lost", r)
		for _, other := range []string{"run.seed=5", "model.rank=4", "model.init_scale=0.2"} {
			if embedded(t, 1, 2, path, append(of, other)...).ModelSHA256 == first.ModelSHA256 {
				t.Errorf("%s, %s has the same hash", kind, other)
			}
		}
	}
}
