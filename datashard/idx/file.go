package idx

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"parley/internal/param"
)

// mostElements is how many elements are read at once.
const mostElements = 4096

// file is an idx file, read from front to back.
type file struct {
	r     *bufio.Reader
	name  string
	at    int64 // offset of the next byte
	kind  kind
	sizes []int64 // of the dimensions
	buf   []byte
}

// open reads the header: two zeros, the type, the number of dimensions, and the
// size of each as four bytes, the highest first.
func open(r io.Reader, name string) (*file, error) {
	f := &file{r: bufio.NewReaderSize(r, 1<<16), name: name, buf: make([]byte, 8*mostElements)}
	magic, err := f.bytes(4)
	if err != nil {
		return nil, f.cut(err, "the header")
	}
	dimensions := int(magic[3])
	kind, known := kinds[magic[2]]
	if magic[0] != 0 || magic[1] != 0 || !known || dimensions < 1 || dimensions > 4 {
		return nil, param.Errorf(param.Invalid, "%s: %s", name, explainMagic(magic))
	}
	f.kind = kind
	header, err := f.bytes(4 * dimensions)
	if err != nil {
		return nil, f.cut(err, "the header")
	}
	for ; len(header) > 0; header = header[4:] {
		f.sizes = append(f.sizes, int64(binary.BigEndian.Uint32(header)))
	}
	return f, nil
}

// explainMagic says what a file is that does not begin as idx does.
func explainMagic(magic []byte) string {
	switch {
	case bytes.HasPrefix(magic, []byte("\x1F\x8B")):
		return "is not an idx file but gzip data: its name must end in .gz"
	case bytes.Equal(magic, []byte("\x28\xB5\x2F\xFD")):
		return "is not an idx file but zstd data: its name must end in .zst"
	case magic[0] != 0 || magic[1] != 0:
		return fmt.Sprintf("is not an idx file: it begins with the bytes % X, not with 00 00: give a file such as train-images-idx3-ubyte", magic)
	case kinds[magic[2]].size == 0:
		return fmt.Sprintf("has elements of the type %02X, which idx does not know: give a file of type 08, 09, 0B, 0C, 0D or 0E", magic[2])
	}
	return fmt.Sprintf("has %d dimensions: give a file of 1 to 4", magic[3])
}

// columns returns the elements of a row.
func (f *file) columns() (int64, error) {
	if len(f.sizes) == 1 {
		return 0, param.Errorf(param.Invalid, "%s: has one dimension, as labels have: give the file of images, of 2 to 4 dimensions", f.name)
	}
	product := int64(1)
	for i, size := range f.sizes[1:] {
		if size == 0 {
			return 0, param.Errorf(param.Invalid, "%s: dimension %d has the size 0: give rows of at least one element", f.name, i+2)
		}
		if product *= size; product > maxColumns { // one factor is below 2^32, so nothing wraps around
			return 0, param.Errorf(param.Invalid, "%s: has rows of %s elements, more than the limit of %d", f.name, sizes(f.sizes[1:]), maxColumns)
		}
	}
	return product, nil
}

// sizes writes sizes as people do: 28 x 28.
func sizes(sizes []int64) string {
	text := ""
	for i, size := range sizes {
		if i > 0 {
			text += " x "
		}
		text += fmt.Sprint(size)
	}
	return text
}

// read returns up to n elements of a row, at least one, valid until the next
// call.
func (f *file) read(n, row int64) ([]byte, error) {
	b, err := f.bytes(int(min(n, mostElements)) * f.kind.size)
	if err != nil {
		return nil, f.cut(err, fmt.Sprintf("row %d of %d", row, f.sizes[0]))
	}
	return b, nil
}

func (f *file) bytes(n int) ([]byte, error) {
	got, err := io.ReadFull(f.r, f.buf[:n])
	f.at += int64(got)
	return f.buf[:n], err
}

// cut wraps the error of a read that was to find the given part of the file.
func (f *file) cut(err error, part string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return param.Errorf(param.Invalid, "%s: ends within %s, at byte %d: copy or download it again", f.name, part, f.at)
	}
	return fmt.Errorf("%s: at byte %d: %w", f.name, f.at, err)
}

// end checks that nothing follows.
func (f *file) end() error {
	_, err := f.bytes(1)
	switch {
	case err == io.EOF:
		return nil
	case err == nil:
		return param.Errorf(param.Invalid, "%s: has more bytes than its %s elements, from byte %d on: copy or download it again", f.name, sizes(f.sizes), f.at-1)
	}
	return f.cut(err, "the end")
}
