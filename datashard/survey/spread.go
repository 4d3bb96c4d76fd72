package survey

import (
	"math"
	"slices"
	"time"
)

// sums adds up what cells are.
type sums struct {
	rows, numbers, integers, times, booleans int64
	bytes, words, longest                    int64
	moments                                  moments
	grid                                     grid
	clock                                    bool
}

// count counts a value, but for its number.
func (s *sums) count(a *about, rows int64) {
	s.rows += rows
	s.bytes, s.words, s.longest = s.bytes+rows*int64(a.bytes), s.words+rows*int64(a.words), max(s.longest, int64(a.bytes))
	s.numbers += rows * int64(a.is&isNumber/isNumber)
	s.integers += rows * int64(a.is&isInteger/isInteger)
	s.times += rows * int64(a.is&isTime/isTime)
	s.booleans += rows * int64(a.is&isBoolean/isBoolean)
}

// add counts a value with its number.
func (s *sums) add(a *about, rows int64) {
	s.count(a, rows)
	if a.is&(isNumber|isTime) != 0 {
		s.moments.add(a.number, rows)
		s.grid.add(a.number, rows)
		s.clock = s.clock || hasClock(a)
	}
}

func hasClock(a *about) bool {
	x := a.number
	if x >= milliseconds {
		x /= 1000
	}
	return a.is&isTime != 0 && math.Mod(x, 24*60*60) != 0
}

// clock reports whether a time is not at midnight.
func (c *column) clock() bool {
	return c.loose.clock || slices.ContainsFunc(c.tally.entries, func(e entry) bool { return hasClock(&e.about) })
}

// milliseconds is from where on a time is in milliseconds, not in seconds: the year
// 9999 is below.
const milliseconds = 1e12

// moments are those of numbers, kept as West (1979) and Chan, Golub and LeVeque
// (1979) do.
type moments struct {
	rows        int64
	mean, m2    float64
	least, most float64
}

func (m *moments) add(x float64, rows int64) {
	if m.rows == 0 {
		m.least, m.most = x, x
	}
	m.least, m.most = min(m.least, x), max(m.most, x)
	m.rows += rows
	delta := x - m.mean
	m.mean += delta * float64(rows) / float64(m.rows)
	m.m2 += float64(float64(rows) * delta * (x - m.mean))
}

// counted is a number and how many rows have it.
type counted struct {
	x    float64
	rows int64
}

// spread says how the numbers of a column are spread.
func (c *column) spread(kind Type) (*Numbers, []Bin) {
	m, values := c.loose.moments, c.loose.grid.counted()
	for i := range c.tally.entries {
		e := &c.tally.entries[i]
		m.add(e.about.number, e.rows)
		values = append(values, counted{e.about.number, e.rows})
	}
	slices.SortFunc(values, func(a, b counted) int {
		switch {
		case a.x < b.x:
			return -1
		case a.x > b.x:
			return 1
		}
		return 0
	})
	for i := range values { // the middle of a cell of the grid may be beyond all numbers
		values[i].x = min(max(values[i].x, m.least), m.most)
	}
	n := &Numbers{Min: m.least, Mean: m.mean, Max: m.most, Std: math.Sqrt(max(0, m.m2/float64(m.rows)))}
	for i := range n.Quartiles {
		n.Quartiles[i] = quantile(values, m.rows, int64(i+1), 4)
	}
	if kind == Time && n.Max >= milliseconds {
		for _, x := range []*float64{&n.Min, &n.Mean, &n.Max, &n.Std, &n.Quartiles[0], &n.Quartiles[1], &n.Quartiles[2]} {
			*x /= 1000
		}
		for i := range values {
			values[i].x /= 1000
		}
	}
	return n, histogram(values, m.rows, kind)
}

// quantile returns the least number that part rows of so many are at most.
func quantile(values []counted, rows, part, of int64) float64 {
	seen := int64(0)
	for _, v := range values {
		if seen += v.rows; seen >= (part*rows+of-1)/of {
			return v.x
		}
	}
	return values[len(values)-1].x
}

func timesOf(n *Numbers, clock bool) *Times {
	return &Times{First: writeTime(n.Min, clock), Last: writeTime(n.Max, clock), Clock: clock}
}

// writeTime writes a time, with the time of day if that is wanted.
func writeTime(seconds float64, clock bool) string {
	t := time.Unix(int64(math.Floor(seconds)), 0).UTC()
	if !clock {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04")
}

// grid counts numbers by sign, exponent and the first 9 bits of the mantissa, so
// that the middle of a cell is within 0.1 % of its numbers. Its pages, one an
// exponent, are made when they are needed.
type grid struct{ pages map[uint16]*[512]int64 }

const gridShift = 52 - 9

func (g *grid) add(x float64, rows int64) {
	k := orderOf(x) >> gridShift
	p := g.pages[uint16(k>>9)]
	if p == nil {
		if g.pages == nil {
			g.pages = map[uint16]*[512]int64{}
		}
		p = new([512]int64)
		g.pages[uint16(k>>9)] = p
	}
	p[k&511] += rows
}

// orderOf maps numbers to integers in the same order.
func orderOf(x float64) uint64 {
	b := math.Float64bits(x + 0) // -0 is 0
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

func ofOrder(k uint64) float64 {
	if k>>63 != 0 {
		return math.Float64frombits(k &^ (1 << 63))
	}
	return math.Float64frombits(^k)
}

// counted returns the cells that are not empty, each as its middle.
func (g *grid) counted() (all []counted) {
	for page, cells := range g.pages {
		for i, rows := range cells {
			if rows > 0 {
				k := (uint64(page)<<9 | uint64(i)) << gridShift
				all = append(all, counted{ofOrder(k | 1<<(gridShift-1)), rows})
			}
		}
	}
	return all
}
