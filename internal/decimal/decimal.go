// Package decimal reads decimal numbers from bytes, fast and exactly rounded, and
// takes nothing but plain decimal notation.
package decimal

import (
	"math"
	"strconv"
)

// power[e] is 10^e; from 10^23 on it is rounded.
var power = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
	1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37,
}

// Float32 parses the decimal float that begins at text[i] and returns its value,
// with the bits that strconv.ParseFloat of 32 bits gives, and the index behind
// it. The index is -1 if there is no number or it is beyond a float32. text ends
// in a newline.
func Float32(text []byte, i int) (float32, int) {
	begin := i
	negative := text[i] == '-'
	if negative || text[i] == '+' {
		i++
	}
	mantissa, digits, exponent := uint64(0), -i, 0
	for ; text[i]-'0' <= 9; i++ {
		mantissa = mantissa*10 + uint64(text[i]-'0')
	}
	digits += i
	if text[i] == '.' {
		i++
		exponent = i
		for ; text[i]-'0' <= 9; i++ {
			mantissa = mantissa*10 + uint64(text[i]-'0')
		}
		exponent -= i
		digits -= exponent
	}
	if digits == 0 {
		return 0, -1
	}
	if text[i]|0x20 == 'e' {
		var e int
		if e, i = tenth(text, i+1); i < 0 {
			return 0, -1
		}
		exponent += e
	}
	if digits <= 19 { // then the mantissa has not wrapped around
		if value, ok := scale(mantissa, exponent); ok {
			if negative {
				value = -value
			}
			return value, i
		}
	}
	value, err := strconv.ParseFloat(string(text[begin:i]), 32)
	if err != nil {
		return 0, -1
	}
	return float32(value), i
}

// tenth parses the exponent at text[i]; a huge one is cut to a value that scale
// refuses.
func tenth(text []byte, i int) (exponent, next int) {
	negative := text[i] == '-'
	if negative || text[i] == '+' {
		i++
	}
	begin := i
	for ; text[i]-'0' <= 9; i++ {
		exponent = min(exponent*10+int(text[i]-'0'), 1<<20)
	}
	if i == begin {
		return 0, -1
	}
	if negative {
		exponent = -exponent
	}
	return exponent, i
}

// scale returns mantissa · 10^exponent as a float32, correctly rounded, or false
// where it cannot tell.
//
// The float64 d is off by at most three roundings (of the mantissa, the power
// and the result), less than 4 units in its last place. Rounding d to a float32
// then errs only if the midpoint of two float32 lies between d and the true
// value. The midpoints are the float64 whose lower 29 bits are 1<<28, so d is safe
// when its lower bits are more than 4 away from that. Subnormal float32 have
// other midpoints, but 10^-37, the least d that is not 0, is above them.
func scale(mantissa uint64, exponent int) (float32, bool) {
	d := float64(mantissa)
	switch {
	case mantissa == 0:
		return 0, true
	case exponent == 0:
	case 0 < exponent && exponent < len(power):
		d *= power[exponent]
	case -len(power) < exponent && exponent < 0:
		d /= power[-exponent]
	default:
		return 0, false
	}
	const middle = 1 << 28
	lower := math.Float64bits(d) & (2*middle - 1)
	if lower-(middle-4) <= 8 || d > math.MaxFloat32 {
		return 0, false
	}
	return float32(d), true
}

// Float64 parses a whole cell: a decimal float without blanks around it. It
// returns the bits that strconv.ParseFloat of 64 bits gives, and false if the cell
// is no number in plain decimal notation (so no nan, inf, hexadecimal digits or
// underscores) or is beyond a float64.
func Float64(cell []byte) (float64, bool) {
	i, negative := 0, false
	if len(cell) > 0 && (cell[0] == '-' || cell[0] == '+') {
		negative = cell[0] == '-'
		i++
	}
	mantissa, digits, exponent := uint64(0), -i, 0
	for ; i < len(cell) && cell[i]-'0' <= 9; i++ {
		mantissa = mantissa*10 + uint64(cell[i]-'0')
	}
	digits += i
	if i < len(cell) && cell[i] == '.' {
		i++
		exponent = i
		for ; i < len(cell) && cell[i]-'0' <= 9; i++ {
			mantissa = mantissa*10 + uint64(cell[i]-'0')
		}
		exponent -= i
		digits -= exponent
	}
	if digits == 0 {
		return 0, false
	}
	if i < len(cell) && cell[i]|0x20 == 'e' {
		e, next, ok := wholeExponent(cell, i+1)
		if !ok {
			return 0, false
		}
		exponent, i = exponent+e, next
	}
	if i != len(cell) {
		return 0, false
	}
	// Both are exact, so the quotient or product is rounded once (Clinger,
	// "How to read floating point numbers accurately", 1990).
	if digits <= 19 && mantissa <= 1<<53 && -22 <= exponent && exponent <= 22 {
		value := float64(mantissa)
		if exponent < 0 {
			value /= power[-exponent]
		} else {
			value *= power[exponent]
		}
		if negative {
			value = -value
		}
		return value, true
	}
	value, err := strconv.ParseFloat(string(cell), 64)
	return value, err == nil
}

// wholeExponent parses the exponent at cell[i].
func wholeExponent(cell []byte, i int) (exponent, next int, ok bool) {
	negative := i < len(cell) && cell[i] == '-'
	if negative || i < len(cell) && cell[i] == '+' {
		i++
	}
	begin := i
	for ; i < len(cell) && cell[i]-'0' <= 9; i++ {
		exponent = min(exponent*10+int(cell[i]-'0'), 1<<20)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, i, i > begin
}
