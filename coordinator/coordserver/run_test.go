package coordserver

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"parley/coordinator"
	parleyv1 "parley/proto/parley/v1"
)

// TestSameRun: a client that submits a run twice has one job, also when the
// coordinator was started again in between; another job under its name is refused.
func TestSameRun(t *testing.T) {
	config := Config{Node: "c", Leader: func() (string, bool) { return "", true }, Limits: coordinator.DefaultLimits, Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	s := New(config)
	job := testJob(t)
	submit := func(run string) *parleyv1.SubmitReply {
		t.Helper()
		reply, err := s.Submit(t.Context(), &parleyv1.SubmitRequest{Spec: job.Canonical(), Run: run})
		if err != nil {
			t.Fatal(err)
		}
		return reply
	}
	first, again, other := submit("nightly-1"), submit("nightly-1"), submit("nightly-2")
	if first.GetKnown() || !again.GetKnown() || again.GetJob() != first.GetJob() || other.GetKnown() || other.GetJob() == first.GetJob() {
		t.Errorf("submitted %v, then %v; another run %v", first, again, other)
	}
	if a, b := submit(""), submit(""); a.GetJob() == b.GetJob() || b.GetKnown() {
		t.Errorf("without a run: %v, %v", a, b)
	}

	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(stopped); err != nil { // writes the jobs down
		t.Fatal(err)
	}
	s = New(config)
	if again := submit("nightly-1"); !again.GetKnown() || again.GetJob() != first.GetJob() {
		t.Errorf("after a restart: %v, want %v", again, first)
	}
	job.Run.Epochs++
	if _, err := s.Submit(t.Context(), &parleyv1.SubmitRequest{Spec: job.Canonical(), Run: "nightly-1"}); err == nil || !strings.Contains(err.Error(), "with another job, which is "+first.GetJob()) {
		t.Errorf("another job under the same name: %v", err)
	}
}
