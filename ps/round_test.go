package ps

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

// TestTallies counts each row once and keeps a sum at every second round.
func TestTallies(t *testing.T) {
	r := rangeOf(t, 2)
	for round := range param.Round(5) {
		for w := range param.Worker(2) {
			p := push(w, round, 1, 0)
			mustPush(t, r, p)
			mustPush(t, r, p)
		}
	}
	if got, want := r.Tallies(), []Tally{{4, 2}, {8, 4}}; !cmp.Equal(got, want) {
		t.Errorf("tallies %v, want %v", got, want)
	}
	if got, want := r.Total(), (Tally{10, 5}); got != want {
		t.Errorf("total %v, want %v", got, want)
	}
}

// TestMissing names the workers whose contribution has not come.
func TestMissing(t *testing.T) {
	r := rangeOf(t, 4)
	mustPush(t, r, push(2, 0, 1, 0))
	mustPush(t, r, push(0, 0, 1, 0))
	if got, want := r.Missing(), []param.Worker{1, 3}; !slices.Equal(got, want) {
		t.Errorf("missing %v, want %v", got, want)
	}
}

// TestMeanOfTouching: a key gets the mean over the workers that touched it, and
// keeps its bits when none did.
func TestMeanOfTouching(t *testing.T) {
	r := rangeOf(t, 3)
	mustPush(t, r, push(0, 0, 1, 0, 1))
	mustPush(t, r, push(1, 0, 5, 1))
	mustPush(t, r, Push{Worker: 2, Term: 1, Round: 0}) // nothing to say
	if got, want := r.Weights(nil), []float32{1, 3, 0, 0}; !cmp.Equal(got, want) {
		t.Errorf("weights %v, want %v", got, want)
	}
}

// TestAnswersAreOwned: what was answered stays as it was when the range goes on.
func TestAnswersAreOwned(t *testing.T) {
	r := rangeOf(t, 1)
	values := r.Pull(pull(0, 0), 1)[0].Values
	mustPush(t, r, push(0, 0, 1, 0))
	values[0] = 77
	mustPush(t, r, push(0, 1, 1, 0))
	if got, want := r.Weights(nil), []float32{2, 0, 0, 0}; !cmp.Equal(got, want) {
		t.Errorf("weights %v, want %v", got, want)
	}
}

// contributions of some rounds, of values whose sum depends on their order.
func contributions(rounds, workers, keys, slots int) (out [][]Push) {
	g := rand.New(rand.NewPCG(4, 2))
	for round := range rounds {
		var pushes []Push
		for w := range workers {
			p := Push{Worker: param.Worker(w), Term: 1, Round: param.Round(round), Rows: int64(g.IntN(3)), Loss: g.Float64()}
			for k := range keys {
				if g.IntN(3) > 0 {
					p.Offsets = append(p.Offsets, uint32(k))
				}
			}
			for range slots * len(p.Offsets) {
				v := float32(g.NormFloat64() * math.Pow(10, float64(g.IntN(8)-4)))
				p.Change = append(p.Change, v*v) // accumulators only grow
			}
			pushes = append(pushes, p)
		}
		out = append(out, pushes)
	}
	return out
}

// play applies the rounds in an order of arrival, with duplicates, and returns
// the bits of all state and the sums.
func play(t *testing.T, spec Spec, rounds [][]Push, seed uint64) ([]uint32, []Tally) {
	t.Helper()
	g := rand.New(rand.NewPCG(seed, 1))
	r := NewRange(spec)
	for _, pushes := range rounds {
		order := slices.Clone(pushes)
		if seed > 0 {
			g.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			order = append(order, order[g.IntN(len(order))]) // of this round, which is over then
		}
		for i, p := range order {
			mustPush(t, r, p)
			if seed > 0 && g.IntN(4) == 0 {
				again := order[g.IntN(i+1)]
				again.Change = make([]float32, len(again.Change)) // whatever it holds
				mustPush(t, r, again)
			}
		}
	}
	var bits []uint32
	for _, v := range r.Snapshot().State {
		bits = append(bits, math.Float32bits(v))
	}
	return bits, append(slices.Clone(r.Tallies()), r.Total())
}

// TestAnyOrder: the state has the same bits in whatever order contributions come
// and however often.
func TestAnyOrder(t *testing.T) {
	for _, kind := range []string{"sgd", "adagrad"} {
		t.Run(kind, func(t *testing.T) {
			spec := specOf(t, kind, 7)
			spec.Span = param.Span{Lo: 5, Hi: 36}
			rounds := contributions(6, 7, 31, spec.Rule.Slots())
			bits, tallies := play(t, spec, rounds, 0)
			for seed := range uint64(300) {
				gotBits, gotTallies := play(t, spec, rounds, seed+1)
				if !slices.Equal(gotBits, bits) || !slices.Equal(gotTallies, tallies) {
					t.Fatalf("seed %d: other bits, tallies %v, want %v", seed+1, gotTallies, tallies)
				}
			}
			// The order matters to a sum that is taken as contributions come, so the
			// test can fail: reversed workers give other bits.
			for _, pushes := range rounds {
				for i := range pushes {
					pushes[i].Worker = param.Worker(len(pushes) - 1 - i)
				}
			}
			if other, _ := play(t, spec, rounds, 0); slices.Equal(other, bits) {
				t.Error("these contributions have the same sum in any order: they test nothing")
			}
		})
	}
}

// TestSpanningRanges splits contributions over two ranges: the state is that of
// one.
func TestSpanningRanges(t *testing.T) {
	spec := specOf(t, "adagrad", 4)
	spec.Span, spec.Penalized = param.Span{Lo: 0, Hi: 20}, 19
	rounds := contributions(4, 4, 20, 2)
	want, _ := play(t, spec, rounds, 0)
	var low, high [][]Push
	for _, pushes := range rounds {
		var l, h []Push
		for _, p := range pushes {
			a, b := split(p, 9)
			l, h = append(l, a), append(h, b)
		}
		low, high = append(low, l), append(high, h)
	}
	lowSpec, highSpec := spec, spec
	lowSpec.Span.Hi, highSpec.Span.Lo = 9, 9
	a, _ := play(t, lowSpec, low, 3)
	b, _ := play(t, highSpec, high, 8)
	got := slices.Concat(a[:9], b[:11], a[9:], b[11:]) // slot-major
	if !slices.Equal(got, want) {
		t.Error("two ranges have other bits than one")
	}
}

func split(p Push, at uint32) (low, high Push) {
	n, _ := slices.BinarySearch(p.Offsets, at)
	m := len(p.Offsets)
	low, high = p, p
	low.Offsets, high.Offsets, low.Change, high.Change = p.Offsets[:n], nil, nil, nil
	for _, o := range p.Offsets[n:] {
		high.Offsets = append(high.Offsets, o-at)
	}
	for s := 0; s < len(p.Change); s += max(m, 1) {
		low.Change = append(low.Change, p.Change[s:s+n]...)
		high.Change = append(high.Change, p.Change[s+n:s+m]...)
	}
	return low, high
}

func upTo(n int) (offsets []uint32) {
	for o := range n {
		offsets = append(offsets, uint32(o))
	}
	return offsets
}
