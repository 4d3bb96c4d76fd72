package wire

import (
	"encoding/binary"
	"math"
	"unsafe"

	"parley/internal/param"
)

// Receiver reads the frames of one direction of a stream.
type Receiver struct {
	jobs  []param.JobID
	lists cache
}

// NewReceiver returns the receiver of a new stream. Close ends it.
func NewReceiver() *Receiver { return &Receiver{lists: newCache()} }

// Close gives the remembered key lists back; what is held of them stays.
func (v *Receiver) Close() { v.lists.clear() }

// packedKeys are a request's keys as they came.
type packedKeys struct {
	form  byte
	name  name
	bytes []byte
}

// Open begins a received frame and returns the number of its items, to be read
// with Request or Reply. The error is Corrupt for a damaged frame and Invalid for one
// of something else than Parley of this version; it ends the stream.
func (v *Receiver) Open(f *Frame) (int, error) {
	if f.body == nil {
		return len(f.Requests) + len(f.Replies), nil
	}
	if f.err != nil {
		return 0, f.err
	}
	b := f.body.data
	least := requestBytes
	if b[2] == kindReplies {
		least = replyBytes
	}
	f.count, f.read = int(binary.LittleEndian.Uint32(b[8:])), headerBytes
	if f.count > (len(b)-headerBytes)/least {
		return 0, param.Errorf(param.Invalid, "a frame of %d bytes claims %d items", len(b), f.count)
	}
	for range binary.LittleEndian.Uint16(b[12:]) {
		n, err := f.take(2)
		if err != nil {
			return 0, err
		}
		job, err := f.take(int(binary.LittleEndian.Uint16(n)))
		if err != nil {
			return 0, err
		}
		if len(v.jobs) >= maxNames || len(job) > maxName {
			return 0, param.Errorf(param.Invalid, "the peer names too many jobs on one stream, or too long ones")
		}
		v.jobs = append(v.jobs, param.JobID(job))
	}
	_, err := f.take(-f.read & 7)
	return f.count, err
}

// take returns the next n bytes.
func (f *Frame) take(n int) ([]byte, error) {
	b := f.body.data[f.read:]
	if n > len(b) {
		return nil, param.Errorf(param.Invalid, "a frame of %d bytes is cut off: %d more bytes are needed", len(f.body.data), n-len(b))
	}
	f.read += n
	return b[:n:n], nil
}

// kind refuses a frame that has something else.
func (f *Frame) kind(want byte) error {
	if f.body.data[2] != want {
		return param.Errorf(param.Invalid, "a frame of kind %q where one of kind %q is due", f.body.data[2], want)
	}
	return nil
}

// Request reads the next request. Its keys are set by Keys, which is called, if
// at all, before the next Request. An error ends the stream; it is Invalid.
func (v *Receiver) Request(f *Frame, r *Request) error {
	if f.body == nil {
		if f.read >= len(f.Requests) {
			return param.Errorf(param.Invalid, "a frame without requests")
		}
		*r = f.Requests[f.read]
		f.read++
		return nil
	}
	if err := f.kind(kindRequests); err != nil {
		return err
	}
	b, err := f.take(requestBytes)
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	*r = Request{ID: le.Uint64(b[0:]), Term: param.Term(le.Uint64(b[8:])), Round: param.Round(le.Uint64(b[16:])),
		Range: param.RangeID(le.Uint32(b[28:])), Worker: param.Worker(le.Uint32(b[32:])),
		Push: b[36] != 0, Encoding: Encoding(b[37]), Rows: int64(le.Uint64(b[64:])), Loss: math.Float64frombits(le.Uint64(b[72:])),
		keys: packedKeys{form: b[38], name: name{hash: le.Uint64(b[56:]), count: le.Uint32(b[40:])}}}
	job := le.Uint32(b[24:])
	if int64(job) >= int64(len(v.jobs)) || b[36] > 1 || r.Encoding >= encodings || r.keys.form >= forms {
		return param.Errorf(param.Invalid, "request %d has job %d of %d, kind %d, encoding %d, keys of form %d", r.ID, job, len(v.jobs), b[36], b[37], b[38])
	}
	r.Job = v.jobs[job]
	if r.keys.bytes, err = f.take(int(le.Uint32(b[44:]))); err != nil {
		return err
	}
	if _, err = f.take(-f.read & 7); err != nil {
		return err
	}
	r.Values, r.hold, err = f.values(r.Encoding, int(le.Uint32(b[48:])))
	return err
}

// values reads n values. They lie in the frame's memory if they can, else they
// are unpacked beside it.
func (f *Frame) values(e Encoding, n int) ([]float32, *Hold, error) {
	b, err := f.take(e.Size(n))
	if err != nil {
		return nil, nil, err
	}
	if _, err := f.take(-f.read & 7); err != nil {
		return nil, nil, err
	}
	h := newHold(f.body)
	if n == 0 {
		return nil, h, nil
	}
	if e == F32 && uintptr(unsafe.Pointer(unsafe.SliceData(b)))%4 == 0 {
		return byteFloats(b), h, nil
	}
	h.values = Floats(n)
	e.decode(h.values, b)
	return h.values, h, nil
}

// Keys sets the request's Offsets, all below limit. unknown says that it names a
// list that is not here (any more). The error is Invalid and concerns this request
// alone.
func (v *Receiver) Keys(r *Request, limit int64) (unknown bool, err error) {
	k := r.keys
	if r.local {
		if n := len(r.Offsets); n > 0 && int64(r.Offsets[n-1]) >= limit {
			return false, beyond(int64(r.Offsets[n-1]), limit)
		}
		return false, nil
	}
	var l *list
	switch k.form {
	case formNone:
		return false, nil
	case formNamed:
		l, known := v.lists.find(k.name)
		if !known {
			return true, nil
		}
		if last := int64(l.keys[len(l.keys)-1]); last >= limit { // named for another range
			return false, beyond(last, limit)
		}
		r.give(l)
		return false, nil
	case formRun:
		l, err = v.run(k.name, limit)
	default:
		l, err = unpacked(k, limit)
	}
	if err != nil {
		return false, err
	}
	r.give(l)
	if k.form != formKept {
		if k.form == formPlain {
			l.release()
		}
		return false, nil
	}
	v.lists.add(k.name, l)
	return false, nil
}

// Checked reports that Keys has found the offsets strictly ascending; those of a
// request of this process are as its sender made them.
func (r *Request) Checked() bool { return !r.local }

func beyond(key, limit int64) error {
	return param.Errorf(param.Invalid, "key %d of a list is beyond the %d keys of the range", key, limit)
}

// give adds a reference to a list, which goes with the request's hold.
func (r *Request) give(l *list) {
	l.refs.Add(1)
	r.hold.list = l
	r.Offsets = l.keys
}

// run returns the list of a run, which is kept: its ends are sent each time, and
// written out once.
func (v *Receiver) run(n name, limit int64) (*list, error) {
	n.run = true
	if end := n.hash + uint64(n.count); n.count == 0 || n.hash > 1<<32 || end > uint64(limit) {
		return nil, beyond(int64(min(n.hash, 1<<32))+int64(n.count)-1, limit)
	}
	if l, known := v.lists.find(n); known {
		return l, nil
	}
	l := newList(int(n.count))
	for i := range l.keys {
		l.keys[i] = uint32(n.hash) + uint32(i)
	}
	v.lists.add(n, l)
	return l, nil
}

func unpacked(k packedKeys, limit int64) (*list, error) {
	n := int64(k.name.count)
	if n == 0 || n > limit || n > group*int64(len(k.bytes)) || n > MaxList {
		return nil, param.Errorf(param.Invalid, "a list of %d keys in %d bytes, for a range of %d", n, len(k.bytes), limit)
	}
	l := newList(int(n))
	if err := unpackKeys(l.keys, k.bytes, limit); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// Reply reads the next reply. The error is Invalid and ends the stream.
func (v *Receiver) Reply(f *Frame, r *Reply) error {
	if f.body == nil {
		if f.read >= len(f.Replies) {
			return param.Errorf(param.Invalid, "a frame without replies")
		}
		*r = f.Replies[f.read]
		f.read++
		return nil
	}
	if err := f.kind(kindReplies); err != nil {
		return err
	}
	b, err := f.take(replyBytes)
	if err != nil {
		return err
	}
	n := int(binary.LittleEndian.Uint32(b[12:]))
	*r = Reply{ID: binary.LittleEndian.Uint64(b), Encoding: Encoding(b[10]), Unknown: b[8] == statusUnknown}
	if b[8] > statusUnknown || r.Encoding >= encodings {
		return param.Errorf(param.Invalid, "reply %d has status %d and encoding %d", r.ID, b[8], b[10])
	}
	switch b[8] {
	case statusRefused:
		text, err := f.take(n)
		if err != nil {
			return err
		}
		r.Refused = param.Errorf(param.Kind(b[9]), "%s", text)
		_, err = f.take(-f.read & 7)
		return err
	case statusDone:
		r.Values, r.hold, err = f.values(r.Encoding, n)
	}
	return err
}
