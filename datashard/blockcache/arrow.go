package blockcache

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"parley/internal/batch"
)

// featureType is that of a row's nonzeros. A list of structs has one array of
// offsets and an array for each field of the struct, as a CSR has.
var featureType = arrow.StructOf(
	arrow.Field{Name: "column", Type: arrow.PrimitiveTypes.Uint32},
	arrow.Field{Name: "value", Type: arrow.PrimitiveTypes.Float32})

// arrowFile returns rows as an Arrow IPC file of one record batch. It panics when
// arrow-go fails, which it has no reason to: it writes to memory. It is called
// once a layout; the files of the cache are made of what it returned.
func arrowFile(c *batch.CSR, values [len(marks)]string) []byte {
	meta := arrow.MetadataFrom(map[string]string{"parley.layout": Version})
	record := recordOf(c, &meta, arrow.NewMetadata(metadataKeys[:], values[:]))
	var file bytes.Buffer
	w, err := ipc.NewFileWriter(&file, ipc.WithSchema(record.Schema()))
	if err == nil {
		err = w.Write(record)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("blockcache: framing: %v", err))
	}
	return file.Bytes()
}

// recordOf returns rows as a record batch that shares their memory.
func recordOf(c *batch.CSR, schema *arrow.Metadata, meta arrow.Metadata) arrow.RecordBatch {
	rows, nonzeros := len(c.Labels), len(c.Columns)
	var fields []arrow.Field
	var arrays []arrow.Array
	add := func(name string, data arrow.ArrayData) {
		fields = append(fields, arrow.Field{Name: name, Type: data.DataType()})
		arrays = append(arrays, array.MakeFromData(data))
	}
	add("label", data(arrow.PrimitiveTypes.Float32, rows, bytesOf(c.Labels)))
	if c.Weights != nil {
		add("weight", data(arrow.PrimitiveTypes.Float32, rows, bytesOf(c.Weights)))
	}
	if c.Exposure != nil {
		add("exposure", data(arrow.PrimitiveTypes.Float32, rows, bytesOf(c.Exposure)))
	}
	features := array.NewData(featureType, nonzeros, []*memory.Buffer{nil}, []arrow.ArrayData{
		data(arrow.PrimitiveTypes.Uint32, nonzeros, bytesOf(c.Columns)),
		data(arrow.PrimitiveTypes.Float32, nonzeros, bytesOf(c.Values)),
	}, 0, 0)
	add("features", data(arrow.ListOfNonNullable(featureType), rows, bytesOf(c.Offsets), features))
	return array.NewRecordBatchWithMetadata(arrow.NewSchema(fields, schema), arrays, int64(rows), meta)
}

// data returns the data of an array without nulls.
func data(kind arrow.DataType, length int, buffer []byte, children ...arrow.ArrayData) arrow.ArrayData {
	return array.NewData(kind, length, []*memory.Buffer{nil, memory.NewBufferBytes(buffer)}, children, 0, 0)
}

// word is what columns are made of: 4 bytes, written in the machine's own order,
// which is little-endian wherever Parley runs.
type word interface{ ~uint32 | ~float32 }

// bytesOf returns the memory of a column.
func bytesOf[T word](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), 4*len(s))
}

// floatsOf returns memory as a column of floats.
func floatsOf(s []uint32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}
