package export

import (
	"encoding/csv"
	"io"
	"strconv"

	"parley/internal/artifact"
	"parley/internal/param"
)

// table writes csv (RFC 4180): a line of names, the bias, then a line a column in
// their order. The weights, one an output, are the shortest decimals that read back
// as the same float32.
func table(w io.Writer, m *artifact.Model) error {
	if !m.IsLinear() {
		return param.Errorf(param.Invalid, "csv has a weight a column, and a %s model has more: choose npz or safetensors", m.Kind)
	}
	names, err := m.ColumnNames()
	if err != nil {
		return err
	}
	l, err := m.Linear()
	if err != nil {
		return err
	}
	defer l.Close()
	out := csv.NewWriter(w)
	record := make([]string, 1+len(l.Bias))
	record[0], record[1] = "name", "weight"
	if len(l.Bias) > 1 {
		for k := range l.Bias {
			record[1+k] = m.Class(k, len(l.Bias))
		}
	}
	if err := out.Write(record); err != nil {
		return err
	}
	row := func(name string, weights []float32) error {
		record[0] = name
		for k, v := range weights {
			record[1+k] = strconv.FormatFloat(float64(v), 'g', -1, 32)
		}
		return out.Write(record)
	}
	if err := row("bias", l.Bias); err != nil {
		return err
	}
	err = l.Each(func(column int64, weights []float32) error { return row(m.FeatureName(names, column), weights) })
	out.Flush()
	if err != nil {
		return err
	}
	return out.Error()
}
