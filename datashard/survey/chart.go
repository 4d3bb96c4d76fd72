package survey

import (
	"fmt"
	"math"
)

// chart is a drawing of rectangles and texts, in units of about a pixel.
type chart struct {
	Width, Height int
	Says          string // the chart in words
	Bars, Tracks  []bar
	Texts         []chartText
	Base          string // y of the base line, "" for none
	From, To      string // below the ends
}

type bar struct {
	X, Y, Width, Height string
	Says                string
}

type chartText struct {
	X, Y int
	Text string
	End  bool // the text ends at X
}

const (
	chartUnits  = 320
	chartHeight = 90
	lineHeight  = 22
	mostLines   = 8 // values that a chart of names shows
)

// unit writes a coordinate.
func unit(x float64) string { return fmt.Sprintf("%.1f", x) }

// histogramChart draws a bar a bin. A bin with any row shows.
func histogramChart(c *Column) *chart {
	write := func(x float64) string {
		if c.Type == Time {
			return writeTime(x, c.Times.Clock)
		}
		return number4(x)
	}
	most, fullest := int64(1), 0
	for i, bin := range c.Histogram {
		if bin.Rows > most {
			most, fullest = bin.Rows, i
		}
	}
	one := func(bin Bin) string {
		if c.Type == Integer && bin.To-bin.From == 1 {
			return write(bin.From)
		}
		return write(bin.From) + " to " + write(bin.To)
	}
	g := &chart{Width: chartUnits, Height: chartHeight + 1, Base: unit(chartHeight + 0.5)}
	g.From, g.To = c.ends(write)
	g.Says = fmt.Sprintf("Histogram of %s: %d bars, %s to %s; the highest, %s, has %s of the rows", c.Name, len(c.Histogram), g.From, g.To, one(c.Histogram[fullest]), percent(c.Histogram[fullest].Rows, c.Values))
	step := chartUnits / float64(len(c.Histogram))
	gap := math.Min(2, step/5)
	for i, bin := range c.Histogram {
		if bin.Rows == 0 {
			continue
		}
		height := math.Max(1.5, chartHeight*float64(bin.Rows)/float64(most))
		width := math.Min(step-gap, 48)
		g.Bars = append(g.Bars, bar{X: unit(float64(i)*step + (step-width)/2), Y: unit(chartHeight - height), Width: unit(width), Height: unit(height),
			Says: fmt.Sprintf("%s: %s rows, %s", one(bin), thousands(bin.Rows), percent(bin.Rows, c.Values))})
	}
	return g
}

// ends names the ends of a histogram: where bins of one width begin, if the first
// or last holds all that is beyond.
func (c *Column) ends(write func(float64) string) (from, to string) {
	first, last := c.Histogram[0], c.Histogram[len(c.Histogram)-1]
	from, to = write(first.From), write(last.To)
	if len(c.Histogram) > 2 {
		width := c.Histogram[1].To - c.Histogram[1].From
		if first.To-first.From > 1.5*width {
			from = "below " + write(first.To)
		}
		if last.To-last.From > 1.5*width {
			return from, write(last.From) + " and above"
		}
	}
	if c.Type == Integer && last.To-last.From == 1 {
		to = write(last.From)
	}
	return from, to
}

// valueChart draws a line for each of the most frequent values.
func valueChart(c *Column) *chart {
	lines := min(mostLines, len(c.Top))
	g := &chart{Width: chartUnits, Height: lines * lineHeight}
	g.Says = fmt.Sprintf("The most frequent values of %s:", c.Name)
	const from, to = 120, 268
	for i, v := range c.Top[:lines] {
		share := percent(v.Rows, c.Values)
		g.Says += fmt.Sprintf(" %s %s;", short(v.Text, 24), share)
		y := i * lineHeight
		g.Texts = append(g.Texts, chartText{0, y + 15, short(v.Text, 15), false}, chartText{chartUnits, y + 15, share, true})
		g.Tracks = append(g.Tracks, bar{X: unit(from), Y: unit(float64(y + 6)), Width: unit(to - from), Height: "10"})
		width := math.Max(2, (to-from)*float64(v.Rows)/float64(c.Values))
		g.Bars = append(g.Bars, bar{X: unit(from), Y: unit(float64(y + 6)), Width: unit(width), Height: "10", Says: fmt.Sprintf("%s: %s rows", short(v.Text, 64), thousands(v.Rows))})
	}
	return g
}
