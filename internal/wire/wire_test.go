package wire

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/param"
)

// random returns n strictly ascending keys below limit.
func random(seed uint64, n int, limit uint32) []uint32 {
	r := rand.New(rand.NewPCG(seed, 1))
	keys := make([]uint32, 0, n+n/2)
	for len(keys) < n {
		for len(keys) < n+n/8+1 {
			keys = append(keys, r.Uint32N(limit))
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
	}
	for len(keys) > n { // not the largest alone
		i := r.IntN(len(keys))
		keys = slices.Delete(keys, i, min(i+len(keys)-n, len(keys)))
	}
	return keys
}

func run(first uint32, n int) []uint32 {
	keys := make([]uint32, n)
	for i := range keys {
		keys[i] = first + uint32(i)
	}
	return keys
}

func floats(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%1000)/7 - 60
	}
	return x
}

// pass sends a frame over a stream that cuts it into pieces of the given size.
func pass(t testing.TB, f *Frame, piece int) *Frame {
	t.Helper()
	segments, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, s := range segments {
		all = append(all, *s.Data...)
		s.Home.Put(s.Data)
	}
	if len(all) != f.Size() {
		t.Fatalf("%d bytes, not %d", len(all), f.Size())
	}
	got, err := arrive(all, piece)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func arrive(all []byte, piece int) (*Frame, error) {
	f := &Frame{}
	f.Begin(len(all))
	for p := range slices.Chunk(all, max(piece, 1)) {
		f.Piece(p)
	}
	f.End()
	return f, f.err
}

// requests reads all requests of a frame.
func requests(t testing.TB, v *Receiver, f *Frame, limit int64) []Request {
	t.Helper()
	n, err := v.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]Request, n)
	for i := range out {
		if err := v.Request(f, &out[i]); err != nil {
			t.Fatal(err)
		}
		if unknown, err := v.Keys(&out[i], limit); unknown || err != nil {
			t.Fatalf("request %d: unknown %v, %v", i, unknown, err)
		}
	}
	return out
}

var same = cmp.Options{cmpopts.IgnoreUnexported(Request{}, Reply{}), cmpopts.EquateEmpty(), cmp.Comparer(func(a, b error) bool {
	return param.KindOf(a) == param.KindOf(b) && (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error())
})}

func samples() []Request {
	lists := [][]uint32{nil, {0}, {1<<28 - 1}, run(77, 5000), random(1, 20, 1<<28), random(2, 5000, 1<<28), random(3, 129, 140), {1, 2, 4}}
	var out []Request
	for i, keys := range lists {
		r := Request{ID: uint64(i + 1), Job: "j", Range: 3, Worker: 70000, Term: 1 << 40, Round: param.Round(i), Offsets: keys}
		push := r
		push.ID, push.Push, push.Values, push.Rows, push.Loss = r.ID+100, true, floats(2*len(keys)+i%2), 1<<40, math.Pi // of odd numbers too
		if i%2 == 1 {
			push.Job = "another"
		}
		out = append(out, r, push)
	}
	return out
}

func TestRequests(t *testing.T) {
	for _, piece := range []int{997, 16 << 10, 1 << 30} {
		s, v := NewSender(), NewReceiver()
		for range 3 { // lists go by name the second time
			want := samples()
			f := pass(t, &Frame{Requests: want, Sender: s}, piece)
			got := requests(t, v, f, 1<<28)
			if d := cmp.Diff(want, got, same); d != "" {
				t.Fatal(d)
			}
			for i := range got {
				got[i].Hold().Release()
			}
			f.Release()
		}
		v.Close()
	}
}

func TestReplies(t *testing.T) {
	want := []Reply{{ID: 1, Values: floats(10)}, {ID: 2}, {ID: 3, Unknown: true}, {ID: 1 << 60, Refused: param.Errorf(param.Stale, "old %d", 7)},
		{ID: 5, Values: floats(9001)}, {ID: 6, Values: floats(3)}, {ID: 7, Refused: param.Errorf(param.Stale, "x")}, {ID: 8, Values: floats(5)}}
	f := pass(t, &Frame{Replies: want, Sender: NewSender()}, 100)
	v := NewReceiver()
	n, err := v.Open(f)
	if err != nil || n != len(want) {
		t.Fatal(n, err)
	}
	got := make([]Reply, n)
	for i := range got {
		if err := v.Reply(f, &got[i]); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(want, got, same); d != "" {
		t.Fatal(d)
	}
}

// TestNames: a list travels once, a push costs little more than its values, and a
// receiver that has forgotten a list says so and takes it again.
func TestNames(t *testing.T) {
	s, v := NewSender(), NewReceiver()
	r := Request{Job: "j", Offsets: random(5, 10000, 1<<26)}
	send := func(r Request) (int, *Frame) {
		f := pass(t, &Frame{Requests: []Request{r}, Sender: s}, 1<<14)
		return f.Size(), f
	}
	size, f := send(r)
	if size > 20000 {
		t.Errorf("%d bytes for 10000 new keys", size)
	}
	requests(t, v, f, 1<<26)
	push := r
	push.Push, push.Values = true, floats(10000)
	size, f = send(push)
	if perKey := float64(size) / 10000; perKey > 4.02 {
		t.Errorf("%.3f bytes a known key", perKey)
	}
	requests(t, v, f, 1<<26)

	v = NewReceiver()
	v.jobs = []param.JobID{"j"}
	_, f = send(push)
	var q Request
	if _, err := v.Open(f); err != nil {
		t.Fatal(err)
	}
	if err := v.Request(f, &q); err != nil {
		t.Fatal(err)
	}
	if unknown, err := v.Keys(&q, 1<<26); !unknown || err != nil {
		t.Errorf("unknown %v, %v", unknown, err)
	}
	push.Whole = true
	_, f = send(push)
	if got := requests(t, v, f, 1<<26); !slices.Equal(got[0].Offsets, r.Offsets) {
		t.Error("other keys")
	}
	if unknown, err := v.Keys(&q, 1000); unknown || param.KindOf(err) != param.Invalid {
		t.Errorf("a known list beyond another range: %v, %v", unknown, err)
	}
}

// TestForget: the caches of both ends forget the same lists, within their bound.
func TestForget(t *testing.T) {
	s, v := NewSender(), NewReceiver()
	const n = 1 << 20
	held := make([]Request, 0, 40)
	for i := range 40 {
		keys := run(uint32(i), n+1)
		keys = slices.Delete(keys, 5, 6)
		f := pass(t, &Frame{Requests: []Request{{Job: "j", Offsets: keys}}, Sender: s}, 1<<20)
		held = append(held, requests(t, v, f, 1<<22)...)
		if v.lists.bytes > CacheBytes || v.lists.bytes != s.lists.bytes {
			t.Fatalf("%d and %d bytes", v.lists.bytes, s.lists.bytes)
		}
	}
	if k := v.lists.order.Len(); k != 15 || s.lists.order.Len() != k {
		t.Errorf("%d lists are remembered", k)
	}
	if held[0].Offsets[7] != 8 || held[20].Offsets[7] != 28 {
		t.Error("a held list was reused")
	}
	f := pass(t, &Frame{Requests: []Request{{Job: "j", Offsets: held[0].Offsets}}, Sender: s}, 1<<20)
	requests(t, v, f, 1<<22)
}

// TestCopy: within a process nothing is shared, and values lose what they would
// lose on the wire.
func TestCopy(t *testing.T) {
	src := &Frame{Requests: samples()}
	src.Requests[3].Encoding = Int8
	var dst Frame
	if err := dst.CopyFrom(src); err != nil {
		t.Fatal(err)
	}
	coded := slices.Clone(src.Requests)
	coded[3].Values = slices.Clone(coded[3].Values)
	Int8.Round(coded[3].Values, coded[3].Values)
	got := requests(t, NewReceiver(), &dst, 1<<28)
	if d := cmp.Diff(coded, got, same); d != "" {
		t.Fatal(d)
	}
	got[5].Offsets[0]++
	got[5].Values = append(got[5].Values[:0], 99)
	if d := cmp.Diff(samples()[4:], src.Requests[4:], same); d != "" {
		t.Error(d)
	}
}

// TestUnsorted: a sender does not send what no receiver can have.
func TestUnsorted(t *testing.T) {
	for _, keys := range [][]uint32{{5, 4}, {5, 5}, append(random(1, 5000, 1<<20), 3)} {
		f := &Frame{Requests: []Request{{Offsets: []uint32{1}}, {Offsets: keys}, {Job: "j"}}, Sender: NewSender()}
		got := requests(t, NewReceiver(), pass(t, f, 100), 1<<20)
		if len(got) != 2 || got[1].Job != "j" || param.KindOf(f.Requests[1].Failed) != param.Invalid || f.Requests[0].Failed != nil {
			t.Errorf("%d keys: %d requests arrive, %v", len(keys), len(got), f.Requests[1].Failed)
		}
	}
}

func TestTooLarge(t *testing.T) {
	f := &Frame{Requests: []Request{{Push: true, Values: make([]float32, MaxMessage/4)}}, Sender: NewSender()}
	if _, err := f.Encode(); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}

func BenchmarkKeys(b *testing.B) {
	for _, bits := range []int{18, 22, 26} {
		keys := random(9, 100_000, 1<<bits)
		packed, err := packKeys(nil, keys)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("pack/100k-of-2^%d", bits), func(b *testing.B) {
			for b.Loop() {
				packed, _ = packKeys(packed[:0], keys)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/key")
			b.ReportMetric(float64(len(packed))/float64(len(keys)), "B/key")
		})
		b.Run(fmt.Sprintf("unpack/100k-of-2^%d", bits), func(b *testing.B) {
			out := make([]uint32, len(keys))
			for b.Loop() {
				if err := unpackKeys(out, packed, 1<<26); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/key")
		})
	}
}

func BenchmarkFrame(b *testing.B) {
	bench := func(name string, r Request) {
		b.Run(name, func(b *testing.B) {
			s, v := NewSender(), NewReceiver()
			out, in := &Frame{Sender: s, Requests: []Request{r}}, &Frame{}
			var q Request
			b.ReportAllocs()
			var segments []Segment
			for b.Loop() {
				var err error
				if segments, err = out.Encode(); err != nil {
					b.Fatal(err)
				}
				in.Begin(out.Size())
				for _, x := range segments {
					in.Piece(*x.Data)
					x.Home.Put(x.Data)
				}
				in.End()
				_, err = v.Open(in)
				if err == nil {
					err = v.Request(in, &q)
				}
				if err == nil {
					_, err = v.Keys(&q, 1<<28)
				}
				if err != nil {
					b.Fatal(err)
				}
				q.Hold().Release()
			}
			b.SetBytes(int64(out.Size()))
		})
	}
	bench("push-dense-1MB", Request{Push: true, Offsets: run(0, 1<<18), Values: floats(1 << 18)})
	bench("push-sparse-100k", Request{Push: true, Offsets: random(1, 100_000, 1<<26), Values: floats(100_000)})
	bench("push-int8-1MB", Request{Push: true, Encoding: Int8, Offsets: run(0, 1<<18), Values: floats(1 << 18)})
	bench("pull-new-100k", Request{Offsets: random(1, 100_000, 1<<26), Whole: true})
	bench("push-1KB", Request{Push: true, Offsets: random(1, 256, 1<<26), Values: floats(256)})
}
