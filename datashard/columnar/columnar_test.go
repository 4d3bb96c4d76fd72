package columnar

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/batch"
	"parley/internal/param"
	"parley/internal/table"
)

// kindOfFile is one of the two formats, for tests that hold for both.
type kindOfFile struct {
	name   string
	open   func(io.ReaderAt, int64, string) (*File, error)
	create func(io.Writer, Schema) (Writer, error)
}

var formats = []kindOfFile{
	{"arrow", OpenArrow, NewArrowWriter},
	{"parquet", OpenParquet, NewParquetWriter},
}

// reopen opens bytes as a file named x.
func (f kindOfFile) reopen(t testing.TB, b []byte) *File {
	t.Helper()
	file, err := f.open(bytes.NewReader(b), int64(len(b)), "x")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// cells are the cells of a table as text, a row a line. A number is given by its
// bits.
func cells(b *table.Batch) (rows []string) {
	for row := range b.Rows {
		line := ""
		for i := range b.Columns {
			c := &b.Columns[i]
			switch {
			case c.IsMissing(row):
				line += "- "
			case c.Kind == table.Number:
				line += fmt.Sprintf("%x ", math.Float64bits(c.Numbers[row]))
			case c.Kind == table.Time:
				line += fmt.Sprintf("%d ", c.Times[row])
			default:
				line += fmt.Sprintf("%q ", c.Cell(row))
			}
		}
		rows = append(rows, line)
	}
	return rows
}

// readTable reads all rows of the columns want; nil means all.
func readTable(f *File, want []int) (rows []string, err error) {
	if want == nil {
		for i := range f.Schema().Fields {
			want = append(want, i)
		}
	}
	var b table.Batch
	for {
		if err := f.NextTable(&b, want); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return rows, err
		}
		rows = append(rows, cells(&b)...)
	}
}

var tableSchema = Schema{ZeroBased: true, Fields: []Field{
	{Name: "x", Kind: table.Number, Type: "double"},
	{Name: "a name, ü", Kind: table.Text, Type: "string"},
	{Name: "n", Kind: table.Number, Type: "int64"},
	{Name: "when", Kind: table.Time, Type: "timestamp"},
}}

// randomTable makes rows of tableSchema, some of their cells missing.
func randomTable(r *rand.Rand, rows int) *table.Batch {
	b := &table.Batch{Rows: rows, Columns: make([]table.Column, 4)}
	for i := range b.Columns {
		c := &b.Columns[i]
		c.Kind = tableSchema.Fields[i].Kind
		for range rows {
			c.Missing = append(c.Missing, r.IntN(5) == 0)
			c.Times = append(c.Times, int64(r.Uint64()))
			if number := math.Float64frombits(r.Uint64()); i == 0 {
				c.Numbers = append(c.Numbers, number)
			} else {
				c.Numbers = append(c.Numbers, float64(r.Int64N(2*exact+1)-exact))
			}
			c.Start = append(c.Start, uint32(len(c.Text)))
			for range r.IntN(6) {
				c.Text = append(c.Text, "ab\x00é"[r.IntN(5)])
			}
			c.End = append(c.End, uint32(len(c.Text)))
		}
	}
	return b
}

// writeTable writes batches and returns the file.
func writeTable(t testing.TB, f kindOfFile, s Schema, batches ...*table.Batch) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := f.create(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := w.Table(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTableRoundTrip(t *testing.T) {
	for _, f := range formats {
		for _, sizes := range [][]int{{}, {0}, {1}, {3, 0, 500}, {arrowRows + 3000, 7}} {
			r := rand.New(rand.NewPCG(1, uint64(len(sizes))))
			var batches []*table.Batch
			var want []string
			for _, n := range sizes {
				batches = append(batches, randomTable(r, n))
				want = append(want, cells(batches[len(batches)-1])...)
			}
			file := f.reopen(t, writeTable(t, f, tableSchema, batches...))
			if file.Rows() != int64(len(want)) {
				t.Errorf("%s %v: %d rows, want %d", f.name, sizes, file.Rows(), len(want))
			}
			got, err := readTable(file, nil)
			if err != nil {
				t.Fatalf("%s %v: %v", f.name, sizes, err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s %v: %s", f.name, sizes, d)
			}
			names := file.Schema()
			for i := range names.Fields {
				names.Fields[i].Type = tableSchema.Fields[i].Type
			}
			if d := cmp.Diff(tableSchema, names); d != "" {
				t.Error(f.name, d)
			}
		}
	}
}

// TestWant reads columns in another order, one twice, none, and others from one
// call to the next.
func TestWant(t *testing.T) {
	b := randomTable(rand.New(rand.NewPCG(2, 2)), 20000)
	project := func(want ...int) []string {
		p := table.Batch{Rows: b.Rows}
		for _, i := range want {
			p.Columns = append(p.Columns, b.Columns[i])
		}
		return cells(&p)
	}
	for _, f := range formats {
		data := writeTable(t, f, tableSchema, b)
		got, err := readTable(f.reopen(t, data), []int{2, 0, 2})
		if d := cmp.Diff(project(2, 0, 2), got); d != "" || err != nil {
			t.Error(f.name, err, d)
		}
		got, err = readTable(f.reopen(t, data), []int{})
		if len(got) != b.Rows || err != nil {
			t.Error(f.name, len(got), err)
		}
		file, row, wants := f.reopen(t, data), 0, [][]int{{0}, {1, 3}, {0, 1}, {}}
		for i := 0; row < b.Rows; i++ {
			var part table.Batch
			want := wants[i%len(wants)]
			if err := file.NextTable(&part, want); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(project(want...)[row:row+part.Rows], cells(&part)); d != "" {
				t.Fatal(f.name, row, d)
			}
			row += part.Rows
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLongTexts has more text than a batch may hold.
func TestLongTexts(t *testing.T) {
	b := &table.Batch{Rows: 9, Columns: make([]table.Column, 1)}
	for i, size := range []int{1, 3 << 19, 3 << 19, 3 << 19, 3 << 19, 5 << 20, 0, 5 << 20, 3} {
		c := &b.Columns[0]
		c.Start = append(c.Start, uint32(len(c.Text)))
		c.Text = append(c.Text, bytes.Repeat([]byte{byte('a' + i)}, size)...)
		c.End = append(c.End, uint32(len(c.Text)))
	}
	for _, f := range formats {
		file := f.reopen(t, writeTable(t, f, Schema{Fields: []Field{{Name: "t"}}}, b))
		var part table.Batch
		for row := 0; row < b.Rows; row += part.Rows {
			if err := file.NextTable(&part, []int{0}); err != nil {
				t.Fatal(err)
			}
			if size := len(part.Columns[0].Text); size > maxText && part.Rows > 1 {
				t.Errorf("%s: %d rows of %d bytes", f.name, part.Rows, size)
			}
			for i := range part.Rows {
				if !bytes.Equal(part.Columns[0].Cell(i), b.Columns[0].Cell(row+i)) {
					t.Errorf("%s: row %d differs", f.name, row+i)
				}
			}
		}
	}
}

func TestBadRowsAreLeftOut(t *testing.T) {
	b := randomTable(rand.New(rand.NewPCG(3, 3)), 5)
	all := cells(b)
	b.Bad.Mark(1, "x", "bad")
	b.Bad.Mark(4, "x", "bad")
	for _, f := range formats {
		got, err := readTable(f.reopen(t, writeTable(t, f, tableSchema, b)), nil)
		if d := cmp.Diff([]string{all[0], all[2], all[3]}, got); d != "" || err != nil {
			t.Error(f.name, err, d)
		}
	}
}

func TestWriterErrors(t *testing.T) {
	number := &table.Batch{Rows: 2, Columns: []table.Column{{Kind: table.Number, Numbers: []float64{1, 1.5}}}}
	whole := Schema{Fields: []Field{{Name: "n", Kind: table.Number, Type: "int64"}}}
	text := Schema{Fields: []Field{{Name: "n"}}}
	sparse, weighted := &batch.CSR{Labels: []float32{1}, Offsets: []uint32{0, 0}}, &batch.CSR{Labels: []float32{1}, Offsets: []uint32{0, 0}, Weights: []float32{1}}
	last := &batch.CSR{Labels: []float32{1}, Offsets: []uint32{0, 1}, Columns: []uint32{math.MaxUint32}, Values: []float32{1}}
	for _, f := range formats {
		for _, c := range []struct {
			schema Schema
			table  *table.Batch
			rows   *batch.CSR
			want   string
		}{
			{whole, number, nil, `row 2: column "n": 1.5 is not a whole number up to 2^53: write the column as floats`},
			{text, number, nil, `column "n": is of another kind than in the schema`},
			{tableSchema, number, nil, `rows of 1 columns, but the file has 4`},
			{whole, nil, sparse, `sparse rows cannot be written to a table`},
			{Schema{Sparse: true}, number, nil, `a table cannot be written to a file of sparse rows`},
			{Schema{Sparse: true}, nil, weighted, `the rows have weights, but the schema has no column weight`},
			{Schema{Sparse: true}, nil, last, `column 4294967295 has no number when columns count from 1: write them from 0`},
		} {
			w, err := f.create(io.Discard, c.schema)
			if err != nil {
				t.Fatal(err)
			}
			if c.table != nil {
				err = w.Table(c.table)
			} else {
				err = w.Sparse(c.rows)
			}
			if err == nil || err.Error() != c.want || param.KindOf(err) != param.Invalid {
				t.Errorf("%s:\n got %v\nwant %s", f.name, err, c.want)
			}
		}
		if _, err := f.create(io.Discard, Schema{Fields: []Field{{Name: "n", Type: "struct", Unsupported: true}}}); err == nil {
			t.Errorf("%s: no error", f.name)
		}
	}
}

// numberBits is a number as cells gives it.
func numberBits(v float64) string { return fmt.Sprintf("%x", math.Float64bits(v)) }
