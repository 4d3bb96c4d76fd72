//go:build ignore

// Writes the files of this directory: columns of types that columnar.Writer does
// not write. Run it here: go run generate.go
package main

import (
	"bytes"
	"log"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/parquet-go/parquet-go"
)

func main() {
	y, x := column{"y", arrow.PrimitiveTypes.Float64, `[1, 0, 1]`}, column{"x", arrow.PrimitiveTypes.Float64, `[0.5, null, 2]`}
	tags := column{"tags", arrow.ListOf(arrow.BinaryTypes.String), `[["a"], null, ["a", "b"]]`}
	writeArrow("list.arrow", y, x, tags)
	writeArrow("lists.arrow", tags)
	writeArrow("dictionary.arrow", y, column{"color", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, `["red", null, "green"]`})
	writeArrow("wide.arrow", y, column{"id", arrow.PrimitiveTypes.Int64, `[1, 9007199254740993, 3]`})
	writeArrow("bytes.arrow", y, x, column{"raw", arrow.BinaryTypes.Binary, `["AAE=", null, "/w=="]`})
	writeArrow("lines.arrow", y, column{"x", arrow.BinaryTypes.String, `["1", "2", "abc"]`}, column{"note", arrow.BinaryTypes.String, `["two\nlines", "one", "one"]`})
	writeParquet("list.parquet", []nested{{1, []string{"a"}, inner{1}}, {0, nil, inner{2}}})
	writeParquet("time.parquet", []clock{{1, 1}})
}

type inner struct {
	A float64 `parquet:"a"`
}

type nested struct {
	Y    float64  `parquet:"y"`
	Tags []string `parquet:"tags,list"`
	Box  inner    `parquet:"box"`
}

type clock struct {
	Y float64 `parquet:"y"`
	T int32   `parquet:"t,time(millisecond)"`
}

type column struct {
	name string
	kind arrow.DataType
	json string
}

func writeArrow(name string, columns ...column) {
	var fields []arrow.Field
	var arrays []arrow.Array
	for _, c := range columns {
		a, _, err := array.FromJSON(memory.DefaultAllocator, c.kind, strings.NewReader(c.json))
		check(err)
		fields, arrays = append(fields, arrow.Field{Name: c.name, Type: c.kind, Nullable: true}), append(arrays, a)
	}
	schema := arrow.NewSchema(fields, nil)
	var out bytes.Buffer
	w, err := ipc.NewFileWriter(&out, ipc.WithSchema(schema))
	check(err)
	check(w.Write(array.NewRecordBatch(schema, arrays, int64(arrays[0].Len()))))
	check(w.Close())
	check(os.WriteFile(name, out.Bytes(), 0o644))
}

func writeParquet[T any](name string, rows []T) {
	var out bytes.Buffer
	w := parquet.NewGenericWriter[T](&out)
	_, err := w.Write(rows)
	check(err)
	check(w.Close())
	check(os.WriteFile(name, out.Bytes(), 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
