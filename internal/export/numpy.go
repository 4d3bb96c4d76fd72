package export

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"

	"parley/datashard/npz"
	"parley/internal/artifact"
	"parley/internal/param"
)

// maxText is the most bytes that an array of text may take in NumPy, where every
// element is as long as the longest.
const maxText = 2 << 30

// kinds are NumPy's names of the types of tensors.
var kinds = map[artifact.DType]string{artifact.Float32: "<f4", artifact.Float64: "<f8"}

// numpy writes .npz: an array for each tensor under its name, labels and
// label_names where the model has such, and names, those of the columns, where they
// have some. Text is of NumPy's fixed width, so that no pickle is needed.
func numpy(w io.Writer, m *artifact.Model) error {
	names, err := m.ColumnNames()
	if err != nil {
		return err
	}
	params, err := m.Params()
	if err != nil {
		return err
	}
	defer params.Close()
	var arrays []npz.Array
	for _, t := range m.Tensors {
		arrays = append(arrays, npz.Array{Name: t.Name, Kind: kinds[t.DType], Shape: npz.Shape(t.Shape...),
			Data: func(w io.Writer) error { return params.CopyData(w, t) }})
	}
	if n := len(m.Labels); n > 0 {
		arrays = append(arrays, npz.Array{Name: "labels", Kind: "<f4", Shape: npz.Shape(int64(n)),
			Data: func(w io.Writer) error { return binary.Write(w, binary.LittleEndian, m.Labels) }})
	}
	var labels [][]byte
	for _, name := range m.LabelNames {
		labels = append(labels, []byte(name))
	}
	for _, t := range []struct {
		name  string
		texts [][]byte
	}{{"label_names", labels}, {"names", names}} {
		if t.texts == nil {
			continue
		}
		a, err := textArray(t.name, t.texts)
		if err != nil {
			return err
		}
		arrays = append(arrays, a)
	}
	z := zip.NewWriter(w)
	for _, a := range arrays {
		if err := a.Write(z); err != nil {
			return fmt.Errorf("array %s: %w", a.Name, err)
		}
	}
	return z.Close()
}

// textArray is an array of text: UTF-32, every element filled up with zeros to the
// length of the longest.
func textArray(name string, texts [][]byte) (npz.Array, error) {
	width := 1
	for _, text := range texts {
		width = max(width, utf8.RuneCount(text))
	}
	if size := 4 * float64(width) * float64(len(texts)); size > maxText {
		return npz.Array{}, param.Errorf(param.Invalid, "%s would take %.0f bytes in NumPy, since the longest of the %d has %d characters: choose csv",
			name, size, len(texts), width)
	}
	return npz.Array{Name: name, Kind: fmt.Sprintf("<U%d", width), Shape: npz.Shape(int64(len(texts))), Data: func(w io.Writer) error {
		element := make([]byte, 4*width)
		for _, text := range texts {
			clear(element)
			i := 0
			for _, r := range string(text) {
				binary.LittleEndian.PutUint32(element[4*i:], uint32(r))
				i++
			}
			if _, err := w.Write(element); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}
