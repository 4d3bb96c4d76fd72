package node

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/artifact"
	"parley/internal/rpc"
)

// documents writes rows of numbered terms, of a topic each, and returns the file.
func documents(t testing.TB, rows, terms int) string {
	t.Helper()
	g := rand.New(rand.NewPCG(5, 6))
	b := new(strings.Builder)
	for range rows {
		topic := g.IntN(12)
		b.WriteString("0")
		for term := g.IntN(40) + 1; term <= terms; term += 1 + g.IntN(60) {
			n := 1 + g.IntN(3)
			if term%12 == topic {
				n += 6
			}
			fmt.Fprintf(b, " %d:%d", term, n)
		}
		b.WriteString("\n")
	}
	path := filepath.Join(t.TempDir(), "documents.svm")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLSISameHash: the topics are the same on clusters of any shape, and whatever
// dies on the way, in an epoch that restarts the basis too.
func TestLSISameHash(t *testing.T) {
	path := documents(t, 700, 1100)
	of := []string{"model={kind: lsi, topics: 9, block: 8, tolerance: 1e-5}", "run={workers: 4}"}
	first := embedded(t, 1, 1, path, of...)
	if first.Epochs < 10 || len(first.Topics) != 9 || !first.Reproducible {
		t.Fatalf("%d epochs, topics %v", first.Epochs, first.Topics)
	}
	for k, topic := range first.Topics {
		if !(topic.Residual <= 1e-5) || k > 0 && topic.SingularValue > first.Topics[k-1].SingularValue {
			t.Errorf("topic %d: %+v", k, topic)
		}
	}
	check := func(t *testing.T, r *artifact.Report) {
		t.Helper()
		if r.ModelSHA256 != first.ModelSHA256 || r.PlanSHA256 != first.PlanSHA256 || r.Epochs != first.Epochs || r.Objective != first.Objective {
			t.Errorf("another model, or %d epochs, not %d", r.Epochs, first.Epochs)
		}
	}
	check(t, embedded(t, 3, 4, path, of...))
	check(t, embedded(t, 1, 2, path, append(of, "run.ranges=1")...))
	check(t, embedded(t, 2, 2, path, append(of, "run.ranges=1000")...))
	for name, do := range map[string]func(c *testCluster){
		"a trainer is lost": func(c *testCluster) { c.kill("3") },
		"a server is lost":  func(c *testCluster) { c.kill("1") },
		"a server comes":    func(c *testCluster) { c.add("5", "ps") },
	} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t, rpc.TCP{}, "coordinator,ps", "ps", "trainer", "trainer")
			r, _ := c.report(jobOf(t, path, of...), func() { do(c) })
			check(t, r)
		})
	}
	for _, other := range []string{"run.seed=5", "model.block=9", "model.passes=4"} {
		if embedded(t, 1, 2, path, append(of, other)...).ModelSHA256 == first.ModelSHA256 {
			t.Errorf("%s has the same hash", other)
		}
	}
}

// TestLSIOracle compares with numpy's singular values, for numbers of
// topics up to the rank, at which the basis is all of the space.
func TestLSIOracle(t *testing.T) {
	var want struct {
		Values    []float64 `json:"singular_values"`
		Frobenius float64   `json:"frobenius"`
	}
	text, err := os.ReadFile("../../trainer/lsi/testdata/digits.json")
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs("../../trainer/softmax/testdata/digits.svm.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []int{1, 10, 61} {
		r := embedded(t, 1, 2, path, fmt.Sprintf("model={kind: lsi, topics: %d}", k), "run={}")
		square := 0.0
		for i, topic := range r.Topics {
			square += want.Values[i] * want.Values[i]
			if math.Abs(topic.SingularValue-want.Values[i]) > 1e-6*want.Values[i] || !(topic.Residual <= 1e-6) {
				t.Errorf("%d topics: topic %d is %+v, want %v", k, i, topic, want.Values[i])
			}
		}
		if got := r.Metrics.Train["explained"]; math.Abs(got-square/want.Frobenius) > 1e-6 {
			t.Errorf("%d topics explain %v, want %v", k, got, square/want.Frobenius)
		}
	}
}

// TestLSITooManyTopics: more topics than there are singular values above 0 are
// refused with the numbers.
func TestLSITooManyTopics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rank2.svm")
	if err := os.WriteFile(path, []byte(strings.Repeat("0 1:1 2:1\n0 1:1 3:2\n0 1:2 2:2\n0 4:0\n", 20)), 0o644); err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]string{
		"model={kind: lsi, topics: 5}": "no more than 4 singular values",
		"model={kind: lsi, topics: 3}": "no more than 2 singular values above 0",
	} {
		onEmbedded(t, 1, 2, func(c *testCluster) {
			o, _ := c.follow(jobOf(t, path, model, "run={}"), nil)
			if !strings.Contains(o.GetFault().GetMessage(), want) {
				t.Errorf("%s: %v", model, o.GetFault())
			}
		})
	}
	if r := embedded(t, 1, 2, path, "model={kind: lsi, topics: 2}", "run={}"); len(r.Topics) != 2 {
		t.Errorf("%+v", r)
	}
}
