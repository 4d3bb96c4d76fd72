package columnar

import (
	"encoding/binary"
	"math"
)

// The metadata of Arrow is flatbuffers. The library makes slices of the lengths
// that they claim, so a few wrong bytes could ask for a hundred GB; the checks
// below see every such length first. They read what they need by the slots of
// Arrow's Schema.fbs, Message.fbs and File.fbs. What lies outside of the bytes
// panics, which the caller turns into an error.

// flat is a table of a flatbuffer.
type flat struct {
	b  []byte
	at int
}

// flatRoot returns the root table.
func flatRoot(b []byte) flat { return flat{b, int(binary.LittleEndian.Uint32(b))} }

// slot returns where a field lies, 0 if it is absent.
func (t flat) slot(n int) int {
	vtable := t.at - int(int32(binary.LittleEndian.Uint32(t.b[t.at:])))
	size := int(binary.LittleEndian.Uint16(t.b[vtable:]))
	if 4+2*n+2 > size {
		return 0
	}
	if offset := int(binary.LittleEndian.Uint16(t.b[vtable+4+2*n:])); offset > 0 {
		return t.at + offset
	}
	return 0
}

func (t flat) byte(n int) byte {
	if at := t.slot(n); at > 0 {
		return t.b[at]
	}
	return 0
}

func (t flat) int64(n int) int64 {
	if at := t.slot(n); at > 0 {
		return int64(binary.LittleEndian.Uint64(t.b[at:]))
	}
	return 0
}

// table returns the table that a field refers to.
func (t flat) table(n int) (flat, bool) {
	at := t.slot(n)
	if at == 0 {
		return flat{}, false
	}
	return flat{t.b, at + int(binary.LittleEndian.Uint32(t.b[at:]))}, true
}

// vector returns the elements of a field that is a vector, size bytes each.
func (t flat) vector(n, size int) []byte {
	at := t.slot(n)
	if at == 0 {
		return nil
	}
	at += int(binary.LittleEndian.Uint32(t.b[at:]))
	count := int(binary.LittleEndian.Uint32(t.b[at:]))
	return t.b[at+4:][:count*size]
}

// tables calls do for each table of a vector of tables.
func (t flat) tables(n int, do func(flat) error) error {
	at := t.slot(n)
	elements := t.vector(n, 4)
	if at == 0 {
		return nil
	}
	at += int(binary.LittleEndian.Uint32(t.b[at:])) + 4
	for i := 0; i < len(elements); i += 4 {
		if err := do(flat{t.b, at + i + int(binary.LittleEndian.Uint32(elements[i:]))}); err != nil {
			return err
		}
	}
	return nil
}

// The headers of messages.
const (
	schemaHeader     = 1
	dictionaryHeader = 2
	recordHeader     = 3
)

// The types that need a look of their own.
const (
	unionType      = 14
	binaryViewType = 23
	textViewType   = 24
)

// views is how many columns of views the batches have: those of the rows, and of
// each dictionary by its id. The library takes it that there are as many counts
// of their buffers, and reads what stands there.
type views struct {
	rows         int
	dictionaries map[int64]int
}

// checkSchema checks the lengths of a Schema and counts its views. fields bounds
// how many fields there may be in all: tables may share their parts, so a few
// bytes could describe very many.
func (v *views) checkSchema(schema flat) error {
	*v = views{dictionaries: map[int64]int{}}
	schema.vector(2, 4)
	fields := len(schema.b) / 8
	var check func(field flat, depth int, count func()) error
	check = func(field flat, depth int, count func()) error {
		if fields--; fields < 0 || depth > 32 {
			return damage("the schema has too many fields")
		}
		field.vector(6, 4)
		if dictionary, ok := field.table(4); ok { // what follows is of its values
			id := dictionary.int64(0)
			count = func() { v.dictionaries[id]++ }
		}
		if kind := field.byte(2); kind == binaryViewType || kind == textViewType {
			count()
		}
		if union, ok := field.table(3); ok && field.byte(2) == unionType {
			union.vector(1, 4)
		}
		return field.tables(5, func(child flat) error { return check(child, depth+1, count) })
	}
	return schema.tables(1, func(field flat) error { return check(field, 0, func() { v.rows++ }) })
}

// checkMessage checks the lengths of a message whose body has size bytes, and
// returns its header and, of record batches, the rows.
func (v *views) checkMessage(message flat, size int64) (header byte, rows int64, err error) {
	message.vector(4, 4)
	header = message.byte(1)
	body, ok := message.table(2)
	if !ok {
		return header, 0, damage("a message has no header")
	}
	needed := v.rows
	switch header {
	case schemaHeader:
		return header, 0, v.checkSchema(body)
	case dictionaryHeader:
		needed = v.dictionaries[body.int64(0)]
		if body, ok = body.table(1); !ok {
			return header, 0, damage("a dictionary has no data")
		}
	}
	return header, body.int64(0), checkRecords(body, size, needed)
}

// checkRecords checks a RecordBatch: the lengths of its columns and where its
// buffers lie within the body. It must have counts of buffers for views columns.
func checkRecords(batch flat, size int64, views int) error {
	if rows := batch.int64(0); rows < 0 || rows > math.MaxInt32 {
		return damage("a batch of %d rows", rows)
	}
	for nodes := batch.vector(1, 16); len(nodes) > 0; nodes = nodes[16:] {
		if n := binary.LittleEndian.Uint64(nodes); n > math.MaxInt32 {
			return damage("a column of %d cells", n)
		}
	}
	buffers := batch.vector(2, 16)
	for b := buffers; len(b) > 0; b = b[16:] {
		at, n := int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))
		if at < 0 || n < 0 || at > size || n > size-at {
			return damage("a buffer of %d bytes at %d, but the batch has %d", n, at, size)
		}
	}
	counts := batch.vector(4, 8)
	if len(counts) < 8*views {
		return damage("a batch has %d columns of views, but says the buffers of %d", views, len(counts)/8)
	}
	for ; len(counts) > 0; counts = counts[8:] {
		if n := binary.LittleEndian.Uint64(counts); n > uint64(len(buffers)/16) {
			return damage("a column of %d buffers, but the batch has %d", n, len(buffers)/16)
		}
	}
	return nil
}
