package feature

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"parley/internal/param"
	"parley/internal/text"
)

// transformJSON is the saved form of a Transform.
type transformJSON struct {
	Version int              `json:"version"`
	Sparse  bool             `json:"sparse,omitempty"`
	Recipe  recipe           `json:"recipe"`
	Blocks  []block          `json:"blocks,omitempty"`
	Classes values           `json:"classes,omitempty"`
	Terms   *text.Vectorizer `json:"terms,omitempty"`
	Columns int64            `json:"columns"`
}

const transformVersion = 1

// values are names in JSON: those that are no UTF-8 are objects with their bytes.
type values []string

type rawName struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON writes the names so that UnmarshalJSON gives them back byte by byte.
func (v values) MarshalJSON() ([]byte, error) {
	out := make([]any, len(v))
	for i, name := range v {
		if out[i] = name; !utf8.ValidString(name) {
			out[i] = rawName{[]byte(name)}
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *values) UnmarshalJSON(data []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*v = make(values, len(raw))
	for i, r := range raw {
		if len(r) > 0 && r[0] == '{' {
			var name rawName
			if err := json.Unmarshal(r, &name); err != nil {
				return err
			}
			(*v)[i] = string(name.Base64)
		} else if err := json.Unmarshal(r, &(*v)[i]); err != nil {
			return err
		}
	}
	return nil
}

// MarshalJSON writes t. Floats come back with the same bits.
func (t *Transform) MarshalJSON() ([]byte, error) {
	return json.Marshal(transformJSON{transformVersion, t.sparse, t.recipe, t.blocks, t.classes, t.terms, t.columns})
}

// UnmarshalJSON reads what MarshalJSON wrote, and checks it: its error is Corrupt
// if it is no Transform that a fit could have made.
func (t *Transform) UnmarshalJSON(data []byte) error {
	var j transformJSON
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return param.Errorf(param.Corrupt, "read features: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return param.Errorf(param.Corrupt, "read features: there is more behind them")
	}
	read := Transform{recipe: j.Recipe, sparse: j.Sparse, blocks: j.Blocks, classes: j.Classes, terms: j.Terms, columns: j.Columns}
	if err := read.check(j.Version); err != nil {
		return param.Errorf(param.Corrupt, "read features: %v", err)
	}
	*t = read
	return nil
}

// check reports what no fit could have made.
func (t *Transform) check(version int) error {
	r := &t.recipe
	switch {
	case version != transformVersion:
		return fmt.Errorf("version %d is not known", version)
	case len(t.blocks) != len(r.Features):
		return fmt.Errorf("%d blocks of %d features", len(t.blocks), len(r.Features))
	case len(r.Auto) > 0 || r.HashBits < 0 || r.HashBits > 28:
		return fmt.Errorf("the recipe is not complete")
	case t.sparse && (len(r.Features) > 0 || r.Label != nil || r.Weight+r.Exposure+r.Text != "" || len(r.Ranges) > 0):
		return fmt.Errorf("sparse rows have no named columns")
	case !t.sparse && (r.Text == "") != (t.terms == nil):
		return fmt.Errorf("documents without terms, or terms without documents")
	case t.terms != nil && (t.sparse && !t.terms.TakesBags() || !t.sparse && !t.terms.TakesDocuments()):
		return fmt.Errorf("the terms are of other rows")
	case !t.sparse && t.terms != nil && (t.terms.Terms() == nil) != (r.HashBits > 0), !t.sparse && t.terms != nil && r.HashBits > 0 && t.terms.Columns() != 1<<r.HashBits:
		return fmt.Errorf("the terms are not hashed as the features are")
	case t.columns < 0 || t.columns > math.MaxUint32+1:
		return fmt.Errorf("%d columns", t.columns)
	case t.classes != nil && (r.Label == nil || !r.Label.named() || len(t.classes) > maxClasses || !ascend(t.classes)):
		return fmt.Errorf("the classes are not sorted, or need a label")
	}
	if l := r.Label; l != nil {
		for _, cell := range sortedKeys(l.Map) {
			if tooLarge(l.Map[cell]) {
				return fmt.Errorf("label %v is beyond the range of 32-bit floats", l.Map[cell])
			}
		}
	}
	for i := range t.blocks {
		if err := t.blocks[i].check(r, i); err != nil {
			return fmt.Errorf("feature %s: %v", r.Features[i].name(), err)
		}
	}
	columns := t.columns
	if err := t.layOut(nil); err != nil {
		return err
	}
	if columns != t.columns {
		return fmt.Errorf("%d columns, but the features make %d", columns, t.columns)
	}
	return nil
}

func ascend(names []string) bool {
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			return false
		}
	}
	return true
}

// check reports what is wrong with a block of a feature.
func (b *block) check(r *recipe, i int) error {
	f := &r.Features[i]
	switch f.Kind {
	case numeric, binned:
		if err := f.checkNumeric(); err != nil {
			return err
		}
		return b.checkNumeric(f)
	case category:
		if err := f.checkParts(r); err != nil {
			return err
		}
		return b.checkValues(f, r.HashBits > 0)
	}
	return fmt.Errorf("unknown kind %q", f.Kind)
}

func (f *feature) checkNumeric() error {
	bad := func(step string) bool { return step != "log" && step != "log1p" }
	switch {
	case f.Column == "" || len(f.Parts) > 0 || slices.ContainsFunc(f.Logs, bad):
		return fmt.Errorf("a number needs a column and known steps")
	case (f.Kind == binned) != (f.Bins >= 2) || f.Bins > 65536 || f.Kind == binned && f.Standardize:
		return fmt.Errorf("%d bins", f.Bins)
	}
	return nil
}

func (b *block) checkNumeric(f *feature) error {
	switch {
	case len(b.Values) > 0 || b.Other:
		return fmt.Errorf("numbers have no names")
	case tooLarge(b.Mean) || !(b.Deviation >= 0) || f.Kind == numeric && !(b.Deviation > 0) || tooLarge(b.Deviation):
		return fmt.Errorf("mean %v and deviation %v", b.Mean, b.Deviation)
	case len(b.Edges) > f.Bins+1 || f.Kind == numeric && len(b.Edges) > 0 || f.Kind == binned && len(b.Edges) == 0:
		return fmt.Errorf("%d edges of %d bins", len(b.Edges), f.Bins)
	}
	for j, edge := range b.Edges {
		if tooLarge(edge) || j > 0 && !(b.Edges[j-1] < edge) {
			return fmt.Errorf("edges do not ascend")
		}
	}
	return nil
}

func (f *feature) checkParts(r *recipe) error {
	if len(f.Parts) == 0 || f.Column != "" {
		return fmt.Errorf("a category needs parts")
	}
	for _, p := range f.Parts {
		switch {
		case p.Name == "" || (p.Column == "") == (p.Bins == nil) || p.Time != "" && (timeParts[p.Time] == 0 || p.Column == ""):
			return fmt.Errorf("part %q", p.Name)
		case p.Bins != nil && (len(f.Parts) == 1 || *p.Bins < 0 || *p.Bins >= len(r.Features) || r.Features[*p.Bins].Kind != binned):
			return fmt.Errorf("part %q has no bins", p.Name)
		}
	}
	return nil
}

func (b *block) checkValues(f *feature, hashed bool) error {
	n := len(f.Parts)
	switch {
	case len(b.Edges) > 0 || b.Indicator:
		return fmt.Errorf("names have no numbers")
	case len(b.Values)%n != 0:
		return fmt.Errorf("%d names of %d parts each", len(b.Values), n)
	case hashed && (len(b.Values) > 0 || b.Other):
		return fmt.Errorf("names beside hashes")
	}
	for i := n; i < len(b.Values); i += n {
		if slices.Compare(b.Values[i-n:i], b.Values[i:i+n]) >= 0 {
			return fmt.Errorf("names do not ascend")
		}
	}
	return nil
}
