package batch

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// random returns rows of up to nine nonzeros in columns below the limit.
func random(r *rand.Rand, rows, limit int) *CSR {
	c := &CSR{Offsets: []uint32{0}}
	factors := r.IntN(4) // weights, exposures
	for range rows {
		columns := r.Perm(min(limit, 200))[:r.IntN(min(limit, 9)+1)]
		slices.Sort(columns)
		for _, column := range columns {
			c.Columns = append(c.Columns, uint32(column*(limit/min(limit, 200))))
			c.Values = append(c.Values, float32(r.NormFloat64()))
		}
		c.Labels = append(c.Labels, float32(r.IntN(3)))
		if factors&1 != 0 {
			c.Weights = append(c.Weights, r.Float32())
		}
		if factors&2 != 0 {
			c.Exposure = append(c.Exposure, r.Float32())
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Columns)))
	}
	return c
}

// at is a factor of a row, 1 where there is none.
func at(factors []float32, row uint32) float32 {
	if factors == nil {
		return 1
	}
	return factors[row]
}

// naive builds a block with a map.
func naive(parts []*CSR, rows []Row, bias uint32) *Block {
	b := &Block{Offsets: []uint32{0}}
	var columns []uint32 // of the nonzeros
	var weights, exposure []float32
	for _, r := range rows {
		p := parts[r.Part]
		lo, hi := p.Offsets[r.Row], p.Offsets[r.Row+1]
		columns = append(append(columns, p.Columns[lo:hi]...), bias)
		b.Values = append(append(b.Values, p.Values[lo:hi]...), 1)
		b.Labels = append(b.Labels, p.Labels[r.Row])
		weights, exposure = append(weights, at(p.Weights, r.Row)), append(exposure, at(p.Exposure, r.Row))
		b.Offsets = append(b.Offsets, uint32(len(columns)))
	}
	if slices.ContainsFunc(parts, func(p *CSR) bool { return p.Weights != nil }) {
		b.Weights = weights
	}
	if slices.ContainsFunc(parts, func(p *CSR) bool { return p.Exposure != nil }) {
		b.Exposure = exposure
	}
	b.Columns = slices.Compact(slices.Sorted(slices.Values(columns)))
	local := map[uint32]uint32{}
	for i, c := range b.Columns {
		local[c] = uint32(i)
	}
	for _, c := range columns {
		b.Index = append(b.Index, local[c])
	}
	return b
}

// TestBuildEqualsNaive uses one Builder and one Block for batches of changing
// size, as trainers do.
func TestBuildEqualsNaive(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b Builder
	var got Block
	for i := range 300 {
		limit := []int{1, 7, 200, 1 << 28}[r.IntN(4)]
		parts := []*CSR{random(r, 1+r.IntN(40), limit), random(r, 1+r.IntN(40), limit)}
		var rows []Row
		for range 1 + r.IntN(100) { // some twice
			part := r.IntN(2)
			rows = append(rows, Row{Part: uint32(part), Row: uint32(r.IntN(parts[part].Rows()))})
		}
		b.Build(&got, parts, rows, uint32(limit))
		if diff := cmp.Diff(naive(parts, rows, uint32(limit)), &got); diff != "" {
			t.Fatalf("batch %d: (-want +got)\n%s", i, diff)
		}
		if got.Rows() != len(rows) {
			t.Fatalf("%d rows, want %d", got.Rows(), len(rows))
		}
	}
}

func TestBuildNoRows(t *testing.T) {
	got := Block{Columns: []uint32{1}, Labels: []float32{1}, Offsets: []uint32{0, 1}, Index: []uint32{0}, Values: []float32{1}}
	new(Builder).Build(&got, nil, nil, 5)
	if got.Rows() != 0 || len(got.Columns)+len(got.Index)+len(got.Values) != 0 || len(got.Offsets) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestCSRBytes(t *testing.T) {
	c := &CSR{Labels: make([]float32, 2), Offsets: make([]uint32, 3), Columns: make([]uint32, 5), Values: make([]float32, 5)}
	if c.Rows() != 2 || c.Bytes() != 60 {
		t.Errorf("%d rows, %d bytes", c.Rows(), c.Bytes())
	}
}

// BenchmarkBuild builds batches of 1024 rows shaped as those of a9a, rcv1 and
// hashed clicks, from data shards that the processor's inner caches do not hold, with a few
// columns that are everywhere and many that are rare.
func BenchmarkBuild(b *testing.B) {
	for _, shape := range []struct{ nonzeros, columns int }{{14, 123}, {75, 47236}, {39, 1 << 22}, {39, 1 << 28}} {
		b.Run(fmt.Sprintf("rows=1024/nonzeros=%d/columns=%d", shape.nonzeros, shape.columns), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(5, 6))
			var parts []*CSR
			for range 1 << 10 {
				parts = append(parts, skewed(rng, 16, shape.nonzeros, shape.columns))
			}
			order := rng.Perm(16 * len(parts))
			rows := make([]Row, 1024)
			var builder Builder
			var block Block
			for k := 0; b.Loop(); k = (k + len(rows)) % len(order) {
				for i := range rows {
					rows[i] = Row{Part: uint32(order[k+i] / 16), Row: uint32(order[k+i] % 16)}
				}
				builder.Build(&block, parts, rows, uint32(shape.columns))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(block.Index)), "ns/nonzero")
			b.ReportMetric(float64(len(block.Columns)), "columns")
		})
	}
}

// skewed returns rows of so many nonzeros, in columns that are the rarer the
// higher they are.
func skewed(rng *rand.Rand, rows, nonzeros, limit int) *CSR {
	c := &CSR{Offsets: []uint32{0}}
	for range rows {
		var columns []uint32
		for len(columns) < nonzeros {
			u := rng.Float64()
			columns = append(columns, uint32(u*u*u*float64(limit)))
			if len(columns) == nonzeros {
				slices.Sort(columns)
				columns = slices.Compact(columns)
			}
		}
		c.Columns = append(c.Columns, columns...)
		for range columns {
			c.Values = append(c.Values, 1)
		}
		c.Labels, c.Offsets = append(c.Labels, 1), append(c.Offsets, uint32(len(c.Columns)))
	}
	return c
}

// TestWaysAgree builds the same rows by the bitmap and by sorting.
func TestWaysAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, limit := range []int{1, 64, 2047, 2048, 1 << 20} {
		parts := []*CSR{random(rng, 100, limit)}
		var rows []Row
		for i := range 100 {
			rows = append(rows, Row{Row: uint32(i)})
		}
		var marked, sorted Block
		gather(&marked, parts, rows, uint32(limit))
		gather(&sorted, parts, rows, uint32(limit))
		mark(&marked, make([]word, limit/64+1))
		new(Builder).sort(&sorted, bits.Len(uint(limit)))
		if diff := cmp.Diff(marked, sorted); diff != "" {
			t.Errorf("limit %d: (-bitmap +sort)\n%s", limit, diff)
		}
	}
}
