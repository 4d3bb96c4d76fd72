package blockcache

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"parley/internal/batch"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged says that a file is not what writeFile writes for the shard.
var errDamaged = errors.New("not the file that was written")

// writeFile writes a shard to a file, which is there whole or not at all.
func writeFile(path string, id identity, rows *batch.CSR) error {
	dir, name := filepath.Split(path)
	var temp *os.File
	err := retry(dir, func() (err error) {
		temp, err = os.CreateTemp(dir, "."+name+"-*"+temporary)
		return err
	})
	if err != nil {
		return fmt.Errorf("cache data shard %d: %w", id.shard, err)
	}
	err = errors.Join(write(temp, id, rows), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // the error that counts is the first one
		return fmt.Errorf("cache data shard %d: %w", id.shard, err)
	}
	return nil
}

// retry makes the folder that a file is created in, when it is needed. It gives
// up when others have removed it three times in a row.
func retry(dir string, create func() error) error {
	for range 3 {
		if err := create(); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return create()
}

// write writes the bytes of a file. The columns go out of the rows' own memory;
// the buffer is for what is small.
func write(f io.Writer, id identity, rows *batch.CSR) error {
	body := pieces(rows)
	crc := uint32(0)
	for _, p := range body {
		crc = crc32.Update(crc, castagnoli, p)
	}
	head, tail := layoutOf(rows).frame(id, int64(len(rows.Labels)), int64(len(rows.Columns)), crc)
	w := bufio.NewWriterSize(f, 16<<10)
	_, _ = w.Write(head) // a bufio.Writer keeps its first error for Flush
	for _, p := range body {
		_, _ = w.Write(p)
	}
	_, _ = w.Write(tail)
	return w.Flush()
}

var padding [alignment]byte

// pieces returns the columns of a body, each with its padding behind it.
func pieces(c *batch.CSR) [][]byte {
	columns := [columnCount][]byte{
		labelColumn: bytesOf(c.Labels), weightColumn: bytesOf(c.Weights), exposureColumn: bytesOf(c.Exposure),
		offsetColumn: bytesOf(c.Offsets), columnColumn: bytesOf(c.Columns), valueColumn: bytesOf(c.Values),
	}
	all := make([][]byte, 0, 2*columnCount)
	for _, column := range columns {
		n := int64(len(column))
		all = append(all, column, padding[:padded(n)-n])
	}
	return all
}

// readFile returns the rows of a shard. The error is errDamaged if the file
// differs in any byte from what writeFile wrote, and otherwise the file system's.
func readFile(path string, id identity, rows int64) (*batch.CSR, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head := make([]byte, min(info.Size(), maxHead))
	if err := readAt(f, head, 0); err != nil {
		return nil, err
	}
	l := layoutOfHead(head)
	if l == nil || id.firstRow < 0 || rows < 0 || rows >= math.MaxInt32 {
		return nil, errDamaged
	}
	nonzeros := binary.LittleEndian.Uint64(head[l.nonzeros:])
	if nonzeros > math.MaxInt32 || info.Size() != l.size(rows, int64(nonzeros)) {
		return nil, errDamaged
	}
	return l.read(f, head[:len(l.head)], id, rows, int64(nonzeros))
}

// maxHead is more than the head of any layout; it is read before the layout is
// known.
const maxHead = 2 << 10

// layoutOfHead returns the layout whose schema a file begins with, or nil.
func layoutOfHead(head []byte) *layout {
	for _, l := range layouts() {
		if len(head) >= len(l.head) && bytes.Equal(head[:l.schema], l.head[:l.schema]) {
			return l
		}
	}
	return nil
}

// read reads what is behind the head, the body into memory of its own so that
// rows hold no more than they need.
func (l *layout) read(f *os.File, head []byte, id identity, rows, nonzeros int64) (*batch.CSR, error) {
	body := make([]uint32, l.numbers(rows, nonzeros)[bodyBytes]/4)
	if err := readAt(f, bytesOf(body), int64(len(head))); err != nil {
		return nil, err
	}
	tail := make([]byte, len(l.tail))
	if err := readAt(f, tail, int64(len(head)+4*len(body))); err != nil {
		return nil, err
	}
	crc := crc32.Checksum(bytesOf(body), castagnoli)
	wantHead, wantTail := l.frame(id, rows, nonzeros, crc)
	if !bytes.Equal(head, wantHead) || !bytes.Equal(tail, wantTail) {
		return nil, errDamaged
	}
	found := l.rows(body, rows, nonzeros)
	found.FirstRow = id.firstRow
	if !ascend(found.Offsets, int(rows), int(nonzeros)) {
		return nil, errDamaged
	}
	return found, nil
}

// rows cuts a body into the columns of a CSR, which share its memory.
func (l *layout) rows(body []uint32, rows, nonzeros int64) *batch.CSR {
	var columns [columnCount][]uint32
	numbers := l.numbers(rows, nonzeros)
	for i, length := range l.lengths(rows, nonzeros) {
		begin := numbers[beginNumber+i] / 4
		columns[i] = body[begin : begin+length : begin+length]
	}
	c := &batch.CSR{
		Labels: floatsOf(columns[labelColumn]), Offsets: columns[offsetColumn],
		Columns: columns[columnColumn], Values: floatsOf(columns[valueColumn]),
	}
	if l.weights {
		c.Weights = floatsOf(columns[weightColumn])
	}
	if l.exposure {
		c.Exposure = floatsOf(columns[exposureColumn])
	}
	return c
}

// readAt fills a buffer. A file that ends early is damaged.
func readAt(f *os.File, buffer []byte, at int64) error {
	_, err := f.ReadAt(buffer, at)
	if errors.Is(err, io.EOF) {
		return errDamaged
	}
	return err
}
