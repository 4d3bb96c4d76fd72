package columnar

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding"
	"github.com/parquet-go/parquet-go/format"

	"parley/internal/table"
)

// parquetValues are the values of a page or a dictionary.
type parquetValues = encoding.Values

// parquetType returns how the cells of a column are given, its type for people,
// and what makes values of its pages: nil if the column is not supported.
func parquetType(c *parquet.Column, e *format.SchemaElement) (kind table.Kind, name string, make func(parquetValues) values) {
	switch {
	case c.Repeated():
		return table.Text, "list of " + typeName(e), nil
	case !c.Leaf():
		return table.Text, typeName(e), nil
	}
	kind, make = annotated(e)
	if make == nil && plain(e) {
		kind, make = physical(parquet.Kind(e.Type.V))
	}
	return kind, typeName(e), make
}

// typeName is the type in Parquet's words, whole numbers in Go's.
func typeName(e *format.SchemaElement) string {
	switch t := e.LogicalType.Value.(type) {
	case nil:
	case *format.IntType:
		return intName(t)
	default:
		return strings.ToLower(e.LogicalType.String())
	}
	if e.ConvertedType.Valid {
		return convertedName(e)
	}
	if !e.Type.Valid {
		return "struct"
	}
	return strings.ToLower(e.Type.V.String())
}

func intName(t *format.IntType) string {
	if t.IsSigned {
		return fmt.Sprintf("int%d", t.BitWidth)
	}
	return fmt.Sprintf("uint%d", t.BitWidth)
}

// convertedNames are the annotations of older writers by their number, as the
// newer ones are called.
var convertedNames = [...]string{"string", "map", "map", "list", "enum", "decimal", "date", "time", "time",
	"timestamp", "timestamp", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "json", "bson", "interval"}

func convertedName(e *format.SchemaElement) string {
	if at := int(e.ConvertedType.V); at >= 0 && at < len(convertedNames) {
		return convertedNames[at]
	}
	return "unknown"
}

// plain reports whether nothing is said about a type that changes how its values
// are to be read.
func plain(e *format.SchemaElement) bool {
	switch e.LogicalType.Value.(type) {
	case nil:
		if !e.ConvertedType.Valid {
			return true
		}
		switch e.ConvertedType.V {
		case deprecated.UTF8, deprecated.Enum, deprecated.Json, deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
			return true
		}
		return false
	case *format.StringType, *format.EnumType, *format.JsonType, *format.IntType:
		return true
	}
	return false
}

// physical returns the values of types that say no more than how they are kept.
func physical(kind parquet.Kind) (table.Kind, func(parquetValues) values) {
	switch kind {
	case parquet.Boolean:
		return table.Text, func(v parquetValues) values {
			bits := v.Boolean()
			return truths(func(i int) bool { return bits[i/8]>>(i%8)&1 == 1 })
		}
	case parquet.Int32:
		return table.Number, func(v parquetValues) values { return numbers(v.Int32()) }
	case parquet.Int64:
		return table.Number, func(v parquetValues) values { return wholes(v.Int64()) }
	case parquet.Int96:
		return table.Time, func(v parquetValues) values { return sparkTimes(v.Int96()) }
	case parquet.Float:
		return table.Number, func(v parquetValues) values { return numbers(v.Float()) }
	case parquet.Double:
		return table.Number, func(v parquetValues) values { return numbers(v.Double()) }
	case parquet.ByteArray, parquet.FixedLenByteArray:
		return table.Text, func(v parquetValues) values { return texts(byteStrings(v)) }
	}
	return table.Text, nil
}

// annotated returns the values of types with an annotation that changes how they
// are read; nil if there is none, or one that is not supported.
func annotated(e *format.SchemaElement) (table.Kind, func(parquetValues) values) {
	kind := parquet.Kind(e.Type.V)
	switch t := e.LogicalType.Value.(type) {
	case nil:
		return converted(e)
	case *format.IntType:
		if !t.IsSigned {
			return unsigned(kind)
		}
	case *format.DateType:
		return instants(kind, dayNanos)
	case *format.TimestampType:
		switch t.Unit.Value.(type) {
		case *format.MilliSeconds:
			return instants(kind, milliNanos)
		case *format.MicroSeconds:
			return instants(kind, milliNanos/1000)
		case *format.NanoSeconds:
			return instants(kind, 1)
		}
	case *format.DecimalType:
		return parquetDecimals(kind, int(t.Precision), int(t.Scale))
	case *format.Float16Type:
		return table.Number, halves
	case *format.NullType:
		return table.Text, func(parquetValues) values { return values{} }
	}
	return table.Text, nil
}

// converted is annotated for the annotations of older writers.
func converted(e *format.SchemaElement) (table.Kind, func(parquetValues) values) {
	if !e.ConvertedType.Valid {
		return table.Text, nil
	}
	kind := parquet.Kind(e.Type.V)
	switch e.ConvertedType.V {
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		return unsigned(kind)
	case deprecated.Date:
		return instants(kind, dayNanos)
	case deprecated.TimestampMillis:
		return instants(kind, milliNanos)
	case deprecated.TimestampMicros:
		return instants(kind, milliNanos/1000)
	case deprecated.Decimal:
		return parquetDecimals(kind, int(e.Precision.V), int(e.Scale.V))
	}
	return table.Text, nil
}

func unsigned(kind parquet.Kind) (table.Kind, func(parquetValues) values) {
	switch kind {
	case parquet.Int32:
		return table.Number, func(v parquetValues) values { return numbers(v.Uint32()) }
	case parquet.Int64:
		return table.Number, func(v parquetValues) values { return wholes(v.Uint64()) }
	}
	return table.Text, nil
}

func instants(kind parquet.Kind, unit int64) (table.Kind, func(parquetValues) values) {
	switch kind {
	case parquet.Int32:
		return table.Time, func(v parquetValues) values { return times(v.Int32(), unit) }
	case parquet.Int64:
		return table.Time, func(v parquetValues) values { return times(v.Int64(), unit) }
	}
	return table.Text, nil
}

// sparkTimes are 12 bytes: nanoseconds of the day and the Julian day.
func sparkTimes(v []deprecated.Int96) values {
	const epoch = 2440588 // Julian day of 1970-01-01
	return values{misfit: misfitTime, time: func(i int) (int64, bool) {
		x := v[i]
		nanos, day := uint64(x[0])|uint64(x[1])<<32, int64(x[2])-epoch
		return day*dayNanos + int64(nanos), nanos < dayNanos && day > -106_000 && day < 106_000
	}}
}

// halves are floats of 16 bits.
func halves(v parquetValues) values {
	at := byteStrings(v)
	return values{number: func(i int) (float64, bool) {
		return float64(float16.FromBits(binary.LittleEndian.Uint16(at(i))).Float32()), true
	}}
}

// byteStrings returns access to byte strings of fixed or free lengths.
func byteStrings(v parquetValues) func(i int) []byte {
	if v.Kind() == encoding.FixedLenByteArray {
		data, size := v.FixedLenByteArray()
		return func(i int) []byte { return data[i*size:][:size] }
	}
	data, offsets := v.ByteArray()
	return func(i int) []byte { return data[offsets[i]:offsets[i+1]] }
}

func parquetDecimals(kind parquet.Kind, precision, scale int) (table.Kind, func(parquetValues) values) {
	if precision < 1 || scale < 0 || scale > maxScale {
		return table.Text, nil
	}
	as := table.Text
	if exactDecimal(precision, scale) {
		as = table.Number
	}
	switch kind {
	case parquet.Int32, parquet.Int64, parquet.ByteArray, parquet.FixedLenByteArray:
		return as, func(v parquetValues) values { return decimals(precision, scale, unscaled(v)) }
	}
	return table.Text, nil
}

// unscaled returns access to the whole numbers that decimals are kept as.
func unscaled(v parquetValues) func(i int) *big.Int {
	switch v.Kind() {
	case encoding.Int32:
		x := v.Int32()
		return func(i int) *big.Int { return big.NewInt(int64(x[i])) }
	case encoding.Int64:
		x := v.Int64()
		return func(i int) *big.Int { return big.NewInt(x[i]) }
	}
	at := byteStrings(v)
	return func(i int) *big.Int {
		b := at(i) // two's complement, the highest byte first
		x := new(big.Int).SetBytes(b)
		if len(b) > 0 && b[0] >= 0x80 {
			x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		return x
	}
}
