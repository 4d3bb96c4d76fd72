package feature

import (
	"math"
	"strings"
)

// recipe is what a job asks for, with columns by name: the part of a Transform
// that is no result of a fit.
type recipe struct {
	Label    *labelRule  `json:"label,omitempty"`
	Weight   string      `json:"weight,omitempty"`
	Exposure string      `json:"exposure,omitempty"`
	Features []feature   `json:"features,omitempty"`
	Auto     []string    `json:"auto,omitempty"` // columns of which the fit decides what they are; none in a Transform
	Text     string      `json:"text,omitempty"` // column of documents
	HashBits int         `json:"hash_bits,omitempty"`
	Scale    float64     `json:"scale"` // of values that are features already
	Ranges   []rangeRule `json:"ranges,omitempty"`
	Labels   []float64   `json:"labels,omitempty"` // the labels allowed; none: all
}

// labelRule says how labels are read.
type labelRule struct {
	Column string             `json:"column"`
	Above  *float64           `json:"above,omitempty"`
	Map    map[string]float64 `json:"map,omitempty"`
}

// named reports whether labels may be names, which the fit finds out.
func (l *labelRule) named() bool { return l.Above == nil && l.Map == nil }

// rangeRule says which numbers are allowed.
type rangeRule struct {
	Column string  `json:"column"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// kind is what a feature is.
type kind string

const (
	numeric  kind = "numeric"
	binned   kind = "bins"
	category kind = "category"
)

// feature is one run of columns.
type feature struct {
	Kind kind `json:"kind"`
	// Column, Scale, Logs, Standardize, Refuse and Bins are of numeric and bins.
	Column      string   `json:"column,omitempty"`
	Scale       float64  `json:"scale,omitempty"`
	Logs        []string `json:"logs,omitempty"` // log or log1p, in this order
	Standardize bool     `json:"standardize,omitempty"`
	Refuse      bool     `json:"refuse,omitempty"` // missing numbers are bad rows
	Bins        int      `json:"bins,omitempty"`
	// Parts and MinCount are of a category; more than one part are a combination.
	Parts    []part `json:"parts,omitempty"`
	MinCount int64  `json:"min_count,omitempty"`
}

// part is what a category is made of: the cells of a column, a part of its
// times, or the bins of a feature.
type part struct {
	Name   string `json:"name"`
	Column string `json:"column,omitempty"`
	Time   string `json:"time,omitempty"` // name of the part of a time
	Bins   *int   `json:"bins,omitempty"` // which feature
}

func (f *feature) name() string {
	if f.Kind != category {
		return f.Column
	}
	names := make([]string, len(f.Parts))
	for i, p := range f.Parts {
		names[i] = p.Name
	}
	return strings.Join(names, cross)
}

// cross joins the parts of a combination in names.
const cross = "×"

// missing is the name of a value that is not there, other that of values which
// were too rare in the fit.
const (
	missing = "(missing)"
	other   = "(other)"
)

// needsFit reports whether the feature depends on the data.
func (f *feature) needsFit(hashed bool) bool {
	switch f.Kind {
	case numeric:
		return f.Standardize || !f.Refuse
	case binned:
		return true
	}
	return !hashed
}

// maxClock is above the values of all parts of a time but the year.
const maxClock = 60

// isClock reports whether the feature is one part of a time with few values.
func (f *feature) isClock() bool {
	return len(f.Parts) == 1 && f.Parts[0].Time != "" && f.Parts[0].Time != "year"
}

// finite reports whether x is neither infinite nor NaN.
func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }
