package columnar

import (
	"bytes"
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/deprecated"

	"parley/internal/param"
)

// arrowColumns are columns by type: three cells as JSON, and as they are read.
var arrowColumns = []struct {
	kind arrow.DataType
	json string
	want [3]string
}{
	{arrow.PrimitiveTypes.Int8, `[1, null, -128]`, [3]string{numberBits(1), "-", numberBits(-128)}},
	{arrow.PrimitiveTypes.Int16, `[1, null, 2]`, [3]string{numberBits(1), "-", numberBits(2)}},
	{arrow.PrimitiveTypes.Int32, `[1, null, 2]`, [3]string{numberBits(1), "-", numberBits(2)}},
	{arrow.PrimitiveTypes.Int64, `[9007199254740992, null, -9007199254740992]`, [3]string{numberBits(1 << 53), "-", numberBits(-1 << 53)}},
	{arrow.PrimitiveTypes.Uint8, `[255, null, 2]`, [3]string{numberBits(255), "-", numberBits(2)}},
	{arrow.PrimitiveTypes.Uint16, `[1, null, 2]`, [3]string{numberBits(1), "-", numberBits(2)}},
	{arrow.PrimitiveTypes.Uint32, `[4294967295, null, 2]`, [3]string{numberBits(4294967295), "-", numberBits(2)}},
	{arrow.PrimitiveTypes.Uint64, `[1, null, 9007199254740992]`, [3]string{numberBits(1), "-", numberBits(1 << 53)}},
	{arrow.FixedWidthTypes.Float16, `[1.5, null, -2]`, [3]string{numberBits(1.5), "-", numberBits(-2)}},
	{arrow.PrimitiveTypes.Float32, `[0.1, null, -2]`, [3]string{numberBits(float64(float32(0.1))), "-", numberBits(-2)}},
	{arrow.PrimitiveTypes.Float64, `[0.1, null, 1e300]`, [3]string{numberBits(0.1), "-", numberBits(1e300)}},
	{arrow.FixedWidthTypes.Boolean, `[true, null, false]`, [3]string{`"true"`, "-", `"false"`}},
	{&arrow.Decimal128Type{Precision: 15, Scale: 0}, `["12", null, "-7"]`, [3]string{numberBits(12), "-", numberBits(-7)}},
	{&arrow.Decimal128Type{Precision: 38, Scale: 2}, `["12.34", null, "-0.05"]`, [3]string{`"12.34"`, "-", `"-0.05"`}},
	{&arrow.Decimal256Type{Precision: 70, Scale: 1}, `["100000000000000000000000000000000000000000.5", null, "0"]`, [3]string{`"100000000000000000000000000000000000000000.5"`, "-", `"0.0"`}},
	{arrow.BinaryTypes.String, `["a", null, "é"]`, [3]string{`"a"`, "-", `"é"`}},
	{arrow.BinaryTypes.LargeString, `["a", null, ""]`, [3]string{`"a"`, "-", `""`}},
	{arrow.BinaryTypes.StringView, `["a", null, "longer than twelve bytes"]`, [3]string{`"a"`, "-", `"longer than twelve bytes"`}},
	{arrow.BinaryTypes.Binary, `["YQ==", null, ""]`, [3]string{`"a"`, "-", `""`}},
	{&arrow.FixedSizeBinaryType{ByteWidth: 2}, `["YWI=", null, "eHk="]`, [3]string{`"ab"`, "-", `"xy"`}},
	{arrow.FixedWidthTypes.Date32, `["1970-01-02", null, "1969-12-31"]`, [3]string{"86400000000000", "-", "-86400000000000"}},
	{arrow.FixedWidthTypes.Date64, `["1970-01-02", null, "1969-12-31"]`, [3]string{"86400000000000", "-", "-86400000000000"}},
	{&arrow.TimestampType{Unit: arrow.Second}, `["1970-01-01 00:00:01", null, "1969-12-31 23:59:59"]`, [3]string{"1000000000", "-", "-1000000000"}},
	{&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "Europe/Berlin"}, `["1970-01-01T00:00:01Z", null, "1969-12-31T23:59:59Z"]`, [3]string{"1000000000", "-", "-1000000000"}},
	{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, `["red", null, "green"]`, [3]string{`"red"`, "-", `"green"`}},
	{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint16, ValueType: arrow.PrimitiveTypes.Float64}, `[2.5, null, 2.5]`, [3]string{numberBits(2.5), "-", numberBits(2.5)}},
	{arrow.Null, `[null, null, null]`, [3]string{"-", "-", "-"}},
}

// arrowFile writes columns, the same rows twice, in two batches.
func arrowFile(t testing.TB, stream bool, options ...ipc.Option) []byte {
	t.Helper()
	var fields []arrow.Field
	var columns []arrow.Array
	for _, c := range arrowColumns {
		a, _, err := array.FromJSON(memory.DefaultAllocator, c.kind, bytes.NewReader([]byte(c.json)))
		if err != nil {
			t.Fatal(c.kind, err)
		}
		fields, columns = append(fields, arrow.Field{Name: c.kind.String(), Type: c.kind, Nullable: true}), append(columns, a)
	}
	schema := arrow.NewSchema(fields, nil)
	var out bytes.Buffer
	var w interface {
		Write(arrow.RecordBatch) error
		io.Closer
	}
	options = append(options, ipc.WithSchema(schema))
	w, err := ipc.NewFileWriter(&out, options...)
	if stream {
		out.Reset()
		w = ipc.NewWriter(&out, options...)
	}
	if err != nil {
		t.Fatal(err)
	}
	record := array.NewRecordBatch(schema, columns, 3)
	for range 2 {
		if err := w.Write(record); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestArrowTypes(t *testing.T) {
	for _, c := range []struct {
		stream  bool
		options []ipc.Option
	}{{}, {false, []ipc.Option{ipc.WithLZ4()}}, {false, []ipc.Option{ipc.WithZstd()}}, {true, nil}, {true, []ipc.Option{ipc.WithZstd()}}} {
		data := arrowFile(t, c.stream, c.options...)
		file := formats[0].reopen(t, data)
		if want := map[bool]int64{true: -1, false: 6}[c.stream]; file.Rows() != want {
			t.Errorf("%d rows, want %d", file.Rows(), want)
		}
		for i, column := range arrowColumns {
			got, err := readTable(formats[0].reopen(t, data), []int{i})
			w := column.want
			want := []string{w[0] + " ", w[1] + " ", w[2] + " ", w[0] + " ", w[1] + " ", w[2] + " "}
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%s: %v %s", column.kind, err, d)
			}
		}
	}
}

func TestArrowUnfit(t *testing.T) {
	list := arrow.ListOf(arrow.PrimitiveTypes.Int32)
	for _, c := range []struct {
		kind arrow.DataType
		json string
		want string
	}{
		{arrow.PrimitiveTypes.Int64, `[1, null, 9007199254740993]`, `x: row 3: column "c": the int64 value is beyond 2^53, where numbers are no longer exact: store the column as text`},
		{arrow.PrimitiveTypes.Uint64, `[18446744073709551615]`, `x: row 1: column "c": the uint64 value is beyond 2^53, where numbers are no longer exact: store the column as text`},
		{arrow.FixedWidthTypes.Timestamp_s, `[16725225600]`, `x: row 1: column "c": the timestamp[s, tz=UTC] value is out of the range of times in nanoseconds, 1677 to 2262: store the column as text or as numbers`},
		{list, `[[1]]`, `x: column "c": cannot read values of type list<item: int32, nullable>: leave the column out, or store it as numbers, text or timestamps`},
		{arrow.StructOf(arrow.Field{Name: "a", Type: list}), `[{"a": [1]}]`, `x: column "c": cannot read values of type struct<a: list<item: int32, nullable>>: leave the column out, or store it as numbers, text or timestamps`},
		{arrow.FixedWidthTypes.Time32s, `["12:00:00"]`, `x: column "c": cannot read values of type time32[s]: leave the column out, or store it as numbers, text or timestamps`},
	} {
		a, _, err := array.FromJSON(memory.DefaultAllocator, c.kind, bytes.NewReader([]byte(c.json)))
		if err != nil {
			t.Fatal(err)
		}
		schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: c.kind, Nullable: true}}, nil)
		var out bytes.Buffer
		w := ipc.NewWriter(&out, ipc.WithSchema(schema))
		if err := w.Write(array.NewRecordBatch(schema, []arrow.Array{a}, int64(a.Len()))); err != nil {
			t.Fatal(err)
		}
		_, err = readTable(formats[0].reopen(t, out.Bytes()), nil)
		if err == nil || err.Error() != c.want || param.KindOf(err) != param.Invalid {
			t.Errorf("%s:\n got %v\nwant %s", c.kind, err, c.want)
		}
	}
}

// parquetRow has the types that Parquet files have. Pointers are optional.
type parquetRow struct {
	Bool    bool             `parquet:"bool"`
	Int8    int8             `parquet:"int8"`
	Uint32  uint32           `parquet:"uint32"`
	Int64   *int64           `parquet:"int64"`
	Uint64  *uint64          `parquet:"uint64"`
	Float   *float32         `parquet:"float"`
	Double  float64          `parquet:"double,split"`
	Text    *string          `parquet:"text,dict"`
	Delta   *string          `parquet:"delta"`
	Bytes   [2]byte          `parquet:"bytes"`
	Money   int32            `parquet:"money,decimal(2:9)"`
	Count   int64            `parquet:"count,decimal(0:15)"`
	Date    int32            `parquet:"date,date"`
	Millis  *int64           `parquet:"millis,timestamp(millisecond)"`
	Nanos   int64            `parquet:"nanos,delta,timestamp(nanosecond)"`
	Spark   deprecated.Int96 `parquet:"spark"`
	Numbers *float64         `parquet:"numbers,dict"`
}

var (
	five, huge, small = int64(5), uint64(1 << 53), float32(0.5)
	word, other, half = "word", "", 0.5
	parquetRows3      = []parquetRow{
		{true, -1, 1 << 31, &five, nil, &small, 1e300, &word, &word, [2]byte{'a', 'b'}, 1234, 7, 1, &five, 9, deprecated.Int96{1, 0, 2440589}, &half},
		{false, 2, 3, nil, &huge, nil, 0, nil, nil, [2]byte{'c', 'd'}, -5, -7, -1, nil, -9, deprecated.Int96{0, 0, 2440588}, nil},
		{true, 3, 3, &five, &huge, &small, 0, &other, &other, [2]byte{'c', 'd'}, 100, 0, 0, nil, -9, deprecated.Int96{0, 0, 2440588}, &half},
	}
	parquetWant = []string{
		`"true" ` + numberBits(-1) + " " + numberBits(1<<31) + " " + numberBits(5) + " - " + numberBits(0.5) + " " + numberBits(1e300) + ` "word" "word" "ab" "12.34" ` + numberBits(7) + " 86400000000000 5000000 9 86400000000001 " + numberBits(0.5) + " ",
		`"false" ` + numberBits(2) + " " + numberBits(3) + " - " + numberBits(1<<53) + " - " + numberBits(0) + ` - - "cd" "-0.05" ` + numberBits(-7) + " -86400000000000 - -9 0 - ",
		`"true" ` + numberBits(3) + " " + numberBits(3) + " " + numberBits(5) + " " + numberBits(1<<53) + " " + numberBits(0.5) + " " + numberBits(0) + ` "" "" "cd" "1.00" ` + numberBits(0) + " 0 - -9 0 " + numberBits(0.5) + " ",
	}
)

func TestParquetTypes(t *testing.T) {
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Zstd, &parquet.Lz4Raw, &parquet.Brotli} {
		for version := 1; version <= 2; version++ {
			got, err := readTable(formats[1].reopen(t, parquetFile(t, parquet.Compression(codec), parquet.DataPageVersion(version))), nil)
			if d := cmp.Diff(parquetWant, got); d != "" || err != nil {
				t.Errorf("%s, pages version %d: %v %s", codec, version, err, d)
			}
		}
	}
}

func parquetFile(t testing.TB, options ...parquet.WriterOption) []byte {
	t.Helper()
	var out bytes.Buffer
	w := parquet.NewGenericWriter[parquetRow](&out, options...)
	if _, err := w.Write(parquetRows3); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestParquetUnfit(t *testing.T) {
	type row struct {
		Huge  int64             `parquet:"a_huge"`
		List  []int32           `parquet:"b_list,list"`
		Many  []string          `parquet:"c_many"`
		Inner struct{ X int32 } `parquet:"d_inner"`
		Map   map[string]int32  `parquet:"e_map"`
		UUID  [16]byte          `parquet:"f_uuid,uuid"`
		Time  int64             `parquet:"g_time,time(microsecond)"`
		Good  string            `parquet:"h_good"`
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[row](&out)
	if _, err := w.Write([]row{{Good: "1"}, {Huge: -1<<53 - 1, List: []int32{1, 2}, Good: "2"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const hint = ": leave the column out, or store it as numbers, text or timestamps"
	for i, want := range []string{
		`x: row 2: column "a_huge": the int64 value is beyond 2^53, where numbers are no longer exact: store the column as text`,
		`x: column "b_list": cannot read values of type list` + hint,
		`x: column "c_many": cannot read values of type list of string` + hint,
		`x: column "d_inner": cannot read values of type struct` + hint,
		`x: column "e_map": cannot read values of type map` + hint,
		`x: column "f_uuid": cannot read values of type uuid` + hint,
		`x: column "g_time": cannot read values of type time(isadjustedtoutc=true,unit=micros)` + hint,
	} {
		_, err := readTable(formats[1].reopen(t, out.Bytes()), []int{i})
		if err == nil || err.Error() != want || param.KindOf(err) != param.Invalid {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	got, err := readTable(formats[1].reopen(t, out.Bytes()), []int{7})
	if d := cmp.Diff([]string{`"1" `, `"2" `}, got); d != "" || err != nil {
		t.Error(err, d)
	}
}
