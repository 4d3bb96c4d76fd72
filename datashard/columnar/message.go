package columnar

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// messages gives the messages of an Arrow file or stream to the library, each
// checked. A file is read as the stream that lies within it, except that its
// footer says where the messages are.
type messages struct {
	in     *input
	mem    *allowance
	at     int64   // where the next message is
	blocks []int64 // of a file: where those after the next are
	file   bool
	views  views // of the schema, once it was read
	last   *ipc.Message
}

// Message returns the next message, io.EOF at the end. It is valid until the
// next call.
func (m *messages) Message() (*ipc.Message, error) {
	if m.at < 0 {
		return nil, io.EOF
	}
	meta, body, err := m.head(m.at)
	if err != nil {
		return nil, err
	}
	size := flatRoot(meta).int64(3)
	if size < 0 || size > m.in.size-body {
		return nil, io.ErrUnexpectedEOF
	}
	if _, _, err := m.views.checkMessage(flatRoot(meta), size); err != nil {
		return nil, err
	}
	buffer := memory.NewResizableBuffer(m.mem)
	buffer.Resize(int(size))
	if _, err := m.in.ReadAt(buffer.Bytes(), body); err != nil && size > 0 {
		return nil, err
	}
	m.Release()
	m.last = ipc.NewMessage(memory.NewBufferBytes(meta), buffer)
	m.step(body + size)
	return m.last, nil
}

// step goes on to the message after one that ends at end.
func (m *messages) step(end int64) {
	switch {
	case !m.file:
		m.at = end
	case len(m.blocks) > 0:
		m.at, m.blocks = m.blocks[0], m.blocks[1:]
	default:
		m.at = -1
	}
}

// head reads the metadata of the message at a position, and returns where its
// body begins; io.EOF at the mark that ends a stream, or where there is nothing.
func (m *messages) head(at int64) (meta []byte, body int64, err error) {
	if at == m.in.size && !m.file {
		return nil, 0, io.EOF
	}
	word, err := m.in.bytes(at, 4)
	if err != nil {
		return nil, 0, io.ErrUnexpectedEOF
	}
	at += 4
	size := binary.LittleEndian.Uint32(word)
	if size == math.MaxUint32 { // older writers leave this mark out
		if word, err = m.in.bytes(at, 4); err != nil {
			return nil, 0, io.ErrUnexpectedEOF
		}
		size, at = binary.LittleEndian.Uint32(word), at+4
	}
	switch {
	case size == 0 && !m.file:
		return nil, 0, io.EOF
	case size < 4 || size > math.MaxInt32:
		return nil, 0, damage("a message's metadata has %d bytes", size)
	case int64(size) > m.in.size-at:
		return nil, 0, io.ErrUnexpectedEOF
	}
	meta, err = m.in.bytes(at, int64(size))
	return meta, at + int64(size), err
}

// Release lets go of the last message.
func (m *messages) Release() {
	if m.last != nil {
		m.last.Release()
		m.last = nil
	}
}

// Retain does nothing: messages has one owner.
func (m *messages) Retain() {}

// readFooter finds the messages of a file and returns how many rows they have.
func (m *messages) readFooter() (rows int64, err error) {
	m.file = true
	tail, err := m.in.bytes(m.in.size-10, 10)
	if err != nil || string(tail[4:]) != arrowMagic {
		return 0, io.ErrUnexpectedEOF
	}
	size := int64(binary.LittleEndian.Uint32(tail))
	footer, err := m.in.bytes(m.in.size-10-size, size)
	if err != nil {
		return 0, err
	}
	const blockSize = 24
	for b := flatRoot(footer).vector(2, blockSize); len(b) > 0; b = b[blockSize:] {
		m.blocks = append(m.blocks, int64(binary.LittleEndian.Uint64(b)))
	}
	for b := flatRoot(footer).vector(3, blockSize); len(b) > 0; b = b[blockSize:] {
		at := int64(binary.LittleEndian.Uint64(b))
		meta, _, err := m.head(at)
		if err != nil {
			return 0, err
		}
		header, n, err := m.views.checkMessage(flatRoot(meta), flatRoot(meta).int64(3))
		if err != nil || header != recordHeader {
			return 0, damage("the footer refers to a message that is no batch of rows")
		}
		m.blocks, rows = append(m.blocks, at), rows+n
	}
	return rows, nil
}

// allowance is the memory that one batch may take: Arrow's compressed buffers
// say how large they become, in 64 bits. Constant columns do become some
// hundred times larger.
type allowance struct {
	memory.GoAllocator
	size, left int64
}

func newAllowance(size int64) *allowance {
	if size > math.MaxInt64/128 {
		size = math.MaxInt64 / 128
	}
	size = 512<<20 + 64*size
	return &allowance{size: size, left: size}
}

func (a *allowance) reset() { a.left = a.size }

// Allocate panics, as the library expects of a request that cannot be met.
func (a *allowance) Allocate(size int) []byte {
	if size < 0 || int64(size) > a.left {
		panic(damage("a batch claims to take more than %d MiB of memory", a.size>>20))
	}
	a.left -= int64(size)
	return a.GoAllocator.Allocate(size)
}

// Reallocate is Allocate and a copy, if b is too small.
func (a *allowance) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	grown := a.Allocate(size)
	copy(grown, b)
	return grown
}
