package linalg

import (
	"math"
	"testing"
)

// halfValue is the definition of IEEE half precision.
func halfValue(h uint16) float64 {
	sign, exponent, fraction := 1-2*float64(h>>15), int(h>>10&31), float64(h&0x3ff)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction > 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// Every half is what its bits say, and comes back.
func TestFloat16(t *testing.T) {
	all, wide, back := make([]uint16, 1<<16), make([]float32, 1<<16), make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	FromFloat16(wide, all)
	ToFloat16(back, wide)
	for i, h := range all {
		want := halfValue(h)
		if got := float64(wide[i]); got != want && (got == got || want == want) {
			t.Fatalf("%#x is %v, want %v", h, got, want)
		}
		if quiet := h | 0x200; back[i] != h && !(want != want && back[i] == quiet) {
			t.Fatalf("%#x comes back as %#x", h, back[i])
		}
	}
}

// Between neighbours the nearest is taken, and the even one of two as near; the
// neighbour of the largest is 65536, which stands for infinity.
func TestRoundingTo16Bits(t *testing.T) {
	for h := range uint16(0x7c00) {
		low, high := halfValue(h), halfValue(h+1)
		if h == 0x7bff {
			high = 65536
		}
		checkRounding(t, "half", ToFloat16, h, float32(low), float32(low+(high-low)/2), float32(high))
	}
	for b := uint32(0); b < 0x7f80; b += 3 {
		low, high := math.Float32frombits(b<<16), math.Float32frombits((b+1)<<16)
		middle := math.Float32frombits(b<<16 | 0x8000)
		checkRounding(t, "bfloat16", ToBFloat16, uint16(b), low, middle, high)
	}
}

func checkRounding(t *testing.T, name string, to func([]uint16, []float32), low uint16, exact, middle, high float32) {
	even := low + low&1
	for _, sign := range []float32{1, -1} {
		top := uint16(0)
		if sign < 0 {
			top = 0x8000
		}
		x := []float32{exact, math.Nextafter32(middle, exact), middle, math.Nextafter32(middle, high)}
		for i := range x {
			x[i] *= sign
		}
		x = append(x, x...)
		got := make([]uint16, len(x))
		to(got, x)
		for i, want := range []uint16{low, low, even, low + 1, low, low, even, low + 1} {
			if got[i] != want|top {
				t.Fatalf("%s of %v: %#x, want %#x", name, x[i], got[i], want|top)
			}
		}
	}
}

func TestBFloat16(t *testing.T) {
	nan := math.Float32frombits(0xff800001)
	x := []float32{float32(math.Inf(1)), float32(math.Inf(-1)), nan, math.MaxFloat32, 1, 2, 3, 4, nan}
	h, back := make([]uint16, len(x)), make([]float32, len(x))
	ToBFloat16(h, x)
	FromBFloat16(back, h)
	for i, want := range []uint16{0x7f80, 0xff80, 0xffc0, 0x7f80, 0x3f80, 0x4000, 0x4040, 0x4080, 0xffc0} {
		if h[i] != want || math.Float32bits(back[i]) != uint32(want)<<16 {
			t.Errorf("%v: %#x, back %v", x[i], h[i], back[i])
		}
	}
}
