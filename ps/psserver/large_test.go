package psserver

import (
	"testing"

	"parley/internal/param"
	"parley/internal/wire"
)

// TestLargeAnswer: an answer that just fits comes through, behind small ones; one
// that does not is refused, and the stream goes on.
func TestLargeAnswer(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Server, c *peer) {
		big := spec(t, 0, 1)
		big.Span.Hi = 1 << 24 // 64 MB
		if err := s.Create("big", 0, ranges(big)); err != nil {
			t.Fatal(err)
		}
		a := open(t, c)
		ask := func(id uint64, n int) *wire.Request {
			r := pull(id, 0, 0)
			r.Job, r.Offsets = "big", make([]uint32, n)
			for i := range r.Offsets {
				r.Offsets[i] = uint32(i)
			}
			return r
		}
		const most = largestReply/4 - 100
		a.send(pull(1, 0, 0), ask(2, most), ask(3, 1<<24), pull(4, 0, 0))
		replies := map[uint64]*wire.Reply{} // those of different ranges come in any order
		for range 4 {
			r := a.next()
			replies[r.ID] = r
		}
		for id, want := range map[uint64]int{1: 1, 2: most, 4: 1} {
			if r := replies[id]; r.Refused != nil || len(r.Values) != want {
				t.Errorf("reply %d: %d values, %v", id, len(r.Values), r.Refused)
			}
		}
		if r := replies[3]; param.KindOf(r.Refused) != param.Invalid {
			t.Errorf("reply 3: %d values, %v", len(r.Values), r.Refused)
		}
	})
}
