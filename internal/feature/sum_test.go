package feature

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// wild returns a float64 of any finite magnitude.
func wild(r *rand.Rand) float64 {
	for {
		if x := math.Float64frombits(r.Uint64()); finite(x) {
			return x
		}
	}
}

func TestSumIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 2, 1000, 5000} {
		var s sum
		want := new(big.Rat)
		for range n {
			x := wild(r)
			if r.IntN(2) == 0 {
				x = float64(r.IntN(1000)) / 8
			}
			s.add(x)
			want.Add(want, new(big.Rat).SetFloat64(x))
		}
		unit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), sumUnit))
		if got := unit.Mul(unit, new(big.Rat).SetInt(s.units())); got.Cmp(want) != 0 {
			t.Errorf("sum of %d numbers is off", n)
		}
	}
}

func TestSumOfManyLargeNumbersDoesNotOverflow(t *testing.T) {
	for _, x := range []float64{math.MaxFloat64, -math.MaxFloat64, math.Nextafter(1, 0), -5e-324, math.Ldexp(math.Nextafter(2, 0), 20)} {
		var s sum
		const n = 10_000
		for range n {
			s.add(x)
		}
		if mean, deviation := moments(&s, &sum{}, n); mean != x || deviation != 0 {
			t.Errorf("mean of %d times %v is %v", n, x, mean)
		}
	}
}

func TestMergedSumsAreTheSum(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	var whole, a, b sum
	for range 3000 {
		x := wild(r)
		whole.add(x)
		if r.IntN(3) == 0 {
			a.add(x)
		} else {
			b.add(x)
		}
	}
	a.merge(&b)
	if a.units().Cmp(whole.units()) != 0 {
		t.Error("the merged sum is another")
	}
	var back sum
	if !back.setUnits(whole.units()) || back.units().Cmp(whole.units()) != 0 {
		t.Error("units do not come back")
	}
	if back.setUnits(new(big.Int).Lsh(big.NewInt(1), 1<<14)) {
		t.Error("took more units than it can hold")
	}
}

func TestMomentsAreRoundedOnce(t *testing.T) {
	var total, squares sum
	xs := []float64{1e8 + 1, 1e8 + 2, 1e8 + 3, 1e8 + 4} // rounded sums of squares lose all of the variance
	for _, x := range xs {
		total.add(x)
		squares.addSquare(x)
	}
	if mean, deviation := moments(&total, &squares, 4); mean != 1e8+2.5 || deviation != math.Sqrt(1.25) {
		t.Errorf("mean %v, deviation %v", mean, deviation)
	}
	var one, two sum
	for range 7 {
		one.add(0.1)
		two.addSquare(0.1)
	}
	if mean, deviation := moments(&one, &two, 7); mean != 0.1 || deviation != 0 {
		t.Errorf("mean %v, deviation %v of a constant", mean, deviation)
	}
}

func BenchmarkSum(b *testing.B) {
	var s sum
	x := 1.0
	for b.Loop() {
		s.add(x)
		x += 0.37
	}
}
