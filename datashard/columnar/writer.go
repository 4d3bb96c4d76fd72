package columnar

import (
	"math"
	"strconv"

	"parley/internal/batch"
	"parley/internal/param"
	"parley/internal/table"
)

// Writer writes a file, a batch at a time. Table is for tables and Sparse for
// sparse files; both keep nothing of their argument. Close completes the file
// and must be called; it does not close what is written to. After an error the
// file is of no use.
type Writer interface {
	// Table writes the rows of a batch that are not bad. Its columns are those of
	// the schema, in order.
	Table(b *table.Batch) error
	// Sparse writes rows. Weights and exposures that are nil are written as 1 if
	// the schema has them, and must be nil if it has not.
	Sparse(rows *batch.CSR) error
	Close() error
}

// plan is what both writers know of the file.
type plan struct {
	schema           Schema
	weight, exposure bool
	rows             int64 // written so far, for messages
}

// wholeType is the Field.Type of columns of whole numbers.
const wholeType = "int64"

// newPlan checks a schema. Of a sparse one the fields say only whether there are
// columns weight and exposure.
func newPlan(s Schema) (plan, error) {
	p := plan{schema: s}
	for _, field := range s.Fields {
		if s.Sparse {
			p.weight = p.weight || field.Name == "weight"
			p.exposure = p.exposure || field.Name == "exposure"
		} else if field.Unsupported {
			return p, param.Errorf(param.Invalid, "column %s: cannot write values of type %s: leave the column out", table.Quote(field.Name), field.Type)
		}
	}
	if !s.Sparse && len(s.Fields) == 0 {
		return p, param.Errorf(param.Invalid, "a table needs a column at least")
	}
	return p, nil
}

// metadata returns the keys and values to store, in order.
func (p *plan) metadata() (keys, texts []string) {
	if !p.schema.Sparse {
		return nil, nil
	}
	keys, texts = []string{zeroBasedKey}, []string{strconv.FormatBool(p.schema.ZeroBased)}
	if p.schema.Columns > 0 {
		keys, texts = append(keys, columnsKey), append(texts, strconv.FormatInt(p.schema.Columns, 10))
	}
	return keys, texts
}

// base is the index of the first column.
func (p *plan) base() uint32 {
	if p.schema.ZeroBased {
		return 0
	}
	return 1
}

// checkTable checks that a batch is of the schema.
func (p *plan) checkTable(b *table.Batch) error {
	if p.schema.Sparse {
		return param.Errorf(param.Invalid, "a table cannot be written to a file of sparse rows")
	}
	if len(b.Columns) != len(p.schema.Fields) {
		return param.Errorf(param.Invalid, "rows of %d columns, but the file has %d", len(b.Columns), len(p.schema.Fields))
	}
	for i, c := range b.Columns {
		if field := p.schema.Fields[i]; c.Kind != field.Kind {
			return param.Errorf(param.Invalid, "column %s: is of another kind than in the schema", table.Quote(field.Name))
		}
	}
	return nil
}

// checkSparse checks that rows are of the schema.
func (p *plan) checkSparse(rows *batch.CSR) error {
	switch {
	case !p.schema.Sparse:
		return param.Errorf(param.Invalid, "sparse rows cannot be written to a table")
	case rows.Weights != nil && !p.weight:
		return param.Errorf(param.Invalid, "the rows have weights, but the schema has no column weight")
	case rows.Exposure != nil && !p.exposure:
		return param.Errorf(param.Invalid, "the rows have exposures, but the schema has no column exposure")
	}
	for _, column := range rows.Columns {
		if !p.schema.ZeroBased && column == math.MaxUint32 {
			return param.Errorf(param.Invalid, "column %d has no number when columns count from 1: write them from 0", column)
		}
	}
	return nil
}

// whole returns a number of an int64 column.
func (p *plan) whole(field Field, row int, v float64) (int64, error) {
	if v != math.Trunc(v) || math.Abs(v) > exact {
		return 0, param.Errorf(param.Invalid, "row %d: column %s: %v is not a whole number up to 2^53: write the column as floats", p.rows+int64(row)+1, table.Quote(field.Name), v)
	}
	return int64(v), nil
}

// orOne returns v[i], 1 where v is nil.
func orOne(v []float32, i int) float32 {
	if v == nil {
		return 1
	}
	return v[i]
}
