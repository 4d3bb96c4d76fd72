package wire

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/zeebo/xxh3"

	"parley/internal/param"
)

// forms of a key list in a request.
const (
	formNone  = iota // no keys
	formKept         // packed; the receiver keeps it under its name
	formNamed        // by name alone
	formRun          // count keys from the one that stands in place of the name on
	formPlain        // packed, too short to be worth a name
	forms
)

// plainKeys is the number of keys up to which a list has no name: it would save
// little and cost memory on both sides.
const plainKeys = 32

// apart is the size from which values are a segment of their own, not copied.
const apart = 16 << 10

// Sender encodes the frames of one direction of a stream.
type Sender struct {
	jobs  map[param.JobID]uint32
	lists cache // of names
	names []param.JobID

	segments []Segment
	head     *[]byte
	size     int
}

// NewSender returns the sender of a new stream, whose peer knows nothing yet.
func NewSender() *Sender {
	return &Sender{jobs: map[param.JobID]uint32{}, lists: newCache()}
}

// Bound returns at least the bytes that a request takes in a frame.
func (r *Request) Bound() int {
	return requestBytes + 5*len(r.Offsets) + tail + r.Encoding.Size(len(r.Values)) + 16
}

// Bound returns at least the bytes that a reply takes in a frame.
func (r *Reply) Bound() int {
	n := replyBytes + r.Encoding.Size(len(r.Values)) + 8
	if r.Refused != nil {
		n += maxFault
	}
	return n
}

func (s *Sender) encode(f *Frame) ([]Segment, error) {
	s.segments, s.size = s.segments[:0], 0
	kind, count := byte(kindRequests), len(f.Requests)
	if len(f.Replies) > 0 {
		kind, count = kindReplies, len(f.Replies)
	}
	s.head = Buffers.Get(4 << 10)
	h := append((*s.head)[:0], magic[0], magic[1], kind, version, 0, 0, 0, 0)
	h = append(h, zeros[:]...) // the number of items is not known yet
	h, err := s.newJobs(h, f.Requests)
	for i := range f.Requests {
		r, before := &f.Requests[i], len(h)
		if h, r.Failed = s.request(h, r); r.Failed != nil {
			h = h[:before]
			count--
		}
	}
	for i := range f.Replies {
		h = s.reply(h, &f.Replies[i])
	}
	s.cut(h, nil)
	binary.LittleEndian.PutUint32((*s.segments[0].Data)[8:], uint32(count))
	if err == nil && s.size > MaxMessage {
		err = param.Errorf(param.Invalid, "a frame of %d bytes: more than %d", s.size, MaxMessage)
	}
	if err != nil {
		for _, x := range s.segments {
			x.Home.Put(x.Data)
		}
		return nil, err
	}
	s.seal()
	return s.segments, nil
}

// seal writes the checksum.
func (s *Sender) seal() {
	sum := uint32(0)
	for i, x := range s.segments {
		part := *x.Data
		if i == 0 {
			part = part[checkedBehind:]
		}
		sum = crc32.Update(sum, castagnoli, part)
	}
	binary.LittleEndian.PutUint32((*s.segments[0].Data)[4:], sum)
}

// newJobs names the jobs that have not been named on the stream.
func (s *Sender) newJobs(h []byte, requests []Request) ([]byte, error) {
	s.names = s.names[:0]
	for i := range requests {
		job := requests[i].Job
		if _, ok := s.jobs[job]; ok {
			continue
		}
		if len(job) > maxName || len(s.jobs) >= maxNames {
			return h, param.Errorf(param.Invalid, "job %.20q: its name is too long, or there are too many on one stream", job)
		}
		s.jobs[job] = uint32(len(s.jobs))
		s.names = append(s.names, job)
	}
	binary.LittleEndian.PutUint16(h[12:], uint16(len(s.names)))
	for _, job := range s.names {
		h = s.room(h, 2+len(job)+8)
		h = binary.LittleEndian.AppendUint16(h, uint16(len(job)))
		h = append(h, job...)
	}
	return s.pad(h), nil
}

// pad fills up to eight bytes of the frame, of which h is the last segment.
func (s *Sender) pad(h []byte) []byte {
	for (s.size+len(h))%8 != 0 {
		h = append(h, 0)
	}
	return h
}

func (s *Sender) request(h []byte, r *Request) ([]byte, error) {
	if len(r.Offsets) > MaxList {
		return h, param.Errorf(param.Invalid, "a request of %d keys: more than %d", len(r.Offsets), MaxList)
	}
	form, named := s.form(r)
	need := requestBytes + tail + 8
	if form == formKept || form == formPlain {
		need += 5 * len(r.Offsets)
	}
	h = s.room(h, need)
	at := len(h)
	h = append(h, make([]byte, requestBytes)...)
	b, le := h[at:], binary.LittleEndian
	le.PutUint64(b[0:], r.ID)
	le.PutUint64(b[8:], uint64(r.Term))
	le.PutUint64(b[16:], uint64(r.Round))
	le.PutUint32(b[24:], s.jobs[r.Job])
	le.PutUint32(b[28:], uint32(r.Range))
	le.PutUint32(b[32:], uint32(r.Worker))
	if r.Push {
		b[36] = 1
	}
	b[37], b[38] = byte(r.Encoding), form
	le.PutUint32(b[40:], uint32(len(r.Offsets)))
	le.PutUint32(b[48:], uint32(len(r.Values)))
	le.PutUint64(b[56:], named.hash)
	le.PutUint64(b[64:], uint64(r.Rows))
	le.PutUint64(b[72:], math.Float64bits(r.Loss))
	if form == formKept || form == formPlain {
		var err error
		if h, err = packKeys(h, r.Offsets); err != nil {
			return h, err
		}
		le.PutUint32(h[at+44:], uint32(len(h)-at-requestBytes))
		if form == formKept {
			s.lists.add(named, nil)
		}
	}
	return s.values(s.pad(h), r.Encoding, r.Values, false), nil
}

// form chooses how the keys of a request travel. The ends of a strictly ascending
// list tell whether it is a run.
func (s *Sender) form(r *Request) (byte, name) {
	keys := r.Offsets
	n := len(keys)
	switch {
	case n == 0:
		return formNone, name{}
	case int(keys[n-1]-keys[0]) == n-1:
		named := name{hash: uint64(keys[0]), count: uint32(n), run: true}
		if _, known := s.lists.find(named); !known {
			s.lists.add(named, nil)
		}
		return formRun, named
	case n <= plainKeys:
		return formPlain, name{}
	}
	named := name{hash: xxh3.Hash(listBytes(keys)), count: uint32(n)}
	if _, known := s.lists.find(named); known && !r.Whole {
		return formNamed, named
	}
	return formKept, named
}

// maxFault bounds the text of a refusal.
const maxFault = 4 << 10

func (s *Sender) reply(h []byte, r *Reply) []byte {
	h = s.room(h, replyBytes+maxFault+8)
	at := len(h)
	h = append(h, make([]byte, replyBytes)...)
	b, le := h[at:], binary.LittleEndian
	le.PutUint64(b[0:], r.ID)
	switch {
	case r.Unknown:
		b[8] = statusUnknown
	case r.Refused != nil:
		text := r.Refused.Error()
		text = text[:min(len(text), maxFault)]
		b[8], b[9] = statusRefused, byte(param.KindOf(r.Refused))
		le.PutUint32(b[12:], uint32(len(text)))
		return s.pad(append(h, text...))
	default:
		b[10] = byte(r.Encoding)
		le.PutUint32(b[12:], uint32(len(r.Values)))
		return s.values(h, r.Encoding, r.Values, r.Owned)
	}
	return h
}

// status of a reply.
const (
	statusDone = iota
	statusRefused
	statusUnknown
)

// values appends values, padded to eight bytes.
func (s *Sender) values(h []byte, e Encoding, x []float32, own bool) []byte {
	n := e.Size(len(x))
	if e == F32 && n >= apart {
		h = s.cut(h, x)
		if own {
			s.add(Segment{owned(x), &Buffers})
		} else {
			b := owned(x)
			*b = (*b)[:n:n]
			s.add(Segment{b, Lent})
		}
	} else {
		h = s.room(h, n+8)
		h = h[:len(h)+n]
		e.encode(h[len(h)-n:], x)
		if own {
			FreeFloats(x)
		}
	}
	return append(h, zeros[:-n&7]...)
}

var zeros [8]byte

// room makes room for n more bytes in the current segment.
func (s *Sender) room(h []byte, n int) []byte {
	if len(h)+n <= cap(h) {
		return h
	}
	b := Buffers.Get(max(len(h)+n, 2*cap(h)))
	copy(*b, h)
	Buffers.Put(s.head)
	s.head = b
	return (*b)[:len(h)]
}

// cut ends the current segment, and begins another if values follow.
func (s *Sender) cut(h []byte, next []float32) []byte {
	*s.head = h
	s.add(Segment{s.head, &Buffers})
	if next == nil {
		return nil
	}
	s.head = Buffers.Get(4 << 10)
	return (*s.head)[:0]
}

func (s *Sender) add(x Segment) {
	s.size += len(*x.Data)
	s.segments = append(s.segments, x)
}
