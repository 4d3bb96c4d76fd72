package npz

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// array is one array of the file.
type array struct {
	name, kind, shape string
	data              func(w io.Writer) error // writes its elements, little-endian
}

// shape is the shape of a vector, as Python writes it.
func shape(n int64) string { return fmt.Sprintf("(%d,)", n) }

// write adds the array as NAME.npy: the format of numpy.save, version 1.0.
func (a array) write(z *zip.Writer) error {
	entry, err := z.CreateHeader(&zip.FileHeader{Name: a.name + ".npy", Method: zip.Deflate})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(entry, bufferSize)
	if _, err := out.Write(a.header()); err != nil {
		return err
	}
	if err := a.data(out); err != nil {
		return err
	}
	return out.Flush()
}

// header is what stands before the elements: magic, version, length and a Python
// dictionary, padded with blanks to a multiple of 64 bytes.
func (a array) header() []byte {
	const magic = "\x93NUMPY\x01\x00"
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", a.kind, a.shape)
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
