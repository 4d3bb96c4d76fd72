package jsonl

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// Number is what AppendNumber and AppendNumbers write.
type Number interface {
	float32 | float64 | int | int64 | uint32
}

// The Append functions append a member of an object to dst and return the
// extended slice. The first member of an object opens it; the caller closes it and
// ends the line with "}\n".

// AppendString appends a text. Invalid UTF-8 becomes U+FFFD, as JSON has no way
// to write it.
func AppendString(dst []byte, name string, first bool, value []byte) []byte {
	return appendQuoted(appendName(dst, name, first), value)
}

// AppendNumber appends a number: the shortest that reads back as the same value of
// its type. NaN and infinities are null, as JSON has no such numbers.
func AppendNumber[T Number](dst []byte, name string, first bool, value T) []byte {
	return appendNumber(appendName(dst, name, first), value)
}

// AppendNumbers appends an array of numbers.
func AppendNumbers[T Number](dst []byte, name string, first bool, values []T) []byte {
	dst = append(appendName(dst, name, first), '[')
	for i, value := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendNumber(dst, value)
	}
	return append(dst, ']')
}

// AppendBool appends true or false.
func AppendBool(dst []byte, name string, first, value bool) []byte {
	return strconv.AppendBool(appendName(dst, name, first), value)
}

// AppendNull appends null, for a value that is missing.
func AppendNull(dst []byte, name string, first bool) []byte {
	return append(appendName(dst, name, first), "null"...)
}

func appendName(dst []byte, name string, first bool) []byte {
	separator := byte(',')
	if first {
		separator = '{'
	}
	return append(appendQuoted(append(dst, separator), []byte(name)), ':')
}

func appendNumber[T Number](dst []byte, value T) []byte {
	bits := 64
	switch v := any(value).(type) {
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10)
	case float32:
		bits = 32
	}
	float := float64(value)
	size := math.Abs(float)
	switch {
	case math.IsNaN(float) || size > math.MaxFloat64:
		return append(dst, "null"...)
	case size != 0 && (size < 1e-6 || size >= 1e21): // as JavaScript writes numbers
		return strconv.AppendFloat(dst, float, 'e', -1, bits)
	}
	return strconv.AppendFloat(dst, float, 'f', -1, bits)
}

// appendQuoted appends a string in quotes.
func appendQuoted(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(text[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
	}
	return append(dst, '"')
}
