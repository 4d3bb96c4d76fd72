package artifact

import (
	"fmt"

	"parley/internal/linalg"
	"parley/internal/plan"
)

// LayerTensors returns the tensors of a multilayer perceptron: the biases [out] and the
// weights [out, in] of each layer.
func LayerTensors(l plan.Layers) (tensors []Tensor) {
	for i := range l.Count() {
		in, out := int64(l[i]), int64(l[i+1])
		tensors = append(tensors,
			Tensor{Name: layerTensor(i, "bias"), DType: Float32, Shape: []int64{out}},
			Tensor{Name: layerTensor(i, "weight"), DType: Float32, Shape: []int64{out, in}})
	}
	return tensors
}

func layerTensor(i int, what string) string { return fmt.Sprintf("layer%d.%s", i, what) }

// Layers returns the layers of an mlp, nil of other kinds and where the tensors are
// not those of layers.
func (m *Model) Layers() (l plan.Layers) {
	if m.Kind != "mlp" {
		return nil
	}
	for i, t := range m.Tensors {
		if i%2 == 0 {
			continue
		}
		if len(t.Shape) != 2 {
			return nil
		}
		if i == 1 {
			l = append(l, int(t.Shape[1]))
		}
		l = append(l, int(t.Shape[0]))
	}
	if len(l) < 2 {
		return nil
	}
	return l
}

// LayerKeys returns the parameters of an mlp by their keys, as plan.Layers has them.
func (m *Model) LayerKeys(f *TensorFile) ([]float32, error) {
	l := m.Layers()
	keys := make([]float32, l[0]*l.Width()+l.Tail())
	tail := keys[l[0]*l.Width():]
	if err := readTail(f, l, tail); err != nil {
		return nil, err
	}
	weights, err := f.Float32(layerTensor(0, "weight"))
	if err != nil {
		return nil, err
	}
	linalg.Transpose(keys[:len(weights)], weights, l.Width())
	return keys, nil
}

// readTail sets tail to the parameters that are not the first layer's weights.
func readTail(f *TensorFile, l plan.Layers, tail []float32) error {
	for i := range l.Count() {
		from, to := l.Biases(i)
		if err := f.ReadFloat32(tail[from:to], layerTensor(i, "bias"), 0); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		from, to = l.Weights(i)
		if err := f.ReadFloat32(tail[from:to], layerTensor(i, "weight"), 0); err != nil {
			return err
		}
	}
	return nil
}

// WriteLayers writes the parameters of keys, in the order of LayerTensors.
func WriteLayers(to *Writer, l plan.Layers, keys []float32) error {
	first := l[0] * l.Width()
	tail := keys[first:]
	for i := range l.Count() {
		from, end := l.Biases(i)
		if err := to.Float32(tail[from:end]); err != nil {
			return err
		}
		if i > 0 {
			from, end = l.Weights(i)
			if err := to.Float32(tail[from:end]); err != nil {
				return err
			}
			continue
		}
		rows := make([]float32, first)
		linalg.Transpose(rows, keys[:first], l[0])
		if err := to.Float32(rows); err != nil {
			return err
		}
	}
	return nil
}

// FirstLayer sets dst to the weights of the columns from the given one on to a unit of
// the first hidden layer. Those of columns that the earlier model does not have are
// left as they are.
func (b *Beginning) FirstLayer(dst []float32, unit int, from int64) error {
	return b.rows(dst, from, rows{layerTensor(0, "weight"), int64(unit) * b.model.Columns, 1})
}

// Tail sets dst to the parameters of an mlp that are not the first layer's weights.
func (b *Beginning) Tail(dst []float32) error { return readTail(b.params, b.model.Layers(), dst) }
