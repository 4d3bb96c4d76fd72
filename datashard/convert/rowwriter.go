package convert

import (
	"context"
	"slices"
	"strconv"

	"parley/datashard/columnar"
	"parley/datashard/jsonl"
	"parley/datashard/libsvm"
	"parley/datashard/npz"
	"parley/datashard/vw"
	"parley/internal/batch"
	"parley/internal/param"
)

// maxDense is the most columns of csv: a row without values has a comma for each.
const maxDense = 10_000

// rowWriter returns the writer of the format.
func (c *conversion) rowWriter(ctx context.Context) (rowWriter, error) {
	switch c.to.Format {
	case "libsvm":
		return c.libsvm(ctx)
	case "vw":
		return &vwRows{text{w: c.w}, c.to.Name}, nil
	case "jsonl":
		return &jsonlRows{text: text{w: c.w}}, nil
	}
	weight, exposure, err := c.factors(ctx)
	if err != nil {
		return nil, err
	}
	switch c.to.Format {
	case "csv", "tsv":
		if c.manifest.Columns > maxDense {
			return nil, c.tooWide()
		}
		return newDense(c, weight, exposure)
	case formatNPZ:
		w, err := npz.New(c.w, c.options.TempDir)
		return &npzRows{w: w, columns: c.manifest.Columns, weight: weight}, err
	}
	schema := columnar.Schema{Sparse: true, ZeroBased: c.manifest.ZeroBased || c.manifest.Transform != nil, Columns: c.manifest.Columns}
	if weight {
		schema.Fields = append(schema.Fields, columnar.Field{Name: "weight"})
	}
	if exposure {
		schema.Fields = append(schema.Fields, columnar.Field{Name: "exposure"})
	}
	return c.columnar(schema)
}

// libsvm keeps ids that count from 0 where they will be told from those that count
// from 1: by a 0 among them.
func (c *conversion) libsvm(ctx context.Context) (rowWriter, error) {
	w := &libsvmRows{text: text{w: c.w}, name: c.to.Name, base: libsvm.OneBased}
	if !c.manifest.ZeroBased {
		return w, nil
	}
	used, err := c.usesFirst(ctx)
	if used {
		w.base = libsvm.ZeroBased
	}
	return w, err
}

// libsvmRows writes libsvm text.
type libsvmRows struct {
	text
	name string
	base libsvm.Base
}

func (l *libsvmRows) Sparse(rows *batch.CSR) error {
	if slices.ContainsFunc(rows.Weights, notOne) || slices.ContainsFunc(rows.Exposure, notOne) {
		return param.Errorf(param.Invalid, "%s: the rows have weights or exposures, for which libsvm text has no place: write .jsonl, .arrow, .parquet or .npz", l.name)
	}
	for i := range rows.Rows() {
		l.rows = libsvm.Append(l.rows, rows, i, l.base)
		if err := l.passOn(); err != nil {
			return err
		}
	}
	return nil
}

func notOne(x float32) bool { return x != 1 }

// vwRows writes vw text, with the numbers of columns for names.
type vwRows struct {
	text
	name string
}

func (v *vwRows) Sparse(rows *batch.CSR) error {
	if slices.ContainsFunc(rows.Exposure, notOne) {
		return param.Errorf(param.Invalid, "%s: the rows have exposures, for which vw text has no place: write .jsonl, .arrow, .parquet or .npz", v.name)
	}
	for i := range rows.Rows() {
		v.rows = vw.Append(v.rows, rows, i, nil)
		if err := v.passOn(); err != nil {
			return err
		}
	}
	return nil
}

// jsonlRows writes {"label":1,"indices":[0,7],"values":[1,0.5]}, columns from 0, and
// weight and exposure where they are not 1.
type jsonlRows struct{ text }

func (j *jsonlRows) Sparse(rows *batch.CSR) error {
	for i, label := range rows.Labels {
		j.rows = jsonl.AppendNumber(j.rows, "label", true, label)
		if rows.Weights != nil && rows.Weights[i] != 1 {
			j.rows = jsonl.AppendNumber(j.rows, "weight", false, rows.Weights[i])
		}
		if rows.Exposure != nil && rows.Exposure[i] != 1 {
			j.rows = jsonl.AppendNumber(j.rows, "exposure", false, rows.Exposure[i])
		}
		from, to := rows.Offsets[i], rows.Offsets[i+1]
		j.rows = jsonl.AppendNumbers(j.rows, "indices", false, rows.Columns[from:to])
		j.rows = append(jsonl.AppendNumbers(j.rows, "values", false, rows.Values[from:to]), '}', '\n')
		if err := j.passOn(); err != nil {
			return err
		}
	}
	return nil
}

// dense writes csv or tsv with a cell for every column.
type dense struct {
	text
	comma            byte
	columns          uint32
	weight, exposure bool
}

// newDense begins with a header: label, weight and exposure if rows have them, c0,
// c1, ….
func newDense(c *conversion, weight, exposure bool) (*dense, error) {
	names := []string{"label"}
	if weight {
		names = append(names, "weight")
	}
	if exposure {
		names = append(names, "exposure")
	}
	for i := range c.manifest.Columns {
		names = append(names, "c"+strconv.FormatInt(i, 10))
	}
	header, err := newCSV(c.w, names, c.comma())
	return &dense{header.text, c.comma(), uint32(c.manifest.Columns), weight, exposure}, err
}

func (d *dense) Sparse(rows *batch.CSR) error {
	for i, label := range rows.Labels {
		d.rows = appendFloat(d.rows, label)
		if d.weight {
			d.rows = d.factor(rows.Weights, i)
		}
		if d.exposure {
			d.rows = d.factor(rows.Exposure, i)
		}
		next := uint32(0)
		for j := rows.Offsets[i]; j < rows.Offsets[i+1]; j++ {
			d.zeros(rows.Columns[j] - next)
			d.rows = appendFloat(append(d.rows, d.comma), rows.Values[j])
			next = rows.Columns[j] + 1
		}
		d.zeros(d.columns - next)
		d.rows = append(d.rows, '\n')
		if err := d.passOn(); err != nil {
			return err
		}
	}
	return nil
}

func (d *dense) factor(v []float32, i int) []byte {
	if v == nil {
		return append(d.rows, d.comma, '1')
	}
	return appendFloat(append(d.rows, d.comma), v[i])
}

func (d *dense) zeros(n uint32) {
	for range n {
		d.rows = append(d.rows, d.comma, '0')
	}
}

// appendFloat appends the fewest digits that read back as the same bits.
func appendFloat(dst []byte, x float32) []byte {
	if i := int32(x); float32(i) == x && -1e6 < x && x < 1e6 && (i != 0 || 1/x > 0) {
		return strconv.AppendInt(dst, int64(i), 10)
	}
	return strconv.AppendFloat(dst, float64(x), 'g', -1, 32)
}

// npzRows writes npz.
type npzRows struct {
	w       *npz.Writer
	columns int64
	weight  bool
	ones    []float32
}

func (n *npzRows) Sparse(rows *batch.CSR) error {
	if n.weight && rows.Weights == nil { // vw has none up to the first that is not 1
		filled := *rows
		filled.Weights = append(n.ones[:0], slices.Repeat([]float32{1}, rows.Rows())...)
		n.ones, rows = filled.Weights, &filled
	}
	return n.w.Add(rows)
}

func (n *npzRows) Close() error { return n.w.Close(n.columns) }
func (n *npzRows) Abort() error { return n.w.Abort() }
