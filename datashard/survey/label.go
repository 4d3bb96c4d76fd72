package survey

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// labelNames are what labels are often called, the surest first.
var labelNames = []string{
	"label", "target", "y", "class", "outcome", "response", "clicked", "click", "churned", "churn", "survived", "defaulted", "fraud",
	"converted", "conversion", "delay", "claimnb", "claims", "income", "price", "rating", "score", "quality", "diagnosis", "species",
	"category", "spam", "sentiment", "result",
}

// mostClasses is the number of names up to which a column of names may be a label.
const mostClasses = 1000

// guessLabel chooses the column that is most likely to be the label.
func (s *Survey) guessLabel() {
	if s.Sparse != nil {
		if s.labelled() {
			s.Label = &Label{Why: "what each row begins with", Values: &s.Sparse.Labels}
		}
		return
	}
	for _, want := range labelNames {
		for i := range s.Columns {
			if c := &s.Columns[i]; plainName(c.Name) == want && c.canBeLabel() {
				s.Label = &Label{Column: c.Name, Why: "labels are often called so", Values: c}
				return
			}
		}
	}
	for i := range slices.Backward(s.Columns) {
		if c := &s.Columns[i]; c.canBeLabel() {
			s.Label = &Label{Column: c.Name, Why: "the last column that can be one; none is called as labels are", Values: c}
			return
		}
	}
}

// labelled reports whether rows that are features have labels at all.
func (s *Survey) labelled() bool {
	if (s.Format == "uci-bow" || s.Format == "idx") && s.source.Labels == "" {
		return false
	}
	return s.Sparse.Labels.Values > 0
}

// plainName is a name without what people decorate it with.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
	if short, ok := strings.CutPrefix(name, "is"); ok && slices.Contains(labelNames, short) {
		return short
	}
	return name
}

func (c *Column) canBeLabel() bool {
	if c.Distinct < 2 || whyNot(c.Name) != "" {
		return false
	}
	switch c.Type {
	case Integer, Number:
		return !c.huge()
	case Boolean, Category:
		return !c.About && c.Distinct <= mostClasses && c.Top[0].canBeClass() && c.Top[1].canBeClass()
	}
	return false
}

// canBeClass reports whether a job can name a value in data.label.map, where * has
// a meaning of its own.
func (v *Value) canBeClass() bool {
	return v.size <= shownBytes && v.Text != "*" && utf8.ValidString(v.Text) && !strings.ContainsFunc(v.Text, unicode.IsControl)
}

// whyNot says why a job cannot name a column, if it cannot.
func whyNot(name string) string {
	switch {
	case name == "":
		return "it has no name: give it one"
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "its name is no plain text: rename it"
	}
	return ""
}
