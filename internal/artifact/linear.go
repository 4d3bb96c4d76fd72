package artifact

import (
	"bytes"
	"path/filepath"
	"slices"
	"strconv"

	"parley/internal/param"
)

// Linear is the open parameter file of a model of weights and a bias alone. It has
// one output, or as many as there are classes. One goroutine uses it at a time.
type Linear struct {
	// Bias has an element for each output.
	Bias    []float32
	params  *TensorFile
	columns int64
}

// IsLinear reports whether the tensors of m are weights [columns] with bias [1], or
// weights [classes, columns] with bias [classes], all F32.
func (m *Model) IsLinear() bool {
	if len(m.Tensors) != 2 {
		return false
	}
	bias, weights := m.Tensors[0], m.Tensors[1]
	if bias.Name != "bias" || weights.Name != "weights" || bias.DType != Float32 || weights.DType != Float32 || len(bias.Shape) != 1 {
		return false
	}
	outputs := bias.Shape[0]
	return outputs == 1 && slices.Equal(weights.Shape, []int64{m.Columns}) ||
		outputs > 0 && slices.Equal(weights.Shape, []int64{outputs, m.Columns})
}

// Linear opens the parameters. The error is param.Invalid where IsLinear does not
// hold, param.Corrupt for a damaged file. The caller closes what is returned.
func (m *Model) Linear() (*Linear, error) {
	if !m.IsLinear() {
		return nil, param.Errorf(param.Invalid, "%s: a %s model of the tensors %v is not one of weights and a bias alone", m.dir, m.Kind, m.Tensors)
	}
	params, err := m.Params()
	if err != nil {
		return nil, err
	}
	bias, err := params.Float32("bias")
	if err != nil {
		params.Close()
		return nil, err
	}
	return &Linear{Bias: bias, params: params, columns: m.Columns}, nil
}

// Close closes the parameter file.
func (l *Linear) Close() error { return l.params.Close() }

// Each calls visit with each column in ascending order, and its weights, one an
// output, which are valid until visit returns. The first error of visit ends it.
// The file is read piece by piece.
func (l *Linear) Each(visit func(column int64, weights []float32) error) error {
	outputs := int64(len(l.Bias))
	size := max(1, min(l.columns, pieceBytes/4/outputs))
	pieces := make([]float32, outputs*size) // [outputs, size]
	weights := make([]float32, outputs)
	for at := int64(0); at < l.columns; at += size {
		n := min(size, l.columns-at)
		for k := range outputs {
			if err := l.params.ReadFloat32(pieces[k*size:k*size+n], "weights", k*l.columns+at); err != nil {
				return err
			}
		}
		for j := range n {
			for k := range weights {
				weights[k] = pieces[int64(k)*size+j]
			}
			if err := visit(at+j, weights); err != nil {
				return err
			}
		}
	}
	return nil
}

// Class returns what an output stands for: the name of its label, or its label, or
// its number where model.json has no label for each output.
func (m *Model) Class(output, outputs int) string {
	switch outputs {
	case len(m.LabelNames):
		return m.LabelNames[output]
	case len(m.Labels):
		return strconv.FormatFloat(float64(m.Labels[output]), 'g', -1, 32)
	}
	return strconv.Itoa(output)
}

// ColumnNames returns the names of the columns as the vocabulary has them, nil where
// columns have no names. The error is param.Corrupt where the file was changed.
func (m *Model) ColumnNames() ([][]byte, error) {
	text, err := m.vocabulary()
	if text == nil || err != nil {
		return nil, err
	}
	names := lines(text)
	if int64(len(names)) != m.Columns {
		return nil, param.Errorf(param.Corrupt, "%s: %d names for %d columns", filepath.Join(m.dir, VocabularyFile), len(names), m.Columns)
	}
	return names, nil
}

// FeatureName returns the name of a column, names being those of ColumnNames, or its
// feature id where there are none.
func (m *Model) FeatureName(names [][]byte, column int64) string {
	switch {
	case names != nil:
		return string(names[column])
	case m.ZeroBased:
		return strconv.FormatInt(column, 10)
	}
	return strconv.FormatInt(column+1, 10)
}

// vocabulary returns the content of the vocabulary file, nil if there is none.
func (m *Model) vocabulary() ([]byte, error) {
	text, err := m.Read(VocabularyFile)
	if err == nil && text != nil && hexSHA256(text) != m.Files[VocabularyFile] {
		err = param.Errorf(param.Corrupt, "%s was changed: its SHA-256 is not that of %s", filepath.Join(m.dir, VocabularyFile), ModelFile)
	}
	return text, err
}

// lines splits a vocabulary.
func lines(text []byte) [][]byte {
	if len(text) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}
