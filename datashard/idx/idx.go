// Package idx reads MNIST's idx files, arrays of numbers, and writes them as
// libsvm text: an image a row, a pixel a column. datashard calls Convert with
// opened files and keeps what it writes. docs/formats/idx.md has the format. Rows
// are written while they are read, so memory does not depend on their length.
// Calls are independent of each other.
package idx

import (
	"fmt"
	"io"
	"strconv"

	"parley/internal/param"
)

// maxColumns is the most elements of a row: ids of libsvm text are below 2^28.
const maxColumns = 1<<28 - 1

// flushBytes is how much text is collected before it is written.
const flushBytes = 1 << 16

// Convert reads images, an idx file of two to four dimensions, and writes one
// line of libsvm text to dst for each entry of the first: the label, and id:value
// for the elements that are not 0, ids from 1 in the order of the file. Values are
// as they are in the file. labels is an idx file of one dimension and as many
// elements; nil makes all labels 0. It returns the number of columns, the product
// of the other dimensions, as the last ones may be 0 in all rows.
//
// imagesName and labelsName name the files in errors, which say where and are
// param.Invalid; those of reading and writing are wrapped. When there is an error,
// dst has got some of the rows.
func Convert(dst io.Writer, images io.Reader, imagesName string, labels io.Reader, labelsName string) (columns int64, err error) {
	c := &converter{dst: dst}
	if c.images, err = open(images, imagesName); err != nil {
		return 0, err
	}
	if c.columns, err = c.images.columns(); err != nil {
		return 0, err
	}
	rows := c.images.sizes[0]
	if labels != nil {
		if c.labels, err = c.openLabels(labels, labelsName); err != nil {
			return 0, err
		}
	}
	for row := int64(1); row <= rows; row++ {
		if err := c.row(row); err != nil {
			return 0, err
		}
	}
	if err := c.images.end(); err != nil {
		return 0, err
	}
	if c.labels != nil {
		if err := c.labels.end(); err != nil {
			return 0, err
		}
	}
	return c.columns, c.flush()
}

// converter is the state of a Convert.
type converter struct {
	dst            io.Writer
	out            []byte // not yet written
	images, labels *file  // labels may be nil
	columns        int64
}

func (c *converter) openLabels(labels io.Reader, name string) (*file, error) {
	f, err := open(labels, name)
	if err != nil {
		return nil, err
	}
	if n := len(f.sizes); n != 1 {
		return nil, param.Errorf(param.Invalid, "%s: has %d dimensions, labels have one: give the file of labels", name, n)
	}
	if rows := c.images.sizes[0]; f.sizes[0] != rows {
		return nil, param.Errorf(param.Invalid, "%s: has %d labels, but %s has %d rows: give the labels that belong to them", name, f.sizes[0], c.images.name, rows)
	}
	return f, nil
}

// row writes a row, numbered from 1.
func (c *converter) row(row int64) error {
	if err := c.label(row); err != nil {
		return err
	}
	for id := int64(1); id <= c.columns; {
		elements, err := c.images.read(c.columns-id+1, row)
		if err != nil {
			return err
		}
		kind := c.images.kind
		for ; len(elements) > 0; elements = elements[kind.size:] {
			if x := kind.value(elements); x != 0 {
				c.out = strconv.AppendInt(append(c.out, ' '), id, 10)
				if c.out, err = c.images.appendValue(append(c.out, ':'), x, row, id); err != nil {
					return err
				}
			}
			id++
		}
		if len(c.out) >= flushBytes {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	c.out = append(c.out, '\n')
	return nil
}

// label appends the label of a row.
func (c *converter) label(row int64) error {
	if c.labels == nil {
		c.out = append(c.out, '0')
		return nil
	}
	element, err := c.labels.read(1, row)
	if err == nil {
		c.out, err = c.labels.appendValue(c.out, c.labels.kind.value(element), row, 1)
	}
	return err
}

func (c *converter) flush() error {
	_, err := c.dst.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		return fmt.Errorf("write the rows of %s: %w", c.images.name, err)
	}
	return nil
}
