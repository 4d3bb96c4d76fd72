// Package survey finds out what is in a dataset that nobody has described yet:
// its columns, what kind of thing each holds, how its values are spread, what is
// missing, which rows are bad, and which column is likely to be the label. It
// writes that as a table for a terminal, as a web page that stands alone, and
// drafts a job that trains on the data.
//
// Take reads all rows once, in order, and returns a Survey, which is plain data
// (its JSON is an interface). The command line calls it. Rows come from
// datashard; nothing but the Survey comes out.
//
// A survey takes bounded memory: it counts up to 100,000 different values of a
// column one by one, and fewer where all columns together have more than 128 MiB of
// them; beyond, it estimates, and says so. The same data gives
// the same survey. Take runs in its caller; a Survey may be read by any number of
// goroutines.
package survey

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"parley/datashard"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/table"
)

// Survey is what is in a dataset.
type Survey struct {
	Path    string   `json:"path"`
	Format  string   `json:"format"`
	Files   int      `json:"files"`
	Bytes   int64    `json:"bytes"` // of text, after decompression
	Rows    int64    `json:"rows"`  // bad ones too
	SHA256  string   `json:"sha256"`
	BadRows int64    `json:"bad_rows"`
	Reasons []Reason `json:"reasons"` // bad rows by code, the most frequent first
	Places  []Place  `json:"places"`  // the first five bad rows
	Columns []Column `json:"columns"` // of formats with columns
	Sparse  *Sparse  `json:"sparse,omitempty"`
	Label   *Label   `json:"label,omitempty"` // nil: nothing can be one

	source datashard.Source
}

// Reason is a kind of fault that rows have.
type Reason struct {
	Code string `json:"code"`
	Rows int64  `json:"rows"`
}

// Place is a bad row.
type Place struct {
	Row    int64  `json:"row"` // position in the dataset, from 0
	File   string `json:"file"`
	Line   int64  `json:"line"` // from 1
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// Label is the column that is likely to be the label.
type Label struct {
	Column string  `json:"column"` // "" in sparse formats, whose rows begin with it
	Why    string  `json:"why"`
	Values *Column `json:"values"` // the column itself
}

// shownPlaces is how many bad rows are told one by one.
const shownPlaces = 5

// Take surveys a dataset. source.Spec, Fitted and Unlabeled are not looked at. Bad
// rows do not end it. The errors are those of datashard.Open and Scan, which name
// the file: a missing one, one without rows, a damaged one.
func Take(ctx context.Context, source datashard.Source, options datashard.Options) (s *Survey, err error) {
	if source.Format == "" {
		source.Format = "libsvm"
	}
	if len(source.Columns) > 0 && source.Format != "csv" && source.Format != "tsv" {
		return nil, param.Errorf(param.Invalid, "%s: names of columns are for csv and tsv files without a header, and this is %s: leave them out, or give the format", source.Path, source.Format)
	}
	for i, name := range source.Columns {
		if slices.Contains(source.Columns[:i], name) {
			return nil, param.Errorf(param.Invalid, "%s: two columns are named %s: give each a name of its own", source.Path, quoted(name))
		}
	}
	d, err := open(ctx, source, options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	m, err := d.Scan(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.Use(m); err != nil {
		return nil, err
	}
	s = &Survey{Path: source.Path, Format: source.Format, Files: len(m.Files), Rows: m.Rows, SHA256: m.SHA256, source: source,
		Reasons: []Reason{}, Places: []Place{}, Columns: []Column{}}
	for _, f := range m.Files {
		s.Bytes += f.Bytes
	}
	if d.Sparse() {
		err = s.takeSparse(ctx, d, m)
	} else {
		err = s.takeColumns(ctx, d)
	}
	if err != nil {
		return nil, err
	}
	s.guessLabel()
	return s, nil
}

// open opens a dataset so that nothing is asked of its columns. Rows of sparse
// formats are read under an empty spec instead, which is always met.
func open(ctx context.Context, source datashard.Source, options datashard.Options) (*datashard.Dataset, error) {
	bare := datashard.Source{Path: source.Path, Format: source.Format, Columns: source.Columns, Labels: source.Labels, Vocab: source.Vocab}
	asTable := bare
	asTable.Fitted = &datashard.Fitted{}
	switch source.Format {
	case "libsvm", "vw", "uci-bow", "idx":
		return datashard.Open(ctx, bare, options)
	}
	d, err := datashard.Open(ctx, asTable, options)
	if err != nil || !d.Sparse() {
		return d, err
	}
	if err := d.Close(); err != nil { // arrow and parquet files may hold sparse rows
		return nil, err
	}
	return datashard.Open(ctx, bare, options)
}

// takeColumns reads the cells of all columns.
func (s *Survey) takeColumns(ctx context.Context, d *datashard.Dataset) error {
	names := d.Columns()
	want, columns, room := make([]int, len(names)), make([]*column, len(names)), newBudget()
	for i, name := range names {
		want[i], columns[i] = i, newColumn(name, room)
	}
	bad := badRows{reasons: map[string]int64{}}
	var skip []bool
	err := d.Cells(ctx, want, func(b *table.Batch, first int64) error {
		skip = slices.Grow(skip[:0], b.Rows)[:b.Rows]
		clear(skip)
		for _, r := range b.Bad {
			skip[r.Row] = true
			bad.add(plan.BadRow{Row: first + int64(r.Row), Code: r.Code, Reason: r.Reason})
		}
		for i, c := range columns {
			c.addCells(&b.Columns[i], skip)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range bad.first {
		p := &bad.first[i]
		if p.File, p.Line, err = d.Place(ctx, p.Row); err != nil {
			return err
		}
	}
	s.setBad(&bad)
	for _, c := range columns {
		s.Columns = append(s.Columns, c.finish())
	}
	return nil
}

// badRows counts bad rows.
type badRows struct {
	rows    int64
	reasons map[string]int64
	first   []Place
}

func (b *badRows) add(r plan.BadRow) {
	b.rows++
	b.reasons[r.Code]++
	if len(b.first) < shownPlaces {
		b.first = append(b.first, Place{Row: r.Row, File: r.File, Line: r.Line, Code: r.Code, Reason: r.Reason})
	}
}

func (s *Survey) setBad(b *badRows) {
	s.BadRows = b.rows
	for code, rows := range b.reasons {
		s.Reasons = append(s.Reasons, Reason{code, rows})
	}
	slices.SortFunc(s.Reasons, func(a, b Reason) int { return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Code, b.Code)) })
	s.Places = append(s.Places, b.first...)
}
