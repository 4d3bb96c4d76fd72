package datashard

import (
	"context"
	"sync"

	"parley/internal/feature"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/profile"
)

// Fit reads the rows of one unit of the manifest that Scan made (given with Use)
// and returns what must be known of them: what features are fitted to, labels, and
// the bad rows, of which at most limit are described. Units are read anywhere and
// in any order; internal/profile adds up the parts.
func (d *Dataset) Fit(ctx context.Context, unit plan.Unit, limit int64) (*profile.Part, error) {
	d.mu.Lock()
	v := d.mu.view
	d.mu.Unlock()
	if v == nil {
		return nil, param.Errorf(param.Invalid, "%s: fit unit %d: not scanned yet", d.source.Path, unit.Number)
	}
	part := &profile.Part{Fit: d.plan.NewFit()}
	shards := unit.Shards(v.manifest)
	if len(shards) == 0 {
		return part, nil
	}
	from, to := int(shards[0].ID)/v.together, int(shards[len(shards)-1].ID)/v.together
	for n := from; n <= to; n++ {
		var bad []plan.BadRow
		var err error
		if d.format.sparse {
			bad, err = d.fitBlock(ctx, v, n, part.Fit)
		} else {
			bad, err = d.fitCells(ctx, v, n, part.Fit)
		}
		if err != nil {
			return nil, err
		}
		part.Bad = append(part.Bad, bad[:min(int64(len(bad)), limit-min(limit, int64(len(part.Bad))))]...)
	}
	return part, nil
}

// fitBlock parses a block of a sparse format. Its rows are those that Load will
// give, unless features are made of them: so they are kept.
func (d *Dataset) fitBlock(ctx context.Context, v *view, n int, fit *feature.Fit) ([]plan.BadRow, error) {
	block, bad, err := d.parseBlock(ctx, v, n, fit)
	if err == nil && !d.plan.NeedsFit() {
		v.cache.put(n, block)
		rows := make([]int64, len(bad))
		for i, b := range bad {
			rows[i] = b.Row
		}
		d.keepBlock(v, n, block, rows)
	}
	return bad, err
}

// fitCells parses a block of a format with columns.
func (d *Dataset) fitCells(ctx context.Context, v *view, n int, fit *feature.Fit) (bad []plan.BadRow, err error) {
	r := v.readers.Get().(*reader)
	defer v.readers.Put(r)
	err = d.runs(ctx, v.shards(n), &r.buffer, func(run run) error {
		r.cells(run, d.plan.Want())
		fit.Add(&r.table, r.place(run))
		for _, b := range r.table.Bad {
			bad = append(bad, run.badRow(&r.at, b))
		}
		return nil
	})
	return bad, err
}

// Profile scans the dataset, fits all that must be known, and makes the dataset
// load by the manifest, which it returns: what a cluster does in several steps.
// The errors are those of Scan, and *profile.QualityError for rows or columns
// that are not what quality asks for.
func (d *Dataset) Profile(ctx context.Context) (*plan.Manifest, error) {
	return d.complete(ctx, nil)
}

// ProfileAs is Profile for data that goes with other data, as a test set goes
// with the training set: its rows are made as those of the other, of which like is
// the manifest.
func (d *Dataset) ProfileAs(ctx context.Context, like *plan.Manifest) (*plan.Manifest, error) {
	return d.complete(ctx, like)
}

func (d *Dataset) complete(ctx context.Context, like *plan.Manifest) (*plan.Manifest, error) {
	m, findings, err := d.Findings(ctx, like)
	switch {
	case err != nil:
		return nil, err
	case findings != nil && like != nil:
		m, err = findings.Test(m, like)
	case findings != nil:
		m, err = findings.Train(m)
	}
	if err != nil {
		return nil, err
	}
	return m, d.Use(m)
}

// ScanAs is Scan for data that goes with other data, of which like is the
// manifest; nil is none.
func (d *Dataset) ScanAs(ctx context.Context, like *plan.Manifest) (*plan.Manifest, error) {
	m, err := d.Scan(ctx)
	if err == nil && like != nil {
		m.ZeroBased = like.ZeroBased
	}
	return m, err
}

// Findings scans the dataset and, if something must be known of its rows, fits
// all units over the cores; else there are no findings. The manifest is that of
// ScanAs.
func (d *Dataset) Findings(ctx context.Context, like *plan.Manifest) (*plan.Manifest, *profile.Findings, error) {
	m, err := d.ScanAs(ctx, like)
	if err != nil || !d.NeedsFit() {
		return m, nil, err
	}
	if err := d.Use(m); err != nil {
		return nil, nil, err
	}
	findings, err := profile.NewFindings("", d.source.Spec, m)
	if err != nil {
		return nil, nil, err
	}
	var adding sync.Mutex // parts are added as they come, so that few are in memory
	err = inParallel(ctx, plan.Units(len(m.Shards)), func(ctx context.Context, i int) error {
		part, err := d.Fit(ctx, plan.Unit{Number: i}, profile.Limit(d.source.Spec))
		if err != nil {
			return err
		}
		adding.Lock()
		defer adding.Unlock()
		return findings.Add(part)
	})
	return m, findings, err
}
