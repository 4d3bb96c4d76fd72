package main

import (
	"context"
	"testing"
	"time"

	"parley/internal/client"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// TestScaled: with one server and one trainer, and then all again, a job goes on
// without a restart.
func TestScaled(t *testing.T) {
	f := startFaulty(t)
	f.middle()
	id := f.poll(t, 20*time.Second*slack, "training", reached(1)).GetJob()
	scale := func(args ...string) {
		t.Helper()
		if o := waitFor(t, startParley(t, append([]string{"job", "scale", id, "--cluster", f.address()}, args...)...), 30*time.Second*slack); o.code != 0 {
			t.Fatalf("scale %v: %s", args, o.stderr)
		}
	}
	uses := func(servers, trainers int) {
		t.Helper()
		f.awaitStatus(t, 20*time.Second*slack, func(status *parleyv1.StatusReply) bool {
			s, w := 0, 0
			for _, m := range status.GetMembers() {
				s, w = s+min(1, len(m.GetRanges())), w+min(1, len(m.GetWorkers()))
			}
			return s == servers && w == trainers
		})
	}
	uses(2, 3)
	scale("--servers", "1", "--trainers", "1")
	uses(1, 1)
	scale("--servers", "2", "--trainers", "9")
	uses(2, 3)
	if r := f.same(); r.Restarts != 0 {
		t.Errorf("%d restarts", r.Restarts)
	}
}

// awaitStatus asks for members and jobs until they are as wanted.
func (c *testCluster) awaitStatus(t testing.TB, within time.Duration, until func(*parleyv1.StatusReply) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	cl, err := client.Connect(ctx, rpc.TCP{}, c.address())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var last *parleyv1.StatusReply
	for ctx.Err() == nil {
		s, err := cl.Status(ctx, "")
		if err == nil && until(s) {
			return
		}
		last = s
		if n := len(s.GetJobs()); n > 0 && s.GetJobs()[n-1].GetCause()+s.GetJobs()[n-1].GetPhase() == "done" {
			break
		}
		time.Sleep(20 * time.Millisecond) // real processes: there is nothing to wait on but the time
	}
	t.Fatalf("not before the end and within %v; the last status: %v", within, last)
}
