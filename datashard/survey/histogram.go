package survey

import "math"

// maxBins bounds the bars of a histogram.
const maxBins = 20

// Bin is a bar of a histogram: the rows with a number from From up to below To (of
// the last one: up to and with To). Where a few numbers are far from all others,
// the first or last bin holds them, and is wider.
type Bin struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Rows int64   `json:"rows"`
}

// outer is how many rows of 200 at either end may be put into one bin.
const outer = 1

// histogram makes bins of numbers in ascending order.
func histogram(values []counted, rows int64, kind Type) []Bin {
	if len(values) == 0 {
		return nil
	}
	least, most := values[0].x, values[len(values)-1].x
	low, high, room := least, most, maxBins
	if kind != Integer || most-least >= maxBins { // a few integers have a bin each
		l, h := quantile(values, rows, outer, 200), quantile(values, rows, 200-outer, 200)
		if h > l && most/4-least/4 > h-l { // in quarters, for they may be as large as there are
			low, high, room = l, h, maxBins-2
		}
	}
	bins := even(low, high, kind, room)
	bins = within(bins, least, most, room < maxBins)
	i := 0
	for _, v := range values {
		for i < len(bins)-1 && v.x >= bins[i].To {
			i++
		}
		bins[i].Rows += v.rows
	}
	return bins
}

// within makes the bins hold all numbers: in further ones, or, where nothing but
// rounding leaves some out, in those there are.
func within(bins []Bin, least, most float64, further bool) []Bin {
	if !further {
		first, last := &bins[0], &bins[len(bins)-1]
		first.From, last.To = min(first.From, least), max(last.To, most)
		return bins
	}
	if from := bins[0].From; least < from {
		bins = append([]Bin{{From: least, To: from}}, bins...)
	}
	if to := bins[len(bins)-1].To; most > to {
		bins = append(bins, Bin{From: to, To: most})
	}
	return bins
}

// even makes bins of one width.
func even(least, most float64, kind Type, room int) []Bin {
	begin, width, n := cut(least, most, kind, room)
	bins := make([]Bin, n)
	for i := range bins {
		bins[i] = Bin{From: begin + float64(float64(i)*width), To: begin + float64(float64(i+1)*width)}
	}
	return bins
}

// cut chooses bins from least to most: one a number for a few integers, up to room of a
// round width otherwise.
func cut(least, most float64, kind Type, room int) (begin, width float64, n int) {
	switch {
	case kind == Integer && most-least < float64(room):
		return least, 1, int(most-least) + 1
	case most == least:
		return least, 1, 1
	case kind == Time:
		return least, (most - least) / float64(room), room
	}
	width = (most/2 - least/2) / float64(room) * 2
	for range 3 { // the first bin takes in what is below a round number, so there may be one too many
		width = roundUp(width)
		begin = math.Floor(least/width) * width
		if n = int(math.Floor((most-begin)/width)) + 1; n <= room {
			break
		}
		width *= 1.01
	}
	if !(width > 0) || math.IsInf(width, 0) || math.IsInf(begin, 0) || n < 1 || n > room { // at the ends of float64
		return least, most/2 - least/2, 2
	}
	return begin, width, n
}

// roundUp returns the next of 1, 2 and 5 times a power of ten.
func roundUp(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{1, 2, 5} {
		if x <= f*p {
			return f * p
		}
	}
	return 10 * p
}
