package artifact

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"

	"parley/internal/param"
)

// TensorFile is an open safetensors file. Its methods may be called from
// several goroutines.
type TensorFile struct {
	path    string
	file    *os.File
	entries []entry
	data    int64 // where the data starts
}

// OpenTensors opens a safetensors file and checks its header against the size
// of the file. A file that is no safetensors file, or was cut or damaged, gives
// param.Corrupt; the error names the file. The data itself is not read:
// damage within it is what SHA-256 finds (Verify).
func OpenTensors(path string) (*TensorFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &TensorFile{path: path, file: file}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = param.Errorf(param.Invalid, "not a regular file")
	}
	if err == nil {
		f.entries, f.data, err = parseHeader(file, info.Size())
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Close closes the file.
func (f *TensorFile) Close() error { return f.file.Close() }

// Tensors returns the file's tensors in the order of their data.
func (f *TensorFile) Tensors() []Tensor {
	tensors := make([]Tensor, len(f.entries))
	for i, e := range f.entries {
		tensors[i] = e.Tensor
	}
	return tensors
}

// Float32 reads a whole tensor of type F32. A tensor that the file does not
// have, or has in another type, gives param.Corrupt.
func (f *TensorFile) Float32(name string) ([]float32, error) {
	e, err := f.find(name, Float32)
	if err != nil {
		return nil, err
	}
	values := make([]float32, e.Elements())
	return values, f.ReadFloat32(values, name, 0)
}

// Float64 is Float32 for tensors of type F64.
func (f *TensorFile) Float64(name string) ([]float64, error) {
	e, err := f.find(name, Float64)
	if err != nil {
		return nil, err
	}
	values := make([]float64, e.Elements())
	err = f.read(e, 0, e.Elements(), func(at int64, p []byte) {
		for i := range len(p) / 8 {
			values[at+int64(i)] = math.Float64frombits(binary.LittleEndian.Uint64(p[8*i:]))
		}
	})
	return values, err
}

// ReadFloat32 fills dst with the elements of a tensor of type F32 from the
// given one on. Elements beyond the tensor's end give param.Invalid.
func (f *TensorFile) ReadFloat32(dst []float32, name string, from int64) error {
	e, err := f.find(name, Float32)
	if err != nil {
		return err
	}
	return f.read(e, from, int64(len(dst)), func(at int64, p []byte) {
		for i := range len(p) / 4 {
			dst[at-from+int64(i)] = math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:]))
		}
	})
}

// CopyData writes the data of a tensor as the file has it: little-endian, row-major.
func (f *TensorFile) CopyData(w io.Writer, tensor Tensor) error {
	e, err := f.find(tensor.Name, tensor.DType)
	if err == nil {
		_, err = io.Copy(w, io.NewSectionReader(f.file, f.data+e.begin, e.Bytes()))
	}
	return err
}

func (f *TensorFile) find(name string, kind DType) (entry, error) {
	for _, e := range f.entries {
		if e.Name != name {
			continue
		}
		if e.DType != kind {
			return entry{}, param.Errorf(param.Corrupt, "%s: tensor %s: want type %s", f.path, e.Tensor, kind)
		}
		return e, nil
	}
	return entry{}, param.Errorf(param.Corrupt, "%s: there is no tensor %q", f.path, name)
}

// read calls decode with n elements of a tensor, piece by piece; decode gets
// the place of the first element of each piece.
func (f *TensorFile) read(e entry, from, n int64, decode func(at int64, p []byte)) error {
	if from < 0 || from > e.Elements() || n > e.Elements()-from {
		return param.Errorf(param.Invalid, "%s: tensor %s has no elements [%d, %d)", f.path, e.Tensor, from, from+n)
	}
	size := e.DType.Size()
	buffer := make([]byte, min(pieceBytes, n*size))
	for at, end := from, from+n; at < end; {
		p := buffer[:min(int64(len(buffer)), (end-at)*size)]
		_, err := f.file.ReadAt(p, f.data+e.begin+at*size)
		if err == io.EOF { // OpenTensors saw all of it
			err = param.Errorf(param.Corrupt, "the file was cut while it was open")
		}
		if err != nil {
			return fmt.Errorf("%s: tensor %s: %w", f.path, e.Tensor, err)
		}
		decode(at, p)
		at += int64(len(p)) / size
	}
	return nil
}
