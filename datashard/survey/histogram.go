package survey

import "math"

// maxBins bounds the bars of a histogram.
const maxBins = 20

// Bin is a bar of a histogram: the rows with a number from From up to below To (of
// the last one: up to and with To).
type Bin struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Rows int64   `json:"rows"`
}

// histogram makes bins of numbers in ascending order.
func histogram(values []counted, kind Type) []Bin {
	if len(values) == 0 {
		return nil
	}
	least, most := values[0].x, values[len(values)-1].x
	begin, width, n := cut(least, most, kind)
	bins := make([]Bin, n)
	for i := range bins {
		bins[i] = Bin{From: begin + float64(float64(i)*width), To: begin + float64(float64(i+1)*width)}
	}
	for _, v := range values {
		i := int(math.Floor((v.x - begin) / width))
		bins[min(max(i, 0), n-1)].Rows += v.rows
	}
	return bins
}

// cut chooses bins from least to most: one a number for a few integers, one to 20
// of a round width otherwise.
func cut(least, most float64, kind Type) (begin, width float64, n int) {
	switch {
	case kind == Integer && most-least < maxBins:
		return least, 1, int(most-least) + 1
	case most == least:
		return least, 1, 1
	case kind == Time:
		return least, (most - least) / maxBins, maxBins
	}
	width = roundUp((most - least) / maxBins)
	begin = math.Floor(least/width) * width
	n = int(math.Floor((most-begin)/width)) + 1
	if n > maxBins { // the first bin takes in what is below a round number
		width = roundUp(width * 1.01)
		begin = math.Floor(least/width) * width
		n = int(math.Floor((most-begin)/width)) + 1
	}
	if math.IsInf(width, 0) || width == 0 || math.IsInf(begin, 0) || n < 1 { // at the ends of float64
		return least, most/2 - least/2, 2
	}
	return begin, width, min(n, maxBins)
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
