// Package profile adds up what is found in the units of a dataset and makes the
// final manifest of it: how many columns there are, which labels, how features are
// made, and which rows are set aside. It holds the findings against what a job
// asks of its data (data.quality).
//
// Units are read by trainers (datashard.Fit) in any order; the coordinator, or one
// process alone, adds up the parts. The same rows give the same manifest, whoever
// read which unit. Findings are for one goroutine at a time.
package profile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
)

// Part is what was found in one unit.
type Part struct {
	Fit *feature.Fit
	Bad []plan.BadRow // the first ones
}

// SpecOf returns what a job asks of the rows of its data.
func SpecOf(d *job.Data) feature.Spec {
	return feature.Spec{Label: d.Label, Weight: d.Weight, Exposure: d.Exposure, Features: d.Features, Text: d.Text, Hash: d.Hash, Scale: d.Scale, Quality: d.Quality}
}

// usualLabels are the columns that are taken for the label if a job names none.
var usualLabels = []string{"label", "target", "y"}

// Compile is feature.Compile for a dataset with these columns. hashed says that
// the reader of its format does the hashing.
func Compile(s feature.Spec, names []string, sparse, hashed bool) (*feature.Plan, error) {
	if hashed {
		s.Hash = nil
	}
	if sparse {
		return feature.Compile(s, nil, true)
	}
	if s.Label == nil && (s.Text == nil || s.Text.Label == "") {
		for _, name := range usualLabels {
			if slices.Contains(names, name) {
				s.Label = &job.Label{Column: name}
				break
			}
		}
	}
	return feature.Compile(s, names, false)
}

// bare reports that sparse rows are taken as they are.
func bare(s feature.Spec, hashed bool) bool {
	return s.Text == nil && (s.Scale == 0 || s.Scale == 1) && (s.Hash == nil || hashed)
}

// Unfitted completes a manifest of rows of which nothing must be known.
func Unfitted(s feature.Spec, p *feature.Plan, m *plan.Manifest) error {
	if m.Sparse && bare(s, m.Hashed) {
		return nil
	}
	t, err := p.Unfitted()
	if err != nil {
		return err
	}
	if m.Labels == nil && s.Label != nil {
		m.Labels = labelsOf(s.Label)
		if len(m.Labels) > 0 {
			m.Least = &plan.Label{Value: m.Labels[0].Value}
		}
		if m.MoreLabels = len(m.Labels) > plan.MaxLabels; m.MoreLabels {
			m.Labels = nil
		}
	}
	return setTransform(m, t)
}

// labelsOf returns the labels that a rule gives, of rows that nobody has counted.
func labelsOf(l *job.Label) (labels []plan.Label) {
	if l.Above != nil {
		return []plan.Label{{Value: 0}, {Value: 1}}
	}
	var values []float32
	for _, v := range l.Map {
		values = append(values, float32(v)+0) // -0 is 0
	}
	slices.Sort(values)
	for _, v := range slices.Compact(values) {
		labels = append(labels, plan.Label{Value: v})
	}
	return labels
}

func setTransform(m *plan.Manifest, t *feature.Transform) (err error) {
	m.Fields = t.Fields()
	m.Transform, err = json.Marshal(t)
	m.Columns = max(m.Columns, t.Columns())
	return err
}

// Findings are the sum of the parts of one dataset.
type Findings struct {
	set   plan.Set
	spec  feature.Spec
	plan  *feature.Plan
	fit   *feature.Fit
	bad   []plan.BadRow // the first ones by row
	limit int64
}

// shownPlaces is how many bad rows a message names.
const shownPlaces = 5

// NewFindings returns the findings of no part, of a dataset with the manifest that
// Scan made.
func NewFindings(set plan.Set, s feature.Spec, m *plan.Manifest) (*Findings, error) {
	names := m.Names
	p, err := Compile(s, names, m.Sparse, m.Hashed)
	if err != nil {
		return nil, err
	}
	return &Findings{set: set, spec: s, plan: p, fit: p.NewFit(), limit: Limit(s)}, nil
}

// Limit returns how many bad rows are worth describing.
func Limit(s feature.Spec) int64 { return allowed(s) + shownPlaces }

func allowed(s feature.Spec) int64 {
	if s.Quality == nil {
		return 0
	}
	return s.Quality.MaxBadRows
}

// Decode adds a part that came over the wire.
func (f *Findings) Decode(fit []byte, bad []plan.BadRow) error {
	x := f.plan.NewFit()
	if err := x.UnmarshalBinary(fit); err != nil {
		return err
	}
	return f.Add(&Part{Fit: x, Bad: bad})
}

// Add adds a part.
func (f *Findings) Add(p *Part) error {
	if err := f.fit.Merge(p.Fit); err != nil {
		return err
	}
	f.bad = append(f.bad, p.Bad...)
	slices.SortFunc(f.bad, func(a, b plan.BadRow) int { return cmp.Compare(a.Row, b.Row) })
	f.bad = f.bad[:min(int64(len(f.bad)), f.limit)]
	return nil
}

// Bad returns the first bad rows.
func (f *Findings) Bad() []plan.BadRow {
	for i := range f.bad {
		f.bad[i].Set = f.set
	}
	return f.bad
}

// Summary returns what was found.
func (f *Findings) Summary() feature.Summary { return f.fit.Summary() }

// badRows counts the rows that were set aside.
func badRows(s *feature.Summary) (n int64) {
	for _, c := range s.Bad {
		n += c.Rows
	}
	return n
}

// Train completes the manifest of training data; m is not changed. The error is
// *QualityError if the data is not what the job asks for.
func (f *Findings) Train(m *plan.Manifest) (*plan.Manifest, error) {
	summary := f.fit.Summary()
	if err := f.quality(m, &summary); err != nil {
		return nil, err
	}
	final := *m
	f.complete(&final, &summary)
	if m.Sparse && bare(f.spec, m.Hashed) {
		final.Columns = max(m.Columns, summary.LargestColumn+1)
		return &final, nil
	}
	t, err := f.fit.Finish()
	var mixed *feature.MixedLabels
	if errors.As(err, &mixed) {
		return nil, param.Errorf(param.Invalid, "%s", mixed.Text(placeIn(m)))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Files[0].Path, err)
	}
	return &final, setTransform(&final, t)
}

// placeIn returns how messages write places of a dataset. What came over the wire
// may be nowhere.
func placeIn(m *plan.Manifest) func(file int, line int64) string {
	return func(file int, line int64) string {
		if file < 0 || file >= len(m.Files) {
			return fmt.Sprintf("line %d of file %d", line, file+1)
		}
		return fmt.Sprintf("%s:%d", m.Files[file].Path, line)
	}
}

// Test completes the manifest of data whose rows are made as those of other data
// are, of which like is the final manifest.
func (f *Findings) Test(m, like *plan.Manifest) (*plan.Manifest, error) {
	summary := f.fit.Summary()
	if err := f.quality(m, &summary); err != nil {
		return nil, err
	}
	final := *m
	f.complete(&final, &summary)
	final.Transform = like.Transform
	final.Columns = max(like.Columns, m.Columns, summary.LargestColumn+1)
	return &final, nameLabels(&final, like)
}

// nameLabels gives classes the values that they have in the training data. Names
// that are not there have none, if all of that are known.
func nameLabels(m, like *plan.Manifest) error {
	for i, l := range m.Labels {
		n := slices.IndexFunc(like.Labels, func(o plan.Label) bool { return o.Name == l.Name })
		switch {
		case l.Name == "" || like.MoreLabels:
		case n < 0:
			return param.Errorf(param.Invalid, "%s: label %q is not one of the training data's: correct the labels", placeIn(m)(l.File, l.Line), l.Name)
		default:
			m.Labels[i].Value = like.Labels[n].Value
		}
	}
	return nil
}

func (f *Findings) complete(m *plan.Manifest, s *feature.Summary) {
	m.Nonzeros, m.MoreLabels, m.Labels = s.Nonzeros, s.MoreLabels, nil
	for _, l := range s.Labels {
		m.Labels = append(m.Labels, plan.Label{Value: l.Value, Name: l.Name, Rows: l.Rows, File: l.File, Line: l.Line})
	}
	m.Least = nil
	if l := s.Least; l != nil {
		m.Least = &plan.Label{Value: l.Value, File: l.File, Line: l.Line}
	}
	m.Bad = nil
	for _, b := range f.bad {
		m.Bad = append(m.Bad, b.Row)
	}
}
