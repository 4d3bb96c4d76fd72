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
		for id, want := range map[uint64]int{1: 1, 2: most} {
			if r := a.next(); r.Refused != nil || id == r.ID && len(r.Values) != want {
				t.Errorf("reply %d: %d values, %v", r.ID, len(r.Values), r.Refused)
			}
		}
		if id, kind := a.kind(); id != 3 || kind != param.Invalid {
			t.Errorf("reply %d: %v", id, kind)
		}
		if r := a.next(); r.ID != 4 || r.Refused != nil {
			t.Errorf("reply %+v", r)
		}
	})
}
