package columnar

import (
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"

	"parley/internal/batch"
	"parley/internal/table"
)

// What a row group has at most. A single row may have more.
const (
	parquetRows  = 128 << 10
	parquetBytes = 128 << 20
)

// parquetWriter hands cells to the writers of its columns, which keep the pages
// of a row group, compressed, until it is complete.
type parquetWriter struct {
	plan
	w       *parquet.GenericWriter[any]
	columns []*parquet.ColumnWriter
	buffer  []parquet.Value
	pending int // rows in the row group
	bytes   int // about
}

// NewParquetWriter returns a writer of a Parquet file, compressed with zstd.
// Numbers become double, or int64 where the field's type says so, texts string,
// times timestamp(nanos, UTC), missing cells null. It holds one row group of up
// to 131,072 rows in memory, compressed.
func NewParquetWriter(w io.Writer, s Schema) (Writer, error) {
	p, err := newPlan(s)
	if err != nil {
		return nil, err
	}
	options := []parquet.WriterOption{parquet.NewSchema("schema", p.parquetNode()), parquet.Compression(&parquet.Zstd)}
	keys, texts := p.metadata()
	for i, key := range keys {
		options = append(options, parquet.KeyValueMetadata(key, texts[i]))
	}
	config, err := parquet.NewWriterConfig(options...)
	if err != nil {
		return nil, err
	}
	file := parquet.NewGenericWriter[any](w, config)
	return &parquetWriter{plan: p, w: file, columns: file.ColumnWriters()}, nil
}

// orderedGroup is a group whose fields keep their order: those of a
// parquet.Group are sorted by name.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g orderedGroup) Fields() []parquet.Field { return g.fields }

// namedNode is a field of an orderedGroup.
type namedNode struct {
	parquet.Node
	name string
}

func (n namedNode) Name() string { return n.name }

// Value is for rows that are Go values, which are not written here.
func (n namedNode) Value(reflect.Value) reflect.Value { panic("columnar: rows are no Go values") }

func (p *plan) parquetNode() parquet.Node {
	group := orderedGroup{Group: parquet.Group{}}
	add := func(name string, node parquet.Node) {
		group.Group[name] = node
		group.fields = append(group.fields, namedNode{node, name})
	}
	if !p.schema.Sparse {
		for _, field := range p.schema.Fields {
			add(field.Name, parquet.Optional(parquetNode(field)))
		}
		return group
	}
	float := parquet.Leaf(parquet.FloatType)
	add("label", float)
	if p.weight {
		add("weight", float)
	}
	if p.exposure {
		add("exposure", float)
	}
	add("indices", parquet.List(parquet.Uint(32)))
	add("values", parquet.List(float))
	return group
}

func parquetNode(field Field) parquet.Node {
	switch {
	case field.Kind == table.Time:
		return parquet.Timestamp(parquet.Nanosecond)
	case field.Kind == table.Text:
		return parquet.String()
	case field.Type == wholeType:
		return parquet.Leaf(parquet.Int64Type)
	}
	return parquet.Leaf(parquet.DoubleType)
}

// chunkRows is how many rows are handed to the columns at once.
const chunkRows = 1024

func (w *parquetWriter) Table(b *table.Batch) error {
	if err := w.checkTable(b); err != nil {
		return err
	}
	for start := 0; start < b.Rows; start += chunkRows {
		if err := w.tableRows(b, start, min(start+chunkRows, b.Rows)); err != nil {
			return err
		}
	}
	w.rows += int64(b.Rows)
	return nil
}

func (w *parquetWriter) tableRows(b *table.Batch, start, end int) error {
	for i := range b.Columns {
		w.buffer = w.buffer[:0]
		for row := start; row < end; row++ {
			if len(b.Bad) > 0 && b.Bad.Has(row) {
				continue
			}
			v, err := w.cell(i, &b.Columns[i], row)
			if err != nil {
				return err
			}
			w.buffer = append(w.buffer, v)
		}
		if err := w.write(i); err != nil {
			return err
		}
	}
	return w.finishRows(len(w.buffer))
}

func (w *parquetWriter) cell(i int, c *table.Column, row int) (v parquet.Value, err error) {
	if c.IsMissing(row) {
		return parquet.NullValue().Level(0, 0, i), nil
	}
	switch field := w.schema.Fields[i]; {
	case field.Kind == table.Time:
		v = parquet.Int64Value(c.Times[row])
	case field.Kind == table.Text:
		text := c.Cell(row)
		w.bytes += len(text)
		v = parquet.ByteArrayValue(text)
	case field.Type == wholeType:
		x, err := w.whole(field, row, c.Numbers[row])
		if err != nil {
			return v, err
		}
		v = parquet.Int64Value(x)
	default:
		v = parquet.DoubleValue(c.Numbers[row])
	}
	return v.Level(0, 1, i), nil
}

// write hands the buffered values to a column.
func (w *parquetWriter) write(column int) error {
	_, err := w.columns[column].WriteRowValues(w.buffer)
	return err
}

func (w *parquetWriter) Sparse(rows *batch.CSR) error {
	if err := w.checkSparse(rows); err != nil {
		return err
	}
	for start := 0; start < rows.Rows(); start += chunkRows {
		if err := w.sparseRows(rows, start, min(start+chunkRows, rows.Rows())); err != nil {
			return err
		}
	}
	return nil
}

func (w *parquetWriter) sparseRows(rows *batch.CSR, start, end int) error {
	column := 0
	floats := func(at func(i int) float32) error {
		w.buffer = w.buffer[:0]
		for row := start; row < end; row++ {
			w.buffer = append(w.buffer, parquet.FloatValue(at(row)).Level(0, 0, column))
		}
		column++
		return w.write(column - 1)
	}
	if err := floats(func(i int) float32 { return rows.Labels[i] }); err != nil {
		return err
	}
	if w.weight {
		if err := floats(func(i int) float32 { return orOne(rows.Weights, i) }); err != nil {
			return err
		}
	}
	if w.exposure {
		if err := floats(func(i int) float32 { return orOne(rows.Exposure, i) }); err != nil {
			return err
		}
	}
	base := w.base()
	if err := w.lists(rows.Offsets[start:end+1], column, func(i uint32) parquet.Value { return parquet.Int32Value(int32(rows.Columns[i] + base)) }); err != nil {
		return err
	}
	if err := w.lists(rows.Offsets[start:end+1], column+1, func(i uint32) parquet.Value { return parquet.FloatValue(rows.Values[i]) }); err != nil {
		return err
	}
	w.bytes += 8 * int(rows.Offsets[end]-rows.Offsets[start])
	return w.finishRows(end - start)
}

// lists writes a column of lists, those between offsets.
func (w *parquetWriter) lists(offsets []uint32, column int, value func(i uint32) parquet.Value) error {
	w.buffer = w.buffer[:0]
	for row, start := range offsets[:len(offsets)-1] {
		end := offsets[row+1]
		if start == end {
			w.buffer = append(w.buffer, parquet.NullValue().Level(0, 0, column))
		}
		for i := start; i < end; i++ {
			w.buffer = append(w.buffer, value(i).Level(min(1, int(i-start)), 1, column))
		}
	}
	return w.write(column)
}

// finishRows counts rows and ends the row group if it is full.
func (w *parquetWriter) finishRows(n int) error {
	if w.pending += n; w.pending < parquetRows && w.bytes < parquetBytes {
		return nil
	}
	return w.flush()
}

func (w *parquetWriter) flush() error {
	if w.pending == 0 {
		return nil
	}
	w.pending, w.bytes = 0, 0
	return w.w.Flush()
}

func (w *parquetWriter) Close() error {
	if err := w.flush(); err != nil {
		return err
	}
	return w.w.Close()
}
