package columnar

import (
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"parley/internal/batch"
	"parley/internal/table"
)

// What a record batch has at most. A single row may have more.
const (
	arrowRows  = 64 << 10
	arrowBytes = 64 << 20 // of texts, indices and values
)

// arrowWriter collects rows in builders and writes them as record batches.
type arrowWriter struct {
	plan
	w       *ipc.FileWriter
	builder *array.RecordBuilder
	pending int // rows in builder
	bytes   int // about
}

// NewArrowWriter returns a writer of an Arrow IPC file, not compressed. Numbers
// become double, or int64 where the field's type says so, texts utf8, times
// timestamp[ns, UTC], missing cells null. It holds one record batch of up to
// 65,536 rows in memory.
func NewArrowWriter(w io.Writer, s Schema) (Writer, error) {
	p, err := newPlan(s)
	if err != nil {
		return nil, err
	}
	metadata := arrow.NewMetadata(p.metadata())
	schema := arrow.NewSchema(p.arrowFields(), &metadata)
	file, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return nil, err
	}
	return &arrowWriter{plan: p, w: file, builder: array.NewRecordBuilder(memory.DefaultAllocator, schema)}, nil
}

func (p *plan) arrowFields() []arrow.Field {
	if p.schema.Sparse {
		fields := []arrow.Field{{Name: "label", Type: arrow.PrimitiveTypes.Float32}}
		if p.weight {
			fields = append(fields, arrow.Field{Name: "weight", Type: arrow.PrimitiveTypes.Float32})
		}
		if p.exposure {
			fields = append(fields, arrow.Field{Name: "exposure", Type: arrow.PrimitiveTypes.Float32})
		}
		return append(fields,
			arrow.Field{Name: "indices", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Uint32)},
			arrow.Field{Name: "values", Type: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Float32)})
	}
	fields := make([]arrow.Field, len(p.schema.Fields))
	for i, field := range p.schema.Fields {
		fields[i] = arrow.Field{Name: field.Name, Type: arrowType(field), Nullable: true}
	}
	return fields
}

func arrowType(field Field) arrow.DataType {
	switch {
	case field.Kind == table.Time:
		return &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}
	case field.Kind == table.Text:
		return arrow.BinaryTypes.String
	case field.Type == wholeType:
		return arrow.PrimitiveTypes.Int64
	}
	return arrow.PrimitiveTypes.Float64
}

func (w *arrowWriter) Table(b *table.Batch) error {
	if err := w.checkTable(b); err != nil {
		return err
	}
	for row := range b.Rows {
		if len(b.Bad) > 0 && b.Bad.Has(row) {
			continue
		}
		for i := range b.Columns {
			if err := w.cell(i, &b.Columns[i], row); err != nil {
				return err
			}
		}
		if err := w.finishRow(); err != nil {
			return err
		}
	}
	w.rows += int64(b.Rows)
	return nil
}

func (w *arrowWriter) cell(i int, c *table.Column, row int) error {
	if c.IsMissing(row) {
		w.builder.Field(i).AppendNull()
		return nil
	}
	switch builder := w.builder.Field(i).(type) {
	case *array.Float64Builder:
		builder.Append(c.Numbers[row])
	case *array.Int64Builder:
		v, err := w.whole(w.schema.Fields[i], row, c.Numbers[row])
		if err != nil {
			return err
		}
		builder.Append(v)
	case *array.TimestampBuilder:
		builder.Append(arrow.Timestamp(c.Times[row]))
	case *array.StringBuilder:
		text := c.Cell(row)
		w.bytes += len(text)
		builder.BinaryBuilder.Append(text)
	}
	return nil
}

func (w *arrowWriter) Sparse(rows *batch.CSR) error {
	if err := w.checkSparse(rows); err != nil {
		return err
	}
	base, last := w.base(), len(w.builder.Fields())-1
	floats := func(i int, v float32) { w.builder.Field(i).(*array.Float32Builder).Append(v) }
	indices, values := w.builder.Field(last-1).(*array.ListBuilder), w.builder.Field(last).(*array.ListBuilder)
	columns, numbers := indices.ValueBuilder().(*array.Uint32Builder), values.ValueBuilder().(*array.Float32Builder)
	for row, label := range rows.Labels {
		floats(0, label)
		if w.weight {
			floats(1, orOne(rows.Weights, row))
		}
		if w.exposure {
			floats(last-2, orOne(rows.Exposure, row))
		}
		start, end := rows.Offsets[row], rows.Offsets[row+1]
		indices.Append(true)
		for _, column := range rows.Columns[start:end] {
			columns.Append(column + base)
		}
		values.Append(true)
		numbers.AppendValues(rows.Values[start:end], nil)
		w.bytes += 8 * int(end-start)
		if err := w.finishRow(); err != nil {
			return err
		}
	}
	return nil
}

// finishRow counts a row and writes the batch if it is full.
func (w *arrowWriter) finishRow() error {
	if w.pending++; w.pending < arrowRows && w.bytes < arrowBytes {
		return nil
	}
	return w.flush()
}

func (w *arrowWriter) flush() error {
	if w.pending == 0 {
		return nil
	}
	record := w.builder.NewRecordBatch()
	defer record.Release()
	w.pending, w.bytes = 0, 0
	return w.w.Write(record)
}

func (w *arrowWriter) Close() error {
	defer w.builder.Release()
	if err := w.flush(); err != nil {
		return err
	}
	return w.w.Close()
}
