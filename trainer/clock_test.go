package trainer

import (
	"testing"
	"testing/synctest"
	"time"

	"parley/internal/param"
)

// TestSpent lets a known time go by in each phase of a round.
func TestSpent(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.host.config.Now = time.Now
		b.host.config.Slow = func(compute func()) { <-time.After(3 * time.Millisecond); compute() }
		pass := func(ms int) { <-time.After(time.Duration(ms) * time.Millisecond); synctest.Wait() }
		reply := func(a asked) {
			r := Reply{Request: a.Request}
			if !a.Push {
				r.Values = make([]float32, 2*len(a.Offsets))
			}
			a.reply(r)
			synctest.Wait()
		}
		b.host.Assign(t.Context(), 1, 4, 0, b.plan.Rounds)
		pass(3) // the first batch is built
		for range 2 {
			for _, a := range b.servers.take(pushes) {
				pass(5)
				reply(a)
			}
			for i, a := range b.servers.take(pulls) {
				pass(7 + 4*i)
				reply(a)
			}
			pass(3) // it computes; the next batch is built meanwhile
		}
		s := b.host.Status()[0].Spent
		ms := time.Millisecond
		if want := (param.Spent{Rounds: 2, Read: 3 * ms, Compute: 6 * ms, Push: 10 * ms, Wait: 14 * ms, Pull: 22 * ms}); s != want {
			t.Errorf("spent %+v, want %+v", s, want)
		}
		for b.told() == nil {
			b.answer(all)
			pass(3)
		}
	})
}
