package linalg

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// factorRow is a sparse row and a table of a factorization machine.
type factorRow struct {
	index           []uint32
	values, table   []float32
	squares, sums   []float32
	gradient        float32
	rank, nonzeros  int
	pairs, linear   float64
	factorSquares   []float32
	gradientOfTable []float32
}

func drawFactorRow(rng *rand.Rand, rank, nonzeros int) *factorRow {
	const columns = 40
	r := &factorRow{rank: rank, nonzeros: nonzeros, gradient: float32(rng.NormFloat64()), sums: make([]float32, rank), factorSquares: make([]float32, rank)}
	for _, c := range rng.Perm(columns)[:nonzeros] {
		r.index, r.values = append(r.index, uint32(c)), append(r.values, float32(rng.NormFloat64()))
	}
	for range columns * (1 + rank) {
		r.table, r.squares = append(r.table, float32(rng.NormFloat64())), append(r.squares, rng.Float32())
	}
	r.gradientOfTable = make([]float32, len(r.table))
	return r
}

func (r *factorRow) clone() *factorRow {
	c := *r
	c.table, c.squares, c.sums = slices.Clone(r.table), slices.Clone(r.squares), slices.Clone(r.sums)
	c.factorSquares, c.gradientOfTable = slices.Clone(r.factorSquares), slices.Clone(r.gradientOfTable)
	return &c
}

func (r *factorRow) all() {
	r.linear = FactorSums(r.sums, r.factorSquares, r.index, r.values, r.table)
	r.pairs = Pairs(r.sums, r.factorSquares)
	FactorsGradient(r.gradientOfTable, r.table, r.index, r.values, r.sums, r.gradient)
	FactorsSGD(r.table, r.index, r.values, r.sums, r.gradient, 0.1)
	FactorsAdaGrad(r.table, r.squares, r.index, r.values, r.sums, r.gradient, 0.1, 1e-8)
}

func TestFactorKernelsGiveTheBitsOfPortableOnes(t *testing.T) {
	if !wide {
		t.Skip("the portable kernels are the only ones here")
	}
	rng := rand.New(rand.NewPCG(4, 4))
	for rank := 1; rank < 35; rank++ {
		for nonzeros := range 12 {
			r := drawFactorRow(rng, rank, nonzeros)
			p := r.clone()
			r.all()
			portably(p.all)
			if r.linear != p.linear || r.pairs != p.pairs || !slices.Equal(r.table, p.table) || !slices.Equal(r.squares, p.squares) {
				t.Fatalf("rank %d, %d nonzeros: other bits", rank, nonzeros)
			}
		}
	}
}

// TestPairs: the formula of linear time equals the double sum that it stands for.
func TestPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, rank := range []int{1, 3, 8, 17} {
		r := drawFactorRow(rng, rank, 9)
		linear, pairs, size := 0.0, 0.0, 0.0
		for a, i := range r.index {
			linear += float64(r.values[a]) * float64(r.table[int(i)*(1+rank)])
			for b, j := range r.index[:a] {
				for k := 1; k <= rank; k++ {
					p := float64(r.table[int(i)*(1+rank)+k]) * float64(r.table[int(j)*(1+rank)+k]) * float64(r.values[a]) * float64(r.values[b])
					pairs, size = pairs+p, size+math.Abs(p)
				}
			}
		}
		got := FactorSums(r.sums, r.factorSquares, r.index, r.values, r.table)
		if math.Abs(got-linear) > 1e-9 || math.Abs(Pairs(r.sums, r.factorSquares)-pairs) > 1e-6*size {
			t.Errorf("rank %d: %v and %v, want %v and %v", rank, got, Pairs(r.sums, r.factorSquares), linear, pairs)
		}
	}
}

// TestFactorsOutsideOfTheTable: assembly must not write where Go would have refused.
func TestFactorsOutsideOfTheTable(t *testing.T) {
	r := drawFactorRow(rand.New(rand.NewPCG(6, 6)), 8, 3)
	r.index[1] = 40
	for name, kernel := range map[string]func(){
		"sums":    func() { FactorSums(r.sums, r.factorSquares, r.index, r.values, r.table) },
		"sgd":     func() { FactorsSGD(r.table, r.index, r.values, r.sums, 1, 1) },
		"adagrad": func() { FactorsAdaGrad(r.table, r.squares, r.index, r.values, r.sums, 1, 1, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			kernel()
		}()
	}
}

func BenchmarkFactors(b *testing.B) {
	r := drawFactorRow(rand.New(rand.NewPCG(7, 7)), 8, 39)
	b.Run("sums/rank=8/nonzeros=39", func(b *testing.B) {
		for b.Loop() {
			FactorSums(r.sums, r.factorSquares, r.index, r.values, r.table)
		}
	})
	b.Run("adagrad/rank=8/nonzeros=39", func(b *testing.B) {
		for b.Loop() {
			FactorsAdaGrad(r.table, r.squares, r.index, r.values, r.sums, 1e-3, 0.05, 1e-8)
		}
	})
}
