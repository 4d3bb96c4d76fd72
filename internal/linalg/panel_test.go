package linalg

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// drawMatrix returns normal float64s.
func drawMatrix(rng *rand.Rand, n int) []float64 {
	m := make([]float64, n)
	for i := range m {
		m[i] = rng.NormFloat64()
	}
	return m
}

// TestPanels compares products of many shapes with triple loops, and the kernels
// with the portable ones, which must have the same bits.
func TestPanels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rows, m, n := rng.IntN(40), rng.IntN(12), 1+rng.IntN(36)
		stride := m + rng.IntN(5)
		a := drawMatrix(rng, max(rows*stride, 1))
		s := Singles(a)
		if rng.IntN(2) == 0 {
			a = Doubles(s)
		}
		b, h, sum := drawMatrix(rng, rows*n), drawMatrix(rng, m*n), drawMatrix(rng, m*n)
		for name, product := range map[string]func(sum, b []float64){
			"float32": func(sum, b []float64) {
				AddMulTransposed(sum, s, stride, m, b, n)
				AddMul(b, s, stride, m, h, n)
			},
			"float64": func(sum, b []float64) {
				AddMulTransposed(sum, a, stride, m, b, n)
				AddMul(b, a, stride, m, h, n)
			},
		} {
			gotSum, gotB := slices.Clone(sum), slices.Clone(b)
			product(gotSum, gotB)
			portSum, portB := slices.Clone(sum), slices.Clone(b)
			portably(func() { product(portSum, portB) })
			if !slices.Equal(gotSum, portSum) || !slices.Equal(gotB, portB) {
				t.Fatalf("%s, %d rows, %d×%d, stride %d: other bits than the portable products", name, rows, m, n, stride)
			}
			from := a
			if name == "float32" {
				from = Doubles(s)
			}
			for i := range m {
				for j := range n {
					want := sum[i*n+j]
					for r := range rows {
						want += from[r*stride+i] * b[r*n+j]
					}
					near(t, "AddMulTransposed", gotSum[i*n+j], want)
				}
			}
			for r := range rows {
				for j := range n {
					want := b[r*n+j]
					for i := range m {
						want += from[r*stride+i] * h[i*n+j]
					}
					near(t, "AddMul", gotB[r*n+j], want)
				}
			}
		}
	}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12*(1+math.Abs(want))*10 {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// TestRowsTwins compares AddRows, ScatterRows and MulRow with the portable ones for
// each width.
func TestRowsTwins(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for width := 1; width < 140; width++ {
		index, values := []uint32{4, 0, 9, 4}, Singles(drawMatrix(rng, 4))
		table, sums := Singles(drawMatrix(rng, 10*width)), drawMatrix(rng, width)
		big, row := drawMatrix(rng, 10*width), drawMatrix(rng, width)
		s1, s2, b1, b2 := slices.Clone(sums), slices.Clone(sums), slices.Clone(big), slices.Clone(big)
		AddRows(s1, index, values, table)
		ScatterRows(b1, index, values, row)
		p1, p2 := Singles(row), Singles(sums)
		MulRow(p1, index, values, table)
		portably(func() {
			AddRows(s2, index, values, table)
			ScatterRows(b2, index, values, row)
			MulRow(p2, index, values, table)
		})
		if !slices.Equal(s1, s2) || !slices.Equal(b1, b2) || !slices.Equal(p1, p2) {
			t.Errorf("width %d: other bits than the portable kernels", width)
		}
	}
}

func BenchmarkPanels(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	const rows, m, n, stride = 256, 240, 16, 268
	a, h, sum, w := Singles(drawMatrix(rng, rows*stride)), drawMatrix(rng, m*n), make([]float64, m*n), drawMatrix(rng, rows*n)
	flops := float64(2 * rows * m * n)
	b.Run("AddMulTransposed", func(b *testing.B) {
		for b.Loop() {
			AddMulTransposed(sum, a, stride, m, w, n)
		}
		b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
	b.Run("AddMul", func(b *testing.B) {
		for b.Loop() {
			AddMul(w, a, stride, m, h, n)
			w[0] = 1
		}
		b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
}

// BenchmarkRows is a product of a sparse matrix like tf-idf and a panel, and of its
// transpose.
func BenchmarkRows(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 8))
	const d, n, nonzeros = 21217, 16, 82
	table, out, y := Singles(drawMatrix(rng, d*n)), make([]float64, d*n), make([]float64, n)
	var rows [][]uint32
	for range 2000 {
		row := make([]uint32, nonzeros)
		for j := range row {
			row[j] = uint32(float64(d) * math.Pow(rng.Float64(), 3))
		}
		slices.Sort(row)
		rows = append(rows, row)
	}
	values := Singles(drawMatrix(rng, nonzeros))
	flops := float64(2 * len(rows) * nonzeros * n)
	b.Run("AddRows", func(b *testing.B) {
		for b.Loop() {
			for _, r := range rows {
				AddRows(y, r, values, table)
			}
		}
		b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
	b.Run("ScatterRows", func(b *testing.B) {
		for b.Loop() {
			for _, r := range rows {
				ScatterRows(out, r, values, y)
			}
		}
		b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
}
