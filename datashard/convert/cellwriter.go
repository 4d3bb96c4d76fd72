package convert

import (
	"io"

	"parley/datashard/columnar"
	"parley/datashard/csv"
	"parley/datashard/jsonl"
	"parley/internal/decimal"
	"parley/internal/table"
)

// flushBytes is how much text is gathered before it goes on to be compressed or
// written.
const flushBytes = 64 << 10

// text gathers rows of text.
type text struct {
	w    io.Writer
	rows []byte
}

// passOn writes what was gathered if there is enough of it.
func (t *text) passOn() error {
	if len(t.rows) < flushBytes {
		return nil
	}
	return t.Close()
}

// Close writes the rest.
func (t *text) Close() error {
	_, err := t.w.Write(t.rows)
	t.rows = t.rows[:0]
	return err
}

// csvCells writes csv or tsv.
type csvCells struct {
	text
	comma byte
}

// newCSV begins with a header.
func newCSV(w io.Writer, names []string, comma byte) (*csvCells, error) {
	c := &csvCells{text{w: w}, comma}
	for i, name := range names {
		if i > 0 {
			c.rows = append(c.rows, comma)
		}
		c.rows = csv.AppendCell(c.rows, []byte(name), comma, false)
	}
	c.rows = append(c.rows, '\n')
	return c, c.passOn()
}

func (c *csvCells) Table(b *table.Batch) error {
	for row := range b.Rows {
		for i := range b.Columns {
			if i > 0 {
				c.rows = append(c.rows, c.comma)
			}
			column := &b.Columns[i]
			if !column.IsMissing(row) {
				c.rows = csv.AppendCell(c.rows, column.Cell(row), c.comma, false)
			}
		}
		c.rows = append(c.rows, '\n')
		if err := c.passOn(); err != nil {
			return err
		}
	}
	return nil
}

// jsonlCells writes JSON lines.
type jsonlCells struct {
	text
	names  []string
	bare   []bool   // by column: cells need no quotes
	begins []string // by column: what stands before a bare cell
}

func newJSONL(w io.Writer, names []string, shapes []shape) *jsonlCells {
	j := &jsonlCells{text: text{w: w}, names: names}
	for i, name := range names {
		null := jsonl.AppendNull(nil, name, i == 0)
		j.begins = append(j.begins, string(null[:len(null)-len("null")]))
		j.bare = append(j.bare, shapes[i]&jsonShapes != 0)
	}
	return j
}

func (j *jsonlCells) Table(b *table.Batch) error {
	for row := range b.Rows {
		for i, name := range j.names {
			switch column := &b.Columns[i]; {
			case column.IsMissing(row):
				j.rows = append(append(j.rows, j.begins[i]...), "null"...)
			case j.bare[i]:
				j.rows = append(append(j.rows, j.begins[i]...), column.Cell(row)...)
			default:
				j.rows = jsonl.AppendString(j.rows, name, i == 0, column.Cell(row))
			}
		}
		j.rows = append(j.rows, '}', '\n')
		if err := j.passOn(); err != nil {
			return err
		}
	}
	return nil
}

// typed writes arrow or parquet: cells of columns of numbers become numbers.
type typed struct {
	w      columnar.Writer
	fields []columnar.Field
	batch  table.Batch
}

func (t *typed) Table(b *table.Batch) error {
	if t.batch.Columns == nil {
		t.batch.Columns = make([]table.Column, len(b.Columns))
	}
	t.batch.Rows = b.Rows
	for i := range b.Columns {
		if t.fields[i].Kind == table.Text {
			t.batch.Columns[i] = b.Columns[i]
			continue
		}
		from, to := &b.Columns[i], &t.batch.Columns[i]
		to.Kind, to.Missing, to.Numbers = table.Number, from.Missing, to.Numbers[:0]
		for row := range b.Rows {
			x := 0.0
			if !from.IsMissing(row) {
				x, _ = decimal.Float64(from.Cell(row)) // it is one: see shapes
			}
			to.Numbers = append(to.Numbers, x)
		}
	}
	return t.w.Table(&t.batch)
}

func (t *typed) Close() error { return t.w.Close() }
