package convert

import (
	"bytes"
	"context"
	"unicode/utf8"

	"parley/datashard/columnar"
	"parley/internal/param"
	"parley/internal/table"
)

// cellWriter writes rows of cells.
type cellWriter interface {
	Table(b *table.Batch) error
	Close() error
}

// cells converts columns of cells.
func (c *conversion) cells(ctx context.Context) error {
	m, err := c.d.Scan(ctx)
	if err != nil {
		return err
	}
	if err := c.d.Use(m); err != nil {
		return err
	}
	c.begin(m)
	c.result.Columns = int64(len(m.Names))
	shapes, err := c.shapes(ctx)
	if err != nil {
		return err
	}
	out, err := c.cellWriter(shapes)
	if err != nil {
		return err
	}
	if err := c.eachCells(ctx, func(b *table.Batch) error {
		c.result.Rows += int64(b.Rows)
		return out.Table(b)
	}); err != nil {
		return err
	}
	return out.Close()
}

// eachCells reads all cells. Rows that cannot be read or written end it.
func (c *conversion) eachCells(ctx context.Context, do func(b *table.Batch) error) error {
	want := make([]int, len(c.manifest.Names))
	for i := range want {
		want[i] = i
	}
	return c.d.Cells(ctx, want, func(b *table.Batch, first int64) error {
		row, reason := c.unwritable(b)
		if len(b.Bad) > 0 && (row < 0 || b.Bad[0].Row < row) {
			row, reason = b.Bad[0].Row, b.Bad[0].Reason
		}
		if row < 0 {
			return do(b)
		}
		file, line, err := c.d.Place(ctx, first+int64(row))
		if err != nil {
			return err
		}
		return param.Errorf(param.Invalid, "%s:%d: %s", file, line, reason)
	})
}

// unwritable returns the first row with a cell that the format cannot hold, or -1.
// Whole texts are looked at first, which columns mostly share.
func (c *conversion) unwritable(b *table.Batch) (row int, reason string) {
	row = -1
	var sound []byte
	for i := range b.Columns {
		column := &b.Columns[i]
		if text := column.Text; len(text) == 0 || len(sound) == len(text) && &sound[0] == &text[0] {
			continue
		} else if c.holds(text) {
			sound = text
			continue
		}
		for r := range b.Rows {
			if row >= 0 && r >= row {
				break
			}
			if !b.Bad.Has(r) && !column.IsMissing(r) && !c.holds(column.Cell(r)) {
				row, reason = r, "the text of column "+c.manifest.Names[i]+" is not UTF-8 without NUL, which "+c.to.Format+" needs: correct it"
			}
		}
	}
	return row, reason
}

// holds reports whether the format can hold a text, and datashard read it back.
func (c *conversion) holds(text []byte) bool {
	return utf8.Valid(text) && (c.to.Format == "jsonl" || bytes.IndexByte(text, 0) < 0)
}

// cellWriter returns the writer of columns of these shapes.
func (c *conversion) cellWriter(shapes []shape) (cellWriter, error) {
	names := c.manifest.Names
	switch c.to.Format {
	case "csv", "tsv":
		return newCSV(c.w, names, c.comma())
	case "jsonl":
		return newJSONL(c.w, names, shapes), nil
	}
	schema := columnar.Schema{}
	for i, name := range names {
		schema.Fields = append(schema.Fields, shapes[i].field(name))
	}
	w, err := c.columnar(schema)
	if err != nil {
		return nil, err
	}
	return &typed{w: w, fields: schema.Fields}, nil
}

func (c *conversion) comma() byte {
	if c.to.Format == "tsv" {
		return '\t'
	}
	return ','
}

// columnar returns a writer of arrow or parquet.
func (c *conversion) columnar(s columnar.Schema) (columnar.Writer, error) {
	if c.to.Format == "arrow" {
		return columnar.NewArrowWriter(c.w, s)
	}
	return columnar.NewParquetWriter(c.w, s)
}
