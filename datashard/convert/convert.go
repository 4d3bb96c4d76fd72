// Package convert writes the rows of a dataset in another format. Run is the main
// function: parley data convert calls it with an open datashard.Dataset and a
// Target, which says what the name of the new file asks for.
//
// Rows go through once, in order and a few thousand at a time, so that memory does
// not grow with the data; what a format must know beforehand (the types of its
// columns, whether rows have weights) is found in a pass of its own. Rows with
// columns of cells keep the text of every cell: a column becomes one of numbers
// only if each of its numbers reads back as the text that it was. So training on
// the new file sees what it saw before. Sparse rows keep their bits and the numbers
// of their columns.
//
// A call of Run is for one goroutine and starts none.
package convert

import (
	"bufio"
	"context"
	"errors"
	"io"

	"parley/datashard"
	"parley/internal/param"
	"parley/internal/plan"
)

// Options say how rows are converted. The zero value is usable.
type Options struct {
	// Features writes the rows that training would see, also of data with columns of
	// cells, whose cells are written otherwise.
	Features bool
	// TempDir is for the temporary files of npz. Empty means os.TempDir().
	TempDir string
}

// Result tells what was written.
type Result struct {
	Rows    int64 // written
	Left    int64 // bad rows that were left out, as data.quality allows
	Bytes   int64 // of the source's text, after decompression
	Columns int64 // of sparse rows, those without a value too; else of cells
	// Used is how many columns a reader of the values alone would find: one more than
	// the largest column with a value. It is 0 for columns of cells.
	Used int64
	// Unknown counts the values that were left out since the model at hand has no
	// column for them.
	Unknown int64
	// Names are those of the columns of sparse rows, or nil.
	Names []string
}

// bufferBytes is between the loops over rows and the file.
const bufferBytes = 1 << 20

// Run writes all rows of a dataset to w, in the format and compression of the
// target. It does not close w. The dataset was just opened: Run profiles it.
//
// Errors are Invalid if the target cannot hold such rows, if a row or cell is not
// what it should be (then they name file and line), or those of datashard's Profile
// and Load. What was written until then is of no use.
func Run(ctx context.Context, d *datashard.Dataset, to Target, w io.Writer, o Options) (*Result, error) {
	c := &conversion{d: d, to: to, options: o}
	cells := !d.Sparse() && !o.Features
	if cells && !to.holdsCells() {
		return nil, param.Errorf(param.Invalid, "%s: %s files hold features, but the data has columns of cells: say with --job or --model how features are made of them", to.Name, to.Format)
	}
	buffer := bufio.NewWriterSize(w, bufferBytes)
	packed, err := to.pack(buffer)
	if err != nil {
		return nil, err
	}
	c.w = packed
	if cells {
		err = c.cells(ctx)
	} else {
		err = c.features(ctx)
	}
	if err := errors.Join(err, packed.Close()); err != nil {
		return nil, err
	}
	return &c.result, buffer.Flush()
}

// conversion is one call of Run.
type conversion struct {
	d        *datashard.Dataset
	to       Target
	w        io.Writer
	options  Options
	manifest *plan.Manifest
	result   Result
}

// begin takes up the manifest of the rows.
func (c *conversion) begin(m *plan.Manifest) {
	c.manifest = m
	for _, f := range m.Files {
		c.result.Bytes += f.Bytes
	}
}
