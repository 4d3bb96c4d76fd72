package wire

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sync"
	"sync/atomic"

	"parley/internal/param"
)

// The header of a frame.
const (
	magic         = "PW"
	version       = 1
	kindRequests  = 'q'
	kindReplies   = 'r'
	headerBytes   = 16
	requestBytes  = 80 // before its keys and values
	replyBytes    = 16
	checkedBehind = 8 // what the checksum covers begins here
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Frame is one message of a stream: requests or replies. To send one, set either
// and Sender; what is received is read with a Receiver. A Frame is used by one
// goroutine.
type Frame struct {
	Requests []Request
	Replies  []Reply
	// Sender encodes the frame when it leaves the process.
	Sender *Sender

	body   *body // as received, nil if it came from this process
	read   int   // bytes of body or items that were read
	sum    uint32
	err    error // of what has come
	count  int
	copied int
}

// body is the memory of a received frame. It lives until the frame and all holds
// on parts of it are released.
type body struct {
	data []byte
	buf  *[]byte
	refs atomic.Int32
}

var bodies = sync.Pool{New: func() any { return new(body) }}

func (b *body) release() {
	if b == nil || b.refs.Add(-1) > 0 {
		return
	}
	Buffers.Put(b.buf)
	b.data, b.buf = nil, nil
	bodies.Put(b)
}

// Segment is a piece of an encoded frame. Home takes Data back when it has been
// sent.
type Segment struct {
	Data *[]byte
	Home interface {
		Get(int) *[]byte
		Put(*[]byte)
	}
}

// Encode returns the pieces of the frame, in order, valid until the Sender encodes
// the next. Values are not copied, so they must stay as they are until the pieces
// have been sent.
func (f *Frame) Encode() ([]Segment, error) {
	if f.Sender == nil {
		return nil, param.Errorf(param.Invalid, "a frame without a sender cannot leave the process")
	}
	segments, err := f.Sender.encode(f)
	f.copied = f.Sender.size
	return segments, err
}

// Begin prepares the frame for n bytes, which Piece is given in order before End.
// What is wrong with them is what Open returns.
func (f *Frame) Begin(n int) {
	f.Release()
	b := bodies.Get().(*body)
	b.buf = Buffers.Get(n)
	b.data = *b.buf
	b.refs.Store(1)
	f.body, f.read, f.sum, f.Requests, f.Replies = b, 0, 0, nil, nil

}

// Piece copies some of the frame's bytes.
func (f *Frame) Piece(p []byte) {
	b, at := f.body.data, f.read
	f.read += copy(b[at:], p)
	f.sum = crc32.Update(f.sum, castagnoli, b[min(max(at, checkedBehind), f.read):f.read]) // while it is in the cache
}

// End checks what has come.
func (f *Frame) End() { f.err = f.check() }

func (f *Frame) check() error {
	b := f.body.data
	if len(b) < headerBytes || len(b) > MaxMessage {
		return param.Errorf(param.Corrupt, "a frame of %d bytes: there must be %d to %d", len(b), headerBytes, MaxMessage)
	}
	if string(b[:2]) != magic || b[3] != version {
		return param.Errorf(param.Invalid, "the peer's frames are not of this version of Parley: they begin with % x", b[:4])
	}
	if want := binary.LittleEndian.Uint32(b[4:]); f.read != len(b) || want != f.sum {
		return param.Errorf(param.Corrupt, "a frame of %d bytes has checksum %08x, not %08x: it was damaged on its way", len(b), f.sum, want)
	}
	return nil
}

// Size returns the bytes of the frame on the wire, once it has arrived or been
// sent; within a process, those of keys and values.
func (f *Frame) Size() int {
	if f.body != nil {
		return len(f.body.data)
	}
	return f.copied
}

// Release gives back the memory of a received frame, but for what is held.
func (f *Frame) Release() {
	f.body.release()
	f.body = nil
}

// CopyFrom makes the frame a copy of another of the same process (rpc.Copier).
// Requests are copied deeply, as the ranges read them while their sender goes on;
// the values of replies change hands if they are owned. Values become what their
// encoding would make of them, so a process is as precise as a cluster.
func (f *Frame) CopyFrom(src any) error {
	s, ok := src.(*Frame)
	if !ok {
		return param.Errorf(param.Invalid, "cannot copy a %T to a frame", src)
	}
	*f = Frame{Requests: slices.Clone(s.Requests), Replies: slices.Clone(s.Replies)}
	for i := range f.Requests {
		r := &f.Requests[i]
		r.hold, r.keys, r.local = newHold(nil), packedKeys{}, true
		if len(r.Offsets) > 0 {
			r.hold.list = newList(len(r.Offsets))
			copy(r.hold.list.keys, r.Offsets)
			r.Offsets = r.hold.list.keys
		}
		if len(r.Values) > 0 {
			r.hold.values = Floats(len(r.Values))
			r.Encoding.Round(r.hold.values, r.Values)
			r.Values = r.hold.values
		}
		f.copied += 4 * (len(r.Offsets) + len(r.Values))
	}
	for i := range f.Replies {
		r := &f.Replies[i]
		if r.Owned && len(r.Values) > 0 {
			r.Encoding.Round(r.Values, r.Values)
			r.hold = newHold(nil)
			r.hold.values = r.Values
		} else {
			r.Values = slices.Clone(r.Values)
			r.Encoding.Round(r.Values, r.Values)
		}
		f.copied += 4 * len(r.Values)
	}
	s.copied = f.copied
	return nil
}
