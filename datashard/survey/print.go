package survey

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Width is the number of columns of a terminal that Print keeps to.
const Width = 100

// Print writes the survey for people, in lines of at most Width characters except
// for paths and reasons.
func (s *Survey) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", s.Path, s.headline())
	s.printBad(&b)
	if s.BadRows < s.Rows {
		if s.Sparse != nil {
			s.Sparse.print(&b)
		} else {
			s.printColumns(&b)
		}
		s.printLabel(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// headline tells how much data there is.
func (s *Survey) headline() string {
	text := fmt.Sprintf("%s, %s, ", s.Format, many(s.Rows, "row"))
	if s.Sparse == nil {
		text += many(int64(len(s.Columns)), "column") + ", "
	}
	return text + fmt.Sprintf("%s of text in %s", size(s.Bytes), many(int64(s.Files), "file"))
}

// many writes a number of things.
func many(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}

func (s *Survey) printBad(b *strings.Builder) {
	if s.BadRows == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s (%s), left out of all that follows: %s\n", many(s.BadRows, "bad row"), percent(s.BadRows, s.Rows), s.reasons())
	for _, p := range s.Places {
		fmt.Fprintf(b, "  %s:%d: %s\n", p.File, p.Line, p.Reason)
	}
	if more := s.BadRows - int64(len(s.Places)); more > 0 {
		fmt.Fprintf(b, "  and %s more\n", thousands(more))
	}
	if s.BadRows == s.Rows {
		fmt.Fprintf(b, "  All rows are bad: is %s the format? --format names another, --columns the columns of a file without a header.\n", s.Format)
	}
}

func (s *Survey) reasons() string {
	var parts []string
	for _, r := range s.Reasons {
		parts = append(parts, fmt.Sprintf("%s %s", r.Code, thousands(r.Rows)))
	}
	return strings.Join(parts, ", ")
}

// The table of columns: name, type, missing, distinct, then either three numbers
// and a histogram or what there is to say of names.
const (
	numberWidth = 10
	chartWidth  = 12
	sayWidth    = 3*(numberWidth+2) + chartWidth
)

func (s *Survey) printColumns(b *strings.Builder) {
	name, kinds := 6, 4
	for i := range s.Columns {
		name = max(name, min(20, utf8.RuneCountInString(s.Columns[i].Name)))
		kinds = max(kinds, len(s.Columns[i].Type))
	}
	row := func(cells ...string) {
		fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("%s  %s  %s  %s  %s", left(cells[0], name), left(cells[1], kinds), right(cells[2], 7), right(cells[3], 11), cells[4]), " "))
	}
	b.WriteByte('\n')
	row("column", "type", "missing", "distinct", numbersOf("min", "mean", "max")+"histogram")
	for i := range s.Columns {
		c := &s.Columns[i]
		missing := percent(c.Missing, c.Missing+c.Values)
		if c.Missing == 0 {
			missing = "-"
		}
		row(short(c.Name, name), string(c.Type), missing, distinct(c), c.say())
	}
}

func numbersOf(cells ...string) string {
	text := ""
	for _, cell := range cells {
		text += right(cell, numberWidth) + "  "
	}
	return text
}

// say tells what is in a column, in sayWidth characters.
func (c *Column) say() string {
	n := c.Numbers
	switch {
	case c.Type == Empty:
		return "no value in any row"
	case c.Type == Time:
		return numbersOf(c.Times.First[:10], "", c.Times.Last[:10]) + c.bars()
	case n != nil && c.Type != ID:
		return numbersOf(number4(n.Min), number4(n.Mean), number4(n.Max)) + c.bars()
	case c.Type == ID:
		return short("such as "+c.examples(), sayWidth)
	case c.Type == Text:
		return short(fmt.Sprintf("%s words, %s bytes on average, up to %s", number4(c.Texts.Words), number4(c.Texts.Bytes), size(c.Texts.Most)), sayWidth)
	}
	text := ""
	for _, v := range c.Top {
		next := short(v.Text, 20) + " " + percent(v.Rows, c.Values)
		if text != "" {
			next = text + ", " + next
		}
		if utf8.RuneCountInString(next) > sayWidth {
			break
		}
		text = next
	}
	return text
}

func (c *Column) examples() string {
	var texts []string
	for _, v := range c.Top[:min(3, len(c.Top))] {
		texts = append(texts, short(v.Text, 20))
	}
	return strings.Join(texts, ", ")
}

var blocks = []rune(" ▁▂▃▄▅▆▇█")

// bars draws the histogram in a line of at most chartWidth characters. A bar that
// is not empty shows.
func (c *Column) bars() string {
	rows := make([]int64, len(c.Histogram))
	for i, bin := range c.Histogram {
		rows[i] = bin.Rows
	}
	if len(rows) > chartWidth {
		for i := range (len(rows) + 1) / 2 {
			rows[i] = rows[2*i]
			if 2*i+1 < len(rows) {
				rows[i] += rows[2*i+1]
			}
		}
		rows = rows[:(len(rows)+1)/2]
	}
	text, most := "", max(1, slices.Max(rows))
	for _, n := range rows {
		text += string(blocks[(n*int64(len(blocks)-1)+most-1)/most])
	}
	return text
}

func (s *Sparse) print(b *strings.Builder) {
	columns := thousands(s.Columns)
	if s.Hashed {
		columns += " hashed"
	}
	fmt.Fprintf(b, "\ncolumns    %s, of which %s occur\n", columns, thousands(s.Used))
	fmt.Fprintf(b, "nonzeros   %s, which is %s of all cells; values %s to %s\n", thousands(s.Nonzeros), density(s.Density), number4(s.Least), number4(s.Most))
	fmt.Fprintf(b, "in a row   %s to %s, %s on average   %s\n", thousands(s.MinRow), thousands(s.MaxRow), number4(s.MeanRow), s.PerRow.bars1())
}

// bars1 is bars of a column that may have no values.
func (c *Column) bars1() string {
	if len(c.Histogram) == 0 {
		return ""
	}
	return c.bars()
}

func density(share float64) string { return number4(100*share) + "%" }

// balanceLines is how many labels are told one by one.
const balanceLines = 5

func (s *Survey) printLabel(b *strings.Builder) {
	if s.Label == nil {
		none := "no column can be one"
		if s.Sparse != nil {
			none = "the rows have none; --labels names the file that has them"
		}
		fmt.Fprintf(b, "\nlabel      none: %s\n", none)
		return
	}
	c, name := s.Label.Values, s.Label.Column
	if name != "" {
		name = short(name, 40) + ", "
	}
	fmt.Fprintf(b, "\nlabel      %s%s\n", name, s.Label.Why)
	if n := c.Numbers; n != nil && c.Distinct > topValues {
		fmt.Fprintf(b, "           %s to %s, mean %s, standard deviation %s\n", number4(n.Min), number4(n.Max), number4(n.Mean), number4(n.Std))
		fmt.Fprintf(b, "           a quarter is up to %s, half up to %s, three quarters up to %s\n", number4(n.Quartiles[0]), number4(n.Quartiles[1]), number4(n.Quartiles[2]))
		return
	}
	told := int64(0)
	for _, v := range c.Top[:min(balanceLines, len(c.Top))] {
		told += v.Rows
		bar := strings.Repeat("█", int(1+(40*v.Rows-1)/c.Top[0].Rows))
		fmt.Fprintf(b, "           %s %s %s %s\n", left(short(v.Text, 20), 20), right(thousands(v.Rows), 13), right(percent(v.Rows, c.Values), 6), bar[:len("█")*min(40, utf8.RuneCountInString(bar))])
	}
	if more := c.Distinct - int64(min(balanceLines, len(c.Top))); more > 0 {
		fmt.Fprintf(b, "           %s %s %s\n", left(fmt.Sprintf("and %s more", thousands(more)), 20), right(thousands(c.Values-told), 13), right(percent(c.Values-told, c.Values), 6))
	}
}

// left and right fill text up to a width.
func left(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func right(s string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s))) + s
}
