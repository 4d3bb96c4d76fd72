package survey

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEstimates fills the room of a column, so that the rest is estimated.
func TestEstimates(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, values = 50_000, 20_000
	exact, short := newColumn("x", newBudget()), newColumn("x", &budget{left: 200 * (entryBytes + 10)})
	for range rows {
		x := r.IntN(values) - 500
		cell := strconv.AppendInt(nil, int64(x*x*x/1000), 10)
		exact.add(cell)
		short.add(cell)
	}
	a, b := exact.finish(), short.finish()
	if a.About || !b.About || a.Values != rows || b.Values != rows {
		t.Fatalf("about %v and %v, %d and %d values", a.About, b.About, a.Values, b.Values)
	}
	if e := math.Abs(float64(b.Distinct)/float64(a.Distinct) - 1); e > 0.03 {
		t.Errorf("%d different values, estimated as %d", a.Distinct, b.Distinct)
	}
	near := func(what string, x, y, tolerance float64) {
		if math.Abs(x-y) > tolerance*math.Abs(x) {
			t.Errorf("%s %v, estimated as %v", what, x, y)
		}
	}
	near("min", a.Numbers.Min, b.Numbers.Min, 0)
	near("max", a.Numbers.Max, b.Numbers.Max, 0)
	near("mean", a.Numbers.Mean, b.Numbers.Mean, 1e-9)
	near("std", a.Numbers.Std, b.Numbers.Std, 1e-9)
	for i := range 3 {
		near("quartile", a.Numbers.Quartiles[i], b.Numbers.Quartiles[i], 0.002)
	}
}

func TestQuartilesAgainstSorting(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n := 1 + r.IntN(40)
		c, all := newColumn("x", newBudget()), make([]float64, n)
		for i := range all {
			all[i] = float64(r.IntN(30)-10) / 4
			c.add(strconv.AppendFloat(nil, all[i], 'f', -1, 64))
		}
		slices.Sort(all)
		got := c.finish().Numbers
		for q := range 3 {
			if want := all[(n*(q+1)+3)/4-1]; got.Quartiles[q] != want {
				t.Fatalf("quartile %d of %v is %v, not %v", q+1, all, got.Quartiles[q], want)
			}
		}
	}
}

func TestHistogramHoldsAllRows(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 3000 {
		kind := []Type{Integer, Number, Time}[i%3]
		scale := math.Pow(10, float64(r.IntN(30)-10))
		if kind == Integer {
			scale = float64(1 + r.IntN(10))
		}
		var values []counted
		rows := int64(0)
		for range 1 + r.IntN(60) {
			x := r.NormFloat64() * scale
			if r.IntN(20) == 0 {
				x *= 1000
			}
			if kind == Integer {
				x = math.Round(x)
			}
			values = append(values, counted{x, 1 + int64(r.IntN(500))})
			rows += values[len(values)-1].rows
		}
		slices.SortFunc(values, func(a, b counted) int { return int(math.Copysign(1, a.x-b.x)) })
		checkHistogram(t, values, rows, histogram(values, rows, kind))
	}
	for _, ends := range [][2]float64{{-math.MaxFloat64, math.MaxFloat64}, {0, 5e-324}, {1e300, 1e300}, {1, math.Nextafter(1, 2)}, {-1e-300, 1e300}, {1e15, 1e15 + 1}} {
		values := []counted{{ends[0], 1}, {ends[1], 1}}
		for _, kind := range []Type{Number, Integer} {
			checkHistogram(t, values, 2, histogram(values, 2, kind))
		}
	}
}

func checkHistogram(t *testing.T, values []counted, rows int64, bins []Bin) {
	t.Helper()
	sum := int64(0)
	for i, b := range bins {
		sum += b.Rows
		if i > 0 && b.From != bins[i-1].To || math.IsNaN(b.From) || b.To < b.From {
			t.Fatalf("bins %v", bins)
		}
	}
	if len(bins) > maxBins || sum != rows || bins[0].From > values[0].x {
		t.Fatalf("%d bins of %d rows, not %d: %v of %v", len(bins), sum, rows, bins, values)
	}
}

func TestFarNumbersShareABin(t *testing.T) {
	values := []counted{{-5000, 1}, {0, 500}, {1, 500}, {9, 500}, {9000, 1}}
	bins := histogram(values, 1502, Integer)
	first, last := bins[0], bins[len(bins)-1]
	if first != (Bin{-5000, 0, 1}) || last != (Bin{10, 9000, 1}) || len(bins) != 12 {
		t.Errorf("bins %v", bins)
	}
}

func TestHashesDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for i := range 300_000 {
		cell := strconv.Itoa(i)
		for _, c := range []string{cell, cell + "\x00", strings.Repeat("x", i%70) + cell} {
			if was, ok := seen[hashOf([]byte(c))]; ok && was != c {
				t.Fatalf("%q and %q have one hash", was, c)
			}
			seen[hashOf([]byte(c))] = c
		}
	}
}

func TestBars(t *testing.T) {
	c := Column{Histogram: []Bin{{0, 1, 0}, {1, 2, 1}, {2, 3, 500}, {3, 4, 1000}}}
	if got := c.bars(); got != " ▁▄█" {
		t.Errorf("bars %q", got)
	}
	for range 20 - 4 {
		c.Histogram = append(c.Histogram, Bin{Rows: 10})
	}
	if got := len([]rune(c.bars())); got != 10 {
		t.Errorf("20 bins make %d bars", got)
	}
}

func TestWrittenNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{thousands(0), "0"}, {thousands(-1234567), "-1,234,567"}, {thousands(999), "999"}, {thousands(1000), "1,000"},
		{percent(1, 1_000_000), "<0.1%"}, {percent(999_999, 1_000_000), ">99.9%"}, {percent(0, 5), "0%"}, {percent(5, 5), "100%"}, {percent(1, 3), "33%"}, {percent(1, 20), "5.0%"},
		{number4(1234.4), "1,234"}, {number4(0.00001234567), "1.235e-05"}, {number4(2.5), "2.5"}, {number4(1e12), "1e+12"},
		{plainNumber(1234), "1234"}, {plainNumber(0.123456), "0.1235"},
		{size(999), "999 B"}, {size(47_661_447), "47.7 MB"},
		{short("a\nb\tc", 10), "a b c"}, {short("abcdef", 4), "abc…"},
		{distinct(&Column{Distinct: 106_468, About: true}), "about 106,000"},
	} {
		if c.got != c.want {
			t.Errorf("%q, not %q", c.got, c.want)
		}
	}
}

// BenchmarkTake reads cells of the kinds that there are: numbers, names and times.
func BenchmarkTake(b *testing.B) {
	var text strings.Builder
	text.WriteString("date,delay,distance,origin\n")
	r := rand.New(rand.NewPCG(7, 8))
	for range 100_000 {
		text.WriteString("2001-01-" + strconv.Itoa(10+r.IntN(20)) + " 12:" + strconv.Itoa(10+r.IntN(50)) + "," + strconv.Itoa(r.IntN(300)-50) + "," +
			strconv.FormatFloat(r.ExpFloat64(), 'g', 8, 64) + ",AP" + strconv.Itoa(r.IntN(300)) + "\n")
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		take(b, "csv", text.String())
	}
}

// BenchmarkDistinct reads cells that all differ, so that most are new to a full
// tally: the slowest that there is.
func BenchmarkDistinct(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	var cells [][]byte
	bytes := 0
	for range 1 << 18 {
		cells = append(cells, strconv.AppendFloat(nil, r.Float64(), 'f', 9, 64), strconv.AppendUint([]byte("user_"), r.Uint64(), 36))
		bytes += len(cells[len(cells)-1]) + len(cells[len(cells)-2]) + 2
	}
	b.SetBytes(int64(bytes))
	for b.Loop() {
		numbers, names := newColumn("x", newBudget()), newColumn("y", newBudget())
		for i := 0; i < len(cells); i += 2 {
			numbers.add(cells[i])
			names.add(cells[i+1])
		}
	}
}
