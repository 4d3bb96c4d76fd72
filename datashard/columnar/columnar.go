// Package columnar reads and writes Arrow IPC and Parquet files. File is an open
// one: its rows come in order and in batches, as raw cells (table.Batch) or, from
// a file that holds what features made, as sparse rows (batch.CSR). Writer is the
// way back. The datasets of package datashard and parley data convert call it.
//
// Both formats are damaged or lie more easily than text, so all that a file
// claims is held against its size before memory is taken for it, and a panic
// inside a library becomes an error that names the file. A File or a Writer is
// used by one goroutine at a time.
package columnar

import (
	"io"

	"parley/internal/batch"
	"parley/internal/param"
	"parley/internal/table"
)

// Schema says what a file holds. A sparse file has the columns label (float32),
// weight and exposure (float32) if it needs them, indices (list of uint32) and
// values (list of float32) and no others. Every other file is a table.
type Schema struct {
	Sparse bool
	// ZeroBased is false where the indices of the file count from 1. It is kept
	// as the file's metadata "parley.zero_based"; without that they count from 0.
	// Readers and writers convert: rows in memory always hold columns from 0.
	ZeroBased bool
	// Columns is how many columns the rows may use, from the file's metadata
	// "parley.columns", or 0 if that is not known.
	Columns int64
	Fields  []Field
}

// Field is one column of a file.
type Field struct {
	Name string
	Kind table.Kind
	// Type is the type in the file's own words, for people. For a writer,
	// "int64" says that a column of numbers holds whole ones.
	Type string
	// Unsupported columns cannot be asked for: lists outside of a sparse file,
	// structs, maps, unions, times of day.
	Unsupported bool
}

const (
	maxRows   = 8192    // of a batch: some hundred KB a column
	maxText   = 4 << 20 // bytes of a batch's texts, unless one row has more
	maxValues = 1 << 20 // nonzeros of a sparse batch, unless one row has more
)

// source is one of the two formats.
type source interface {
	// left returns how many rows can be read without leaving what is in memory or
	// open now, at least one; io.EOF when there are none.
	left() (int, error)
	// cursors returns the cursors of the wanted columns, each with the current row
	// in memory.
	cursors(want []int) ([]*cursor, error)
	// advance moves on by rows of the last left.
	advance(rows int)
	// sparse appends rows to dst, as many as fit a batch and at least one; io.EOF
	// when there are none.
	sparse(dst *batch.CSR) error
	close() error
}

// File is an open file. Its rows are read once, in order.
type File struct {
	name   string
	in     *input
	schema Schema
	layout layout
	rows   int64
	next   int64 // rows read so far
	src    source
}

// OpenArrow opens the Arrow IPC data of size bytes behind r: a file or, told by
// the first bytes, a stream. name is for messages. What is no Arrow data or is
// too new is an Invalid error, what is damaged a Corrupt one.
func OpenArrow(r io.ReaderAt, size int64, name string) (*File, error) {
	return open(r, size, name, openArrow)
}

// OpenParquet opens the Parquet file of size bytes behind r. name is for
// messages. Errors are those of OpenArrow.
func OpenParquet(r io.ReaderAt, size int64, name string) (*File, error) {
	return open(r, size, name, openParquet)
}

func open(r io.ReaderAt, size int64, name string, format func(f *File) error) (*File, error) {
	f := &File{name: name, in: &input{r: r, size: size}, rows: -1}
	if err := f.guard(func() error { return format(f) }); err != nil {
		return nil, err
	}
	return f, nil
}

// Schema returns what the file holds. The caller must not change its fields.
func (f *File) Schema() Schema { return f.schema }

// Rows returns the number of rows, or -1 for a stream, which does not say.
func (f *File) Rows() int64 { return f.rows }

// NextTable fills dst with the next rows of the columns want, given as positions
// in Schema().Fields: some thousands of rows at most, and at least one; at the
// end io.EOF. dst and its memory are reused; nothing of it refers to the file.
// A value that does not fit its kind is an Invalid error naming column and row.
func (f *File) NextTable(dst *table.Batch, want []int) error {
	dst.Rows, dst.Bad = 0, dst.Bad[:0]
	if err := f.check(want); err != nil {
		return err
	}
	return f.guard(func() error { return f.nextTable(dst, want) })
}

// check refuses columns that cannot be read.
func (f *File) check(want []int) error {
	for _, i := range want {
		if i < 0 || i >= len(f.schema.Fields) {
			return param.Errorf(param.Invalid, "%s: there is no column %d: the file has %d", f.name, i, len(f.schema.Fields))
		}
		if c := f.schema.Fields[i]; c.Unsupported {
			return param.Errorf(param.Invalid, "%s: column %s: cannot read values of type %s: leave the column out, or store it as numbers, text or timestamps", f.name, table.Quote(c.Name), c.Type)
		}
	}
	return nil
}

func (f *File) nextTable(dst *table.Batch, want []int) error {
	rows, err := f.src.left()
	if err != nil {
		return err
	}
	cursors, err := f.src.cursors(want)
	if err != nil {
		return err
	}
	rows = min(rows, maxRows)
	for _, c := range cursors {
		rows = min(rows, c.left())
	}
	for i, c := range cursors {
		rows = c.fit(rows, f.schema.Fields[want[i]].Kind)
	}
	for len(dst.Columns) < len(want) {
		dst.Columns = append(dst.Columns, table.Column{})
	}
	dst.Columns = dst.Columns[:len(want)]
	for i, c := range cursors {
		field := f.schema.Fields[want[i]]
		if row := c.fill(&dst.Columns[i], rows, field.Kind); row >= 0 {
			return f.misfit(field, f.next+int64(row), c.vector.values.misfit)
		}
	}
	dst.Rows = rows
	f.src.advance(rows)
	f.next += int64(rows)
	return nil
}

// NextSparse resets dst and fills it with the next rows of a sparse file, some
// thousands at most and at least one; at the end io.EOF. FirstRow is the row's
// position in the file. Columns that do not ascend strictly within a row, values
// that are missing or not finite, and lists of different lengths are Invalid
// errors naming the row.
func (f *File) NextSparse(dst *batch.CSR) error {
	*dst = batch.CSR{
		FirstRow: f.next, Labels: dst.Labels[:0], Weights: dst.Weights[:0], Exposure: dst.Exposure[:0],
		Offsets: append(dst.Offsets[:0], 0), Columns: dst.Columns[:0], Values: dst.Values[:0],
	}
	if f.layout.weight < 0 {
		dst.Weights = nil
	}
	if f.layout.exposure < 0 {
		dst.Exposure = nil
	}
	if !f.schema.Sparse {
		return param.Errorf(param.Invalid, "%s: is a table, not sparse rows: those have the columns label, indices and values (list of uint32 and of float32)", f.name)
	}
	return f.guard(func() error {
		if err := f.src.sparse(dst); err != nil {
			return err
		}
		f.next += int64(dst.Rows())
		return nil
	})
}

// Close releases the memory of the file; what it was opened on stays open.
func (f *File) Close() error {
	if f.src == nil {
		return nil
	}
	src := f.src
	f.src = closed{}
	return f.guard(src.close)
}

// closed is the source of a closed file.
type closed struct{}

func (closed) left() (int, error)               { return 0, io.EOF }
func (closed) cursors([]int) ([]*cursor, error) { return nil, io.EOF }
func (closed) advance(int)                      {}
func (closed) sparse(*batch.CSR) error          { return io.EOF }
func (closed) close() error                     { return nil }
