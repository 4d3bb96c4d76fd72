package columnar

import (
	"math/big"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"parley/internal/table"
)

// arrowKind returns as what the cells of a type are given; ok is false if they
// cannot be. It must agree with arrowValues.
func arrowKind(t arrow.DataType) (kind table.Kind, ok bool) {
	switch t := t.(type) {
	case arrow.ExtensionType:
		return arrowKind(t.StorageType())
	case *arrow.DictionaryType:
		switch t.ValueType.ID() {
		case arrow.DICTIONARY, arrow.EXTENSION, arrow.NULL:
			return table.Text, false
		}
		return arrowKind(t.ValueType)
	case arrow.DecimalType:
		if scale := int(t.GetScale()); scale > maxScale || scale < -maxScale {
			return table.Text, false
		} else if exactDecimal(int(t.GetPrecision()), scale) {
			return table.Number, true
		}
		return table.Text, true
	}
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64,
		arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64:
		return table.Number, true
	case arrow.TIMESTAMP, arrow.DATE32, arrow.DATE64:
		return table.Time, true
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW, arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW,
		arrow.FIXED_SIZE_BINARY, arrow.BOOL, arrow.NULL:
		return table.Text, true
	}
	return table.Text, false
}

// arrowVector returns the cells of an array.
func arrowVector(a arrow.Array) vector {
	if e, ok := a.(array.ExtensionArray); ok {
		return arrowVector(e.Storage())
	}
	v := vector{rows: a.Len()}
	if d, ok := a.(*array.Dictionary); ok {
		v.values = arrowValues(d.Dictionary())
		v.index = make([]int32, v.rows)
		for i := range v.index {
			v.index[i] = dictionaryIndex(d, i)
		}
		return v
	}
	v.values = arrowValues(a)
	none := a.DataType().ID() == arrow.NULL // which has no mask that says so
	if a.NullN() > 0 || none {
		v.index = make([]int32, v.rows)
		for i := range v.index {
			if v.index[i] = int32(i); none || a.IsNull(i) {
				v.index[i] = -1
			}
		}
	}
	return v
}

// dictionaryIndex returns which value of its dictionary a cell has, -1 for none.
func dictionaryIndex(d *array.Dictionary, i int) int32 {
	if d.IsNull(i) {
		return -1
	}
	at := d.GetValueIndex(i)
	if at < 0 || at >= d.Dictionary().Len() {
		panic(damage("value %d of a dictionary of %d", at, d.Dictionary().Len()))
	}
	if d.Dictionary().IsNull(at) {
		return -1
	}
	return int32(at)
}

func arrowValues(a arrow.Array) values {
	switch a := a.(type) {
	case *array.Int8:
		return numbers(a.Values())
	case *array.Int16:
		return numbers(a.Values())
	case *array.Int32:
		return numbers(a.Values())
	case *array.Int64:
		return wholes(a.Values())
	case *array.Uint8:
		return numbers(a.Values())
	case *array.Uint16:
		return numbers(a.Values())
	case *array.Uint32:
		return numbers(a.Values())
	case *array.Uint64:
		return wholes(a.Values())
	case *array.Float16:
		v := a.Values()
		return values{number: func(i int) (float64, bool) { return float64(v[i].Float32()), true }}
	case *array.Float32:
		return numbers(a.Values())
	case *array.Float64:
		return numbers(a.Values())
	case *array.Timestamp:
		return times(a.Values(), int64(a.DataType().(*arrow.TimestampType).Unit.Multiplier()))
	case *array.Date32:
		return times(a.Values(), dayNanos)
	case *array.Date64:
		return times(a.Values(), milliNanos)
	}
	return arrowTexts(a)
}

const (
	milliNanos = 1_000_000
	dayNanos   = 86_400_000 * milliNanos
)

func arrowTexts(a arrow.Array) values {
	switch a := a.(type) {
	case *array.Boolean:
		return truths(a.Value)
	case *array.String:
		return texts(a.Value)
	case *array.LargeString:
		return texts(a.Value)
	case *array.StringView:
		return texts(a.Value)
	case *array.Binary:
		return texts(a.Value)
	case *array.LargeBinary:
		return texts(a.Value)
	case *array.BinaryView:
		return texts(a.Value)
	case *array.FixedSizeBinary:
		return texts(a.Value)
	case *array.Null:
		return values{}
	}
	return arrowDecimals(a)
}

func arrowDecimals(a arrow.Array) values {
	t, ok := a.DataType().(arrow.DecimalType)
	if !ok {
		panic("arrowKind and arrowValues do not agree")
	}
	var at func(i int) *big.Int
	switch a := a.(type) {
	case *array.Decimal32:
		at = func(i int) *big.Int { return big.NewInt(int64(a.Value(i))) }
	case *array.Decimal64:
		at = func(i int) *big.Int { return big.NewInt(int64(a.Value(i))) }
	case *array.Decimal128:
		at = func(i int) *big.Int { return a.Value(i).BigInt() }
	case *array.Decimal256:
		at = func(i int) *big.Int { return a.Value(i).BigInt() }
	}
	return decimals(int(t.GetPrecision()), int(t.GetScale()), at)
}
