package text

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"unicode/utf8"

	"parley/internal/param"
)

// counterVersion begins the binary form of a Counter; docs/text.md draws it.
const counterVersion = "parley text counts 1\n"

// mostShared bounds what a term takes over from the one before it, so that a few
// damaged bytes cannot claim much memory.
const mostShared = 255

// mostDocuments is more than there are, and few enough that sums of damaged
// numbers do not wrap around.
const mostDocuments = 1 << 48

// MarshalBinary returns c in a form that depends only on what was counted, not
// on its order.
func (c *Counter) MarshalBinary() ([]byte, error) {
	options, err := json.Marshal(c.options)
	if err != nil {
		return nil, err
	}
	b := append([]byte(nil), counterVersion...)
	b = append(binary.AppendUvarint(b, uint64(len(options))), options...)
	b = binary.AppendUvarint(append(b, byte(c.source)), c.documents)
	b = binary.AppendUvarint(b, uint64(len(c.counts)))
	var last []byte
	for _, id := range c.sorted() {
		term := c.terms.term(int(id))
		if c.source == documents {
			b = appendTerm(b, last, term)
		} else {
			b = appendColumn(b, last, term)
		}
		b = binary.AppendUvarint(b, c.counts[id].documents)
		b = binary.AppendUvarint(b, c.counts[id].total)
		last = term
	}
	return b, nil
}

func appendTerm(b, last, term []byte) []byte {
	shared := common(last, term)
	b = binary.AppendUvarint(b, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(term)-shared))
	return append(b, term[shared:]...)
}

// appendColumn writes how many columns are between this one and the last.
func appendColumn(b, last, key []byte) []byte {
	next := uint64(0)
	if last != nil {
		next = uint64(columnOf(last)) + 1
	}
	return binary.AppendUvarint(b, uint64(columnOf(key))-next)
}

// common returns how many bytes a and b share at the front, up to mostShared.
func common(a, b []byte) int {
	most := min(len(a), len(b), mostShared)
	for i := range most {
		if a[i] != b[i] {
			return i
		}
	}
	return most
}

// UnmarshalBinary overwrites c, options too, with what MarshalBinary wrote. The
// error is Corrupt; c is then as it was. It takes up to a few hundred times the
// memory of data, and keeps none of data.
func (c *Counter) UnmarshalBinary(data []byte) error {
	r := reader{rest: data}
	d := r.counter()
	if r.fault == "" && len(r.rest) > 0 {
		r.fail("there are bytes behind the last count")
	}
	if r.fault != "" {
		return param.Errorf(param.Corrupt, "counts of text: byte %d of %d: %s", len(data)-len(r.rest), len(data), r.fault)
	}
	*c = *d
	return nil
}

// reader reads the binary form. After a fault it returns zeros.
type reader struct {
	rest  []byte
	fault string
}

func (r *reader) fail(why string) {
	if r.fault == "" {
		r.fault = why
	}
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail("a number is cut off or too long")
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail("the data ends too early")
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// counter returns nil or what it has read when there is a fault.
func (r *reader) counter() *Counter {
	if version := r.bytes(uint64(len(counterVersion))); string(version) != counterVersion {
		r.fail("it does not begin as this version writes it")
		return nil
	}
	d := &Counter{terms: newDictionary(0)}
	if err := json.Unmarshal(r.bytes(r.number()), &d.options); err != nil || d.options.check() != nil {
		r.fail("the options make no sense")
		return nil
	}
	if kind := r.bytes(1); r.fault == "" {
		d.source = source(kind[0])
	}
	d.documents = r.number()
	if !d.plausible() {
		r.fail("the kind of the counts does not fit the options")
	}
	r.counts(d, r.number())
	return d
}

func (r *reader) counts(d *Counter, n uint64) {
	var term []byte
	end := uint64(1 << 32) // of columns
	if d.source == hashed {
		end = 1 << d.options.HashBits
	}
	for i := uint64(0); i < n && r.fault == ""; i++ {
		if d.source == documents {
			term = r.term(term)
		} else {
			term = r.column(term, end)
		}
		if count := r.count(d); r.fault == "" {
			*d.at(term) = count
		}
	}
}

// term returns the term behind last. Both may be one memory.
func (r *reader) term(last []byte) []byte {
	shared := r.number()
	suffix := r.bytes(r.number())
	switch {
	case r.fault != "":
		return nil
	case shared > uint64(min(len(last), mostShared)):
		r.fail("a term shares more than the one before it has")
		return nil
	case string(suffix) <= string(last[shared:]):
		r.fail("terms are not sorted")
		return nil
	}
	term := append(last[:shared], suffix...)
	if !utf8.Valid(term) || len(term) > math.MaxInt32 {
		r.fail("a term is not in UTF-8")
	}
	return term
}

// column returns the key of the column behind last, which is below end.
func (r *reader) column(last []byte, end uint64) []byte {
	next := uint64(0)
	if last != nil {
		next = uint64(columnOf(last)) + 1
	}
	between := r.number()
	if between >= end || next+between >= end {
		r.fail("a column is beyond the last")
		return nil
	}
	key := columnKey(uint32(next + between))
	return key[:]
}

func (r *reader) count(d *Counter) count {
	n := count{documents: r.number(), total: r.number()}
	if n.documents == 0 || n.documents > d.documents || n.total > mostTotal || d.source != bags && n.total < n.documents {
		r.fail("a count is impossible")
	}
	return n
}

// plausible reports that options, source and documents of c are possible.
func (c *Counter) plausible() bool {
	counted := c.documents > 0 && c.documents <= mostDocuments
	switch c.source {
	case nothing:
		return c.documents == 0
	case documents, hashed:
		return counted && c.source == c.options.source()
	case bags:
		return counted
	}
	return false
}
