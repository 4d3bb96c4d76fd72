package coordserver

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/coordinator"
	"parley/internal/param"
	parleyv1 "parley/proto/parley/v1"
)

func isProfile(m *parleyv1.CoordinatorMessage) bool { return m.GetProfile() != nil }

// places returns the jobs' places in the queue, in the order of their submission.
func (w *world) places() (places []int) {
	for _, j := range w.status("").GetJobs() {
		places = append(places, int(j.GetPlace()))
	}
	return places
}

// TestQueue: as many jobs run as there is room for, the others wait their turn and
// begin in the order of their submission; one more than the queue takes is refused.
func TestQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.server.config.Room = Room{Jobs: 2, Queued: 3}
		s, a := w.connect("s", "ps").lives(), w.connect("t", "trainer").lives()
		var ids []string
		for range 5 {
			ids = append(ids, w.submit())
		}
		if _, err := w.jobs().Submit(t.Context(), &parleyv1.SubmitRequest{Spec: testJob(t).Canonical()}); param.KindOf(err) != param.Full ||
			!strings.HasPrefix(err.Error(), "the cluster has no room for another job: 2 jobs run, and 3 wait") {
			t.Errorf("one too many: %v", err)
		}
		w.pass(time.Hour) // longer than any limit
		if got := w.places(); !slices.Equal(got, []int{0, 0, 1, 2, 3}) {
			t.Fatalf("places %v", got)
		}
		for i, why := range []string{"waits for one of 2 running jobs to end", "waits for one of 2 running jobs to end; 1 is before it", "waits for one of 2 running jobs to end; 2 are before it"} {
			if j := w.status(ids[2+i]).GetJobs()[0]; j.GetPhase() != "queued" || j.GetOwner() != "queue" || j.GetWhy() != why || j.GetSince() < 3599 {
				t.Errorf("status %v, want %q", j, why)
			}
		}
		begun := func() (jobs []string) {
			for _, m := range a.orders(isProfile) {
				jobs = append(jobs, m.GetProfile().GetJob())
			}
			return jobs
		}
		stop := func(id string) {
			t.Helper()
			if _, err := w.jobs().Stop(t.Context(), &parleyv1.StopRequest{Job: id, Reason: "enough"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if got := begun(); !slices.Equal(got, ids[:2]) {
			t.Errorf("began %v, want %v", got, ids[:2])
		}
		stop(ids[3]) // in the queue
		if got := w.places(); !slices.Equal(got, []int{0, 0, 1, 0, 2}) || len(begun()) != 2 {
			t.Errorf("places %v, began %v", got, begun())
		}
		last := w.submit() // has its place
		stop(ids[1])
		stop(ids[0])
		if got := begun(); !slices.Equal(got, []string{ids[0], ids[1], ids[2], ids[4]}) {
			t.Errorf("began %v of %v", got, ids)
		}
		if j := w.status(last).GetJobs()[0]; j.GetPlace() != 1 {
			t.Errorf("the last: %v", j)
		}
		s.cancel()
		a.cancel()
	})
}

// TestNoQueue: with a queue of none a job is refused when it cannot begin.
func TestNoQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.server.config.Room = Room{Jobs: 1}
		id := w.submit()
		if _, err := w.jobs().Submit(t.Context(), &parleyv1.SubmitRequest{Spec: testJob(t).Canonical()}); param.KindOf(err) != param.Full {
			t.Errorf("got %v", err)
		}
		if _, err := w.jobs().Stop(t.Context(), &parleyv1.StopRequest{Job: id}); err != nil {
			t.Fatal(err)
		}
		w.submit()
	})
}

// TestQueueIsKept: a coordinator that is started again has the queue in its order,
// and counts the jobs that it takes over among those that run.
func TestQueueIsKept(t *testing.T) {
	config := Config{Node: "c", Leader: func() (string, bool) { return "", true }, Limits: coordinator.DefaultLimits, Room: Room{Jobs: 2, Queued: 100}, Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	s := New(config)
	var ids []string
	for i := range 30 {
		reply, err := s.Submit(t.Context(), &parleyv1.SubmitRequest{Spec: testJob(t).Canonical(), Run: fmt.Sprint("run-", i)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, reply.GetJob())
	}
	for range 2 {
		stopped, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Run(stopped); err != nil { // writes the jobs down
			t.Fatal(err)
		}
		s = New(config)
		s.tick(time.Now(), 0)
		reply, err := s.Status(t.Context(), &parleyv1.StatusRequest{})
		if err != nil {
			t.Fatal(err)
		}
		for i, j := range reply.GetJobs() {
			if j.GetJob() != ids[i] || int(j.GetPlace()) != max(0, i-1) {
				t.Errorf("number %d is %s at place %d, want %s", i, j.GetJob(), j.GetPlace(), ids[i])
			}
		}
		if again, err := s.Submit(t.Context(), &parleyv1.SubmitRequest{Spec: testJob(t).Canonical(), Run: "run-17"}); err != nil || !again.GetKnown() || again.GetJob() != ids[17] {
			t.Errorf("a run that is in the queue: %v, %v", again, err)
		}
	}
}
