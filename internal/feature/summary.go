package feature

import (
	"fmt"
	"slices"
)

// Summary is what a fit says of the data to a report.
type Summary struct {
	Rows          int64   // bad ones too
	Bad           []Count // by code
	Labels        []Label // by value; empty if there are more than MaxLabels
	MoreLabels    bool
	Least         *Label   // the smallest; nil where none is a number
	Nonzeros      int64    // of rows whose features are there already
	LargestColumn int64    // of the same; -1: none
	Columns       []Column // those that were read, in the data's order
	Faults        []Fault  // what data.quality asks and the data is not
}

// Count is a number of bad rows.
type Count struct {
	Code string `json:"code"`
	Rows int64  `json:"rows"`
}

// Label is one distinct label.
type Label struct {
	Value float32
	Name  string // of a class; empty where labels are numbers
	Rows  int64
	// Where it was seen first: a row of the dataset from 0, a file, and a line from 1
	// (0 where it is not known).
	FirstRow int64
	File     int
	Line     int64
}

// Column is what was found in a column.
type Column struct {
	Name    string
	Missing int64
	// Numbers counts the cells that were read as numbers; Least, Most and Mean are
	// theirs, and 0 if there are none.
	Numbers           int64
	Least, Most, Mean float64
}

// Fault is something that the data is not and data.quality asks.
type Fault struct {
	Key  string `json:"key"` // such as data.quality.unique
	Text string `json:"text"`
}

// Summary reports what is known so far.
func (f *Fit) Summary() Summary {
	s := Summary{Rows: f.rows, Nonzeros: f.nonzeros, LargestColumn: f.largest}
	for _, code := range sortedKeys(f.bad) {
		s.Bad = append(s.Bad, Count{code, f.bad[code]})
	}
	s.Labels, s.MoreLabels = f.labels.list()
	s.Least = f.labels.smallest()
	for i := range f.columns {
		s.Columns = append(s.Columns, f.columns[i].summary(f.plan.names[i]))
	}
	s.Faults = f.faults()
	return s
}

func (c *columnFit) summary(name string) Column {
	out := Column{Name: name, Missing: c.missing, Numbers: c.numbers}
	if c.numbers > 0 {
		out.Least, out.Most = c.least, c.most
		out.Mean, _ = moments(&c.total, &sum{}, c.numbers)
	}
	return out
}

func (f *Fit) faults() []Fault {
	var faults []Fault
	if good := f.good(); good < f.plan.least {
		faults = append(faults, Fault{"data.quality.min_rows", fmt.Sprintf("%d rows can be used, but there must be at least %d", good, f.plan.least)})
	}
	for _, limit := range f.plan.limits {
		c := &f.columns[slices.Index(f.plan.names, limit.Column)]
		if share := float64(c.missing) / float64(max(1, f.rows)); share > limit.Most {
			faults = append(faults, Fault{"data.quality.max_missing." + limit.Column,
				fmt.Sprintf("%d of %d rows (%.4g%%) have no %s, but at most %.4g%% may", c.missing, f.rows, 100*share, limit.Column, 100*limit.Most)})
		}
	}
	if f.plan.unique == "" {
		return faults
	}
	rows, example, times := f.unique.repeats()
	switch {
	case f.unique.overflow:
		faults = append(faults, Fault{"data.quality.unique", fmt.Sprintf("more than %d rows: whether their %s differ cannot be told", maxUnique, f.plan.unique)})
	case rows > 0:
		faults = append(faults, Fault{"data.quality.unique", fmt.Sprintf("%d rows repeat the %s of another row: %s is there %d times", rows, f.plan.unique, textOf(example), times)})
	}
	return faults
}
