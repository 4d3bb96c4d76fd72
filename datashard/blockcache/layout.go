package blockcache

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"sync"

	"parley/internal/batch"
)

// identity is what a file says about whose rows it holds.
type identity struct {
	key      string
	shard    uint64
	firstRow int64
}

// layout frames the files of shards that have the same optional columns. A file
// is head, body, tail. In files of one layout, head and tail are the same but for
// some numbers, which stand in the same places.
type layout struct {
	weights, exposure bool
	schema            int // bytes of the head that are the same in all files
	head, tail        []byte
	inHead, inTail    []patch
	marks             [len(marks)]int // where in the head the marks stood
	nonzeros          int             // where in the head their number stands
}

// patch is a place for a number, 8 bytes in little-endian order.
type patch struct{ at, number int }

// The metadata of a file, in order; a mark stands for a value when arrow-go
// frames a file, and is found by it afterwards. Values have fixed lengths.
var (
	metadataKeys = [...]string{"parley.dataset", "parley.shard", "parley.first_row", "parley.crc32c"}
	marks        = [...]string{mark('d', keyLength), mark('s', 20), mark('f', 20), mark('c', 8)}
)

func mark(c byte, length int) string { return string(bytes.Repeat([]byte{c}, length)) }

// layouts has those without optional columns, with weights, with exposure, and
// with both.
var layouts = sync.OnceValue(func() (all [4]*layout) {
	for i := range all {
		all[i] = newLayout(i&1 != 0, i&2 != 0)
	}
	return all
})

func layoutOf(c *batch.CSR) *layout {
	i := 0
	if c.Weights != nil {
		i |= 1
	}
	if c.Exposure != nil {
		i |= 2
	}
	return layouts()[i]
}

// newLayout learns a layout from two files of arrow-go's. In one alone, several
// numbers are equal, as the bytes of a column are where the next one begins if
// they need no padding; no two are equal in both.
func newLayout(weights, exposure bool) *layout {
	l := &layout{weights: weights, exposure: exposure}
	even, odd := l.learn(1010, 30002), l.learn(2021, 70005)
	l.schema, l.head, l.tail = even.schema, even.head, even.tail
	l.inHead = patches(even.head, odd.head, even.numbers, odd.numbers)
	l.inTail = patches(even.tail, odd.tail, even.numbers, odd.numbers)
	for i, m := range marks {
		l.marks[i] = bytes.Index(l.head, []byte(m))
	}
	for _, p := range l.inHead {
		if p.number == nonzerosNumber {
			l.nonzeros = p.at
		}
	}
	return l
}

// example is a file of a layout that arrow-go framed.
type example struct {
	schema     int
	head, tail []byte
	numbers    numbers
}

func (l *layout) learn(rows, nonzeros int64) example {
	c := l.rows(make([]uint32, l.numbers(rows, nonzeros)[bodyBytes]/4), rows, nonzeros)
	c.Offsets[rows] = uint32(nonzeros)
	file := arrowFile(c, marks)
	e := example{schema: messageEnd(file, len("ARROW1\x00\x00")), numbers: l.numbers(rows, nonzeros)}
	begin := messageEnd(file, e.schema)
	e.head, e.tail = file[:begin], file[begin+int(e.numbers[bodyBytes]):]
	return e
}

// messageEnd returns where the metadata of a message ends that begins at a place
// of a file: with four bytes 0xff and its length.
func messageEnd(file []byte, begin int) int {
	return begin + 8 + int(binary.LittleEndian.Uint32(file[begin+4:]))
}

// patches finds the numbers of two files in the same part of both. They are
// aligned.
func patches(a, b []byte, ofA, ofB numbers) (found []patch) {
	for at := 0; at+8 <= len(a); at += 8 {
		x, y := int64(binary.LittleEndian.Uint64(a[at:])), int64(binary.LittleEndian.Uint64(b[at:]))
		for i := range ofA {
			if x == ofA[i] && y == ofB[i] && x != 0 {
				found = append(found, patch{at, i})
				break // a column that is absent begins where the next one does
			}
		}
	}
	return found
}

// The columns of a body, in order, those that are absent being empty.
const (
	labelColumn = iota
	weightColumn
	exposureColumn
	offsetColumn
	columnColumn
	valueColumn
	columnCount
)

// numbers are those that framing is made of.
type numbers [beginNumber + columnCount + 1]int64

const (
	rowsNumber     = iota
	nonzerosNumber // also the elements of columns and values
	rowBytes       // of a column with an element a row
	offsetBytes
	nonzeroBytes
	beginNumber // of the columns in the body, one each

	bodyBytes = beginNumber + columnCount
)

func (l *layout) numbers(rows, nonzeros int64) (n numbers) {
	n[rowsNumber], n[nonzerosNumber] = rows, nonzeros
	n[rowBytes], n[offsetBytes], n[nonzeroBytes] = 4*rows, 4*(rows+1), 4*nonzeros
	end := int64(0)
	for i, length := range l.lengths(rows, nonzeros) {
		n[beginNumber+i] = end
		end += padded(4 * length)
	}
	n[bodyBytes] = end
	return n
}

// lengths returns the elements of each column of a body.
func (l *layout) lengths(rows, nonzeros int64) [columnCount]int64 {
	lengths := [columnCount]int64{labelColumn: rows, offsetColumn: rows + 1, columnColumn: nonzeros, valueColumn: nonzeros}
	if l.weights {
		lengths[weightColumn] = rows
	}
	if l.exposure {
		lengths[exposureColumn] = rows
	}
	return lengths
}

// Columns begin at multiples of so many bytes of the body.
const alignment = 8

func padded(n int64) int64 { return (n + alignment - 1) &^ (alignment - 1) }

// size returns the bytes of a file.
func (l *layout) size(rows, nonzeros int64) int64 {
	return int64(len(l.head)+len(l.tail)) + l.numbers(rows, nonzeros)[bodyBytes]
}

func fileSize(c *batch.CSR) int64 {
	return layoutOf(c).size(int64(len(c.Labels)), int64(len(c.Columns)))
}

// frame returns head and tail of a file whose body has a CRC32C.
func (l *layout) frame(id identity, rows, nonzeros int64, crc uint32) (head, tail []byte) {
	head, tail = bytes.Clone(l.head), bytes.Clone(l.tail)
	numbers := l.numbers(rows, nonzeros)
	set(head, l.inHead, numbers)
	set(tail, l.inTail, numbers)
	for i, value := range metadata(id, crc) {
		copy(head[l.marks[i]:], value)
	}
	return head, tail
}

func set(part []byte, places []patch, numbers numbers) {
	for _, p := range places {
		binary.LittleEndian.PutUint64(part[p.at:], uint64(numbers[p.number]))
	}
}

// metadata returns the values of the metadata.
func metadata(id identity, crc uint32) [len(marks)]string {
	digits := func(n uint64, base, length int) string {
		s := strconv.FormatUint(n, base)
		return mark('0', length-len(s)) + s
	}
	return [...]string{id.key, digits(id.shard, 10, 20), digits(uint64(id.firstRow), 10, 20), digits(uint64(crc), 16, 8)}
}
