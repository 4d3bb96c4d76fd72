package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"parley/coordinator"
	"parley/coordinator/coordserver"
	"parley/internal/artifact"
	"parley/internal/client"
	"parley/internal/httpapi"
	"parley/internal/job"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// connect returns a client of the cluster.
func (c *testCluster) connect() *client.Client {
	c.t.Helper()
	cl, err := client.Connect(c.t.Context(), c.network, c.address)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { cl.Close() })
	return cl
}

// until asks how the jobs stand until the condition holds, not for ever.
func until(ctx context.Context, cl *client.Client, holds func(map[string]*parleyv1.JobStatus) bool) error {
	for {
		s, err := cl.Status(ctx, "")
		if err != nil {
			return err
		}
		jobs := map[string]*parleyv1.JobStatus{}
		for _, j := range s.GetJobs() {
			jobs[j.GetJob()] = j
		}
		if holds(jobs) {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%w: %v", context.Cause(ctx), s.GetJobs())
		}
	}
}

// TestSeveralJobs: three jobs of different kinds train at once on two servers and
// three trainers, two wait. One that runs is stopped, and the first that waits begins;
// each of the others has the model that it has alone.
func TestSeveralJobs(t *testing.T) {
	rows, texts, towns := dataset(t, 1500), documents(t, 400, 600), classes(t, 900)
	kinds := []struct {
		path string
		of   []string
	}{
		{rows, []string{long}},
		{texts, []string{"model={kind: lsi, topics: 5, block: 6, tolerance: 1e-4}", "run={workers: 4}"}},
		{rows, []string{"run.epochs=1000000", "model={kind: linear}"}}, // to be stopped
		{rows, []string{"model={kind: fm, loss: logistic, rank: 3, l2: 1e-4}", "run.epochs=2"}},
		{towns, []string{"model={kind: mlp, layers: [11, 9, 4]}", "data.label.column=label", "data.features=[{numeric: a}, {numeric: b}, {category: town}]"}},
	}
	c := (&testCluster{t: t, network: &gate{Network: rpc.TCP{}}, room: coordserver.Room{Jobs: 3, Queued: 10}}).start("coordinator", "ps", "ps", "trainer", "trainer", "trainer")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	jobs := make([]*job.Job, len(kinds))
	for i, k := range kinds {
		jobs[i] = jobOf(t, k.path, k.of...)
	}
	ids := make([]string, len(kinds))
	submitted, cl := make(chan struct{}), c.connect()
	g := c.network.(*gate)
	g.set(100, func() { // nothing moves while this runs
		<-submitted
		err := until(ctx, cl, func(j map[string]*parleyv1.JobStatus) bool {
			training := 0
			for _, id := range ids[:3] {
				if j[id].GetPhase() == string(coordinator.Training) {
					training++
				}
			}
			return training == 3 && j[ids[3]].GetPlace() == 1 && j[ids[4]].GetPlace() == 2
		})
		if err == nil {
			err = cl.Stop(ctx, ids[2], "enough")
		}
		if err != nil {
			t.Error(err)
		}
	})
	for i, j := range jobs {
		id, err := c.connect().Submit(ctx, j, false)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	close(submitted)
	for i, k := range kinds {
		o, err := c.connect().Follow(ctx, ids[i], &watcher{})
		if err != nil {
			t.Fatalf("job %d: %v", i, err)
		}
		if i == 2 {
			if !o.GetStopped() {
				t.Errorf("the job that was stopped: %v", o)
			}
			continue
		}
		var r artifact.Report
		if err := json.Unmarshal(o.GetReport(), &r); err != nil {
			t.Fatalf("job %d: %v, outcome %v", i, err, o)
		}
		if r.ModelSHA256 != embedded(t, 1, 1, k.path, k.of...).ModelSHA256 || r.Restarts != 0 {
			t.Errorf("job %d, %s: another model than alone, or %d restarts", i, jobs[i].Model.Kind, r.Restarts)
		}
	}
}

// TestApart: jobs that are bounded to one server and one trainer are on nodes of their
// own as long as there are any, and have the model of a job without bounds.
func TestApart(t *testing.T) {
	path := dataset(t, 1500)
	want := embedded(t, 1, 1, path, long).ModelSHA256
	c := startCluster(t, rpc.TCP{}, "coordinator", "ps", "ps", "ps", "trainer", "trainer", "trainer")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	submitted, cl := make(chan struct{}), c.connect()
	var ids []string
	c.network.(*gate).set(1, func() { // nothing moves before all three are there
		<-submitted
		var s *parleyv1.StatusReply
		err := until(ctx, cl, func(map[string]*parleyv1.JobStatus) bool {
			var err error
			placed := 0
			if s, err = cl.Status(ctx, ""); err != nil {
				return false
			}
			for _, m := range s.GetMembers() {
				placed += len(m.GetWorkers()) + len(m.GetRanges())
			}
			return placed == 3*(6+3)
		})
		if err != nil {
			t.Error(err)
			return
		}
		for _, m := range s.GetMembers() {
			jobs := map[string]bool{}
			for _, held := range append(m.GetWorkers(), m.GetRanges()...) {
				id, _, _ := strings.Cut(held, "/")
				jobs[id] = true
			}
			if leads := m.GetNode() == s.GetCoordinator(); len(jobs) != 1 && !leads {
				t.Errorf("node %s has %v and %v", m.GetNode(), m.GetWorkers(), m.GetRanges())
			}
		}
	})
	for range 3 {
		id, err := cl.Submit(ctx, jobOf(t, path, long, "run.max_servers=1", "run.max_trainers=1"), false)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	close(submitted)
	for _, id := range ids {
		o, err := c.connect().Follow(ctx, id, &watcher{})
		if err != nil {
			t.Fatal(err)
		}
		var r artifact.Report
		if err := json.Unmarshal(o.GetReport(), &r); err != nil || r.ModelSHA256 != want {
			t.Errorf("another model, or none: %v, %v", err, o.GetFault())
		}
	}
}

// TestManySubmissions: of 1,000 jobs that are submitted at once as many are taken as
// there is room for. All of those are listed, the others take no memory, and a run
// that was taken is known, however full the queue is.
func TestManySubmissions(t *testing.T) {
	c := startClusterWith(t, rpc.TCP{}, "127.0.0.1:0", "coordinator")
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	w := web{t, "http://" + c.nodes["0"].HTTP()}
	spec := jobOf(t, "/none.svm").Canonical()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	room := coordserver.DefaultRoom
	var ids []string
	before := heap()
	for i := range 1000 {
		run := fmt.Sprint("run-", i)
		if i < room.Jobs+room.Queued {
			ids = append(ids, w.submit(201, spec, run))
			continue
		}
		reply := w.do("POST", "/v1/jobs", string(spec), "Content-Type", "application/json", "Idempotency-Key", run)
		w.text(429, reply)
		reply.Body.Close()
	}
	if grown := int64(heap() - before); grown > 8<<20 {
		t.Errorf("the process has grown by %d bytes", grown)
	}
	if again := w.submit(200, spec, "run-50"); again != ids[50] {
		t.Errorf("a run that was submitted before: job %s, not %s", again, ids[50])
	}
	var list struct{ Jobs []httpapi.Job }
	if err := json.Unmarshal([]byte(w.text(200, w.do("GET", "/v1/jobs", ""))), &list); err != nil || len(list.Jobs) != len(ids) {
		t.Fatalf("%d jobs, want %d: %v", len(list.Jobs), len(ids), err)
	}
	for i, j := range list.Jobs {
		if j.ID != ids[i] || j.Place != max(0, i+1-room.Jobs) || (j.Phase == "queued") != (j.Place > 0) {
			t.Errorf("number %d, %s: %s, place %d", i, j.ID, j.Phase, j.Place)
		}
	}
}
