package node

import (
	"testing"

	"parley/internal/artifact"
	"parley/internal/rpc"
)

// TestNetworkSameHash: multilayer perceptrons, and those on embeddings, are the same on clusters of any shape,
// whatever dies on the way, with rounds of all parameters and with rounds of the
// batch's columns alone.
func TestNetworkSameHash(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		of   []string
	}{
		"whole": {classes(t, 900), []string{"model={kind: mlp, layers: [11, 9, 8, 4], dropout: 0.2, weight_decay: 0.01, l2: 1e-5}", "data.label.column=label",
			"data.features=[{numeric: a}, {numeric: b}, {category: town}]", "optimizer={kind: adam, rate: 0.01, schedule: cosine, warmup: 0.5, clip_norm: 0.5}"}},
		"by columns": {dataset(t, 900), []string{"model={kind: mlp, layers: [131072, 9, 1], loss: logistic, activation: tanh}", "data.hash={bits: 17}",
			"optimizer={kind: momentum, schedule: step, step_every: 1}"}},
		"embedded": {classes(t, 900), []string{"model={kind: wide_deep, dim: 3, layers: [7, 5], dropout: 0.2, weight_decay: 0.1}", `data.label={column: label, map: {north: 1, "*": 0}}`,
			"data.features=[{numeric: a}, {numeric: b}, {category: town}]", "optimizer={kind: adam, rate: 0.01, schedule: cosine, warmup: 0.5}", "run.batch=16"}},
		"embedded, one field": {dataset(t, 900), []string{"model={kind: wide_deep, dim: 2, layers: [5]}", "data.hash={bits: 12}", "optimizer={kind: adagrad, rate: 0.05}", "run.batch=16"}},
	} {
		t.Run(name, func(t *testing.T) {
			first := embedded(t, 1, 1, c.path, c.of...)
			if !first.Reproducible {
				t.Error("not reproducible")
			}
			check := func(name string, r *artifact.Report) {
				t.Helper()
				if r.ModelSHA256 != first.ModelSHA256 || r.PlanSHA256 != first.PlanSHA256 || r.Objective != first.Objective {
					t.Errorf("%s: another model", name)
				}
			}
			check("3x4", embedded(t, 3, 4, c.path, c.of...))
			check("2x2, 7 ranges", embedded(t, 2, 2, c.path, append(c.of, "run.ranges=7")...))
			for what, do := range map[string]func(c *testCluster){
				"a trainer is lost": func(c *testCluster) { c.kill("3") },
				"a server is lost":  func(c *testCluster) { c.kill("1") },
				"a server comes":    func(c *testCluster) { c.add("5", "ps") },
			} {
				cluster := startCluster(t, rpc.TCP{}, "coordinator,ps", "ps", "trainer", "trainer")
				r, _ := cluster.report(jobOf(t, c.path, c.of...), func() { do(cluster) })
				check(what, r)
			}
			for _, other := range []string{"run.seed=5", "model.initial=xavier", "model.activation=gelu", "optimizer.warmup=1", "model.weight_decay=0.5", "model.dropout=0.5", "optimizer.clip_norm=0.05"} {
				if name == "by columns" && other == "model.initial=xavier" {
					other = "model.initial=he" // xavier is what tanh begins with
				}
				if name == "embedded, one field" && other == "model.initial=xavier" {
					other = "model.init_scale=0.2"
				}
				if embedded(t, 1, 2, c.path, append(c.of, other)...).ModelSHA256 == first.ModelSHA256 {
					t.Errorf("%s has the same hash", other)
				}
			}
		})
	}
}
