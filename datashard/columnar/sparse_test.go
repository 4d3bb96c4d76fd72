package columnar

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/batch"
	"parley/internal/param"
)

// randomSparse makes rows of up to twelve nonzeros.
func randomSparse(r *rand.Rand, rows int, weight, exposure bool) *batch.CSR {
	c := &batch.CSR{Offsets: []uint32{0}}
	for range rows {
		c.Labels = append(c.Labels, r.Float32())
		if weight {
			c.Weights = append(c.Weights, r.Float32())
		}
		if exposure {
			c.Exposure = append(c.Exposure, r.Float32())
		}
		column := uint32(0)
		for range r.IntN(13) {
			c.Columns = append(c.Columns, column)
			c.Values = append(c.Values, float32(r.NormFloat64()))
			column += 1 + r.Uint32N(1000)
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Columns)))
	}
	return c
}

// join appends rows to all.
func join(all, rows *batch.CSR) {
	if all.Offsets == nil {
		all.Offsets = []uint32{0}
	}
	start := all.Offsets[len(all.Offsets)-1]
	for _, offset := range rows.Offsets[1:] {
		all.Offsets = append(all.Offsets, start+offset)
	}
	all.Labels, all.Weights, all.Exposure = append(all.Labels, rows.Labels...), append(all.Weights, rows.Weights...), append(all.Exposure, rows.Exposure...)
	all.Columns, all.Values = append(all.Columns, rows.Columns...), append(all.Values, rows.Values...)
}

// readSparse reads all rows of a file.
func readSparse(f *File) (*batch.CSR, error) {
	all := &batch.CSR{Offsets: []uint32{0}}
	var rows batch.CSR
	for {
		first := int64(all.Rows())
		if err := f.NextSparse(&rows); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		if rows.FirstRow != first {
			return all, errors.New("FirstRow is wrong")
		}
		join(all, &rows)
	}
}

func writeSparse(t testing.TB, f kindOfFile, s Schema, batches ...*batch.CSR) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := f.create(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := w.Sparse(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSparseRoundTrip(t *testing.T) {
	for _, f := range formats {
		for i, sizes := range [][]int{{}, {1}, {3, 0, 2000}, {parquetRows, 9000}} {
			weight, exposure := i%2 == 1, i == 2
			s := Schema{Sparse: true, ZeroBased: i != 2, Columns: int64(i) * 100000}
			if weight {
				s.Fields = append(s.Fields, Field{Name: "weight"})
			}
			if exposure {
				s.Fields = append(s.Fields, Field{Name: "exposure"})
			}
			r := rand.New(rand.NewPCG(1, uint64(i)))
			want := &batch.CSR{Offsets: []uint32{0}}
			var batches []*batch.CSR
			for _, n := range sizes {
				batches = append(batches, randomSparse(r, n, weight, exposure))
				join(want, batches[len(batches)-1])
			}
			file := f.reopen(t, writeSparse(t, f, s, batches...))
			got, err := readSparse(file)
			if err != nil {
				t.Fatalf("%s %v: %v", f.name, sizes, err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s %v: %s", f.name, sizes, d)
			}
			if g := file.Schema(); !g.Sparse || g.ZeroBased != s.ZeroBased || g.Columns != s.Columns || file.Rows() != int64(want.Rows()) {
				t.Errorf("%s %v: %+v, %d rows", f.name, sizes, g, file.Rows())
			}
		}
	}
}

// TestOnesForNil writes rows without weights to a file with them.
func TestOnesForNil(t *testing.T) {
	rows := randomSparse(rand.New(rand.NewPCG(4, 4)), 2, false, false)
	for _, f := range formats {
		got, err := readSparse(f.reopen(t, writeSparse(t, f, Schema{Sparse: true, Fields: []Field{{Name: "weight"}, {Name: "exposure"}}}, rows)))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([][]float32{{1, 1}, {1, 1}}, [][]float32{got.Weights, got.Exposure}); d != "" {
			t.Error(f.name, d)
		}
	}
}

func TestSparseErrors(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	good := &batch.CSR{Labels: []float32{1}, Offsets: []uint32{0, 1}, Columns: []uint32{3}, Values: []float32{1}}
	for _, c := range []struct {
		schema  Schema
		label   float32
		columns []uint32
		values  []float32
		want    string
	}{
		{Schema{ZeroBased: true}, 1, []uint32{2, 2}, []float32{1, 1}, "x: row 2: index 2 is repeated: a row may have a column once, so merge the two"},
		{Schema{}, 1, []uint32{2, 1}, []float32{1, 1}, "x: row 2: index 2 comes after 3: sort the indices of a row"},
		{Schema{ZeroBased: true}, nan, nil, nil, "x: row 2: the label NaN is not finite: leave the row out"},
		{Schema{ZeroBased: true}, 1, []uint32{7}, []float32{inf}, "x: row 2: the value +Inf at index 7 is not finite: leave it or the row out"},
		{Schema{ZeroBased: true, Columns: 7}, 1, []uint32{7}, []float32{1}, "x: row 2: index 7 is beyond the 7 columns of the file: correct parley.columns"},
	} {
		c.schema.Sparse = true
		bad := &batch.CSR{Labels: []float32{c.label}, Offsets: []uint32{0, uint32(len(c.columns))}, Columns: c.columns, Values: c.values}
		for _, f := range formats {
			_, err := readSparse(f.reopen(t, writeSparse(t, f, c.schema, good, bad)))
			if err == nil || err.Error() != c.want || param.KindOf(err) != param.Invalid {
				t.Errorf("%s:\n got %v\nwant %s", f.name, err, c.want)
			}
		}
	}
}

// TestKinds reads a table as sparse rows and the other way round.
func TestKinds(t *testing.T) {
	for _, f := range formats {
		sparse := f.reopen(t, writeSparse(t, f, Schema{Sparse: true}, randomSparse(rand.New(rand.NewPCG(5, 5)), 3, false, false)))
		if rows, err := readTable(sparse, []int{0}); len(rows) != 3 || err != nil {
			t.Error(f.name, rows, err)
		}
		if _, err := readTable(sparse, []int{1}); param.KindOf(err) != param.Invalid {
			t.Error(f.name, err)
		}
		var rows batch.CSR
		if err := f.reopen(t, writeTable(t, f, tableSchema)).NextSparse(&rows); param.KindOf(err) != param.Invalid {
			t.Error(f.name, err)
		}
	}
}
