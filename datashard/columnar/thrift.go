package columnar

import "encoding/binary"

// The metadata of Parquet is thrift in the compact protocol. The library makes
// slices of the lengths that it claims and follows its nesting, so skipStruct
// goes over the bytes first: what passes it has in its bytes what it claims.

// The types of the compact protocol.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftInt16  = 4
	thriftInt64  = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
	thriftUUID   = 16 // as a length: its type is 13
)

// skipStruct returns where the struct at b[at] ends, -1 if it does not end in b
// or is none.
func skipStruct(b []byte, at, depth int) int {
	for depth < 32 && at >= 0 && at < len(b) {
		head := b[at]
		at++
		if head == 0 {
			return at
		}
		if head>>4 == 0 { // the field's number follows
			_, at = uvarint(b, at)
		}
		if kind := head & 0xF; kind != thriftTrue && kind != thriftFalse {
			at = skipValue(b, at, kind, depth)
		}
	}
	return -1
}

// skipValue is skipStruct for a value of a type, given as an element of a list.
func skipValue(b []byte, at int, kind byte, depth int) int {
	switch {
	case at < 0 || at > len(b):
		return -1
	case kind >= thriftTrue && kind <= thriftByte:
		return at + 1
	case kind >= thriftInt16 && kind <= thriftInt64:
		_, at = uvarint(b, at)
		return at
	}
	switch kind {
	case thriftDouble:
		return at + 8
	case thriftBinary:
		n, start := uvarint(b, at)
		return forward(b, start, n)
	case thriftList, thriftSet:
		return skipList(b, at, depth)
	case thriftMap:
		return skipMap(b, at, depth)
	case thriftStruct:
		return skipStruct(b, at, depth+1)
	case 13:
		return at + thriftUUID
	}
	return -1
}

func skipList(b []byte, at, depth int) int {
	if at >= len(b) {
		return -1
	}
	head := b[at]
	n := uint64(head >> 4)
	if at++; n == 15 {
		n, at = uvarint(b, at)
	}
	if forward(b, at, n) < 0 { // an element has a byte at least
		return -1
	}
	for ; n > 0 && at >= 0; n-- {
		at = skipValue(b, at, head&0xF, depth+1)
	}
	return at
}

func skipMap(b []byte, at, depth int) int {
	n, at := uvarint(b, at)
	if n == 0 || at < 0 || at >= len(b) || forward(b, at, n) < 0 {
		return at
	}
	head := b[at]
	for at++; n > 0 && at >= 0; n-- {
		at = skipValue(b, at, head>>4, depth+1)
		at = skipValue(b, at, head&0xF, depth+1)
	}
	return at
}

// forward returns at + n, or -1 if that is not within b.
func forward(b []byte, at int, n uint64) int {
	if at < 0 || at > len(b) || n > uint64(len(b)-at) {
		return -1
	}
	return at + int(n)
}

// uvarint reads a number of 7 bits a byte and returns where it ends, or -1.
func uvarint(b []byte, at int) (uint64, int) {
	if at < 0 || at > len(b) {
		return 0, -1
	}
	v, n := binary.Uvarint(b[at:])
	if n <= 0 {
		return 0, -1
	}
	return v, at + n
}
