package survey

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"parley/internal/decimal"
	"parley/internal/feature"
	"parley/internal/table"
)

// Column is what is in a column. Rows that are bad do not count.
type Column struct {
	Name     string `json:"name"`
	Type     Type   `json:"type"`
	Values   int64  `json:"values"`  // cells that are not missing
	Missing  int64  `json:"missing"` // cells without a value
	Distinct int64  `json:"distinct"`
	// About says that Distinct is an estimate (off by about 1 %), and that Top,
	// Quartiles and Histogram are of what could be counted.
	About bool `json:"about,omitempty"`
	// NotNumbers counts the values that are no numbers, in a column where most are.
	NotNumbers int64    `json:"not_numbers,omitempty"`
	Numbers    *Numbers `json:"numbers,omitempty"` // of integer, number and time
	Times      *Times   `json:"times,omitempty"`   // of time
	Texts      *Texts   `json:"texts,omitempty"`   // of text, category, boolean and id
	Top        []Value  `json:"top"`               // most frequent first
	Histogram  []Bin    `json:"histogram,omitempty"`
}

// Numbers is how numbers are spread. Times are seconds since 1970 here.
type Numbers struct {
	Min       float64    `json:"min"`
	Mean      float64    `json:"mean"`
	Max       float64    `json:"max"`
	Std       float64    `json:"std"`       // of the population
	Quartiles [3]float64 `json:"quartiles"` // a value of the column each, or within 0.2 % if About
}

// Times is what matters of times.
type Times struct {
	First string `json:"first"`
	Last  string `json:"last"`
	// Clock says that some are not at midnight.
	Clock bool `json:"clock"`
}

// Texts is how long texts are.
type Texts struct {
	Bytes float64 `json:"mean_bytes"`
	Words float64 `json:"mean_words"` // between blanks
	Most  int64   `json:"most_bytes"`
}

// Value is a value and the number of rows that have it.
type Value struct {
	Text string `json:"text"` // its first 64 bytes
	Rows int64  `json:"rows"`

	size int64 // of the whole
}

// about is what a cell is, beside its text.
type about struct {
	number float64 // of a number; else the seconds of a time
	bytes  uint32
	words  uint32
	is     what
}

type what uint8

const (
	isNumber what = 1 << iota
	isInteger
	isTime
	isBoolean
)

// column adds up the cells of a column. All that is asked of values follows from
// the tally; loose sums up those that it does not know.
type column struct {
	name    string
	missing int64
	tally   tally
	rising  bool // no number is below one before it
	last    float64
	loose   sums
}

func newColumn(name string, room *budget) *column {
	return &column{name: name, tally: tally{room: room}, rising: true, last: math.Inf(-1)}
}

// addCells adds the cells of the rows that are not to be skipped.
func (c *column) addCells(cells *table.Column, skip []bool) {
	for i, s := range skip {
		switch {
		case s:
		case cells.IsMissing(i):
			c.missing++
		default:
			c.add(cells.Cell(i))
		}
	}
}

func (c *column) add(cell []byte) {
	hash := hashOf(cell)
	if c.tally.count(hash) {
		return
	}
	a := look(cell)
	if a.is&isNumber != 0 {
		c.rising = c.rising && a.number > c.last
		c.last = a.number
	}
	if !c.tally.insert(hash, cell, a) {
		c.loose.add(&a, 1)
	}
}

// look reads a cell in all ways.
func look(cell []byte) about {
	a := about{bytes: uint32(min(len(cell), math.MaxUint32))}
	if x, ok := decimal.Float64(cell); ok {
		a.number, a.is = x, isNumber
		if x == math.Trunc(x) && !bytes.ContainsAny(cell, ".eE") {
			a.is |= isInteger
		}
	}
	if len(cell) >= 10 && cell[0]-'0' <= 9 && cell[3]-'0' <= 9 { // as all times do, and few texts
		if seconds, ok := feature.TimeCell(cell); ok {
			a.is |= isTime
			if a.is&isNumber == 0 {
				a.number = float64(seconds)
			}
		}
	}
	if len(cell) <= 5 {
		switch string(bytes.ToLower(cell)) {
		case "true", "false", "yes", "no", "t", "f", "y", "n":
			a.is |= isBoolean
		}
	}
	a.words = words(cell)
	return a
}

// words counts what is between blanks.
func words(cell []byte) (n uint32) {
	blank := true
	for _, b := range cell {
		if now := b == ' ' || b == '\t' || b == '\n'; now != blank {
			if blank = now; !now {
				n++
			}
		}
	}
	return n
}

// finish says what the column is.
func (c *column) finish() Column {
	out := Column{Name: c.name, Missing: c.missing, Top: c.top()}
	out.Distinct, out.About = c.tally.distinct()
	all := c.loose // counts alone; spread adds the numbers
	for i := range c.tally.entries {
		all.count(&c.tally.entries[i].about, c.tally.entries[i].rows)
	}
	out.Values = all.rows
	out.Distinct = min(out.Distinct, max(out.Values, 0))
	out.Type = c.kind(&all, out.Distinct)
	switch out.Type {
	case Integer, Number, Time:
		out.Numbers, out.Histogram = c.spread(out.Type)
	case ID:
		if all.numbers == all.rows {
			out.Numbers, _ = c.spread(Number)
		}
	}
	if out.Type == Time {
		out.Times = timesOf(out.Numbers, c.clock())
	}
	if n := all.rows - all.numbers; n > 0 && 10*n <= all.rows {
		out.NotNumbers = n
	}
	if out.Values > 0 && out.Type != Integer && out.Type != Number && out.Type != Time {
		out.Texts = &Texts{Bytes: float64(all.bytes) / float64(all.rows), Words: float64(all.words) / float64(all.rows), Most: all.longest}
	}
	return out
}

// topValues is how many of the most frequent values are told.
const topValues = 10

func (c *column) top() []Value {
	order := make([]int, len(c.tally.entries))
	for i := range order {
		order[i] = i
	}
	at := func(i int) *entry { return &c.tally.entries[i] }
	slices.SortFunc(order, func(a, b int) int {
		if o := cmp.Compare(at(b).rows, at(a).rows); o != 0 {
			return o
		}
		return bytes.Compare(c.tally.text[at(a).start:][:at(a).size], c.tally.text[at(b).start:][:at(b).size])
	})
	top := []Value{}
	for _, i := range order[:min(len(order), topValues)] {
		top = append(top, Value{Text: c.tally.textOf(at(i)), Rows: at(i).rows, size: int64(at(i).about.bytes)})
	}
	return top
}
