package main

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// segment is what one packet of TCP carries on Ethernet.
	segment = 1448
	// retransmission is the least time after which Linux sends a segment again that was not acknowledged.
	retransmission = 200 * time.Millisecond
	// burst is the depth of the token bucket, in time: sleeps are a millisecond too long now and then, and must not
	// cost bandwidth.
	burst = 5 * time.Millisecond
)

// link is one direction of a link. All connections share its bandwidth.
type link struct {
	delay time.Duration
	loss  float64 // of a segment
	rate  float64 // bytes per second, 0 without a bound
	mu    struct {
		sync.Mutex
		free time.Time // when all that was sent has left
	}
}

// send returns when n bytes that come now have left, and when they arrive if nothing is lost.
func (l *link) send(now time.Time, n int) (left, arrives time.Time) {
	left = now
	if l.rate > 0 {
		l.mu.Lock()
		if oldest := now.Add(-burst); l.mu.free.Before(oldest) {
			l.mu.free = oldest
		}
		l.mu.free = l.mu.free.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
		left = l.mu.free
		l.mu.Unlock()
	}
	return left, left.Add(l.delay)
}

// loses says whether the link loses one of the segments of n bytes.
func (l *link) loses(n int) bool {
	for ; n > 0; n -= segment {
		if rand.Float64() < l.loss {
			return true
		}
	}
	return false
}
