package artifact

import (
	"fmt"
	"math"
	"slices"

	"parley/internal/param"
)

// DType is the type of a tensor's elements, in safetensors' spelling.
type DType string

// The types that Parley writes. All are little-endian.
const (
	Float32 DType = "F32"
	Float64 DType = "F64"
)

// Size returns the bytes of one element, or 0 for a type that Parley does not
// know.
func (d DType) Size() int64 {
	switch d {
	case Float32:
		return 4
	case Float64:
		return 8
	}
	return 0
}

// Tensor describes one tensor of a parameter file: elements in row-major order.
type Tensor struct {
	Name  string  `json:"name"`
	DType DType   `json:"dtype"`
	Shape []int64 `json:"shape"`
}

// Limits of a parameter file, checked before memory is taken. They are far
// above what a model needs, and small enough that a damaged header costs
// nothing.
const (
	maxHeader  = 1 << 20 // bytes of the JSON header
	maxTensors = 4096
	maxRank    = 8
	maxName    = 256
)

// Elements returns the number of elements; the tensor must be valid.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Bytes returns the size of the tensor's data; the tensor must be valid.
func (t Tensor) Bytes() int64 { return t.Elements() * t.DType.Size() }

func (t Tensor) String() string { return fmt.Sprintf("%s %s%v", t.Name, t.DType, t.Shape) }

// equal reports whether both describe the same tensor.
func (t Tensor) equal(o Tensor) bool {
	return t.Name == o.Name && t.DType == o.DType && slices.Equal(t.Shape, o.Shape)
}

// validate reports a tensor that no file can hold. After it, Elements and Bytes
// do not overflow.
func (t Tensor) validate() error {
	if t.Name == "" || len(t.Name) > maxName {
		return fmt.Errorf("a tensor's name has %d bytes, want 1 to %d", len(t.Name), maxName)
	}
	if t.DType.Size() == 0 {
		return fmt.Errorf("tensor %q: unknown type %.16q, want F32 or F64", t.Name, t.DType)
	}
	if len(t.Shape) > maxRank {
		return fmt.Errorf("tensor %q: %d dimensions, want at most %d", t.Name, len(t.Shape), maxRank)
	}
	bytes := t.DType.Size()
	for _, d := range t.Shape {
		if d < 0 || (d > 0 && bytes > math.MaxInt64/d) {
			return fmt.Errorf("tensor %q: shape %v is negative or too large", t.Name, t.Shape)
		}
		bytes *= d
	}
	return nil
}

// compareTensors is the order of tensors in a file: wider elements first, so
// that all data is aligned, then by name. It is the reference implementation's
// order too.
func compareTensors(a, b Tensor) int {
	if d := b.DType.Size() - a.DType.Size(); d != 0 {
		return int(d)
	}
	if a.Name < b.Name {
		return -1
	}
	if a.Name > b.Name {
		return 1
	}
	return 0
}

// validateTensors reports the first fault of a file's list of tensors.
func validateTensors(tensors []Tensor) error {
	if len(tensors) > maxTensors {
		return param.Errorf(param.Invalid, "%d tensors, want at most %d", len(tensors), maxTensors)
	}
	for i, t := range tensors {
		if err := t.validate(); err != nil {
			return param.Errorf(param.Invalid, "%w", err)
		}
		if !plainName(t.Name) {
			return param.Errorf(param.Invalid, "tensor %q: a name is made of letters, digits and . _ - alone", t.Name)
		}
		if i > 0 && compareTensors(tensors[i-1], t) >= 0 {
			return param.Errorf(param.Invalid, "tensors %s and %s: float64 comes before float32, names ascend", tensors[i-1], t)
		}
	}
	return nil
}

// plainName reports whether a name needs no escapes in JSON or in a path.
func plainName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
