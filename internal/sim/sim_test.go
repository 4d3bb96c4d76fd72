package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
)

// small is a job of a few rounds over several ranges.
func small(t testing.TB, overrides ...string) (*job.Job, *plan.Manifest) {
	t.Helper()
	j, err := job.Parse("job.yaml", []byte(`
name: sim
data: {train: {path: /none}}
model: {kind: linear, l2: 0.001}
optimizer: {kind: adagrad, rate: 0.1}
run: {epochs: 3, batch: 16, workers: 5, ranges: 3}
output: /none
`), overrides)
	if err != nil {
		t.Fatal(err)
	}
	m := &plan.Manifest{Rows: 200, Columns: 20, Files: []plan.File{{Path: "/none", Rows: 200}}, Labels: []plan.Label{{Value: 1, Rows: 200}}}
	for row := int64(0); row < m.Rows; row += plan.ShardRows(m.Rows) {
		m.Shards = append(m.Shards, plan.Shard{ID: param.ShardID(len(m.Shards)), FirstRow: row, Rows: min(plan.ShardRows(m.Rows), m.Rows-row)})
	}
	return j, m
}

// faulty is a run in which everything goes wrong at once.
func faulty(j *job.Job, m *plan.Manifest, seed uint64) Config {
	return Config{Seed: seed, Job: j, Manifest: m, Servers: 1 + int(seed%3), Trainers: 1 + int(seed/3%4),
		Drop: 0.05, Repeat: 0.2, Delay: 60 * time.Millisecond, Kills: 4, Stops: 3, Joins: 2, Span: 4 * time.Second}
}

// TestSameBits runs a job a thousand times with deaths between the pushes to two
// ranges, zombies, duplicates, losses and reordering, and compares the
// parameters, bit by bit, with those of a run without faults.
func TestSameBits(t *testing.T) {
	j, m := small(t)
	want, _, err := Run(Config{Job: j, Manifest: m, Servers: 1, Trainers: 1, Delay: time.Millisecond})
	if err != nil || len(want) == 0 {
		t.Fatalf("undisturbed run: %v, %d weights", err, len(want))
	}
	runs := uint64(1000)
	if testing.Short() {
		runs = 100
	}
	var total Faults
	var bad []string
	for seed := range runs {
		got, faults, err := Run(faulty(j, m, seed))
		switch {
		case err != nil:
			bad = append(bad, fmt.Sprintf("seed %d: %v", seed, err))
		case !slices.Equal(got, want):
			bad = append(bad, fmt.Sprintf("seed %d: other parameters", seed))
		}
		total.add(faults)
	}
	t.Logf("%d runs with %+v", runs, total)
	if len(bad) > 0 {
		t.Errorf("%d of %d runs are wrong, the first: %s", len(bad), runs, bad[0])
	}
	// A test of faults that do not happen tests nothing.
	if total.Kills == 0 || total.Stops == 0 || total.Joins == 0 || total.Dropped == 0 || total.Repeated == 0 || total.Undone == 0 || total.Refused == 0 {
		t.Errorf("some fault never happened: %+v", total)
	}
}

// TestServersComeAndGo is the same with servers that die, come and drain, ranges
// that move in the middle of a round, and checkpoints that are damaged.
func TestServersComeAndGo(t *testing.T) {
	j, m := small(t, "run.epochs=12", "run.checkpoint.every=1s")
	want, _, err := Run(Config{Job: j, Manifest: m, Servers: 1, Trainers: 1, Delay: time.Millisecond})
	if err != nil || len(want) == 0 {
		t.Fatalf("undisturbed run: %v, %d weights", err, len(want))
	}
	runs := uint64(400)
	if testing.Short() {
		runs = 60
	}
	var total Faults
	var bad []string
	for seed := range runs {
		c := faulty(j, m, seed)
		c.Kills, c.Stops, c.Joins, c.Span = 2, 1, 1, 8*time.Second
		c.ServerKills, c.ServerJoins, c.Drains, c.Damage = int(seed%3), 1+int(seed%2), 1+int(seed/2%2), 0.2
		got, faults, err := Run(c)
		switch {
		case err != nil:
			bad = append(bad, fmt.Sprintf("seed %d: %v", seed, err))
		case !slices.Equal(got, want):
			bad = append(bad, fmt.Sprintf("seed %d: other parameters", seed))
		}
		total.add(faults)
	}
	t.Logf("%d runs with %+v", runs, total)
	if len(bad) > 0 {
		t.Errorf("%d of %d runs are wrong, the first: %s", len(bad), runs, bad[0])
	}
	if total.Servers == 0 || total.Drains == 0 || total.Rewinds == 0 || total.Moves == 0 || total.Checkpoints == 0 {
		t.Errorf("some fault never happened: %+v", total)
	}
}

func (f *Faults) add(o Faults) {
	f.Servers += o.Servers
	f.Drains += o.Drains
	f.Rewinds += o.Rewinds
	f.Moves += o.Moves
	f.Checkpoints += o.Checkpoints

	f.Kills += o.Kills
	f.Stops += o.Stops
	f.Joins += o.Joins
	f.Dropped += o.Dropped
	f.Repeated += o.Repeated
	f.Undone += o.Undone
	f.Refused += o.Refused
}

// TestReplay runs a seed twice: the same faults, so that one can be looked into.
func TestReplay(t *testing.T) {
	j, m := small(t)
	_, first, err := Run(faulty(j, m, 17))
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := Run(faulty(j, m, 17))
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("%+v, then %+v", first, second)
	}
}
