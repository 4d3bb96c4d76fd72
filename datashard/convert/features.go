package convert

import (
	"context"
	"encoding/json"
	"slices"

	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/param"
)

// rowWriter writes sparse rows.
type rowWriter interface {
	Sparse(rows *batch.CSR) error
	Close() error
}

// features converts rows that are features, or that features are made of.
func (c *conversion) features(ctx context.Context) error {
	m, err := c.d.Profile(ctx)
	if err != nil {
		return err
	}
	c.begin(m)
	c.result.Columns, c.result.Left = m.Columns, int64(len(m.Bad))
	if err := c.names(); err != nil {
		return err
	}
	out, err := c.rowWriter(ctx)
	if err != nil {
		return err
	}
	if err := c.eachRows(ctx, func(rows *batch.CSR) (bool, error) {
		c.result.Used = max(c.result.Used, used(rows))
		c.result.Rows += int64(rows.Rows())
		return true, out.Sparse(rows)
	}); err != nil {
		abort(out)
		return err
	}
	return out.Close()
}

// names sets the names of the columns, if they have any.
func (c *conversion) names() error {
	names := c.manifest.Names
	if c.manifest.Transform != nil {
		t := &feature.Transform{}
		if err := json.Unmarshal(c.manifest.Transform, t); err != nil {
			return err
		}
		names = t.Names()
	}
	if int64(len(names)) == c.manifest.Columns {
		c.result.Names = names
	}
	return nil
}

// eachRows loads all rows, without those that are set aside and without values in
// columns that there are not, as long as do returns true.
func (c *conversion) eachRows(ctx context.Context, do func(rows *batch.CSR) (bool, error)) error {
	c.result.Unknown = 0
	for _, s := range c.manifest.Shards {
		rows, err := c.d.Load(ctx, s.ID)
		if err != nil {
			return err
		}
		if more, err := do(c.kept(rows)); !more || err != nil {
			return err
		}
	}
	return nil
}

// kept returns the rows to be written: mostly they are rows.
func (c *conversion) kept(rows *batch.CSR) *batch.CSR {
	first := rows.FirstRow
	i, bad := slices.BinarySearch(c.manifest.Bad, first)
	bad = bad || i < len(c.manifest.Bad) && c.manifest.Bad[i] < first+int64(rows.Rows())
	if !bad && used(rows) <= c.manifest.Columns {
		return rows
	}
	out := &batch.CSR{FirstRow: first, Offsets: []uint32{0}}
	for row, label := range rows.Labels {
		if c.manifest.IsBad(first + int64(row)) {
			continue
		}
		for j := rows.Offsets[row]; j < rows.Offsets[row+1]; j++ {
			if column := rows.Columns[j]; int64(column) >= c.manifest.Columns {
				c.result.Unknown++
			} else {
				out.Columns, out.Values = append(out.Columns, column), append(out.Values, rows.Values[j])
			}
		}
		out.Labels, out.Offsets = append(out.Labels, label), append(out.Offsets, uint32(len(out.Columns)))
		if rows.Weights != nil {
			out.Weights = append(out.Weights, rows.Weights[row])
		}
		if rows.Exposure != nil {
			out.Exposure = append(out.Exposure, rows.Exposure[row])
		}
	}
	return out
}

// used returns how many columns rows need. Within a row columns ascend.
func used(rows *batch.CSR) (n int64) {
	for row := range rows.Rows() {
		if from, to := rows.Offsets[row], rows.Offsets[row+1]; from < to {
			n = max(n, int64(rows.Columns[to-1])+1)
		}
	}
	return n
}

// factors reports whether rows have weights or exposures. Rows of vw have weights
// from the first that is not 1 on, all others in all rows or in none.
func (c *conversion) factors(ctx context.Context) (weight, exposure bool, err error) {
	late := c.manifest.Sparse && c.manifest.Hashed
	err = c.eachRows(ctx, func(rows *batch.CSR) (bool, error) {
		weight, exposure = weight || rows.Weights != nil, exposure || rows.Exposure != nil
		return late && !weight, nil
	})
	return weight, exposure, err
}

// usesFirst reports whether some row has a value in column 0.
func (c *conversion) usesFirst(ctx context.Context) (used bool, err error) {
	err = c.eachRows(ctx, func(rows *batch.CSR) (bool, error) {
		used = used || slices.Contains(rows.Columns, 0)
		return !used, nil
	})
	return used, err
}

// abort lets go of what a writer holds that is not to be completed.
func abort(w rowWriter) {
	if a, ok := w.(interface{ Abort() error }); ok {
		_ = a.Abort() // temporary files: the error that led here says more
	}
}

// tooWide is the error of a dense file of too many columns.
func (c *conversion) tooWide() error {
	return param.Errorf(param.Invalid, "%s: %d columns are too many for %s, which has a cell for each in every row (%d at most): write .svm, .arrow, .parquet or .npz", c.to.Name, c.manifest.Columns, c.to.Format, maxDense)
}
