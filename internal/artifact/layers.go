package artifact

import (
	"fmt"
	"strings"

	"parley/internal/linalg"
	"parley/internal/plan"
)

// LayerTensors returns the tensors of a model with layers: the biases [out] and the
// weights [out, in] of each. With embeddings of a dimension above 0 the first layer is
// embeddings [columns, dim] and wide, a weight a column, and has biases alone.
func LayerTensors(l plan.Layers, dim int) (tensors []Tensor) {
	add := func(name string, shape ...int64) {
		tensors = append(tensors, Tensor{Name: name, DType: Float32, Shape: shape})
	}
	if dim > 0 {
		add(embeddings, int64(l[0]), int64(dim))
	}
	for i := range l.Count() {
		add(layerTensor(i, "bias"), int64(l[i+1]))
		if i > 0 || dim == 0 {
			add(layerTensor(i, "weight"), int64(l[i+1]), int64(l[i]))
		}
	}
	if dim > 0 {
		add(wide, int64(l[0]))
	}
	return tensors
}

// Names of the tensors of wide_deep's columns.
const embeddings, wide = "embeddings", "wide"

func layerTensor(i int, what string) string { return fmt.Sprintf("layer%d.%s", i, what) }

// Layers returns the layers of a model, nil of kinds without and where the tensors are
// not those of layers. dim is the length of wide_deep's embeddings, 0 of mlp.
func (m *Model) Layers() (l plan.Layers, dim int) {
	if m.Kind != "mlp" && m.Kind != "wide_deep" || len(m.Tensors) < 2 {
		return nil, 0
	}
	l = plan.Layers{int(m.Columns)}
	for _, t := range m.Tensors {
		switch {
		case t.Name == embeddings && len(t.Shape) == 2:
			dim = int(t.Shape[1])
		case strings.HasSuffix(t.Name, ".bias") && len(t.Shape) == 1:
			l = append(l, int(t.Shape[0]))
		}
	}
	if len(l) < 2 || (dim > 0) != (m.Kind == "wide_deep") {
		return nil, 0
	}
	return l, dim
}

// TellsClasses reports whether predictions are of one of several classes, with an
// output for each.
func (m *Model) TellsClasses() bool {
	l, _ := m.Layers()
	return m.Kind == "softmax" || l != nil && l[l.Count()] > 1
}

// LayerKeys returns the parameters of a model with layers by their keys, as plan.Layers
// has them.
func (m *Model) LayerKeys(f *TensorFile) ([]float32, error) {
	l, dim := m.Layers()
	w := l.Width(dim)
	keys := make([]float32, l[0]*w+l.Tail())
	if err := readTail(f, l, keys[l[0]*w:]); err != nil {
		return nil, err
	}
	if dim == 0 {
		weights, err := f.Float32(layerTensor(0, "weight"))
		if err != nil {
			return nil, err
		}
		linalg.Transpose(keys[:len(weights)], weights, w)
		return keys, nil
	}
	table, err := f.Float32(embeddings)
	if err != nil {
		return nil, err
	}
	weights, err := f.Float32(wide)
	if err != nil {
		return nil, err
	}
	join(keys, weights, table, dim)
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

// WriteLayers writes the parameters of keys of a model without embeddings, in the order
// of LayerTensors.
func WriteLayers(to *Writer, l plan.Layers, keys []float32) error {
	columns := keys[:l[0]*l.Width(0)]
	rows := make([]float32, len(columns))
	linalg.Transpose(rows, columns, l[0])
	return writeTail(to, l, keys[len(columns):], rows)
}

// writeTail writes the layers, of which first are the weights of the first.
func writeTail(to *Writer, l plan.Layers, tail, first []float32) error {
	for i := range l.Count() {
		from, end := l.Biases(i)
		if err := to.Float32(tail[from:end]); err != nil {
			return err
		}
		rows := first
		if i > 0 {
			from, end = l.Weights(i)
			rows = tail[from:end]
		}
		if err := to.Float32(rows); err != nil {
			return err
		}
	}
	return nil
}

// WriteEmbedded is WriteLayers of a model with embeddings. It goes through the columns
// twice: each calls its argument with the keys of some after the others.
func WriteEmbedded(to *Writer, l plan.Layers, dim int, tail []float32, each func(func(columns []float32) error) error) error {
	err := each(func(columns []float32) error {
		_, table := split(columns, dim)
		return to.Float32(table)
	})
	if err != nil {
		return err
	}
	if err := writeTail(to, l, tail, nil); err != nil {
		return err
	}
	return each(func(columns []float32) error {
		weights, _ := split(columns, dim)
		return to.Float32(weights)
	})
}

// Columns sets dst to the keys of the columns from the given one on, of a model with
// layers. Those of columns that the earlier model does not have are left as they are.
func (b *Beginning) Columns(dst []float32, from int64) error {
	l, dim := b.model.Layers()
	if dim > 0 {
		return b.embedded(dst, from, dim)
	}
	n := len(dst) / l.Width(0)
	units := make([]float32, len(dst))
	linalg.Transpose(units, dst, n)
	for k := range l.Width(0) {
		if err := b.rows(units[k*n:(k+1)*n], from, rows{layerTensor(0, "weight"), int64(k) * b.model.Columns, 1}); err != nil {
			return err
		}
	}
	linalg.Transpose(dst, units, l.Width(0))
	return nil
}

// embedded is Columns of a model with embeddings.
func (b *Beginning) embedded(dst []float32, from int64, dim int) error {
	weights, table := split(dst, dim)
	if err := b.rows(weights, from, rows{wide, 0, 1}); err != nil {
		return err
	}
	if err := b.rows(table, from, rows{embeddings, 0, int64(dim)}); err != nil {
		return err
	}
	join(dst, weights, table, dim)
	return nil
}

// split returns the weights and the embeddings of keys of columns.
func split(keys []float32, dim int) (weights, table []float32) {
	n := len(keys) / (1 + dim)
	weights, table = make([]float32, 0, n), make([]float32, 0, n*dim)
	for ; len(keys) > 0; keys = keys[1+dim:] {
		weights, table = append(weights, keys[0]), append(table, keys[1:1+dim]...)
	}
	return weights, table
}

// join sets keys to weights and embeddings.
func join(keys, weights, table []float32, dim int) {
	for c, v := range weights {
		column := keys[c*(1+dim) : (c+1)*(1+dim)]
		column[0] = v
		copy(column[1:], table[c*dim:])
	}
}

// Tail sets dst to the parameters of a model with layers that are not the first one's
// weights.
func (b *Beginning) Tail(dst []float32) error {
	l, _ := b.model.Layers()
	return readTail(b.params, l, dst)
}
