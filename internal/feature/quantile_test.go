package feature

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestQuantilesOfManyValuesAreNearlyExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	var q, a, b quantiles
	var values []float64
	for i := range 3 * maxExact {
		x := math.Exp(3 * r.NormFloat64())
		values = append(values, x)
		q.add(x, 1)
		if i%3 == 0 {
			a.add(x, 1)
		} else {
			b.add(x, 1)
		}
	}
	if !q.coarse {
		t.Fatal("not on the grid")
	}
	slices.Sort(values)
	edges := q.edges(100)
	for i, edge := range edges {
		exact := percentile(func(rank int64) float64 { return values[rank] }, int64(len(values)), i, 100)
		if math.Abs(edge/exact-1) > 0x1p-13 {
			t.Errorf("percentile %d is %v, exact %v", i, edge, exact)
		}
	}
	a.merge(&b)
	if !slices.Equal(a.edges(100), edges) {
		t.Error("merged quantiles are others")
	}
}

func TestQuantilesStayExactUpToTheLimit(t *testing.T) {
	var q quantiles
	for i := range maxExact {
		q.add(float64(i), 2)
	}
	if q.add(0, 1); q.coarse {
		t.Error("coarse within the limit")
	}
	if q.add(-1, 1); !q.coarse {
		t.Error("exact beyond the limit")
	}
}

func TestEdges(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		bins   int
		want   []float64
	}{
		{"one value", []float64{3, 3, 3}, 4, []float64{3}},
		{"halves", []float64{0, 1, 2, 3}, 2, []float64{0, 1.5, 3}},
		{"repeated edges are one", []float64{0, 0, 0, 0, 1}, 4, []float64{0, 1}},
		{"edges too close", []float64{0, 1e-9, 1}, 2, []float64{0, 1}},
		{"minus zero", []float64{math.Copysign(0, -1), 0, 1}, 2, []float64{0, 1}},
	}
	for _, test := range tests {
		var q quantiles
		for _, x := range test.values {
			q.add(x, 1)
		}
		if got := q.edges(test.bins); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestBinOf(t *testing.T) {
	b := block{Edges: []float64{1, 2, 4}}
	for _, test := range []struct {
		x    float64
		want int
	}{{-5, 0}, {1, 0}, {1.99, 0}, {2, 1}, {4, 1}, {100, 1}} {
		if got := b.binOf(test.x); got != test.want {
			t.Errorf("%v is in bin %d, want %d", test.x, got, test.want)
		}
	}
}
