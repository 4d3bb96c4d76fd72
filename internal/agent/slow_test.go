package agent

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowdown: a computation takes three times as long, and as many of them go on
// at once as there are cores.
func TestSlowdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := slowdown(t.Context(), 3)
		begin := time.Now()
		var group sync.WaitGroup
		for range 2 * runtime.GOMAXPROCS(0) {
			group.Go(func() { slow(func() { time.Sleep(time.Second) }) }) // of the bubble's time
		}
		group.Wait()
		if took := time.Since(begin); took != 6*time.Second {
			t.Errorf("took %v, want 6s", took)
		}
	})
}

// TestSlowdownEnds: with the context nobody waits, and what must run does.
func TestSlowdownEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		slow := slowdown(ctx, 1000)
		begin := time.Now()
		time.AfterFunc(5*time.Second, cancel)
		ran := false
		slow(func() { time.Sleep(time.Second) })
		slow(func() { ran = true })
		if took := time.Since(begin); took != 5*time.Second || !ran {
			t.Errorf("took %v, want 5s; ran: %v", took, ran)
		}
	})
}
