package survey

import (
	"fmt"
	"math"
	"strings"

	"parley/internal/param"
)

// features writes data.features and data.text. A column that is no feature is
// there as a comment with the reason.
func (d *draft) features() error {
	var lines []string
	text, listed := "", 0
	for i := range d.survey.Columns {
		c := &d.survey.Columns[i]
		if c == d.survey.Label.Values {
			continue
		}
		if c.Type == Text && text == "" && whyNot(c.Name) == "" {
			text = c.Name
			continue
		}
		feature, note := d.feature(c)
		if note != "" {
			note = "   # " + note
		}
		if feature == "" {
			lines = append(lines, fmt.Sprintf("    # %s is left out:%s", scalar(c.Name), strings.TrimPrefix(note, "   #")))
			continue
		}
		listed++
		lines = append(lines, "    - "+feature+note)
	}
	switch {
	case text == "" && listed == 0:
		return param.Errorf(param.Invalid, "%s: no column can be a feature beside the label %s, so no job can train on them: add some", d.survey.Path, quoted(d.survey.Label.Column))
	case text != "":
		d.line("  text: {field: %s, min_df: %d, weight: tfidf}   # words become features", scalar(text), d.minCount())
	}
	if listed > 0 {
		d.line("  features:")
	} else if len(lines) > 0 {
		d.line("  # no other column is a feature:")
	}
	for _, line := range lines {
		d.line("%s", line)
	}
	return nil
}

// minCount is how often a name or word must occur for training to learn of it.
func (d *draft) minCount() int {
	switch rows := d.survey.Rows; {
	case rows < 1000:
		return 1
	case rows < 20_000:
		return 2
	case rows < 200_000:
		return 5
	}
	return 10
}

// feature returns the feature to make of a column, or "", and why.
func (d *draft) feature(c *Column) (feature, note string) {
	if why := whyNot(c.Name); why != "" {
		return "", why
	}
	switch {
	case c.Type == Empty:
		return "", "it has no value in any row"
	case c.Distinct == 1:
		return "", fmt.Sprintf("it has one value alone, %s", quoted(short(c.Top[0].Text, 24)))
	case c.Type == ID:
		return "", "nearly every row has a value of its own, as ids have, which tells nothing of other rows"
	case c.Type == Text:
		return "", "it is text, and data.text takes one column"
	case c.Type == Time:
		return d.time(c)
	case c.Type == Integer, c.Type == Number:
		return number(c)
	}
	note = fmt.Sprintf("%s values", distinct(c))
	if c.NotNumbers > 0 {
		note += fmt.Sprintf("; %s of %s cells are no numbers, so it is taken as names", thousands(c.NotNumbers), thousands(c.Values))
	}
	return fmt.Sprintf("{category: %s, min_count: %d}", scalar(c.Name), d.minCount()), note
}

// number makes a feature of numbers: of their logarithm where few are far above
// all others.
func number(c *Column) (feature, note string) {
	n := c.Numbers
	if c.huge() {
		return "", "it has numbers beyond the range of 32-bit floats"
	}
	note = fmt.Sprintf("%s to %s", plainNumber(n.Min), plainNumber(n.Max))
	if c.Missing > 0 {
		note += fmt.Sprintf("; missing in %s of the rows: their mean, and a column that says so", percent(c.Missing, c.Missing+c.Values))
	}
	if c.longTail() {
		return fmt.Sprintf("{numeric: %s, transform: [log1p, standardize]}", scalar(c.Name)), note + "; most are small, so by size"
	}
	return fmt.Sprintf("{numeric: %s, transform: [standardize]}", scalar(c.Name)), note
}

func (c *Column) huge() bool {
	return c.Numbers != nil && max(-c.Numbers.Min, c.Numbers.Max) > math.MaxFloat32
}

// longTail reports whether a few numbers are so much larger than the others that
// they would rule a sum.
func (c *Column) longTail() bool {
	n := c.Numbers
	return n.Min >= 0 && n.Max >= 10 && c.Distinct > 10 && n.Max >= 8*n.Quartiles[2]
}

const day = 24 * 60 * 60

// time makes categories of the parts of a time that can tell something of other
// times.
func (d *draft) time(c *Column) (feature, note string) {
	var parts []string
	span := c.Numbers.Max - c.Numbers.Min
	if c.Times.Clock {
		parts = append(parts, "hour")
	}
	if span >= 6*day {
		parts = append(parts, "weekday")
	}
	if span >= 330*day {
		parts = append(parts, "month")
	}
	note = fmt.Sprintf("%s to %s", c.Times.First, c.Times.Last)
	if len(parts) == 0 {
		return "", note + ": too short a time to tell weekdays apart"
	}
	if span < 330*day {
		note += "; no month: it is less than a year"
	}
	return fmt.Sprintf("{time: %s, parts: [%s]}", scalar(c.Name), strings.Join(parts, ", ")), note
}
