package plan

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/param"
)

// manifest is that of a dataset of so many rows.
func manifest(rows int64) *Manifest {
	m := &Manifest{Rows: rows, Columns: 100, SHA256: "abc", Files: []File{{Path: "x", Rows: rows}}}
	size := ShardRows(rows)
	for first := int64(0); first < rows; first += size {
		m.Shards = append(m.Shards, Shard{ID: param.ShardID(len(m.Shards)), FirstRow: first, Rows: min(size, rows-first)})
	}
	return m
}

func newJob(workers, batch int, holdout float64) *job.Job {
	j := &job.Job{Name: "test", Output: "out"}
	j.Data.Train.Path, j.Data.Holdout = "x", holdout
	j.Model.Kind, j.Optimizer.Kind, j.Optimizer.Rate = "logistic", "adagrad", 0.5
	j.Run = job.Run{Epochs: 3, Batch: batch, Workers: workers, Ranges: 4, Seed: 1, Consistency: "bsp", Replicas: 1}
	return j
}

func TestShardRows(t *testing.T) {
	for _, c := range []struct{ rows, want int64 }{
		{0, 16}, {1, 16}, {32561, 16}, {32768, 16}, {32769, 32}, {1 << 20, 512}, {1<<20 + 1, 1024}, {math.MaxInt64, 1024},
	} {
		if got := ShardRows(c.rows); got != c.want {
			t.Errorf("ShardRows(%d) = %d, want %d", c.rows, got, c.want)
		}
	}
}

func TestShardOf(t *testing.T) {
	m := manifest(5000)
	for _, s := range m.Shards {
		for _, row := range []int64{s.FirstRow, s.FirstRow + s.Rows - 1} {
			if got := m.ShardOf(row); got != s.ID {
				t.Errorf("row %d is in shard %d, want %d", row, got, s.ID)
			}
		}
	}
}

func TestRangesTile(t *testing.T) {
	for _, c := range []struct {
		keys   param.Key
		ranges int
	}{{1, 4}, {4, 4}, {101, 4}, {1 << 28, 65536}, {7, 1}} {
		spans := cut(c.keys, c.ranges, 1)
		next, small, large := param.Key(0), math.MaxInt, 0
		for _, s := range spans {
			if s.Lo != next {
				t.Fatalf("%v does not begin at %d", s, next)
			}
			next, small, large = s.Hi, min(small, s.Len()), max(large, s.Len())
		}
		if next != c.keys || small < 1 || large > small+1 || len(spans) > c.ranges {
			t.Errorf("%d keys in %d ranges: up to %d, sizes %d to %d", c.keys, c.ranges, next, small, large)
		}
	}
}

// shapes are jobs and datasets of all proportions.
func shapes(do func(name string, p *Plan)) {
	for _, rows := range []int64{1, 15, 16, 100, 5000} {
		for _, workers := range []int{1, 3, 8, 50} {
			for _, holdout := range []float64{0, 0.1, 0.9} {
				p := New(newJob(workers, 10, holdout), manifest(rows))
				do(fmt.Sprintf("%d rows, %d workers, holdout %g", rows, workers, holdout), p)
			}
		}
	}
}

// TestEveryRowOnce goes through the epochs as the workers do: together they see
// each row that is not held out once, within the rounds that are planned.
func TestEveryRowOnce(t *testing.T) {
	shapes(func(name string, p *Plan) {
		for epoch := range 3 {
			seen := make([]int, p.Train.Rows)
			for w := range p.Job.Run.Workers {
				if rows := count(t, p, epoch, param.Worker(w), seen); rows > int64(p.PerEpoch)*int64(p.Job.Run.Batch) {
					t.Fatalf("%s: worker %d has %d rows in %d rounds", name, w, rows, p.PerEpoch)
				}
			}
			kept := int64(0)
			for row, n := range seen {
				want := 1
				if HeldOut(int64(row), p.Job.Data.Holdout) {
					want = 0
				}
				if kept += int64(n); n != want {
					t.Fatalf("%s: row %d is seen %d times, want %d", name, row, n, want)
				}
			}
			if kept != p.TrainRows || p.TrainRows+p.HeldOut != p.Train.Rows {
				t.Fatalf("%s: %d rows seen, %d trained on, %d held out", name, kept, p.TrainRows, p.HeldOut)
			}
		}
	})
}

// count counts the rows that a worker sees.
func count(t *testing.T, p *Plan, epoch int, w param.Worker, seen []int) (rows int64) {
	t.Helper()
	for n, window := range p.Stream(epoch, w) {
		order := p.Order(epoch, w, n, window)
		if int64(len(order)) != window.Rows || window.Rows > windowRows {
			t.Fatalf("a window of %d shards and %d rows has %d", len(window.Shards), window.Rows, len(order))
		}
		for _, r := range order {
			seen[p.Train.Shards[window.Shards[r.Part]].FirstRow+int64(r.Row)]++
		}
		rows += window.Rows
	}
	return rows
}

func TestOrder(t *testing.T) {
	p, again := New(newJob(2, 10, 0), manifest(5000)), New(newJob(2, 10, 0), manifest(5000))
	first := p.Stream(0, 0)
	order := p.Order(0, 0, 0, first[0])
	if diff := cmp.Diff(first, again.Stream(0, 0)); diff != "" {
		t.Error("the same plan has another stream", diff)
	}
	if !slices.Equal(order, again.Order(0, 0, 0, first[0])) {
		t.Error("the same plan has another order")
	}
	if cmp.Equal(first, p.Stream(1, 0)) {
		t.Error("the second epoch has the first one's stream")
	}
	for name, other := range map[string][]batch.Row{
		"epoch": p.Order(1, 0, 0, first[0]), "worker": p.Order(0, 1, 0, first[0]), "window": p.Order(0, 0, 1, first[0]),
	} {
		if slices.Equal(order, other) {
			t.Errorf("another %s has the same order", name)
		}
	}
}

func TestPosition(t *testing.T) {
	p := New(newJob(2, 10, 0), manifest(100))
	if p.Rounds != 3*p.PerEpoch || p.Bias() != 100 || p.Keys != 101 {
		t.Errorf("%d rounds of %d, bias %d, keys %d", p.Rounds, p.PerEpoch, p.Bias(), p.Keys)
	}
	if epoch, step := p.Position(2*p.PerEpoch + 3); epoch != 2 || step != 3 {
		t.Errorf("epoch %d, step %d", epoch, step)
	}
}

// TestHash: what shapes the model is in the hash, and nothing else.
func TestHash(t *testing.T) {
	base := New(newJob(2, 10, 0.1), manifest(100)).Hash()
	for name, change := range map[string]func(*job.Job, *Manifest){
		"data":     func(_ *job.Job, m *Manifest) { m.SHA256 = "def" },
		"columns":  func(_ *job.Job, m *Manifest) { m.Columns++ },
		"holdout":  func(j *job.Job, _ *Manifest) { j.Data.Holdout = 0.2 },
		"l2":       func(j *job.Job, _ *Manifest) { j.Model.L2 = 1 },
		"kind":     func(j *job.Job, _ *Manifest) { j.Model.Kind = "linear" },
		"rate":     func(j *job.Job, _ *Manifest) { j.Optimizer.Rate = 1 },
		"epochs":   func(j *job.Job, _ *Manifest) { j.Run.Epochs = 9 },
		"batch":    func(j *job.Job, _ *Manifest) { j.Run.Batch = 9 },
		"workers":  func(j *job.Job, _ *Manifest) { j.Run.Workers = 9 },
		"seed":     func(j *job.Job, _ *Manifest) { j.Run.Seed = 9 },
		"l1":       func(j *job.Job, _ *Manifest) { j.Model.L1 = 1 },
		"momentum": func(j *job.Job, _ *Manifest) { j.Optimizer.Momentum = 0.5 },
		"nesterov": func(j *job.Job, _ *Manifest) { j.Optimizer.Nesterov = true },
		"beta1":    func(j *job.Job, _ *Manifest) { j.Optimizer.Beta1 = 0.5 },
		"beta2":    func(j *job.Job, _ *Manifest) { j.Optimizer.Beta2 = 0.5 },
		"epsilon":  func(j *job.Job, _ *Manifest) { j.Optimizer.Epsilon = 0.5 },
		"beta":     func(j *job.Job, _ *Manifest) { j.Optimizer.Beta = 0.5 },
		"mode":     func(j *job.Job, _ *Manifest) { j.Run.Consistency = "asp" },
		"stale":    func(j *job.Job, _ *Manifest) { j.Run.Staleness = 1 },
		"wire":     func(j *job.Job, _ *Manifest) { j.Run.Wire = "f16" },
		"stop":     func(j *job.Job, _ *Manifest) { j.Run.Stop = &job.Stop{Metric: "auc", Patience: 1} },
		"=f32":     func(j *job.Job, _ *Manifest) { j.Run.Wire = "f32" },
		"=saved":   func(j *job.Job, _ *Manifest) { j.Run.Checkpoint = &job.Checkpoint{Every: "1m", Keep: 1, To: "x"} },
		"=init":    func(j *job.Job, _ *Manifest) { j.Model.Init = "x" },
		"=name":    func(j *job.Job, _ *Manifest) { j.Name = "other" },
		"=output":  func(j *job.Job, _ *Manifest) { j.Output = "other" },
		"=ranges":  func(j *job.Job, _ *Manifest) { j.Run.Ranges = 9 },
		"=path":    func(j *job.Job, m *Manifest) { j.Data.Train.Path, m.Files[0].Path = "y", "y" },
		"=nothing": func(*job.Job, *Manifest) {},
	} {
		j, m := newJob(2, 10, 0.1), manifest(100)
		change(j, m)
		if same := New(j, m).Hash() == base; same != (name[0] == '=') {
			t.Errorf("%s: the same hash: %t", name, same)
		}
	}
}

// TestHashIsThatOfBefore: a job without newer keys has the hash that it had
// before there were any.
func TestHashIsThatOfBefore(t *testing.T) {
	const want = "9e5753b047c3b42375be8c17c5c3895df8fe0bb7cb85804bf68dde72ae3f0727"
	if got := New(newJob(2, 10, 0.1), manifest(100)).Hash(); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestUnits(t *testing.T) {
	m := manifest(5000) // 157 shards
	var ids []param.ShardID
	for n := range Units(len(m.Shards)) {
		for _, s := range (Unit{Set: SetTrain, Number: n}).Shards(m) {
			ids = append(ids, s.ID)
		}
	}
	for i, id := range ids {
		if int(id) != i {
			t.Fatalf("shard %d comes at %d", id, i)
		}
	}
	if len(ids) != len(m.Shards) || len((Unit{Number: 1000}).Shards(m)) != 0 {
		t.Errorf("%d shards of %d", len(ids), len(m.Shards))
	}
}
