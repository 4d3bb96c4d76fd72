package wire

import (
	"math"
	"testing"
)

// TestHalf: every half survives, and what lies between two goes to the nearer one.
func TestHalf(t *testing.T) {
	for h := range uint32(0x7c00) {
		x := fromHalf(uint16(h))
		if want := halfValue(h); float64(x) != want {
			t.Fatalf("%04x is %v, not %v", h, x, want)
		}
		if toHalf(x) != uint16(h) || toHalf(-x) != uint16(h|0x8000) {
			t.Fatalf("%04x comes back as %04x", h, toHalf(x))
		}
		if h == 0x7bff {
			break
		}
		mid := float32((halfValue(h) + halfValue(h+1)) / 2)
		if got := uint32(toHalf(mid)); got != h+h&1 {
			t.Fatalf("the middle above %04x goes to %04x", h, got)
		}
		if got := uint32(toHalf(math.Nextafter32(mid, 0))); got != h {
			t.Fatalf("below the middle above %04x: %04x", h, got)
		}
		if got := uint32(toHalf(math.Nextafter32(mid, 1e9))); got != h+1 {
			t.Fatalf("over the middle above %04x: %04x", h, got)
		}
	}
}

func halfValue(h uint32) float64 {
	if h < 0x400 {
		return math.Ldexp(float64(h), -24)
	}
	return math.Ldexp(float64(h&0x3ff|0x400), int(h>>10)-25)
}

func TestBrain(t *testing.T) {
	for h := range uint32(0x7f80) {
		x := fromBrain(uint16(h))
		if toBrain(x) != uint16(h) || toBrain(-x) != uint16(h|0x8000) {
			t.Fatalf("%04x comes back as %04x", h, toBrain(x))
		}
		if h == 0x7f7f {
			break
		}
		mid := math.Float32frombits(h<<16 | 0x8000)
		if a, b, c := toBrain(mid), toBrain(math.Float32frombits(h<<16|0x7fff)), toBrain(math.Float32frombits(h<<16|0x8001)); uint32(a) != h+h&1 || uint32(b) != h || uint32(c) != h+1 {
			t.Fatalf("about the middle above %04x: %04x %04x %04x", h, a, b, c)
		}
	}
}

// TestExtremes: finite values stay finite, others stay what they are or become NaN.
func TestExtremes(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for e := range encodings {
		x := []float32{math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0, 65520}
		e.Round(x, x)
		for i, v := range x {
			if v-v != 0 {
				t.Errorf("%v: value %d becomes %v", e, i, v)
			}
		}
		for _, bad := range []float32{inf, -inf, nan} {
			y := []float32{1, bad}
			e.Round(y, y)
			if y[1]-y[1] == 0 {
				t.Errorf("%v: %v becomes %v", e, bad, y[1])
			}
		}
	}
	tiny := []float32{math.SmallestNonzeroFloat32, -3 * math.SmallestNonzeroFloat32, 0}
	Int8.Round(tiny, tiny)
	for _, v := range tiny {
		if v-v != 0 {
			t.Errorf("int8 of the smallest: %v", tiny)
		}
	}
}

// TestInt8: within half a step of the block's scale; the largest is kept but for
// the rounding of the scale.
func TestInt8(t *testing.T) {
	x := make([]float32, 1000)
	for i := range x {
		x[i] = float32(math.Sin(float64(i))) * float32(i+1)
	}
	y := make([]float32, len(x))
	Int8.Round(y, x)
	for i := range x {
		s := scale(x[i/block*block : min(len(x), (i/block+1)*block)])
		if d := math.Abs(float64(x[i] - y[i])); d > 0.5001*float64(s) {
			t.Errorf("%v becomes %v with scale %v", x[i], y[i], s)
		}
	}
}

// TestRound: Round says what decode of encode gives.
func TestRound(t *testing.T) {
	for e := range encodings {
		for _, n := range []int{0, 1, 255, 256, 257, 1000} {
			x := floats(n)
			b, got, want := make([]byte, e.Size(n)), make([]float32, n), make([]float32, n)
			e.encode(b, x)
			e.decode(got, b)
			e.Round(want, x)
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%v: value %d of %d is %v, not %v", e, i, n, got[i], want[i])
				}
			}
		}
		if p, err := ParseEncoding(e.String()); p != e || err != nil {
			t.Errorf("parse %v: %v, %v", e, p, err)
		}
	}
	if _, err := ParseEncoding("f64"); err == nil {
		t.Error("there is no f64")
	}
}
