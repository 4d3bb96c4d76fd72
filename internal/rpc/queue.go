package rpc

import (
	"context"
	"sync"
)

// Queue holds messages on their way to one stream, so that who has something to
// say never waits for the network. It does not bound itself: use it where the
// number of messages is bounded by what the peer has asked for or is told.
//
// Put is safe for concurrent use; one goroutine calls Drain.
type Queue[T any] struct {
	wake chan struct{} // capacity 1: there is something
	mu   struct {
		sync.Mutex
		items  []T
		closed bool
	}
}

// NewQueue returns an empty queue.
func NewQueue[T any]() *Queue[T] { return &Queue[T]{wake: make(chan struct{}, 1)} }

// Put adds items. A closed queue drops them.
func (q *Queue[T]) Put(items ...T) {
	q.mu.Lock()
	if !q.mu.closed {
		q.mu.items = append(q.mu.items, items...)
	}
	q.mu.Unlock()
	q.signal()
}

func (q *Queue[T]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Close drops what is queued and all that is still put.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	q.mu.closed, q.mu.items = true, nil
	q.mu.Unlock()
}

// Drain hands what is queued to send, in order and in batches, until ctx ends
// (it returns nil) or send fails (it returns that error).
func (q *Queue[T]) Drain(ctx context.Context, send func(items []T) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-q.wake:
		}
		q.mu.Lock()
		items := q.mu.items
		q.mu.items = nil
		q.mu.Unlock()
		if len(items) == 0 {
			continue
		}
		if err := send(items); err != nil {
			return err
		}
	}
}
