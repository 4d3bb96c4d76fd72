package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/internal/artifact"
	"parley/internal/client"
	"parley/internal/job"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// TestTrainerKilledFitting: what a trainer was to find in the data before training
// is found by the others when it is killed. It is stopped before the job comes, so
// that it has work for as long as the test wants.
func TestTrainerKilledFitting(t *testing.T) {
	t.Parallel()
	p := tableData().place(t)
	want := p.trained()
	j, err := job.Load(p.path("job.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := startCluster(t, "coordinator,ps", "trainer", "trainer")
	for range 40 { // two on average
		victim := c.add(t, "trainer")
		f := c.submitStopped(t, victim, j)
		if f.report.ModelSHA256 != want {
			t.Fatalf("hash %s, want %s", f.report.ModelSHA256, want)
		}
		if f.told("units of data are read elsewhere") {
			return
		}
		// It was to scan the data, or the machine was so busy that its lease ended before
		// there was anything to fit.
		t.Logf("once more, since the trainer had nothing to fit: %v", f.events)
	}
	t.Error("no trainer was lost while it had something to fit")
}

// followedJob is what a job told.
type followedJob struct {
	events []string
	report artifact.Report
}

func (f *followedJob) Event(e artifact.Event)     { f.events = append(f.events, e.Message) }
func (f *followedJob) Status(*parleyv1.JobStatus) {}

func (f *followedJob) told(what string) bool {
	return slices.ContainsFunc(f.events, func(s string) bool { return strings.Contains(s, what) })
}

// submitStopped submits a job to a cluster of which a trainer is stopped, kills the
// trainer when the job waits for it, and follows the job to its end.
func (c *testCluster) submitStopped(t *testing.T, victim *agentProcess, j *job.Job) *followedJob {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := client.Connect(ctx, rpc.TCP{}, c.address())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	await := func(until func(*parleyv1.StatusReply) bool) {
		t.Helper()
		for {
			s, err := cl.Status(ctx, "")
			switch {
			case err != nil:
				t.Fatal(err)
			case until(s):
				return
			}
			time.Sleep(5 * time.Millisecond) // real processes: there is nothing to wait on but the time
		}
	}
	await(func(s *parleyv1.StatusReply) bool {
		return slices.ContainsFunc(s.GetMembers(), func(m *parleyv1.MemberStatus) bool { return m.GetNode() == victim.Node })
	})
	victim.signal(t, syscall.SIGSTOP)
	id, err := cl.Submit(ctx, j, false)
	if err != nil {
		t.Fatal(err)
	}
	await(func(s *parleyv1.StatusReply) bool {
		job := s.GetJobs()[len(s.GetJobs())-1]
		return job.GetOwner() == victim.Node || job.GetPhase() == "done"
	})
	victim.kill(t)
	f := &followedJob{}
	outcome, err := cl.Follow(ctx, id, f)
	if err != nil || outcome.GetFault() != nil {
		t.Fatal(err, outcome.GetFault())
	}
	if err := json.Unmarshal(outcome.GetReport(), &f.report); err != nil {
		t.Fatal(err)
	}
	return f
}
