package wire

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"
)

// smallest and largest are the logarithms of the sizes that are pooled.
const smallest, largest = 10, 26

// Pool hands out byte buffers whose lengths are rounded up to powers of two and
// whose contents are what they were. It is the pool of gRPC's connections too
// (google.golang.org/grpc/mem.BufferPool), and safe for concurrent use. What is
// never given back is garbage like any other.
type Pool struct {
	tiers [largest - smallest + 1]sync.Pool
}

// Buffers is the process's pool.
var Buffers Pool

// Get returns a buffer of n bytes, 8-byte aligned.
func (p *Pool) Get(n int) *[]byte {
	t := max(bits.Len(uint(max(n, 1)-1)), smallest)
	if t > largest {
		b := make([]byte, n)
		return &b
	}
	if b, ok := p.tiers[t-smallest].Get().(*[]byte); ok {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n, 1<<t)
	return &b
}

// Put takes a buffer back.
func (p *Pool) Put(b *[]byte) {
	c := cap(*b)
	if c < 1<<smallest || c > 1<<largest || c&(c-1) != 0 {
		return
	}
	p.tiers[bits.Len(uint(c))-1-smallest].Put(b)
}

// headers are slice headers without memory, for buffers that nobody owns.
var headers = sync.Pool{New: func() any { return new([]byte) }}

type lent struct{}

// Lent takes back the headers of segments whose memory is not the pool's.
var Lent lent

// Get implements mem.BufferPool; nothing is taken from here.
func (lent) Get(n int) *[]byte { return Buffers.Get(n) }

// Put forgets the memory and keeps the header.
func (lent) Put(b *[]byte) {
	*b = nil
	headers.Put(b)
}

// Floats returns n floats of the pool, with any contents. FreeFloats, or a Reply
// that owns them, gives them back.
func Floats(n int) []float32 {
	if n == 0 {
		return nil
	}
	b := Buffers.Get(4 * n)
	f := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(*b))), cap(*b)/4)[:n]
	*b = nil
	headers.Put(b)
	return f
}

// FreeFloats gives floats back to the pool.
func FreeFloats(f []float32) {
	if cap(f) > 0 {
		Buffers.Put(owned(f))
	}
}

// owned returns floats as a buffer of the pool.
func owned(f []float32) *[]byte {
	b := headers.Get().(*[]byte)
	*b = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 4*cap(f))[:4*len(f)]
	return b
}

// floatBytes returns the memory of floats. Hosts are little-endian, as the wire.
func floatBytes(f []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
}

// byteFloats is its inverse; b is aligned to 4 bytes.
func byteFloats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

// Hold keeps the memory of one received request or reply: a part of a frame, and
// what was unpacked beside it.
type Hold struct {
	body     *body
	list     *list
	values   []float32 // unpacked, of the pool
	released atomic.Bool
	// Done is Release as a value, so that handing it on costs no memory.
	Done func()
}

var holds sync.Pool

func newHold(b *body) *Hold {
	h, ok := holds.Get().(*Hold)
	if !ok {
		h = &Hold{}
		h.Done = h.Release
	}
	h.released.Store(false)
	if b != nil {
		b.refs.Add(1)
	}
	h.body = b
	return h
}

// Release gives the memory back: neither keys nor values may be used any more. It
// must be called once at the most. A nil Hold has nothing.
func (h *Hold) Release() {
	if h == nil || !h.released.CompareAndSwap(false, true) {
		return
	}
	h.body.release()
	h.list.release()
	FreeFloats(h.values)
	h.body, h.list, h.values = nil, nil, nil
	holds.Put(h)
}
