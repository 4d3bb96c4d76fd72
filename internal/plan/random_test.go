package plan

import (
	"math"
	"testing"

	"parley/internal/linalg"
)

// TestMix has the first outputs of SplitMix64's reference program for seed
// 1234567; a generator begins with the second, since mix steps once more. Plans
// depend on these bits.
func TestMix(t *testing.T) {
	if got, want := linalg.Mix(1234567), uint64(6457827717110365317); got != want {
		t.Errorf("mix is %d, want %d", got, want)
	}
	g := generator(1234567)
	for i, want := range []uint64{3203168211198807973, 9817491932198370423, 4593380528125082431} {
		if got := g.next(); got != want {
			t.Errorf("output %d is %d, want %d", i, got, want)
		}
	}
}

func TestGeneratorsDiffer(t *testing.T) {
	seen := map[uint64][]uint64{}
	for _, words := range [][]uint64{{}, {0}, {0, 0}, {1}, {1, 0}, {0, 1}, {1, 2}, {2, 1}, {1, 2, 3}} {
		g := newGenerator(words...)
		first := g.next()
		if other, ok := seen[first]; ok {
			t.Errorf("%v and %v have one stream", words, other)
		}
		seen[first] = words
	}
}

// TestShuffleUniform counts where each of five elements ends up.
func TestShuffleUniform(t *testing.T) {
	const runs = 20000
	var at [5][5]int
	for run := range uint64(runs) {
		x, g := [5]int{0, 1, 2, 3, 4}, newGenerator(run)
		g.shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
		for place, element := range x {
			at[element][place]++
		}
	}
	deviation := math.Sqrt(runs * 0.2 * 0.8)
	for element, places := range at {
		for place, n := range places {
			if math.Abs(float64(n)-runs*0.2) > 5*deviation {
				t.Errorf("element %d is at %d in %d of %d runs", element, place, n, runs)
			}
		}
	}
}

// TestHeldOut: the fraction is kept, and a larger holdout holds a smaller one.
func TestHeldOut(t *testing.T) {
	const rows = 100_000
	counts := map[float64]int{}
	for row := range int64(rows) {
		last := false
		for _, fraction := range []float64{0, 0.01, 0.1, 0.5, 0.99} {
			out := HeldOut(row, fraction)
			if last && !out {
				t.Fatalf("row %d is held out by less than %g, but not by that", row, fraction)
			}
			if last = out; out {
				counts[fraction]++
			}
		}
	}
	for _, fraction := range []float64{0, 0.01, 0.1, 0.5, 0.99} {
		want, deviation := rows*fraction, math.Sqrt(rows*fraction*(1-fraction))
		if math.Abs(float64(counts[fraction])-want) > 5*deviation {
			t.Errorf("holdout %g: %d rows of %d", fraction, counts[fraction], rows)
		}
	}
}
