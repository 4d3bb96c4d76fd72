package idx

import (
	"encoding/binary"
	"math"
	"strconv"

	"parley/internal/param"
)

// kind is a type of elements.
type kind struct {
	code byte // as in the file
	size int  // bytes of one
}

const (
	unsigned8 = 0x08
	signed8   = 0x09
	signed16  = 0x0B
	signed32  = 0x0C
	float32s  = 0x0D
	float64s  = 0x0E
)

var kinds = map[byte]kind{
	unsigned8: {unsigned8, 1},
	signed8:   {signed8, 1},
	signed16:  {signed16, 2},
	signed32:  {signed32, 4},
	float32s:  {float32s, 4},
	float64s:  {float64s, 8},
}

// value returns the element at the start of b, exactly.
func (k kind) value(b []byte) float64 {
	switch k.code {
	case unsigned8:
		return float64(b[0])
	case signed8:
		return float64(int8(b[0]))
	case signed16:
		return float64(int16(binary.BigEndian.Uint16(b)))
	case signed32:
		return float64(int32(binary.BigEndian.Uint32(b)))
	case float32s:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

// appendValue appends the fewest digits that read back as the element x. row and
// id say where it is.
func (f *file) appendValue(dst []byte, x float64, row, id int64) ([]byte, error) {
	switch f.kind.code {
	case float32s, float64s:
		if math.IsInf(x, 0) || x != x {
			return dst, param.Errorf(param.Invalid, "%s: element %d of row %d is not finite but %g: leave the row out", f.name, id, row, x)
		}
		if math.IsInf(float64(float32(x)), 0) {
			return dst, param.Errorf(param.Invalid, "%s: element %d of row %d, %g, is beyond the range of 32-bit floats: scale the data down", f.name, id, row, x)
		}
		return strconv.AppendFloat(dst, x, 'g', -1, 8*f.kind.size), nil
	}
	return strconv.AppendInt(dst, int64(x), 10), nil
}
