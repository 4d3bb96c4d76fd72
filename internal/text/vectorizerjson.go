package text

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"parley/internal/param"
)

const vectorizerVersion = 1

// stored is the JSON form of a Vectorizer. Numbers are written so that they are
// read back bit by bit.
type stored struct {
	Version   int       `json:"version"`
	Options   Options   `json:"options"`
	Of        string    `json:"of"` // names of source
	Documents uint64    `json:"documents"`
	Terms     []string  `json:"terms,omitempty"`
	Columns   []uint32  `json:"columns,omitempty"`
	Factors   []float64 `json:"factors,omitempty"`
	Unseen    float64   `json:"unseen"`
}

var sourceNames = [...]string{nothing: "nothing", documents: "documents", hashed: "hashed documents", bags: "bags of words"}

// MarshalJSON returns v with its options. Factors are left out where all are 1.
func (v *Vectorizer) MarshalJSON() ([]byte, error) {
	return json.Marshal(stored{vectorizerVersion, v.options, sourceNames[v.source], v.documents, v.terms, v.columns, v.factors, v.unseen})
}

// UnmarshalJSON overwrites v with what MarshalJSON wrote. The error is Corrupt;
// v is then as it was.
func (v *Vectorizer) UnmarshalJSON(data []byte) error {
	var s stored
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return param.Errorf(param.Corrupt, "vectorizer of text: %w", err)
	}
	read := &Vectorizer{options: s.Options, documents: s.Documents, terms: s.Terms, columns: s.Columns, factors: s.Factors, unseen: s.Unseen}
	if fault := s.fault(read); fault != "" {
		return param.Errorf(param.Corrupt, "vectorizer of text: %s", fault)
	}
	read.prepare()
	*v = *read
	return nil
}

// fault returns what is wrong with s, which is in v, and sets v.source.
func (s *stored) fault(v *Vectorizer) string {
	named := slices.Index(sourceNames[:], s.Of)
	switch {
	case s.Version != vectorizerVersion:
		return fmt.Sprintf("version %d, but this program reads %d", s.Version, vectorizerVersion)
	case s.Options.check() != nil:
		return s.Options.check().Error()
	case named < 0:
		return "of " + strconv.Quote(s.Of) + " is not known"
	}
	v.source = source(named)
	if !v.plausible() {
		return "it does not fit its options"
	}
	if !ascending(s.Terms) || !ascending(s.Columns) || slices.ContainsFunc(s.Terms, notTerm) {
		return "terms or columns are not sorted"
	}
	if len(s.Factors) != len(s.Terms)+len(s.Columns) || slices.ContainsFunc(append(s.Factors, s.Unseen), notFactor) {
		return "there is not one factor for each term or column, finite and at least 0"
	}
	return ""
}

// plausible reports that v has what its source asks for, and nothing else.
func (v *Vectorizer) plausible() bool {
	fits := (v.documents > 0) == (v.source != nothing)
	switch v.source {
	case nothing:
		return fits && len(v.terms) == 0 && len(v.columns) == 0 && !v.options.CountsNeedFit()
	case documents:
		return fits && v.options.HashBits == 0 && len(v.terms) > 0 && len(v.columns) == 0 && v.unseen == 0
	case hashed:
		bits, n := v.options.HashBits, len(v.columns)
		return fits && bits > 0 && len(v.terms) == 0 && n > 0 && v.columns[n-1] < 1<<bits
	}
	return fits && len(v.terms) == 0 && len(v.columns) > 0
}

func ascending[T cmp.Ordered](s []T) bool {
	for i := 1; i < len(s); i++ {
		if s[i-1] >= s[i] {
			return false
		}
	}
	return true
}

func notTerm(term string) bool { return term == "" || !utf8.ValidString(term) }

func notFactor(f float64) bool { return !(f >= 0) || math.IsInf(f, 1) }
