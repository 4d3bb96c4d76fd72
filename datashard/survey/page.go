package survey

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// pageView is what the page shows, in words.
type pageView struct {
	Survey            *Survey
	Name, Headline    string
	Bad, Reasons, Why string
	Label, Sparse     *card
	Cards             []*card
}

// card is a column.
type card struct {
	Name, Type                                string
	IsLabel                                   bool
	Values, Missing, Distinct, Min, Mean, Max string
	Chart                                     *chart
	Facts                                     []fact
}

type fact struct {
	Name, Text string
	Wide       bool
}

// WritePage writes the survey as a web page that needs nothing beside itself: no
// scripts, styles, fonts or pictures from elsewhere. It follows the reader's choice
// of light or dark.
func (s *Survey) WritePage(w io.Writer) error {
	v := pageView{Survey: s, Name: path.Base(s.Path), Headline: s.headline()}
	if s.BadRows > 0 {
		v.Bad, v.Reasons = fmt.Sprintf("%s (%s)", many(s.BadRows, "bad row"), percent(s.BadRows, s.Rows)), s.reasons()
	}
	if l := s.Label; l != nil {
		v.Label = newCard(l.Values)
		v.Label.IsLabel = true
		v.Why = "A guess: " + l.Why + "."
		if s.Sparse != nil {
			v.Why = ""
		}
	}
	if s.Sparse != nil {
		v.Sparse = s.Sparse.card()
	}
	for i := range s.Columns {
		c := newCard(&s.Columns[i])
		c.IsLabel = s.Label != nil && s.Label.Values == &s.Columns[i]
		v.Cards = append(v.Cards, c)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (f *card) fact(name, text string) {
	f.Facts = append(f.Facts, fact{name, text, name == "such as"})
}

func newCard(c *Column) *card {
	f := &card{Name: c.Name, Type: string(c.Type), Values: thousands(c.Values), Distinct: distinct(c),
		Missing: thousands(c.Missing)}
	if c.Missing > 0 {
		f.Missing += " (" + percent(c.Missing, c.Missing+c.Values) + ")"
	}
	f.fact("values", f.Values)
	f.fact("missing", f.Missing)
	f.fact("distinct", f.Distinct)
	switch n := c.Numbers; {
	case c.Type == Time:
		f.Min, f.Max = c.Times.First, c.Times.Last
		f.fact("first", f.Min)
		f.fact("half before", writeTime(n.Quartiles[1], c.Times.Clock))
		f.fact("last", f.Max)
	case n != nil && c.Type != ID:
		f.Min, f.Mean, f.Max = number4(n.Min), number4(n.Mean), number4(n.Max)
		f.fact("min", f.Min)
		f.fact("mean", f.Mean)
		f.fact("max", f.Max)
		f.fact("lower quartile", number4(n.Quartiles[0]))
		f.fact("median", number4(n.Quartiles[1]))
		f.fact("upper quartile", number4(n.Quartiles[2]))
		f.fact("std. deviation", number4(n.Std))
	case c.Type == Text:
		f.fact("mean words", number4(c.Texts.Words))
		f.fact("mean bytes", number4(c.Texts.Bytes))
		f.fact("longest", size(c.Texts.Most))
	}
	if c.NotNumbers > 0 {
		f.fact("not numbers", thousands(c.NotNumbers))
	}
	switch {
	case len(c.Histogram) > 0:
		f.Chart = histogramChart(c)
	case c.Type == Category || c.Type == Boolean:
		f.Chart = valueChart(c)
	case c.Type == ID || c.Type == Text:
		f.fact("such as", short(c.examples(), 60))
	}
	return f
}

// card tells of features without names.
func (s *Sparse) card() *card {
	f := newCard(&s.PerRow)
	f.Name, f.Type, f.Facts = "Nonzeros of a row", "sparse", nil
	f.fact("columns", thousands(s.Columns))
	f.fact("that occur", thousands(s.Used))
	f.fact("nonzeros", thousands(s.Nonzeros))
	f.fact("share of cells", density(s.Density))
	f.fact("least value", number4(s.Least))
	f.fact("largest value", number4(s.Most))
	f.fact("least in a row", thousands(s.MinRow))
	f.fact("mean in a row", number4(s.MeanRow))
	f.fact("most in a row", thousands(s.MaxRow))
	return f
}
