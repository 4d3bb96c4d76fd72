package profile

import (
	"fmt"
	"strings"

	"parley/internal/feature"
	"parley/internal/param"
	"parley/internal/plan"
)

// QualityError says what of a dataset is not as the job asks.
type QualityError struct {
	Report Report
}

// Report is what was found of a dataset's quality.
type Report struct {
	Set     plan.Set        `json:"set,omitempty"`
	Path    string          `json:"path"`
	Rows    int64           `json:"rows"`
	BadRows int64           `json:"bad_rows"`
	Allowed int64           `json:"max_bad_rows"`
	Reasons []feature.Count `json:"reasons"` // bad rows by code
	Places  []plan.BadRow   `json:"places"`  // the first five bad rows
	Faults  []feature.Fault `json:"faults"`  // of the dataset as a whole
	Passed  bool            `json:"passed"`
}

// Report returns what was found, for a dataset with the manifest that Scan made.
func (f *Findings) Report(m *plan.Manifest) Report {
	s := f.fit.Summary()
	return f.report(m, &s)
}

func (f *Findings) report(m *plan.Manifest, s *feature.Summary) Report {
	r := Report{Set: f.set, Path: m.Files[0].Path, Rows: m.Rows, BadRows: badRows(s), Allowed: allowed(f.spec), Reasons: s.Bad, Faults: s.Faults}
	r.Places = f.Bad()[:min(len(f.bad), shownPlaces)]
	r.Passed = r.BadRows <= r.Allowed && r.BadRows < r.Rows && len(r.Faults) == 0
	return r
}

// whole refuses parts that are not of all rows, of each once: they came over the
// wire, and the plan follows from what they say.
func (f *Findings) whole(m *plan.Manifest, s *feature.Summary) error {
	ok, last := s.Rows == m.Rows && int64(len(f.bad)) == min(badRows(s), f.limit), int64(-1)
	for _, b := range f.bad {
		ok, last = ok && b.Row > last && b.Row < m.Rows, b.Row
	}
	if !ok {
		return param.Errorf(param.Invalid, "%s: what was found in %d rows, of which %d are bad, cannot be of %d rows: this is a fault of Parley", m.Files[0].Path, s.Rows, badRows(s), m.Rows)
	}
	return nil
}

// quality returns the QualityError of data that does not pass.
func (f *Findings) quality(m *plan.Manifest, s *feature.Summary) error {
	if err := f.whole(m, s); err != nil {
		return err
	}
	r := f.report(m, s)
	if r.Passed {
		return nil
	}
	return param.Errorf(param.Invalid, "%w", &QualityError{r})
}

// Error tells counts by reason and the first places. A single bad row is told on
// one line.
func (e *QualityError) Error() string {
	r := &e.Report
	junk := len(r.Reasons) == 1 && r.Reasons[0].Code == "binary" && r.BadRows == r.Rows // one place says all
	if (r.BadRows == 1 || junk) && r.Allowed == 0 && len(r.Faults) == 0 {
		return describe(r.Places[0])
	}
	var lines []string
	if r.BadRows > r.Allowed || r.BadRows == r.Rows {
		lines = append(lines, r.many())
		for _, b := range r.Places {
			lines = append(lines, "  "+describe(b))
		}
		if more := r.BadRows - int64(len(r.Places)); more > 0 {
			lines = append(lines, fmt.Sprintf("  and %d more", more))
		}
	}
	for _, f := range r.Faults {
		lines = append(lines, fmt.Sprintf("%s: %s: %s", r.Path, f.Key, f.Text))
	}
	return strings.Join(lines, "\n")
}

// many says that there are too many bad rows.
func (r *Report) many() string {
	if r.BadRows <= r.Allowed {
		return fmt.Sprintf("%s: all %d rows are bad (%s): correct them", r.Path, r.Rows, counts(r.Reasons))
	}
	return fmt.Sprintf("%s: %d of %d rows are bad (%s), and data.quality.max_bad_rows is %d: correct them, or allow more", r.Path, r.BadRows, r.Rows, counts(r.Reasons), r.Allowed)
}

func describe(b plan.BadRow) string { return fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Reason) }

func counts(reasons []feature.Count) string {
	var parts []string
	for _, c := range reasons {
		parts = append(parts, fmt.Sprintf("%s %d", c.Code, c.Rows))
	}
	return strings.Join(parts, ", ")
}
