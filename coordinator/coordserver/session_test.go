package coordserver

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
)

// TestLease: a trainer that is silent for its lease is out, a server that is as
// silent for longer; who is heard stays, and every heartbeat is acknowledged.
func TestLease(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		silentTrainer := w.connect("a", "trainer")
		silentServer := w.connect("b", "trainer", "ps")
		live := w.connect("c", "trainer").lives()
		defer live.cancel()
		w.pass(DefaultLease - 200*time.Millisecond)
		if got := w.members(); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Fatalf("members %v", got)
		}
		w.pass(500 * time.Millisecond)
		if err := silentTrainer.end(); param.KindOf(err) != param.Stale || !strings.Contains(err.Error(), "lease ended") {
			t.Errorf("the silent trainer's session: %v", err)
		}
		if got := w.members(); !slices.Equal(got, []string{"b", "c"}) {
			t.Fatalf("members %v", got)
		}
		w.pass(DefaultServerLease - 2500*time.Millisecond)
		if got := w.members(); !slices.Equal(got, []string{"b", "c"}) {
			t.Fatalf("members %v", got)
		}
		w.pass(time.Second)
		if err := silentServer.end(); param.KindOf(err) != param.Stale {
			t.Errorf("the silent server's session: %v", err)
		}
		w.pass(time.Minute)
		if got := w.members(); !slices.Equal(got, []string{"c"}) {
			t.Fatalf("members %v", got)
		}
		acks := live.orders(func(m *parleyv1.CoordinatorMessage) bool { return m.GetAck() != nil })
		if len(acks) < 200 {
			t.Errorf("%d acknowledgements in a minute", len(acks))
		}
		live.beats()
		w.pass(2 * time.Second)
		if live.end() == nil {
			t.Error("the session of one that fell silent lasts")
		}
	})
}

// TestCoordinatorHeldUp: the time in which the coordinator itself did not run does
// not count against the members.
func TestCoordinatorHeldUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a := w.connect("a", "trainer")
		defer a.cancel()
		w.server.tick(time.Now().Add(time.Minute), time.Minute)
		if err := a.end(); err != nil {
			t.Errorf("its session has ended: %v", err)
		}
		w.server.tick(time.Now().Add(time.Hour), tickEvery)
		if a.end() == nil {
			t.Error("its session lasts")
		}
	})
}

// TestRefused: who is of another cluster, has no name, or does not begin with a
// hello is no member.
func TestRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for name, m := range map[string]*parleyv1.AgentMessage{
			"another label": {Body: &parleyv1.AgentMessage_Hello{Hello: &parleyv1.Hello{Node: "a", Label: "blue", Bind: "a:1"}}},
			"no label":      {Body: &parleyv1.AgentMessage_Hello{Hello: &parleyv1.Hello{Node: "a", Bind: "a:1"}}},
			"no name":       {Body: &parleyv1.AgentMessage_Hello{Hello: &parleyv1.Hello{Label: "red", Bind: "a:1"}}},
			"no address":    {Body: &parleyv1.AgentMessage_Hello{Hello: &parleyv1.Hello{Label: "red", Node: "a"}}},
			"no hello":      {Body: &parleyv1.AgentMessage_Heartbeat{Heartbeat: &parleyv1.Heartbeat{}}},
			"nothing":       {},
		} {
			a := w.dial("a")
			a.send(m)
			if err := a.end(); param.KindOf(err) != param.Invalid {
				t.Errorf("%s: %v", name, err)
			}
			if got := w.members(); len(got) != 0 {
				t.Errorf("%s: members %v", name, got)
			}
		}
	})
}

// TestSecondSession: a node that connects anew replaces its first session, which
// is told; what the first still sends is nobody's.
func TestSecondSession(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first := w.connect("a", "trainer").lives()
		second := w.connect("a", "trainer").lives()
		defer second.cancel()
		if err := first.end(); param.KindOf(err) != param.Stale || !strings.Contains(err.Error(), "anew") {
			t.Errorf("the first session: %v", err)
		}
		w.pass(10 * time.Second)
		if got := w.members(); !slices.Equal(got, []string{"a"}) || second.end() != nil {
			t.Errorf("members %v, second session %v", got, second.end())
		}
	})
}

// TestSessionBreaks takes the node out at once, without waiting for its lease.
func TestSessionBreaks(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a, b := w.connect("a", "trainer"), w.connect("b", "trainer")
		a.cancel()
		if err := b.stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := w.members(); len(got) != 0 {
			t.Errorf("members %v", got)
		}
		if err := b.end(); err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("a session that was closed: %v", err)
		}
	})
}

// TestMalformed ends the session that it comes over, and nothing else.
func TestMalformed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		id := w.submit()
		for name, m := range map[string]*parleyv1.AgentMessage{
			"nothing":      {},
			"second hello": {Body: &parleyv1.AgentMessage_Hello{Hello: &parleyv1.Hello{Node: "a", Label: "red", Bind: "a:1"}}},
			"manifest":     {Body: &parleyv1.AgentMessage_Profiled{Profiled: &parleyv1.Profiled{Job: id, Train: []byte("{")}}},
			"test":         {Body: &parleyv1.AgentMessage_Profiled{Profiled: &parleyv1.Profiled{Job: id, Train: rpc.Pack(json.RawMessage("{}")), Test: []byte("]")}}},
			"summary": {Body: &parleyv1.AgentMessage_Evaluated{Evaluated: &parleyv1.Evaluated{Job: id,
				Unit: &parleyv1.Unit{Set: "train"}, Summary: &parleyv1.Summary{Images: []uint32{1}}}}},
		} {
			a := w.connect("a", "trainer")
			a.send(m)
			if err := a.end(); param.KindOf(err) != param.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if phase := w.status(id).GetJobs()[0].GetPhase(); phase != "waiting" {
			t.Errorf("the job is in phase %s", phase)
		}
		if _, err := w.jobs().Stop(t.Context(), &parleyv1.StopRequest{Job: id}); err != nil {
			t.Error(err)
		}
	})
}

// TestUnknownJob: answers about jobs that are not here change nothing.
func TestUnknownJob(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		a := w.connect("a", "trainer")
		defer a.cancel()
		for _, m := range []*parleyv1.AgentMessage{
			{Body: &parleyv1.AgentMessage_Profiled{Profiled: &parleyv1.Profiled{Job: "x", Train: rpc.Pack(json.RawMessage("{}"))}}},
			{Body: &parleyv1.AgentMessage_Prepared{Prepared: &parleyv1.Prepared{Job: "x"}}},
			{Body: &parleyv1.AgentMessage_Created{Created: &parleyv1.Created{Job: "x"}}},
			{Body: &parleyv1.AgentMessage_Fenced{Fenced: &parleyv1.Fenced{Job: "x"}}},
			{Body: &parleyv1.AgentMessage_WorkerEnd{WorkerEnd: &parleyv1.WorkerEnd{Job: "x"}}},
			{Body: &parleyv1.AgentMessage_Evaluated{Evaluated: &parleyv1.Evaluated{Job: "x"}}},
			{Body: &parleyv1.AgentMessage_Saved{Saved: &parleyv1.Saved{Job: "x"}}},
			{Body: &parleyv1.AgentMessage_Refused{Refused: &parleyv1.Refused{Job: "x"}}},
			{Body: &parleyv1.AgentMessage_Heartbeat{Heartbeat: &parleyv1.Heartbeat{
				Workers: []*parleyv1.WorkerStatus{{Job: "x", Worker: 9}}, Ranges: []*parleyv1.RangeStatus{{Job: "x", Range: 9}}}}},
		} {
			a.send(m)
		}
		if err := a.end(); err != nil {
			t.Errorf("the session has ended: %v", err)
		}
	})
}
