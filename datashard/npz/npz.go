// Package npz writes sparse rows as scipy does (scipy.sparse.save_npz): a zip of
// NumPy arrays that hold one CSR matrix, with the labels beside them. Writer
// takes the rows as they come; parley data convert calls it. Array is one array
// of such a file; the export of models writes some of its own.
//
// The arrays of such a file follow one another, while rows bring a part of each,
// and each begins with its length. So they are spooled to temporary files, which
// are deflated into the zip at the end: memory is bounded whatever the size. A
// Writer is used by one goroutine at a time.
package npz

import (
	"archive/zip"
	"errors"
	"io"
	"math"

	"parley/internal/batch"
	"parley/internal/param"
)

// Writer writes one .npz file.
type Writer struct {
	w        io.Writer
	indptr   *spool // one past the last nonzero of each row, 8 bytes
	indices  *spool // 4 bytes
	data     *spool // 4 bytes
	labels   *spool // 4 bytes
	weights  *spool // 4 bytes; empty if there are none
	exposure *spool // 4 bytes; empty if there is none
	rows     int64
	nonzeros int64
	least    int64 // columns that the rows need
}

// New returns a writer of a file to w, with its temporary files in tempDir. Close
// or Abort must be called to remove them.
func New(w io.Writer, tempDir string) (*Writer, error) {
	n := &Writer{w: w}
	for _, s := range n.spools() {
		var err error
		if *s, err = newSpool(tempDir); err != nil {
			return nil, errors.Join(err, n.Abort())
		}
	}
	return n, nil
}

func (n *Writer) spools() []**spool {
	return []**spool{&n.indptr, &n.indices, &n.data, &n.labels, &n.weights, &n.exposure}
}

// Add appends rows and keeps nothing of them. Either all rows of a file have
// weights, or none has; so with exposures.
func (n *Writer) Add(rows *batch.CSR) error {
	if rows.Rows() == 0 {
		return nil
	}
	if n.rows > 0 && ((rows.Weights != nil) != (n.weights.size > 0) || (rows.Exposure != nil) != (n.exposure.size > 0)) {
		return param.Errorf(param.Invalid, "row %d: some rows have weights or exposures and others have none: give them to all rows or to none", n.rows+1)
	}
	start := rows.Offsets[0]
	for _, end := range rows.Offsets[1:] {
		n.indptr.uint64(uint64(n.nonzeros + int64(end-start)))
	}
	end := rows.Offsets[rows.Rows()]
	for _, column := range rows.Columns[start:end] {
		n.least = max(n.least, int64(column)+1)
		n.indices.uint32(column)
	}
	n.data.floats(rows.Values[start:end])
	n.labels.floats(rows.Labels)
	n.weights.floats(rows.Weights)
	n.exposure.floats(rows.Exposure)
	n.rows, n.nonzeros = n.rows+int64(rows.Rows()), n.nonzeros+int64(end-start)
	return n.failed()
}

// failed returns the first error of spooling.
func (n *Writer) failed() error {
	for _, s := range n.spools() {
		if (*s).err != nil {
			return (*s).err
		}
	}
	return nil
}

// Close writes the file, a matrix of that many columns, and removes the temporary
// files. columns 0 means as many as the rows use.
func (n *Writer) Close(columns int64) error {
	err := n.failed()
	if err == nil {
		err = n.write(columns)
	}
	return errors.Join(err, n.Abort())
}

// Abort removes the temporary files without writing; after Close it does nothing.
func (n *Writer) Abort() error {
	var err error
	for _, s := range n.spools() {
		if *s != nil {
			err = errors.Join(err, (*s).remove())
			*s = nil
		}
	}
	return err
}

func (n *Writer) write(columns int64) error {
	if columns == 0 {
		columns = n.least
	}
	if columns < n.least {
		return param.Errorf(param.Invalid, "a matrix of %d columns, but the rows use %d", columns, n.least)
	}
	// scipy wants both index arrays of one type.
	index, wide := "<i4", columns > math.MaxInt32 || n.nonzeros > math.MaxInt32
	if wide {
		index = "<i8"
	}
	z := zip.NewWriter(n.w)
	for _, a := range []Array{
		{"indices", index, Shape(n.nonzeros), func(w io.Writer) error { return n.indices.copyInts(w, 4, wide) }},
		{"indptr", index, Shape(n.rows + 1), func(w io.Writer) error { return n.copyIndptr(w, wide) }},
		{"format", "|S3", Shape(), func(w io.Writer) error { _, err := io.WriteString(w, "csr"); return err }},
		{"shape", "<i8", Shape(2), func(w io.Writer) error { return writeInts(w, true, n.rows, columns) }},
		{"data", "<f4", Shape(n.nonzeros), n.data.copy},
		{"labels", "<f4", Shape(n.rows), n.labels.copy},
		{"weights", "<f4", Shape(n.rows), n.weights.copy},
		{"exposure", "<f4", Shape(n.rows), n.exposure.copy},
	} {
		if (a.Name == "weights" && n.weights.size == 0) || (a.Name == "exposure" && n.exposure.size == 0) {
			continue
		}
		if err := a.Write(z); err != nil {
			return err
		}
	}
	return z.Close()
}

// copyIndptr writes where each row begins and the last one ends.
func (n *Writer) copyIndptr(w io.Writer, wide bool) error {
	if err := writeInts(w, wide, 0); err != nil {
		return err
	}
	return n.indptr.copyInts(w, 8, wide)
}
