package linalg

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

var elementary = map[string]struct {
	f   func(float64) float64
	ulp float64 // the stated bound
}{
	"exp":      {Exp, 1},
	"log":      {Log, 1},
	"log1p":    {Log1p, 1},
	"sigmoid":  {Sigmoid, 3},
	"softplus": {Softplus, 3},
}

func TestElementaryAgainstMpmath(t *testing.T) {
	text, err := os.ReadFile("testdata/elementary.json")
	if err != nil {
		t.Fatal(err)
	}
	var tables map[string][][3]float64
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	for name, e := range elementary {
		worst, at := 0.0, 0.0
		for _, row := range tables[name] {
			x, high, low := row[0], row[1], row[2]
			if d := math.Abs((e.f(x) - high) - low); d/ulp(high) > worst {
				worst, at = d/ulp(high), x
			}
		}
		t.Logf("%s: at most %.3f ulp over %d points", name, worst, len(tables[name]))
		if worst > e.ulp || len(tables[name]) < 100 {
			t.Errorf("%s is off by %.3f ulp at %v, more than %v", name, worst, at, e.ulp)
		}
	}
}

// ulp is the distance of the floats around x.
func ulp(x float64) float64 {
	x = math.Abs(x)
	return math.Nextafter(x, math.Inf(1)) - x
}

// Package math is right to 1 ulp too, so the two differ by no more than 2.
func TestElementaryAgainstMath(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		x := (rng.Float64() - 0.5) * 1400
		near := (rng.Float64() - 0.29) * math.Ldexp(1, -rng.IntN(40))
		for _, c := range []struct {
			name         string
			x, got, want float64
			allowed      float64
		}{
			{"exp", x, Exp(x), math.Exp(x), 2},
			{"exp", near, Exp(near), math.Exp(near), 2},
			{"log", math.Abs(x), Log(math.Abs(x)), math.Log(math.Abs(x)), 2},
			{"log", 1 + near, Log(1 + near), math.Log(1 + near), 2},
			{"log1p", near, Log1p(near), math.Log1p(near), 2},
		} {
			if d := math.Abs(c.got - c.want); d > c.allowed*ulp(c.want) {
				t.Fatalf("%s(%v) = %v, math has %v", c.name, c.x, c.got, c.want)
			}
		}
	}
}

func TestElementaryAtTheEdges(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name    string
		x, want float64
	}{
		{"exp", 0, 1}, {"exp", -inf, 0}, {"exp", inf, inf}, {"exp", nan, nan}, {"exp", 709.79, inf}, {"exp", -746, 0},
		{"exp", -745.1, 5e-324}, {"exp", -740, math.Exp(-740)},
		{"log", 1, 0}, {"log", 0, -inf}, {"log", inf, inf}, {"log", -1, nan}, {"log", nan, nan}, {"log", 5e-324, -744.4400719213812},
		{"log1p", 0, 0}, {"log1p", -1, -inf}, {"log1p", -2, nan}, {"log1p", inf, inf}, {"log1p", 1e-300, 1e-300}, {"log1p", nan, nan},
		{"sigmoid", 0, 0.5}, {"sigmoid", inf, 1}, {"sigmoid", -inf, 0}, {"sigmoid", 1000, 1}, {"sigmoid", -1000, 0},
		{"softplus", -inf, 0}, {"softplus", inf, inf}, {"softplus", 1000, 1000}, {"softplus", 0, math.Ln2},
	} {
		got := elementary[c.name].f(c.x)
		if got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s(%v) = %v, want %v", c.name, c.x, got, c.want)
		}
	}
}

func TestLogistic(t *testing.T) {
	for m := -40.0; m <= 40; m += 0.37 {
		loss, gradient := Logistic(m, true)
		if want := Softplus(-m); loss != want {
			t.Errorf("loss at %v: %v, want %v", m, loss, want)
		}
		if want := -Sigmoid(-m); gradient != want {
			t.Errorf("gradient at %v: %v, want %v", m, gradient, want)
		}
		mirrored, opposite := Logistic(-m, false)
		if mirrored != loss || opposite != -gradient {
			t.Errorf("the classes are not each other's mirror at %v", m)
		}
	}
}

func TestHinge(t *testing.T) {
	for _, c := range []struct{ margin, loss, gradient float64 }{{-2, 3, -1}, {0, 1, -1}, {0.75, 0.25, -1}, {1, 0, 0}, {5, 0, 0}} {
		if loss, gradient := Hinge(c.margin, true); loss != c.loss || gradient != c.gradient {
			t.Errorf("at %v: loss %v, gradient %v; want %v and %v", c.margin, loss, gradient, c.loss, c.gradient)
		}
		if loss, gradient := Hinge(-c.margin, false); loss != c.loss || gradient != -c.gradient {
			t.Errorf("at %v, negative: loss %v, gradient %v; want %v and %v", -c.margin, loss, gradient, c.loss, -c.gradient)
		}
	}
}

func TestPoisson(t *testing.T) {
	if loss, gradient := Poisson(2, 3); loss != Exp(2)-6 || gradient != Exp(2)-3 {
		t.Errorf("loss %v, gradient %v", loss, gradient)
	}
	if loss, gradient := Poisson(800, 3); !math.IsInf(loss, 1) || !math.IsInf(gradient, 1) {
		t.Errorf("beyond the range: loss %v, gradient %v", loss, gradient)
	}
}

func TestSquared(t *testing.T) {
	if loss, gradient := Squared(3, 1); loss != 2 || gradient != 2 {
		t.Errorf("loss %v, gradient %v; both are 2", loss, gradient)
	}
}

func BenchmarkLogistic(b *testing.B) {
	sum := 0.0
	for i := range b.N {
		loss, gradient := Logistic(float64(i&63)*0.2-6, i&1 == 0)
		sum += loss + gradient
	}
	sink = sum
}

var sink float64
