package ps

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"parley/internal/param"
	"parley/ps/optim"
)

// batch is about n random keys below span, ascending.
func batch(g *rand.Rand, n, span int) []uint32 {
	offsets, gap := make([]uint32, 0, n), float64(span)/float64(n)*0.99-1
	for o := g.ExpFloat64() * gap; o < float64(span) && len(offsets) < n; o += 1 + math.Floor(g.ExpFloat64()*gap+0.5) {
		offsets = append(offsets, uint32(o))
	}
	return offsets
}

// choose is n of some keys, ascending.
func choose(g *rand.Rand, keys []uint32, n int) []uint32 {
	places := batch(g, n, len(keys))
	for i, p := range places {
		places[i] = keys[p]
	}
	return places
}

// filled is a table with rows for the keys.
func filled(rows rows, keys []uint32, slots int) rows {
	for at := 0; at < len(keys); at += 1 << 20 {
		some := keys[at:min(at+1<<20, len(keys))]
		values := make([]float32, slots*len(some))
		for i := range values {
			values[i] = 1
		}
		rows.write(some, values)
	}
	return rows
}

var tableKinds = []struct {
	name string
	make func(n, slots int) rows
}{
	{"flat", func(n, slots int) rows { return newFlat(n, slots) }},
	{"pages", func(n, slots int) rows { return newPages(n, slots) }},
}

// BenchmarkUpdate is adagrad on tables of so many keys spread over a span: a
// contribution of 100 k keys is added and applied.
func BenchmarkUpdate(b *testing.B) {
	for _, size := range []struct {
		keys, span int
	}{{1 << 18, 1 << 18}, {1 << 22, 1 << 22}, {10_000_000, 1 << 24}, {10_000_000, 1 << 26}, {10_000_000, 1 << 28}} {
		for _, kind := range tableKinds {
			if kind.name == "flat" && size.span > 1<<26 {
				continue
			}
			b.Run(fmt.Sprintf("%s/keys=%d/span=%d/batch=100000", kind.name, size.keys, size.span), func(b *testing.B) {
				benchmarkUpdate(b, kind.make, size.keys, size.span)
			})
		}
	}
}

func benchmarkUpdate(b *testing.B, rowsOf func(n, slots int) rows, size, span int) {
	g := rand.New(rand.NewPCG(1, 1))
	rule := ruleOf(b, "adagrad", 0, 1)
	keys := upTo(span)
	if size < span {
		keys = batch(g, size, span)
	}
	t := newTouchedTable(span, filled(rowsOf(span, rule.Slots()), keys, rule.Slots()), rule)
	var pushes []*Push
	for range 16 {
		offsets := choose(g, keys, 100_000)
		pushes = append(pushes, &Push{Offsets: offsets, Change: make([]float32, 2*len(offsets))})
	}
	b.ResetTimer()
	for i := range b.N {
		p := pushes[i%len(pushes)]
		t.add(p)
		t.apply(optim.Round{}, 0)
	}
	perKey(b, 100_000)
}

func perKey(b *testing.B, keys int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(keys), "ns/key")
}

// BenchmarkInsert fills a table in batches of 100 k keys, and tells its memory
// against that of the keys and their values alone (4 bytes each).
func BenchmarkInsert(b *testing.B) {
	for _, span := range []int{1 << 24, 1 << 26, 1 << 28} {
		b.Run(fmt.Sprintf("pages/keys=10000000/span=%d/batch=100000", span), func(b *testing.B) {
			g := rand.New(rand.NewPCG(1, 1))
			var batches [][]uint32
			for range 100 {
				batches = append(batches, batch(g, 100_000, span))
			}
			values := make([]float32, 2*100_000)
			before := heap()
			b.ResetTimer()
			var t *pages
			for range b.N {
				t = newPages(span, 2)
				for _, offsets := range batches {
					t.write(offsets, values[:2*len(offsets)])
				}
			}
			b.StopTimer()
			perKey(b, t.keys)
			b.ReportMetric(float64(heap()-before)/float64(12*t.keys), "bytes/payload")
			runtime.KeepAlive(t)
			runtime.KeepAlive(batches)
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkRound is a round of four workers that push 100 k keys each, and pull
// them again.
func BenchmarkRound(b *testing.B) {
	for _, mode := range []Mode{BSP, ASP} {
		for _, span := range []int{1 << 22, 1 << 24} {
			b.Run(fmt.Sprintf("mode=%d/workers=4/keys=100000/span=%d", mode, span), func(b *testing.B) {
				g := rand.New(rand.NewPCG(1, 1))
				r := NewRange(Spec{Span: param.Span{Hi: param.Key(span)}, Workers: 4, PerTally: 1 << 40, Rule: ruleOf(b, "adagrad", 0, 4), Mode: mode})
				var pushes []Push
				for w := range 4 {
					offsets := batch(g, 100_000, span)
					pushes = append(pushes, Push{Worker: param.Worker(w), Checked: true, Offsets: offsets, Change: make([]float32, 2*len(offsets))})
				}
				dst := make([]float32, 2*100_000)
				b.ResetTimer()
				for i := range b.N {
					for _, p := range pushes {
						p.Round = param.Round(i)
						mustPush(b, r, p)
					}
					for _, p := range pushes {
						r.Pull(Pull{Worker: p.Worker, Round: param.Round(i) + 1, Offsets: p.Offsets, Checked: true, Alloc: func(n int) []float32 { return dst[:n] }}, 1)
					}
				}
				perKey(b, 400_000)
			})
		}
	}
}

// BenchmarkSnapshot copies 4 M keys of two slots, beside a copy of as many bytes.
func BenchmarkSnapshot(b *testing.B) {
	const n = 1 << 22
	r := NewRange(Spec{Span: param.Span{Hi: n}, Workers: 1, PerTally: 1, Rule: ruleOf(b, "adagrad", 0.1, 1)})
	var s Snapshot
	r.SnapshotInto(&s)
	other := slices.Clone(s.State)
	b.Run("dense/keys=4194304/slots=2", func(b *testing.B) {
		b.SetBytes(8 * n)
		for range b.N {
			r.SnapshotInto(&s)
		}
	})
	b.Run("copy/bytes=33554432", func(b *testing.B) {
		b.SetBytes(8 * n)
		for range b.N {
			copy(s.State, other)
		}
	})
	keys := batch(rand.New(rand.NewPCG(1, 1)), 4_000_000, 1<<26)
	t := filled(newPages(1<<26, 2), keys, 2)
	b.Run("pages/keys=4000000/span=67108864/slots=2", func(b *testing.B) {
		b.SetBytes(12 * 4_000_000)
		for range b.N {
			t.keep(&s)
		}
	})
}
