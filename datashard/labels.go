package datashard

import (
	"cmp"
	"slices"

	"parley/internal/plan"
)

// labelTable counts distinct labels in the order of first sight, as long as
// there are at most plan.MaxLabels of them. -0 and 0 are one label, 0.
type labelTable struct {
	labels []plan.Label
	more   bool        // there were too many; labels is empty
	last   int         // the label seen last: mostly there are few, in runs
	least  *plan.Label // the smallest one, where it was first; nil without labels
}

func (t *labelTable) reset() { t.labels, t.more, t.last, t.least = t.labels[:0], false, 0, nil }

// add counts rows of a label, the first of which is at a line of a file.
func (t *labelTable) add(value float32, rows int64, file int, line int64) {
	if t.least == nil || value < t.least.Value {
		t.least = &plan.Label{Value: value + 0, File: file, Line: line}
	}
	switch {
	case t.more:
		return
	case t.last < len(t.labels) && t.labels[t.last].Value == value:
	default:
		t.last = slices.IndexFunc(t.labels, func(l plan.Label) bool { return l.Value == value })
	}
	switch {
	case t.last >= 0:
		t.labels[t.last].Rows += rows
	case len(t.labels) == plan.MaxLabels:
		t.labels, t.more, t.last = t.labels[:0], true, 0
	default:
		t.last = len(t.labels)
		t.labels = append(t.labels, plan.Label{Value: value + 0, Rows: rows, File: file, Line: line})
	}
}

// merge adds the labels of rows behind t's, whose lines count from line+1.
func (t *labelTable) merge(u *labelTable, line int64) {
	for _, l := range u.labels {
		t.add(l.Value, l.Rows, l.File, line+l.Line)
	}
	if l := u.least; u.more && (t.least == nil || l.Value < t.least.Value) {
		t.least = &plan.Label{Value: l.Value, File: l.File, Line: line + l.Line}
	}
	if u.more {
		t.labels, t.more = nil, true
	}
}

// sorted returns the labels in ascending order.
func (t *labelTable) sorted() []plan.Label {
	labels := slices.Clone(t.labels)
	slices.SortFunc(labels, func(a, b plan.Label) int { return cmp.Compare(a.Value, b.Value) })
	return labels
}
