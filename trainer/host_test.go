package trainer

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"parley/internal/batch"
	"parley/internal/metric"
	"parley/internal/param"
	"parley/internal/plan"
)

// bench is a host over fake servers, in a bubble where all goroutines are known to
// rest before the test looks.
type bench struct {
	host    *Host
	servers *fake
	plan    *plan.Plan
	mu      sync.Mutex
	reports []Outcome
}

// inBubble runs a test with a host of a plan over 100 rows.
// TestClip: longer gradients end at the bound, others and what is not finite stay.
func TestClip(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		gradient []float32
		most     float64
		want     []float32
	}{
		{[]float32{6, 8}, 1, []float32{1.2, 1.6}}, // the mean of 2 rows has the norm 5
		{[]float32{6, 8}, 5, []float32{6, 8}},
		{[]float32{6, 8}, 0, []float32{6, 8}},
		{[]float32{inf, 8}, 1, []float32{inf, 8}},
		{[]float32{0, 0}, 1, []float32{0, 0}},
	} {
		if clip(c.gradient, 2, c.most); !slices.Equal(c.gradient, c.want) {
			t.Errorf("to %v: %v, want %v", c.most, c.gradient, c.want)
		}
	}
}

func inBubble(t *testing.T, f func(t *testing.T, b *bench), overrides ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := planOf(t, 100, overrides...)
		b := &bench{plan: p, servers: &fake{slots: 2, weights: make([]float32, p.Keys)}}
		b.host = NewHost(Config{Plan: p, Train: made{plan: p}, Model: counting{}, Pulled: 2, Servers: b.servers,
			Report: func(o Outcome) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.reports = append(b.reports, o)
			}})
		f(t, b)
		b.host.Close()
		synctest.Wait()
	})
}

// told returns the reports since the last call.
func (b *bench) told() []Outcome {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.reports
	b.reports = nil
	return r
}

func (b *bench) answer(which func(*Request) bool) int {
	synctest.Wait()
	n := b.servers.answer(which)
	synctest.Wait()
	return n
}

// TestRounds goes through all rounds: each pulls from every range, then pushes to
// every range; the end is told when the last version exists.
func TestRounds(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.host.Assign(t.Context(), 1, 4, 0, b.plan.Rounds)
		rows := int64(0)
		for round := range b.plan.Rounds {
			synctest.Wait()
			for _, a := range b.servers.take(pushes) {
				a.reply(Reply{Request: a.Request})
			}
			open := b.servers.take(pulls)
			if len(open) != 2 || open[0].Round != round || open[0].Term != 4 {
				t.Fatalf("round %d: pulls %+v", round, open)
			}
			if s := b.host.Status(); len(s) != 1 || s[0].Round != round || !s[0].Waiting || s[0].Worker != 1 || s[0].Term != 4 {
				t.Fatalf("round %d: status %+v", round, s)
			}
			for _, a := range open {
				a.reply(Reply{Request: a.Request, Values: make([]float32, 2*len(a.Offsets))})
				synctest.Wait()
			}
			b.servers.mu.Lock()
			for _, a := range b.servers.mu.open {
				if a.Push && a.Range == 0 {
					rows += a.Rows
				}
				if a.Push && (a.Round != round || a.Loss != float64(a.Rows) || len(a.Change) != 2*len(a.Offsets)) {
					t.Errorf("round %d: push %+v", round, a.Request)
				}
			}
			b.servers.mu.Unlock()
		}
		if b.told() != nil {
			t.Error("told before the last version existed")
		}
		b.answer(all)
		got := b.told()
		if len(got) != 1 || got[0].Err != nil || got[0].Released || got[0].Round != b.plan.Rounds || got[0].Worker != 1 || got[0].Term != 4 {
			t.Errorf("reports %+v", got)
		}
		if want := int64(2 * len(reference(b.plan, 0, 1))); rows < want-64 || len(b.host.Status()) != 0 {
			t.Errorf("%d rows, want about %d; status %v", rows, want, b.host.Status())
		}
	})
}

// TestNoPushBeforeAllPulls: the version of every range is read before anything is
// pushed to one.
func TestNoPushBeforeAllPulls(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.host.Assign(t.Context(), 0, 1, 0, b.plan.Rounds)
		b.answer(func(r *Request) bool { return r.Range == 1 })
		if n := len(b.servers.take(pushes)); n != 0 {
			t.Errorf("%d pushes", n)
		}
		b.answer(pulls)
		if n := len(b.servers.take(pushes)); n != 2 {
			t.Errorf("%d pushes", n)
		}
	})
}

// TestRelease: a worker leaves at the boundary, when its contributions are
// acknowledged, and says which round is next.
func TestRelease(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.host.Assign(t.Context(), 0, 2, 1, b.plan.Rounds)
		synctest.Wait()
		b.host.Release(0, 1) // of an older term
		b.host.Release(9, 2)
		b.answer(all)
		if n := b.answer(pushes); n != 2 {
			t.Fatalf("%d pushes", n)
		}
		b.host.Release(0, 2) // in the middle of round 2
		b.answer(pulls)
		if b.told() != nil {
			t.Error("left before its contributions were acknowledged")
		}
		b.answer(pushes)
		got := b.told()
		if len(got) != 1 || !got[0].Released || got[0].Err != nil || got[0].Round != 3 || got[0].Term != 2 {
			t.Errorf("reports %+v", got)
		}
	}, "run.epochs=9")
}

// TestErrors are reported once, with the round; the worker is gone then.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		which func(*Request) bool
		reply Reply
		kind  param.Kind
		words []string
	}{
		{"stale", pulls, Reply{Err: param.Errorf(param.Stale, "term 9 now")}, param.Stale, []string{"term 9"}},
		{"diverged", pushes, Reply{Err: param.Errorf(param.Diverged, "NaN")}, param.Diverged, []string{"round 0", "data shards", "lower optimizer.rate"}},
		{"too few values", pulls, Reply{Values: []float32{1}}, param.Invalid, []string{"1 values"}},
		{"too many values", pulls, Reply{Values: make([]float32, 500)}, param.Invalid, []string{"500 values"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				b.host.Assign(t.Context(), 0, 1, 0, b.plan.Rounds)
				if c.reply.Err != nil && c.kind == param.Diverged {
					b.answer(pulls)
				}
				synctest.Wait()
				for _, a := range b.servers.take(c.which) {
					c.reply.Request = a.Request
					a.reply(c.reply)
				}
				got := b.told()
				if len(got) != 1 || param.KindOf(got[0].Err) != c.kind || got[0].Released || len(b.host.Status()) != 0 {
					t.Fatalf("reports %+v, status %v", got, b.host.Status())
				}
				for _, w := range c.words {
					if !strings.Contains(got[0].Err.Error(), w) {
						t.Errorf("%q does not say %q", got[0].Err, w)
					}
				}
			})
		})
	}
}

func TestShardFails(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		broke := errors.New("cable")
		b.host.config.Train = made{b.plan, broke}
		b.host.Assign(t.Context(), 0, 1, 0, b.plan.Rounds)
		got := b.told()
		if len(got) != 1 || !errors.Is(got[0].Err, broke) {
			t.Errorf("reports %+v", got)
		}
		if err := b.host.Evaluate(t.Context(), []plan.Unit{{Set: plan.SetTrain}}); !errors.Is(err, broke) {
			t.Errorf("evaluate: %v", err)
		}
	})
}

// dotting is a Model whose loss is the sum of weights times values, a bias included.
type dotting struct{ counting }

func (dotting) Evaluate(rows *batch.CSR, keep func(int) bool, weights []float32, into *metric.Summary) {
	d := len(weights) - 1
	for i := range rows.Rows() {
		if !keep(i) {
			continue
		}
		columns, values, unknown := rows.Known(i, d)
		into.Loss += float64(weights[d])
		into.Unknown += int64(unknown)
		for k, c := range columns {
			into.Loss += float64(weights[c]) * float64(values[k])
		}
	}
}

// TestOwnParameters: an evaluation that reads what its rows need is that of the whole
// model.
func TestOwnParameters(t *testing.T) {
	p := planOf(t, 300)
	all := made{plan: p}
	f := &fake{weights: make([]float32, p.Keys), spans: p.Ranges}
	for i := range f.weights {
		f.weights[i] = float32(i*i%17) - 5
	}
	h := NewHost(Config{Plan: p, Train: all, Model: dotting{}, Servers: f})
	u := plan.Unit{Set: plan.SetTrain}
	want, err := h.evaluate(t.Context(), u, f.weights)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.evaluate(t.Context(), u, nil)
	if err != nil || got.Loss != want.Loss || got.Loss == 0 || got.Unknown != want.Unknown {
		t.Errorf("loss %v and %d unknown, %v; want %v and %d", got.Loss, got.Unknown, err, want.Loss, want.Unknown)
	}
	f.fail = errors.New("cable")
	if _, err := h.evaluate(t.Context(), u, nil); !errors.Is(err, f.fail) {
		t.Errorf("%v", err)
	}
}

// TestNewerTerm: an assignment of a newer term replaces the older one, silently;
// one that is not newer changes nothing.
func TestNewerTerm(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.host.Assign(t.Context(), 0, 2, 0, b.plan.Rounds)
		synctest.Wait()
		b.host.Assign(t.Context(), 0, 2, 1, b.plan.Rounds)
		b.host.Assign(t.Context(), 0, 1, 1, b.plan.Rounds)
		synctest.Wait()
		if n := len(b.servers.take(func(r *Request) bool { return r.Round == 1 })); n != 0 {
			t.Errorf("%d requests of assignments that are not newer", n)
		}
		old := b.servers.take(all)
		b.host.Assign(t.Context(), 0, 3, 1, b.plan.Rounds)
		synctest.Wait()
		for _, a := range old { // late: nobody reads it
			if a.ctx.Err() == nil {
				t.Error("the older assignment has not ended")
			}
			a.reply(Reply{Request: a.Request, Err: param.Errorf(param.Stale, "late")})
		}
		if s := b.host.Status(); len(s) != 1 || s[0].Term != 3 || s[0].Round != 1 {
			t.Errorf("status %+v", s)
		}
		if got := b.told(); got != nil {
			t.Errorf("reports %+v", got)
		}
	})
}

// TestClose ends workers wherever they are, and reports nothing.
func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		ctx, cancel := context.WithCancel(t.Context())
		for w := range param.Worker(3) {
			b.host.Assign(ctx, w, 1, 0, b.plan.Rounds)
		}
		b.answer(of(1)) // waits for its second round; the others for the first
		cancel()
		if got := b.told(); got != nil {
			t.Errorf("reports %+v", got)
		}
		b.host.Assign(context.WithoutCancel(ctx), 0, 2, 0, b.plan.Rounds)
		b.host.Close()
		if got := b.told(); got != nil {
			t.Errorf("reports %+v", got)
		}
	})
}

// TestEvaluate reports each unit, of the rows of its set.
func TestEvaluate(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.host.config.Test, b.host.config.Held = b.host.config.Train, b.plan.Train
		n := plan.Units(len(b.plan.Train.Shards))
		var units []plan.Unit
		for _, set := range []plan.Set{plan.SetTrain, plan.SetHoldout, plan.SetTest} {
			for i := range n {
				units = append(units, plan.Unit{Set: set, Number: i, Term: 2})
			}
		}
		if err := b.host.Evaluate(t.Context(), units); err != nil {
			t.Fatal(err)
		}
		rows := map[plan.Set]int64{}
		var seen []plan.Unit
		for _, o := range b.told() {
			rows[o.Unit.Set] += o.Summary.Rows
			seen = append(seen, *o.Unit)
		}
		for _, u := range units {
			if !slices.Contains(seen, u) {
				t.Errorf("unit %+v was not reported", u)
			}
		}
		if len(seen) != len(units) || rows[plan.SetTrain] != b.plan.TrainRows || rows[plan.SetHoldout] != b.plan.HeldOut || rows[plan.SetTest] != 100 {
			t.Errorf("%d reports, rows %v", len(seen), rows)
		}
	}, "data.holdout=0.4")
}

// TestEvaluateRefuses what no coordinator asks for, without a panic.
func TestEvaluateRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		for _, u := range []plan.Unit{{Set: plan.SetTest}, {Set: plan.SetTrain, Number: -1}} {
			if err := b.host.Evaluate(t.Context(), []plan.Unit{u}); param.KindOf(err) != param.Invalid {
				t.Errorf("%+v: %v", u, err)
			}
		}
		if err := b.host.Evaluate(t.Context(), []plan.Unit{{Set: plan.SetTrain, Number: 1 << 32}}); err != nil {
			t.Errorf("a unit without shards: %v", err)
		}
		b.servers.weights = nil
		if err := b.host.Evaluate(t.Context(), []plan.Unit{{Set: plan.SetTrain}}); param.KindOf(err) != param.Invalid {
			t.Errorf("a model without keys: %v", err)
		}
		b.servers.fail = errors.New("gone")
		if err := b.host.Evaluate(t.Context(), nil); !errors.Is(err, b.servers.fail) {
			t.Errorf("got %v", err)
		}
	})
}
