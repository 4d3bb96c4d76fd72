package node

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/artifact"
	"parley/internal/rpc"
)

// classes writes rows of csv whose label, one of four names, follows from their
// columns, and returns the file.
func classes(t testing.TB, rows int) string {
	t.Helper()
	g := rand.New(rand.NewPCG(3, 9))
	names := []string{"north", "east", "south", "west"}
	b := new(strings.Builder)
	b.WriteString("label,a,b,town\n")
	for range rows {
		a, c := g.NormFloat64(), g.NormFloat64()
		k := 0
		if a > 0 {
			k++
		}
		if c > 0.3 {
			k += 2
		}
		fmt.Fprintf(b, "%s,%.3f,%.3f,t%d\n", names[k], a, c, g.IntN(9))
	}
	path := filepath.Join(t.TempDir(), "train.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSoftmaxSameHash: a model with several keys a column is the same on clusters of
// any shape, wherever ranges cut the keys of a column.
func TestSoftmaxSameHash(t *testing.T) {
	path := classes(t, 900)
	of := []string{"model.kind=softmax", "data.label.column=label", "data.features=[{numeric: a}, {numeric: b}, {category: town}]"}
	for _, kind := range []string{"adagrad", "sgd", "adam", "lbfgs"} {
		of := append(of[:len(of):len(of)], "optimizer.kind="+kind)
		if kind == "lbfgs" {
			of = append(of, "run={epochs: 30, workers: 6, ranges: 3}")
		}
		first := embedded(t, 1, 1, path, of...)
		if kind == "adagrad" && first.Metrics.Train["accuracy"] < 0.8 {
			t.Errorf("report %+v", first)
		}
		check := func(name string, r *artifact.Report) {
			t.Helper()
			if r.ModelSHA256 != first.ModelSHA256 || r.PlanSHA256 != first.PlanSHA256 || r.Objective != first.Objective || r.Metrics.Train["f1"] != first.Metrics.Train["f1"] {
				t.Errorf("%s, %s: another model or other metrics", kind, name)
			}
		}
		check("3x2", embedded(t, 3, 2, path, of...))
		check("2x9, 7 ranges", embedded(t, 2, 9, path, append(of, "run.ranges=7")...))
		check("more ranges than keys", embedded(t, 2, 2, path, append(of, "run.ranges=1000")...))
		c := startCluster(t, rpc.TCP{}, all, "trainer", "ps")
		r, _ := c.report(jobOf(t, path, of...), nil)
		check("three nodes over tcp", r)
	}
}
