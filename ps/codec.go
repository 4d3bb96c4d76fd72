package ps

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"unsafe"

	"parley/internal/param"
)

// Section is a named array of 4-byte little-endian values, as it stands in a
// file or goes over the wire.
type Section struct {
	Name string
	Data []byte
}

// exact is a float64 whose text has all of its bits, and may be infinite.
type exact float64

func (x exact) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(x), 'g', -1, 64), nil
}

func (x *exact) UnmarshalText(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	*x = exact(f)
	return err
}

// tallyHeader is Tally in a header.
type tallyHeader struct {
	Rows int64 `json:"rows"`
	Loss exact `json:"loss"`
}

// snapshotHeader is what a snapshot has beside its sections "offsets", "state",
// "recent" and "memory", of which only the second is always there.
type snapshotHeader struct {
	Version param.Version `json:"version"`
	Applied int64         `json:"applied"`
	Total   tallyHeader   `json:"total"`
	Tallies []tallyHeader `json:"tallies"`
	Clocks  []param.Round `json:"clocks,omitempty"`
	Window  int64         `json:"window,omitempty"`
}

// handoverHeader is what a handover has beside the sections of its snapshot, of its
// undo ("undo.offsets", "undo.values"), sum ("sum.offsets", "sum.counts",
// "sum.values"), and pushes ("push.N.offsets", "push.N.change").
type handoverHeader struct {
	Snapshot snapshotHeader `json:"snapshot"`
	Undo     bool           `json:"undo"`
	Workers  int            `json:"workers"` // in the sum
	Tally    tallyHeader    `json:"tally"`
	Terms    []param.Term   `json:"terms"`
	Pushes   []pushHeader   `json:"pushes"`
}

type pushHeader struct {
	Worker param.Worker `json:"worker"`
	Term   param.Term   `json:"term"`
	Round  param.Round  `json:"round"`
	Rows   int64        `json:"rows"`
	Loss   exact        `json:"loss"`
}

// Encode returns the snapshot as a small header, JSON, and sections, which share
// its memory.
func (s *Snapshot) Encode() (header []byte, sections []Section) {
	return mustMarshal(s.header()), s.sections()
}

func (s *Snapshot) header() snapshotHeader {
	h := snapshotHeader{Version: s.Version, Applied: s.Applied, Total: headerOf(s.Total), Clocks: s.Clocks, Window: s.Window}
	for _, t := range s.Tallies {
		h.Tallies = append(h.Tallies, headerOf(t))
	}
	return h
}

func (s *Snapshot) sections() (out []Section) {
	if s.Offsets != nil {
		out = append(out, Section{"offsets", bytesOf(s.Offsets)})
	}
	out = append(out, Section{"state", bytesOf(s.State)})
	if s.Recent != nil {
		out = append(out, Section{"recent", bytesOf(s.Recent)})
	}
	if s.Memory != nil {
		out = append(out, Section{"memory", bytesOf(s.Memory)})
	}
	return out
}

// DecodeSnapshot is the inverse of Encode. The snapshot may share memory with the
// sections. The error is Corrupt. Whether it is a snapshot of a range is for
// Restore to tell.
func DecodeSnapshot(header []byte, sections ...Section) (*Snapshot, error) {
	var h snapshotHeader
	if err := json.Unmarshal(header, &h); err != nil {
		return nil, param.Errorf(param.Corrupt, "header of a snapshot: %w", err)
	}
	d := decoder{sections: sections}
	s := d.snapshot(h)
	return s, d.err
}

// Encode returns the handover as a small header, JSON, and sections, which share
// its memory.
func (h *Handover) Encode() (header []byte, sections []Section) {
	head := handoverHeader{Snapshot: h.Snapshot.header(), Undo: h.Undo != nil, Workers: h.Sum.Workers, Tally: headerOf(h.Sum.Tally), Terms: h.Terms}
	sections = h.Snapshot.sections()
	if u := h.Undo; u != nil {
		if u.Offsets != nil {
			sections = append(sections, Section{"undo.offsets", bytesOf(u.Offsets)})
		}
		sections = append(sections, Section{"undo.values", bytesOf(u.Values)})
	}
	sections = append(sections, Section{"sum.offsets", bytesOf(h.Sum.Offsets)}, Section{"sum.counts", bytesOf(h.Sum.Counts)}, Section{"sum.values", bytesOf(h.Sum.Values)})
	for i, p := range h.Pushes {
		head.Pushes = append(head.Pushes, pushHeader{p.Worker, p.Term, p.Round, p.Rows, exact(p.Loss)})
		sections = append(sections, Section{fmt.Sprintf("push.%d.offsets", i), bytesOf(p.Offsets)}, Section{fmt.Sprintf("push.%d.change", i), bytesOf(p.Change)})
	}
	return mustMarshal(head), sections
}

// DecodeHandover is the inverse of Encode. The handover may share memory with the
// sections. The error is Corrupt. Whether it is one of a range is for Adopt to
// tell.
func DecodeHandover(header []byte, sections ...Section) (*Handover, error) {
	var head handoverHeader
	if err := json.Unmarshal(header, &head); err != nil {
		return nil, param.Errorf(param.Corrupt, "header of a handover: %w", err)
	}
	d := decoder{sections: sections}
	h := &Handover{Snapshot: d.snapshot(head.Snapshot), Terms: head.Terms}
	if head.Undo {
		h.Undo = &Undo{Offsets: optional[uint32](&d, "undo.offsets"), Values: required[float32](&d, "undo.values")}
	}
	h.Sum = Sum{Workers: head.Workers, Tally: head.Tally.tally(), Offsets: required[uint32](&d, "sum.offsets"),
		Counts: required[uint32](&d, "sum.counts"), Values: required[float32](&d, "sum.values")}
	for i, p := range head.Pushes {
		h.Pushes = append(h.Pushes, Push{Worker: p.Worker, Term: p.Term, Round: p.Round, Rows: p.Rows, Loss: float64(p.Loss),
			Offsets: required[uint32](&d, fmt.Sprintf("push.%d.offsets", i)), Change: required[float32](&d, fmt.Sprintf("push.%d.change", i))})
	}
	return h, d.err
}

// decoder takes arrays from sections and keeps the first error.
type decoder struct {
	sections []Section
	err      error
}

func (d *decoder) snapshot(h snapshotHeader) *Snapshot {
	s := &Snapshot{Version: h.Version, Applied: h.Applied, Total: h.Total.tally(), Clocks: h.Clocks, Window: h.Window}
	for _, t := range h.Tallies {
		s.Tallies = append(s.Tallies, t.tally())
	}
	s.Offsets, s.State, s.Recent = optional[uint32](d, "offsets"), required[float32](d, "state"), optional[uint32](d, "recent")
	s.Memory = optional[float32](d, "memory")
	return s
}

// optional returns the values of a section, nil when there is no such section.
func optional[T uint32 | float32](d *decoder, name string) []T {
	for _, s := range d.sections {
		if s.Name != name {
			continue
		}
		if len(s.Data)%4 != 0 && d.err == nil {
			d.err = param.Errorf(param.Corrupt, "section %q has %d bytes, not a multiple of 4", name, len(s.Data))
		}
		return valuesOf[T](s.Data)
	}
	return nil
}

func required[T uint32 | float32](d *decoder, name string) []T {
	values := optional[T](d, name)
	if values == nil && d.err == nil {
		d.err = param.Errorf(param.Corrupt, "section %q is missing", name)
	}
	return values
}

func headerOf(t Tally) tallyHeader { return tallyHeader{t.Rows, exact(t.Loss)} }

func (t tallyHeader) tally() Tally { return Tally{t.Rows, float64(t.Loss)} }

// mustMarshal is for headers, which hold nothing that JSON has no form for.
func mustMarshal(header any) []byte {
	text, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	return text
}

// littleEndian tells whether values in memory look as they do in a section.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// bytesOf returns values as the bytes of a section, in the same memory where the
// machine has them in that order.
func bytesOf[T uint32 | float32](values []T) []byte {
	if len(values) == 0 {
		return []byte{}
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*len(values))
	if !littleEndian {
		return swapped(bytes)
	}
	return bytes
}

// valuesOf is the inverse of bytesOf. It copies bytes that are not aligned. The
// result is not nil.
func valuesOf[T uint32 | float32](bytes []byte) []T {
	n := len(bytes) / 4
	if n == 0 {
		return []T{}
	}
	if !littleEndian {
		bytes = swapped(bytes[:4*n])
	}
	if uintptr(unsafe.Pointer(&bytes[0]))%4 == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(&bytes[0])), n)
	}
	values := make([]T, n)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*n), bytes)
	return values
}

// swapped returns a copy of 4-byte values in the other order of bytes.
func swapped(bytes []byte) []byte {
	out := make([]byte, len(bytes))
	for i := 0; i+4 <= len(bytes); i += 4 {
		binary.BigEndian.PutUint32(out[i:], binary.LittleEndian.Uint32(bytes[i:]))
	}
	return out
}
