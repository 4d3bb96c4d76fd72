package psclient_test

import (
	"fmt"
	"testing"

	"parley/internal/param"
	"parley/trainer"
)

// BenchmarkRound pulls and pushes keys of one range, one round after the other.
func BenchmarkRound(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		for name, network := range networks() {
			b.Run(fmt.Sprintf("%s/%dkeys", name, n), func(b *testing.B) {
				j := newJob(b, network, 1, 1, 1)
				j.specs[0].Span.Hi = param.Key(10 * n)
				j.create(b)
				c := j.client(b)
				offsets, change := make([]uint32, n), make([]float32, slots*n)
				for i := range offsets {
					offsets[i] = uint32(10*i + i%7)
				}
				ctx, replies := b.Context(), make(chan trainer.Reply, 1)
				send := func(r trainer.Request) {
					c.Send(ctx, []*trainer.Request{&r}, func(r trainer.Reply) { replies <- r })
					if r := <-replies; r.Err != nil {
						b.Fatal(r.Err)
					} else if r.Done != nil {
						r.Done()
					}
				}
				b.ReportAllocs()
				b.SetBytes(int64(4 * 2 * slots * n))
				for round := param.Round(0); b.Loop(); round++ {
					send(trainer.Request{Term: 1, Round: round, Offsets: offsets})
					send(trainer.Request{Term: 1, Round: round, Push: true, Offsets: offsets, Change: change})
				}
			})
		}
	}
}
