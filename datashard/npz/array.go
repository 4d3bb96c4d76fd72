package npz

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Array is one array of an .npz file.
type Array struct {
	Name  string
	Kind  string                  // type of the elements in NumPy's notation, such as <f4
	Shape string                  // as Shape returns it
	Data  func(w io.Writer) error // writes the elements, little-endian and row-major
}

// Shape is the shape of an array of these dimensions, as Python writes it.
func Shape(dims ...int64) string {
	text := make([]string, len(dims))
	for i, d := range dims {
		text[i] = fmt.Sprint(d)
	}
	if len(dims) == 1 {
		return "(" + text[0] + ",)"
	}
	return "(" + strings.Join(text, ", ") + ")"
}

// Write adds the array as NAME.npy: the format of numpy.save, version 1.0.
func (a Array) Write(z *zip.Writer) error {
	entry, err := z.CreateHeader(&zip.FileHeader{Name: a.Name + ".npy", Method: zip.Deflate})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(entry, bufferSize)
	if _, err := out.Write(a.header()); err != nil {
		return err
	}
	if err := a.Data(out); err != nil {
		return err
	}
	return out.Flush()
}

// header is what stands before the elements: magic, version, length and a Python
// dictionary, padded with blanks to a multiple of 64 bytes.
func (a Array) header() []byte {
	const magic = "\x93NUMPY\x01\x00"
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", a.Kind, a.Shape)
	length := len(text) + 1
	length += (64 - (len(magic)+2+length)%64) % 64
	header := binary.LittleEndian.AppendUint16([]byte(magic), uint16(length))
	return append(header, text+strings.Repeat(" ", length-len(text)-1)+"\n"...)
}

// writeInts writes integers of 8 bytes if wide, else of 4.
func writeInts(w io.Writer, wide bool, values ...int64) error {
	for _, v := range values {
		b := binary.LittleEndian.AppendUint64(nil, uint64(v))
		if !wide {
			b = b[:4]
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
