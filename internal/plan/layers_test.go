package plan

import (
	"math"
	"slices"
	"testing"

	"parley/internal/param"
)

// TestLayersTile: the parts of the tail follow each other without gaps.
func TestLayersTile(t *testing.T) {
	l := Layers{7, 5, 4, 3}
	next := 0
	for i := 1; i < l.Count(); i++ {
		from, to := l.Weights(i)
		if from != next || to-from != l[i]*l[i+1] {
			t.Errorf("weights of layer %d: %d to %d", i, from, to)
		}
		next = to
	}
	if next != l.TailWeights() {
		t.Errorf("%d weights, want %d", l.TailWeights(), next)
	}
	for i := range l.Count() {
		from, to := l.Biases(i)
		if from != next || to-from != l[i+1] {
			t.Errorf("biases of layer %d: %d to %d", i, from, to)
		}
		next = to
	}
	if next != l.Tail() || l.Width(0) != 5 || l.Width(3) != 4 || l.Count() != 3 {
		t.Errorf("a tail of %d, want %d", l.Tail(), next)
	}
}

// TestDraw: what a key begins with hangs on nothing but the key, weights are within
// their layer's bounds and fill them, and biases are 0.
func TestDraw(t *testing.T) {
	l := Layers{300, 20, 30, 2}
	for initial, bounds := range map[string][]float64{
		"he":     {math.Sqrt(6. / 300), math.Sqrt(6. / 20), math.Sqrt(6. / 30)},
		"xavier": {math.Sqrt(6. / 320), math.Sqrt(6. / 50), math.Sqrt(6. / 32)},
	} {
		all := make([]float32, 300*20+l.Tail())
		l.Draw(all, 0, initial, 9)
		for lo := 0; lo < len(all); lo += 997 {
			piece := make([]float32, min(997, len(all)-lo))
			l.Draw(piece, param.Key(lo), initial, 9)
			if !slices.Equal(piece, all[lo:lo+len(piece)]) {
				t.Errorf("%s: other values from key %d on", initial, lo)
			}
		}
		tail := all[300*20:]
		for i, bound := range bounds {
			weights := all[:300*20]
			if i > 0 {
				from, to := l.Weights(i)
				weights = tail[from:to]
			}
			if most := float64(slices.Max(weights)); most > bound || most < 0.8*bound {
				t.Errorf("%s: layer %d has weights up to %v, for a bound of %v", initial, i, most, bound)
			}
		}
		if slices.ContainsFunc(tail[l.TailWeights():], func(v float32) bool { return v != 0 }) {
			t.Errorf("%s: biases that are not 0", initial)
		}
	}
}

// TestEmbeddedPlan: the layers on embeddings have the last range to themselves, which
// alone is dense, and the wide weights begin at 0.
func TestEmbeddedPlan(t *testing.T) {
	for _, ranges := range []int{1, 2, 7} {
		j := newJob(2, 16, 0)
		j.Model.Kind, j.Model.Dim, j.Model.Layers, j.Run.Ranges = "wide_deep", 3, []int{5}, ranges
		m := manifest(200)
		m.Fields = []uint32{0, 40}
		p := New(j, m)
		if want := (Layers{100, 6, 5, 1}); !slices.Equal(p.Layers, want) || p.Width != 4 || p.Whole {
			t.Fatalf("layers %v, %d keys a column", p.Layers, p.Width)
		}
		next := param.Key(0)
		for i, s := range p.Ranges {
			if s.Lo != next || p.Dense(param.RangeID(i)) != (i == len(p.Ranges)-1) {
				t.Errorf("%d ranges: range %d is %v", ranges, i, s)
			}
			next = s.Hi
		}
		if last := p.Ranges[len(p.Ranges)-1]; next != p.Keys || last.Lo != p.Bias() || len(p.Ranges) != max(2, ranges) {
			t.Errorf("ranges %v of %d keys", p.Ranges, p.Keys)
		}
		if p.Penalized() != p.Bias()+param.Key(p.Layers.TailWeights()) {
			t.Errorf("l2 is for keys below %d", p.Penalized())
		}
	}
	l, values := Layers{100, 6, 5, 1}, make([]float32, 400)
	l.DrawEmbedded(values, 0, 3, 0.01, "he", 1)
	for i, v := range values {
		if i%4 == 0 && v != 0 || i%4 > 0 && !(math.Abs(float64(v)) <= 0.01) {
			t.Fatalf("key %d begins with %v", i, v)
		}
	}
}
