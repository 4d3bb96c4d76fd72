package columnar

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// exact is the largest whole number up to which float64 has them all.
const exact = 1 << 53

const (
	misfitWhole = "is beyond 2^53, where numbers are no longer exact: store the column as text"
	misfitTime  = "is out of the range of times in nanoseconds, 1677 to 2262: store the column as text or as numbers"
	misfitText  = "has more than 4 GiB: cut it into several rows"
)

type number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// numbers are values that float64 holds, all of them.
func numbers[T number](v []T) values {
	return values{number: func(i int) (float64, bool) { return float64(v[i]), true }}
}

// wholes are 64-bit integers, which float64 holds up to exact.
func wholes[T ~int64 | ~uint64](v []T) values {
	return values{misfit: misfitWhole, number: func(i int) (float64, bool) {
		x := v[i]
		return float64(x), x <= exact && int64(x) >= -exact
	}}
}

// times are counts of a unit since 1970.
func times[T ~int32 | ~int64](v []T, unit int64) values {
	return values{misfit: misfitTime, time: func(i int) (int64, bool) {
		x := int64(v[i])
		return x * unit, x <= math.MaxInt64/unit && x >= math.MinInt64/unit
	}}
}

// truths are booleans, as the words true and false.
func truths(at func(i int) bool) values {
	return values{
		size: func(int) int { return len("false") },
		text: func(dst []byte, i int) []byte { return strconv.AppendBool(dst, at(i)) },
	}
}

// texts are byte strings.
func texts[T string | []byte](at func(i int) T) values {
	return values{
		misfit: misfitText,
		size:   func(i int) int { return len(at(i)) },
		text:   func(dst []byte, i int) []byte { return append(dst, at(i)...) },
	}
}

// decimals are whole numbers of 10^-scale: numbers where those are exact, else
// text in decimal digits, which loses nothing.
func decimals(precision, scale int, at func(i int) *big.Int) values {
	if exactDecimal(precision, scale) {
		return values{misfit: misfitWhole, number: func(i int) (float64, bool) {
			x := at(i)
			return float64(x.Int64()), x.IsInt64() && x.Int64() <= exact && x.Int64() >= -exact
		}}
	}
	return values{
		size: func(int) int { return 100 + max(scale, -scale) },
		text: func(dst []byte, i int) []byte { return appendDecimal(dst, at(i), scale) },
	}
}

// exactDecimal reports whether float64 holds all decimals of a type.
func exactDecimal(precision, scale int) bool { return scale == 0 && precision <= 15 }

// maxScale bounds the zeros that a decimal's scale can ask for; the formats have
// at most 76 digits.
const maxScale = 128

func appendDecimal(dst []byte, x *big.Int, scale int) []byte {
	if x.Sign() < 0 {
		dst, x = append(dst, '-'), new(big.Int).Neg(x)
	}
	digits := x.String()
	if scale <= 0 {
		if digits != "0" {
			digits += strings.Repeat("0", -scale)
		}
		return append(dst, digits...)
	}
	if short := scale + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := len(digits) - scale
	dst = append(dst, digits[:point]...)
	return append(append(dst, '.'), digits[point:]...)
}
