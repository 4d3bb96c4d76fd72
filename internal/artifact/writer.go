package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math"

	"parley/internal/param"
)

// pieceBytes is how much is encoded between two writes.
const pieceBytes = 64 << 10

// Writer writes a safetensors file: its tensors are named at the start, their
// data follows in that order, in pieces of any size, so that parameter ranges
// stream through it as they arrive. The same tensors and values always give the
// same bytes. After an error a Writer only returns that error. One goroutine
// uses it at a time.
type Writer struct {
	dst     io.Writer
	sum     hash.Hash
	tensors []Tensor
	current int   // index into tensors
	left    int64 // elements that tensors[current] still lacks
	buffer  []byte
	err     error
}

// NewWriter writes the header of the given tensors to dst. Float64 tensors come
// before float32 ones, names ascend within a type (bias before weights); any
// other order is refused with param.Invalid.
func NewWriter(dst io.Writer, tensors []Tensor) (*Writer, error) {
	if err := validateTensors(tensors); err != nil {
		return nil, err
	}
	w := &Writer{dst: dst, sum: sha256.New(), tensors: tensors, current: -1}
	w.buffer = make([]byte, 0, pieceBytes)
	w.next()
	return w, w.write(header(tensors))
}

// header returns the length and the JSON header, padded with spaces so that the
// data starts at a multiple of 8.
func header(tensors []Tensor) []byte {
	var text bytes.Buffer
	text.WriteString("{")
	at := int64(0)
	for i, t := range tensors {
		if i > 0 {
			text.WriteString(",")
		}
		fmt.Fprintf(&text, `"%s":{"dtype":"%s","shape":[`, t.Name, t.DType)
		for k, d := range t.Shape {
			if k > 0 {
				text.WriteString(",")
			}
			fmt.Fprint(&text, d)
		}
		fmt.Fprintf(&text, `],"data_offsets":[%d,%d]}`, at, at+t.Bytes())
		at += t.Bytes()
	}
	text.WriteString("}")
	for text.Len()%8 != 0 {
		text.WriteByte(' ')
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(text.Len())), text.Bytes()...)
}

// Float32 appends values to the tensor that is being written, which must be of
// type F32. A piece may end one tensor and begin the next.
func (w *Writer) Float32(values []float32) error {
	for len(values) > 0 && w.err == nil {
		n := w.take(len(values), Float32)
		for _, v := range values[:n] {
			w.buffer = binary.LittleEndian.AppendUint32(w.buffer, math.Float32bits(v))
		}
		values = values[n:]
		w.flush()
	}
	return w.err
}

// Float64 is Float32 for tensors of type F64.
func (w *Writer) Float64(values []float64) error {
	for len(values) > 0 && w.err == nil {
		n := w.take(len(values), Float64)
		for _, v := range values[:n] {
			w.buffer = binary.LittleEndian.AppendUint64(w.buffer, math.Float64bits(v))
		}
		values = values[n:]
		w.flush()
	}
	return w.err
}

// take returns how many of n values go into the current tensor and one buffer;
// it is 0 when there is an error.
func (w *Writer) take(n int, kind DType) int {
	switch {
	case w.current == len(w.tensors):
		w.err = param.Errorf(param.Invalid, "more values than the tensors hold")
	case w.tensors[w.current].DType != kind:
		w.err = param.Errorf(param.Invalid, "tensor %s was given %s values", w.tensors[w.current], kind)
	default:
		n := int(min(int64(n), w.left, pieceBytes/kind.Size()))
		if w.left -= int64(n); w.left == 0 {
			w.next()
		}
		return n
	}
	return 0
}

// next goes on to the next tensor that has elements.
func (w *Writer) next() {
	for w.left == 0 && w.current < len(w.tensors) {
		if w.current++; w.current < len(w.tensors) {
			w.left = w.tensors[w.current].Elements()
		}
	}
}

func (w *Writer) flush() {
	if w.err == nil {
		w.err = w.write(w.buffer)
	}
	w.buffer = w.buffer[:0]
}

func (w *Writer) write(p []byte) error {
	w.sum.Write(p)
	_, err := w.dst.Write(p)
	return err
}

// Close ends the file and returns its SHA-256 in hex. It is an error when a
// tensor lacks values. The underlying writer stays open.
func (w *Writer) Close() (string, error) {
	if w.err == nil && w.current < len(w.tensors) {
		w.err = param.Errorf(param.Invalid, "tensor %s lacks %d values", w.tensors[w.current], w.left)
	}
	if w.err != nil {
		return "", w.err
	}
	return hex.EncodeToString(w.sum.Sum(nil)), nil
}
