package datashard

import (
	"context"

	"parley/internal/table"
)

// Sparse reports that the rows are features as they are, without columns of
// cells.
func (d *Dataset) Sparse() bool { return d.format.sparse }

// Cells reads the cells of the wanted columns (positions in Columns) of all rows,
// in order, and hands them to each in batches; first is the position of a batch's
// first row. The batch and what is in it are valid during the call. The dataset
// must have its manifest, from Use or Profile. An error of each ends it.
func (d *Dataset) Cells(ctx context.Context, want []int, each func(b *table.Batch, first int64) error) error {
	d.mu.Lock()
	v := d.mu.view
	d.mu.Unlock()
	r := d.newReader()
	for n := 0; n*v.together < len(v.manifest.Shards); n++ {
		err := d.runs(ctx, v.shards(n), &r.buffer, func(run run) error {
			r.cells(run, want)
			return each(&r.table, run.first)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
