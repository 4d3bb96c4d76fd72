// Package wire is the encoding of the data plane: frames of requests (pulls and
// pushes) on their way to parameter servers, and frames of replies on their way
// back. docs/formats/wire.md has the bytes.
//
// A Sender and a Receiver belong to one direction of one stream and are used by
// one goroutine each: they remember the names of jobs and the key lists that have
// passed, so that each travels once. psclient and psserver own them; the codec of
// internal/rpc turns frames to buffers and back. Between nodes of one process
// frames are copied and never encoded.
//
// Whatever bytes come in, a Receiver returns an error and takes no more memory
// than a small multiple of what is there.
package wire

import "parley/internal/param"

const (
	// MaxMessage bounds the bytes of one frame, in either direction.
	MaxMessage = 64 << 20
	// MaxList bounds the keys of one list: values of one byte for all of them make
	// the largest message.
	MaxList = MaxMessage
	// CacheBytes bounds the key lists that are remembered for a stream.
	CacheBytes = 64 << 20
	// maxNames and maxName bound what a peer may make a Receiver remember of jobs.
	maxNames = 1024
	maxName  = 512
)

// Request is a pull or a push.
type Request struct {
	ID       uint64 // the sender's name for it, unique on the stream
	Job      param.JobID
	Range    param.RangeID
	Worker   param.Worker
	Term     param.Term
	Round    param.Round
	Push     bool
	Encoding Encoding // of the values of a push, or of those that a pull asks for
	Rows     int64
	Loss     float64
	// Offsets are keys minus the range's lowest, strictly ascending, which is the
	// sender's promise; of a received request they are set by Receiver.Keys.
	Offsets []uint32
	Values  []float32 // of a push, slot-major
	// Whole sends the list itself although the peer should know it.
	Whole bool
	// Failed is set by the Sender to what is wrong with a request that it has left
	// out.
	Failed error

	keys  packedKeys
	hold  *Hold
	local bool // it never was bytes
}

// Reply is the answer to the request of the same ID.
type Reply struct {
	ID       uint64
	Encoding Encoding
	Values   []float32 // of a pull, slot-major
	// Owned says that Values came from Floats and nobody else uses them: they are
	// given back when they have been sent.
	Owned bool
	// Unknown says that the request named a key list that the server does not have
	// (any more): it is to be sent again with the list.
	Unknown bool
	Refused error // of a kind of package param
	hold    *Hold
}

// Hold returns what keeps the memory of a received request, for its receiver to
// release; nil means that there is nothing to do.
func (r *Request) Hold() *Hold { return r.hold }

// Hold returns what keeps the memory of a received reply's values.
func (r *Reply) Hold() *Hold { return r.hold }
