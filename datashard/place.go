package datashard

import (
	"context"

	"parley/internal/batch"
	"parley/internal/param"
	"parley/internal/plan"
)

// Place returns where the row at a position of the dataset is, for messages: its
// file and its first line, counted from 1. The dataset must have its manifest. It
// reads the row's shard.
func (d *Dataset) Place(ctx context.Context, row int64) (file string, line int64, err error) {
	m := d.Manifest()
	if row < 0 || row >= m.Rows {
		return "", 0, param.Errorf(param.Invalid, "%s: there is no row %d: there are %d", d.source.Path, row, m.Rows)
	}
	r := d.newReader()
	err = d.runs(ctx, []plan.Shard{m.Shards[m.ShardOf(row)]}, &r.buffer, func(run run) error {
		if row < run.first || row >= run.first+run.rows {
			return nil
		}
		if r.at.Reset(); d.format.sparse {
			r.sparse(&batch.CSR{}, run.text)
		} else {
			r.cells(run, nil)
		}
		file, line = run.file.path, run.line+int64(r.at.Lines[row-run.first])-1
		return nil
	})
	return file, line, err
}
