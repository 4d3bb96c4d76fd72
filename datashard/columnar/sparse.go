package columnar

import (
	"strconv"

	"parley/internal/batch"
)

// The metadata of a sparse file.
const (
	zeroBasedKey = "parley.zero_based"
	columnsKey   = "parley.columns"
)

// layout says where a sparse file has its columns; those that are not there are
// -1.
type layout struct{ label, weight, exposure, indices, values int }

// The types of a sparse file's columns.
const (
	float32Type = iota
	uint32ListType
	float32ListType
	otherType
)

// sparseLayout finds the columns of a sparse file by name and type; ok is false
// if the file is a table.
func sparseLayout(fields []Field, types []int) (at layout, ok bool) {
	at = layout{-1, -1, -1, -1, -1}
	for i, field := range fields {
		place, want := &at.label, float32Type
		switch field.Name {
		case "label":
		case "weight":
			place = &at.weight
		case "exposure":
			place = &at.exposure
		case "indices":
			place, want = &at.indices, uint32ListType
		case "values":
			place, want = &at.values, float32ListType
		default:
			return at, false
		}
		if *place >= 0 || types[i] != want {
			return at, false
		}
		*place = i
	}
	return at, at.label >= 0 && at.indices >= 0 && at.values >= 0
}

// finish sets what follows of the fields and the metadata.
func (f *File) finish(types []int, metadata func(key string) (string, bool)) {
	f.layout, f.schema.Sparse = sparseLayout(f.schema.Fields, types)
	base, _ := metadata(zeroBasedKey)
	f.schema.ZeroBased = base != "false"
	text, _ := metadata(columnsKey)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		f.schema.Columns = n
	}
}

// sparseRow is a row of a sparse file, with its indices as they are stored.
type sparseRow struct {
	label, weight, exposure float32
	indices                 []uint32
	values                  []float32
}

// add checks a row and appends it to dst.
func (f *File) add(dst *batch.CSR, r sparseRow) error {
	row := f.next + int64(dst.Rows())
	for _, x := range []struct {
		name string
		v    float32
	}{{"label", r.label}, {"weight", r.weight}, {"exposure", r.exposure}} {
		if !finite(x.v) {
			return f.invalid(row, "the %s %v is not finite: leave the row out", x.name, x.v)
		}
	}
	if len(r.indices) != len(r.values) {
		return f.invalid(row, "%d indices, but %d values: give one value for each index", len(r.indices), len(r.values))
	}
	if err := f.addColumns(dst, row, r); err != nil {
		return err
	}
	dst.Labels = append(dst.Labels, r.label)
	if f.layout.weight >= 0 {
		dst.Weights = append(dst.Weights, r.weight)
	}
	if f.layout.exposure >= 0 {
		dst.Exposure = append(dst.Exposure, r.exposure)
	}
	dst.Offsets = append(dst.Offsets, uint32(len(dst.Columns)))
	return nil
}

func (f *File) addColumns(dst *batch.CSR, row int64, r sparseRow) error {
	base := uint32(1)
	if f.schema.ZeroBased {
		base = 0
	}
	last := int64(-1)
	for i, index := range r.indices {
		switch at := int64(index); {
		case index < base:
			return f.invalid(row, "index 0, but the file counts from 1 (%s is false): renumber the columns", zeroBasedKey)
		case at == last:
			return f.invalid(row, "index %d is repeated: a row may have a column once, so merge the two", index)
		case at < last:
			return f.invalid(row, "index %d comes after %d: sort the indices of a row", index, last)
		case f.schema.Columns > 0 && at-int64(base) >= f.schema.Columns:
			return f.invalid(row, "index %d is beyond the %d columns of the file: correct %s", index, f.schema.Columns, columnsKey)
		case !finite(r.values[i]):
			return f.invalid(row, "the value %v at index %d is not finite: leave it or the row out", r.values[i], index)
		default:
			last = at
		}
		dst.Columns = append(dst.Columns, index-base)
	}
	dst.Values = append(dst.Values, r.values...)
	return nil
}

// full reports whether a batch has enough.
func full(dst *batch.CSR) bool { return dst.Rows() >= maxRows || len(dst.Columns) >= maxValues }

func finite(x float32) bool { return x-x == 0 } // Inf-Inf and NaN-NaN are NaN
