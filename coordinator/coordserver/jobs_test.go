package coordserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"parley/coordinator"
	"parley/internal/artifact"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// TestJob goes from Submit to the outcome: a watcher hears every event once and
// something every half second, another one that comes late hears the same.
func TestJob(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id := w.submit()
		first := w.watch(t.Context(), id)
		paced := w.watchAt(t.Context(), id, 300)
		w.pass(10 * time.Second)
		if first.messages < 20 || first.longest > 600*time.Millisecond {
			t.Errorf("%d messages, %v between two", first.messages, first.longest)
		}
		agents := []*agent{w.connect("idle", "coordinator").lives(), w.connect("s", "ps").works().lives(), w.connect("t", "trainer").works().lives()}
		w.wait(first)
		w.wait(paced)
		if paced.err != nil || !slices.Equal(paced.events, first.events) || paced.outcome == nil || paced.shortest < 300*time.Millisecond || paced.longest > 900*time.Millisecond || first.shortest >= 300*time.Millisecond {
			t.Errorf("at a pace of 300 ms: %v, %d of %d events, %v to %v between two messages; without: %v", paced.err, len(paced.events), len(first.events), paced.shortest, paced.longest, first.shortest)
		}
		late := w.watch(t.Context(), id)
		w.wait(late)
		if first.err != nil || late.err != nil || !slices.Equal(first.events, late.events) {
			t.Errorf("errors %v, %v; events\n%v\n%v", first.err, late.err, first.events, late.events)
		}
		var kinds []string
		for _, e := range first.events {
			kind, _, _ := strings.Cut(e, ":")
			kinds = append(kinds, kind)
		}
		if want := []string{"profile", "assignment", "epoch", "epoch", "evaluation", "saved", "end"}; !slices.Equal(kinds, want) {
			t.Errorf("events %v, want %v", kinds, want)
		}
		o := first.outcome
		var report artifact.Report
		if err := json.Unmarshal(o.GetReport(), &report); err != nil {
			t.Fatal(err)
		}
		if o.GetFault() != nil || o.GetStopped() || o.GetModel() != "s:1" || report.ModelSHA256 != "abc" || report.Rows != 100 || report.Restarts != 0 || report.Nodes != 2 {
			t.Errorf("outcome %v", o)
		}
		s := w.status(id).GetJobs()[0]
		if s.GetPhase() != "done" || s.GetEpochs() != 2 || s.GetRows() != 200 {
			t.Errorf("status %v", s)
		}
		for _, a := range agents {
			ends := a.orders(func(m *parleyv1.CoordinatorMessage) bool { return m.GetEnd().GetJob() == id })
			if len(ends) != 1 {
				t.Errorf("agent %s was told the end %d times", a.name, len(ends))
			}
			a.cancel()
		}
	})
}

// TestServerDies: the job waits for another server, and says which was lost.
func TestServerDies(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id := w.submit()
		watcher := w.watch(t.Context(), id)
		s := w.connect("s", "ps").works().lives()
		a := w.connect("t", "trainer").works(func(m *parleyv1.CoordinatorMessage) bool { return m.GetAssign() != nil }).lives() // it trains for ever
		w.pass(time.Second)
		if phase := w.status(id).GetJobs()[0].GetPhase(); phase != "training" {
			t.Fatalf("phase %s", phase)
		}
		if m := w.status("").GetMembers(); len(m) != 2 || len(m[0].GetRanges()) != 2 || len(m[1].GetWorkers()) != 4 {
			t.Errorf("members %v", m)
		}
		s.beats()
		w.pass(DefaultServerLease + time.Second)
		if s := w.status(id).GetJobs()[0]; s.GetPhase() != "recovering" || !strings.Contains(s.GetWhy(), "role ps") {
			t.Errorf("status %v", s)
		}
		other := w.connect("s2", "ps").works().lives()
		w.pass(time.Second)
		if s := w.status(id).GetJobs()[0]; s.GetPhase() != "training" || s.GetRestarts() != 1 {
			t.Errorf("then status %v", s)
		}
		if !slices.ContainsFunc(watcher.events, func(e string) bool { return strings.Contains(e, "server s was lost") }) {
			t.Errorf("events %v", watcher.events)
		}
		other.cancel()
		a.cancel()
	})
}

// TestMalformedManifest fails the job that it is about, for its watcher as a fault
// that was found before training; the coordinator lives on.
func TestMalformedManifest(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.connect("s", "ps").works().lives()
		a := w.connect("t", "trainer").lives()
		for _, train := range []string{"{}", `{"Rows":1}`, `{"Rows":1,"Labels":[{"File":9}],"Files":[{}]}`, `{"Rows":1,"Least":{"File":9},"Files":[{}],"Shards":[{"Rows":1}]}`, fmt.Sprintf(`{"Rows":%d,"Files":[{}],"MoreLabels":true,"Shards":[{"Rows":%[1]d}]}`, math.MaxInt64)} {
			id := w.submit()
			watcher := w.watch(t.Context(), id)
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Profiled{Profiled: &parleyv1.Profiled{Job: id, Train: rpc.Pack(json.RawMessage(train))}}})
			w.wait(watcher)
			if o := watcher.outcome; o.GetFault().GetKind() != int32(param.Invalid) || !o.GetEarly() {
				t.Errorf("%s: outcome %v", train, o)
			}
		}
		s.cancel()
		a.cancel()
	})
}

func TestStop(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id := w.submit()
		watcher := w.watch(t.Context(), id)
		for range 2 { // the second has no effect and is no error
			if _, err := w.jobs().Stop(t.Context(), &parleyv1.StopRequest{Job: id, Reason: "enough"}); err != nil {
				t.Fatal(err)
			}
		}
		w.wait(watcher)
		if o := watcher.outcome; !o.GetStopped() || !strings.Contains(o.GetFault().GetMessage(), "enough") {
			t.Errorf("outcome %v", o)
		}
		if _, err := w.jobs().Stop(t.Context(), &parleyv1.StopRequest{Job: "x"}); param.KindOf(err) != param.Invalid {
			t.Errorf("stop of an unknown job: %v", err)
		}
	})
}

// TestNobodyComes: a job without a cluster does not wait for ever.
func TestNobodyComes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		watcher := w.watch(t.Context(), w.submit())
		at := time.Now()
		w.wait(watcher)
		if took := time.Since(at); took > 31*time.Second || !strings.Contains(watcher.outcome.GetFault().GetMessage(), "gave up") {
			t.Errorf("after %v: %v", took, watcher.outcome)
		}
	})
}

func TestSubmitRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for _, spec := range []string{"", "{", "{}", `{"name":"x"}`, strings.Repeat("x", 2<<20)} {
			if _, err := w.jobs().Submit(t.Context(), &parleyv1.SubmitRequest{Spec: []byte(spec)}); param.KindOf(err) != param.Invalid {
				t.Errorf("%.20q: %v", spec, err)
			}
		}
		w.leader = false
		_, err := w.jobs().Submit(t.Context(), &parleyv1.SubmitRequest{Spec: testJob(t).Canonical()})
		if param.KindOf(err) != param.NotOwner || !strings.Contains(err.Error(), "c:1") {
			t.Errorf("submit to one that does not lead: %v", err)
		}
		if n := len(w.status("").GetJobs()); n != 0 {
			t.Errorf("%d jobs", n)
		}
	})
}

// TestForgotten: of the jobs that have ended the last are remembered, and all that
// have not.
func TestForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		running := w.submit()
		var ended []string
		for range keepJobs + 3 {
			id := w.submit()
			ended = append(ended, id)
			if _, err := w.jobs().Stop(t.Context(), &parleyv1.StopRequest{Job: id}); err != nil {
				t.Fatal(err)
			}
		}
		last := w.submit()
		var have []string
		for _, j := range w.status("").GetJobs() {
			have = append(have, j.GetJob())
		}
		if want := slices.Concat([]string{running}, ended[3:], []string{last}); !slices.Equal(have, want) {
			t.Errorf("%d jobs, want %d", len(have), len(want))
		}
		if _, err := w.jobs().Status(t.Context(), &parleyv1.StatusRequest{Job: ended[0]}); param.KindOf(err) != param.Invalid {
			t.Errorf("status of a forgotten job: %v", err)
		}
		watcher := w.watch(t.Context(), ended[0])
		w.wait(watcher)
		if param.KindOf(watcher.err) != param.Invalid {
			t.Errorf("watch of a forgotten job: %v", watcher.err)
		}
	})
}

// TestWatcherGoes: who stops watching leaves nothing behind (the bubble would not
// end), and the job goes on.
func TestWatcherGoes(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id := w.submit()
		ctx, cancel := context.WithCancel(t.Context())
		watcher := w.watch(ctx, id)
		synctest.Wait()
		cancel()
		w.wait(watcher)
		if !errors.Is(watcher.err, context.Canceled) {
			t.Errorf("got %v", watcher.err)
		}
		if phase := w.status(id).GetJobs()[0].GetPhase(); phase != "waiting" {
			t.Errorf("phase %s", phase)
		}
	})
}

// TestKeepEvents: the events of epochs are bounded, what matters is kept.
func TestKeepEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id := w.submit()
		s := w.connect("s", "ps").works().lives()
		a := w.connect("t", "trainer").lives()
		a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Refused{Refused: &parleyv1.Refused{Job: id, Worker: 3, Message: "an older term"}}})
		synctest.Wait()
		events := w.status(id).GetJobs()[0].GetEvents()
		if len(events) != 1 || !strings.Contains(string(events[0]), `"fenced"`) {
			t.Errorf("events %s", events)
		}
		for range 2 * statusEvents {
			a.send(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Refused{Refused: &parleyv1.Refused{Job: id}}})
		}
		synctest.Wait()
		if n := len(w.status(id).GetJobs()[0].GetEvents()); n != statusEvents {
			t.Errorf("%d events, want the last %d", n, statusEvents)
		}
		s.cancel()
		a.cancel()
	})
}

// TestLargeEvents: rows that were set aside may be many. They go to watchers in
// several messages, and not into a status.
func TestLargeEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id := w.submit()
		w.server.mu.Lock()
		for range 5 {
			w.server.mu.jobs[param.JobID(id)].record([]coordinator.Event{{Kind: "quarantine", Rows: []plan.BadRow{{Reason: strings.Repeat("x", watchBytes*2/3)}}}})
		}
		w.server.mu.Unlock()
		watcher := w.watch(t.Context(), id)
		synctest.Wait()
		if watcher.messages < 5 || len(watcher.events) != 5 {
			t.Errorf("%d events in %d messages", len(watcher.events), watcher.messages)
		}
		if n := proto.Size(w.status(id)); n > 10_000 {
			t.Errorf("a status of %d bytes", n)
		}
		if _, err := w.jobs().Stop(t.Context(), &parleyv1.StopRequest{Job: id, Reason: "enough"}); err != nil {
			t.Fatal(err)
		}
		if w.wait(watcher); watcher.outcome == nil {
			t.Errorf("no outcome: %v", watcher.err)
		}
	})
}
