package decimal

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
)

var decimalText = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?`)

// checkNumber compares Float32 with strconv on the longest prefix that is one.
func checkNumber(t *testing.T, s string) {
	t.Helper()
	got, n := Float32([]byte(s+"\n"), 0)
	prefix := decimalText.FindString(s)
	want, err := strconv.ParseFloat(prefix, 32)
	if err != nil {
		if n >= 0 {
			t.Fatalf("Float32(%q) = %g, want an error: %v", s, got, err)
		}
		return
	}
	if n >= 0 && n != len(prefix) || n >= 0 && math.Float32bits(got) != math.Float32bits(float32(want)) {
		t.Fatalf("Float32(%q) = %g behind %d, want %g behind %d", s, got, n, want, len(prefix))
	}
	if n < 0 && n != len(prefix) && prefix == s {
		t.Fatalf("Float32(%q) is refused, want %g", s, want)
	}
}

func FuzzFloat32(f *testing.F) {
	for _, s := range []string{"0", "-0.0", "1.5e3", "16777217", "33554435e-1", "1e-46", "9007199254740993", "3.4028235677973366e38", "1e", ".e1"} {
		f.Add(s)
	}
	f.Fuzz(checkNumber)
}

// TestNumberNearMidpoints aims at the only place where rounding can go wrong:
// decimals close to the middle of two neighbouring float32.
func TestNumberNearMidpoints(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 700 {
		f := math.Float32frombits(r.Uint32()&0x7FFFFFFF%0x7F7FFFFF + 1)
		middle := (float64(f) + float64(math.Nextafter32(f, math.MaxFloat32))) / 2
		for _, digits := range []int{-1, 6, 9, 16, 17, 18, 19, 20, 30} {
			for _, x := range []float64{middle, math.Nextafter(middle, 0), math.Nextafter(middle, math.Inf(1))} {
				checkNumber(t, strconv.FormatFloat(x, 'e', digits, 64))
				if x > 1e-10 && x < 1e15 {
					checkNumber(t, "-"+strconv.FormatFloat(x, 'f', digits, 64))
				}
			}
		}
	}
}

func TestNumberRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		x := r.NormFloat64() * math.Pow(10, float64(r.IntN(90)-45))
		checkNumber(t, strconv.FormatFloat(x, "efg"[r.IntN(3)], r.IntN(21)-1, 64))
	}
}

func checkFloat64(t *testing.T, s string) {
	t.Helper()
	got, ok := Float64([]byte(s))
	want, err := strconv.ParseFloat(s, 64)
	wantOK := err == nil && decimalText.FindString(s) == s
	if ok != wantOK || ok && math.Float64bits(got) != math.Float64bits(want) {
		t.Fatalf("Float64(%q) = %g, %v; want %g, %v", s, got, ok, want, wantOK)
	}
}

func FuzzFloat64(f *testing.F) {
	for _, s := range []string{"", "0", "-0.0", "1.5e3", "1e400", "9007199254740993", "12345678901234567890", "1e-22", "1e23", ".5", "5.", "1e", "0x1p3", "nan", " 1", "1_0"} {
		f.Add(s)
	}
	f.Fuzz(checkFloat64)
}
