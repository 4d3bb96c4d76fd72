package convert

import (
	"bytes"
	"context"

	"parley/datashard"
	"parley/datashard/columnar"
	"parley/internal/decimal"
	"parley/internal/table"
)

// shape says what all cells of a column so far are: a set of what follows. That of
// a column without a value is all.
type shape uint8

const (
	whole   shape = 1 << iota // a whole number, as datashard writes one
	number                    // a number, as datashard writes one
	literal                   // a number, as JSON writes one
	truth                     // true or false
	valued                    // there is none: no value was seen

	typedShapes = whole | number
	jsonShapes  = literal | truth
)

// shapes finds the shapes of all columns, those alone that the format asks for.
func (c *conversion) shapes(ctx context.Context) ([]shape, error) {
	asked := shape(0)
	switch c.to.Format {
	case "arrow", "parquet":
		asked = typedShapes
	case "jsonl":
		asked = jsonShapes
	default:
		return nil, nil
	}
	shapes := make([]shape, len(c.manifest.Names))
	for i := range shapes {
		shapes[i] = asked | valued
	}
	return shapes, c.eachCells(ctx, func(b *table.Batch) error {
		for i := range shapes {
			shapes[i] = shapes[i].after(&b.Columns[i], b.Rows)
		}
		return nil
	})
}

// after returns the shape of a column that goes on with these cells.
func (s shape) after(c *table.Column, rows int) shape {
	for row := range rows {
		if s == 0 {
			break
		}
		if !c.IsMissing(row) {
			s &= shapeOf(c.Cell(row), s)
		}
	}
	return s
}

// shapeOf returns what a cell is, out of what is asked.
func shapeOf(cell []byte, asked shape) (s shape) {
	if isWhole(cell) {
		return whole | number | literal
	}
	if asked&number != 0 && readsBack(cell) {
		s |= number
	}
	if asked&literal != 0 && isLiteral(cell) {
		s |= literal
	}
	if asked&truth != 0 && (string(cell) == "true" || string(cell) == "false") {
		s |= truth
	}
	return s
}

// isWhole reports whether a cell is a whole number of at most 15 digits, without
// sign +, leading zeros or -0.
func isWhole(cell []byte) bool {
	digits := bytes.TrimPrefix(cell, []byte{'-'})
	if len(digits) == 0 || len(digits) > 15 || digits[0] == '0' && len(cell) > 1 {
		return false
	}
	return allDigits(digits)
}

func allDigits(text []byte) bool {
	for _, c := range text {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

// readsBack reports whether a cell is a number that is written as it is.
func readsBack(cell []byte) bool {
	var buffer [32]byte
	x, ok := decimal.Float64(cell)
	return ok && bytes.Equal(datashard.AppendNumber(buffer[:0], x), cell)
}

// isLiteral reports whether a cell is a number as JSON has it, and no larger than
// others can read.
func isLiteral(cell []byte) bool {
	if _, ok := decimal.Float64(cell); !ok {
		return false
	}
	mantissa, exponent, hasExponent := cutAny(bytes.TrimPrefix(cell, []byte{'-'}), "eE")
	before, after, hasPoint := bytes.Cut(mantissa, []byte{'.'})
	exponent = bytes.TrimPrefix(exponent, []byte{'-'})
	if hasExponent && len(exponent) > 0 && exponent[0] == '+' {
		exponent = exponent[1:]
	}
	return len(before) > 0 && allDigits(before) && (before[0] != '0' || len(before) == 1) &&
		(!hasPoint || len(after) > 0 && allDigits(after)) && (!hasExponent || len(exponent) > 0 && allDigits(exponent))
}

// cutAny cuts text around the first byte that is one of chars.
func cutAny(text []byte, chars string) (before, after []byte, found bool) {
	if i := bytes.IndexAny(text, chars); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, nil, false
}

// field returns the column of a typed file.
func (s shape) field(name string) columnar.Field {
	switch {
	case s&valued != 0:
	case s&whole != 0:
		return columnar.Field{Name: name, Kind: table.Number, Type: "int64"}
	case s&number != 0:
		return columnar.Field{Name: name, Kind: table.Number}
	}
	return columnar.Field{Name: name, Kind: table.Text}
}
