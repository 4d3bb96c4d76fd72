package feature

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"parley/internal/param"
	"parley/internal/table"
)

const (
	// MaxLabels is the number of distinct labels up to which they are listed, as in
	// a manifest.
	MaxLabels = 64
	// maxClasses bounds the names that labels may have.
	maxClasses = 1 << 16
)

// labelFit counts labels. Numbers beyond MaxLabels distinct ones, and names
// beyond maxClasses, are forgotten.
type labelFit struct {
	numbers map[uint32]*labelCount // by bits
	names   map[string]*labelCount
	more    bool // numbers were forgotten
	many    bool // names were forgotten
	number1 example
	name1   example
	least   numberAt // the smallest number, if there is one

	last      *labelCount // of the number before, which is often the same
	lastValue float32
}

// labelCount is one distinct label.
type labelCount struct {
	rows  int64
	first spot
}

// numberAt is a number, and where it was first.
type numberAt struct {
	value float32
	at    spot
}

// less orders numbers, then places.
func (n numberAt) less(m numberAt) bool {
	return n.value < m.value || n.value == m.value && n.at.compare(m.at) < 0
}

// example is the first label of a kind.
type example struct {
	text string // "": none
	at   spot
}

func newLabelFit() labelFit {
	return labelFit{numbers: map[uint32]*labelCount{}, names: map[string]*labelCount{}}
}

// compare orders spots by row.
func (s spot) compare(t spot) int {
	return cmp.Or(cmp.Compare(s.row, t.row), cmp.Compare(s.file, t.file), cmp.Compare(s.line, t.line))
}

// number counts n labels of a value, the first of them in a row of a batch.
func (l *labelFit) number(value float32, n int64, first Place, row int) {
	if l.number1.text == "" || value < l.least.value || value == l.least.value && first.Row+int64(row) < l.least.at.row {
		l.least = numberAt{value, first.of(row)}
	}
	if at := first.Row + int64(row); l.number1.text == "" || at < l.number1.at.row {
		l.number1 = example{strconv.FormatFloat(float64(value), 'g', -1, 32), first.of(row)}
	}
	if l.more {
		return
	}
	if l.last == nil || value != l.lastValue {
		l.lastValue, l.last = value, l.numbers[math.Float32bits(value)]
		if l.last == nil {
			l.insert(value, labelCount{n, first.of(row)})
			return
		}
	}
	l.last.add(n, first, row)
}

func (c *labelCount) add(n int64, first Place, row int) {
	c.rows += n
	if first.Row+int64(row) < c.first.row {
		c.first = first.of(row)
	}
}

// insert adds a number that is not there.
func (l *labelFit) insert(value float32, c labelCount) {
	if len(l.numbers) == MaxLabels {
		l.more, l.numbers, l.last = true, nil, nil
		return
	}
	l.lastValue, l.last = value, &c
	l.numbers[math.Float32bits(value)] = l.last
}

// name counts a label that is no number.
func (l *labelFit) name(cell []byte, first Place, row int) {
	if at := first.Row + int64(row); l.name1.text == "" || at < l.name1.at.row {
		l.name1 = example{table.Quote(cell), first.of(row)}
	}
	if c := l.names[string(cell)]; c != nil {
		c.add(1, first, row)
		return
	}
	l.insertName(string(cell), labelCount{1, first.of(row)})
}

func (l *labelFit) insertName(name string, c labelCount) {
	switch {
	case l.many:
	case len(l.names) == maxClasses:
		l.many, l.names = true, nil
	default:
		l.names[name] = &c
	}
}

func (l *labelFit) merge(m *labelFit) {
	if l.number1.text == "" || m.number1.text != "" && m.least.less(l.least) {
		l.least = m.least
	}
	l.number1, l.name1 = l.number1.first(m.number1), l.name1.first(m.name1)
	l.last = nil
	if m.more {
		l.more, l.numbers = true, nil
	}
	for bits, c := range m.numbers {
		if have := l.numbers[bits]; have != nil {
			have.merge(c)
		} else if !l.more {
			l.insert(math.Float32frombits(bits), *c)
		}
	}
	if m.many {
		l.many, l.names = true, nil
	}
	for name, c := range m.names {
		if have := l.names[name]; have != nil {
			have.merge(c)
		} else {
			l.insertName(name, *c)
		}
	}
}

func (c *labelCount) merge(d *labelCount) {
	c.rows += d.rows
	if d.first.compare(c.first) < 0 {
		c.first = d.first
	}
}

// first returns the example that comes first.
func (e example) first(f example) example {
	if e.text == "" || f.text != "" && cmp.Or(f.at.compare(e.at), cmp.Compare(f.text, e.text)) < 0 {
		return f
	}
	return e
}

// classes returns the names of the classes, or nil where labels are numbers.
func (l *labelFit) classes() ([]string, error) {
	switch {
	case l.name1.text == "":
		return nil, nil
	case l.number1.text != "":
		return nil, param.Errorf(param.Invalid, "%w", &MixedLabels{l.number1, l.name1})
	case l.many:
		return nil, param.Errorf(param.Invalid, "labels have more than %d different names: is it the right column?", maxClasses)
	}
	return sortedKeys(l.names), nil
}

// MixedLabels is the error of labels of which some are numbers and some names. It
// tells the first of either.
type MixedLabels struct{ number, name example }

func (e *MixedLabels) Error() string {
	return e.Text(func(file int, line int64) string { return fmt.Sprintf("line %d of file %d", line, file+1) })
}

// Text is the message with places as where writes them, of a file counted from 0.
func (e *MixedLabels) Text(where func(file int, line int64) string) string {
	return fmt.Sprintf("mixed label kinds: label %s (%s) is a number, but label %s (%s) is a name: use one kind, or data.label.map",
		e.number.text, where(e.number.at.file, e.number.at.line), e.name.text, where(e.name.at.file, e.name.at.line))
}

// list returns the distinct labels, by value, and whether there are too many.
func (l *labelFit) list() (labels []Label, more bool) {
	if l.more || l.many || len(l.numbers)+len(l.names) > MaxLabels {
		return nil, true
	}
	for i, name := range sortedKeys(l.names) {
		labels = append(labels, l.names[name].label(float32(i), name))
	}
	for bits, c := range l.numbers {
		labels = append(labels, c.label(math.Float32frombits(bits), ""))
	}
	slices.SortStableFunc(labels, func(a, b Label) int {
		return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Name, b.Name))
	})
	return labels, false
}

// smallest returns the smallest label, nil where there are no numbers.
func (l *labelFit) smallest() *Label {
	if l.number1.text == "" {
		return nil
	}
	n := l.least
	return &Label{Value: n.value, FirstRow: n.at.row, File: n.at.file, Line: n.at.line}
}

func (c *labelCount) label(value float32, name string) Label {
	return Label{Value: value, Name: name, Rows: c.rows, FirstRow: c.first.row, File: c.first.file, Line: c.first.line}
}

// addLabels reads the labels of a batch and marks rows that have none.
func (f *Fit) addLabels(in *input) {
	b := &f.binding
	if b.label < 0 {
		return
	}
	f.values, f.numeric = sized(f.values, in.b.Rows), sized(f.numeric, in.b.Rows)
	for row, bad := range in.bad {
		if !bad {
			f.values[row], f.numeric[row] = b.labelValue(in, row)
		}
	}
}

// countLabels counts the labels of the rows that are good after all checks.
func (f *Fit) countLabels(in *input, first Place) {
	for row, bad := range in.bad {
		switch {
		case bad:
		case f.numeric[row]:
			f.labels.number(f.values[row], 1, first, row)
		default:
			f.labels.name(in.cell(f.binding.label, row), first, row)
		}
	}
}
