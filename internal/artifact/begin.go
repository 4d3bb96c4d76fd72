package artifact

import (
	"bytes"
	"path/filepath"
	"slices"

	"parley/internal/param"
)

// Beginning is an earlier model whose parameters those of another model begin
// with. It reads from the parameter file what is asked for, and is not safe for
// concurrent use.
type Beginning struct {
	model  *Model
	params *TensorFile
	class  int64 // whose parameters are read; 0 where there are no rows of classes
	shift  int64 // column j is column j + shift of the earlier model, unless there are names
	// names of the columns, in order, of the other model and of the earlier one; nil
	// where columns go by their place.
	names, earlier [][]byte
}

// Begin opens the parameters of the earlier model m for a model like to, of which
// kind, columns, labels and ids have to be set, and whose columns have the names in
// vocabulary (the content of a vocabulary file, nil for none). It compares the
// files that it reads with their SHA-256. Columns are matched by their names where
// both models have such, else by their ids. The error is param.Invalid for models
// that do not fit, and param.Corrupt for damaged files. The caller closes what is
// returned.
func (m *Model) Begin(to *Model, vocabulary []byte) (*Beginning, error) {
	if err := m.fits(to, vocabulary != nil); err != nil {
		return nil, err
	}
	if err := verifyFile(filepath.Join(m.dir, ParamsFile), m.SHA256()); err != nil {
		return nil, param.Errorf(param.Corrupt, "%w", err)
	}
	b := &Beginning{model: m}
	if m.ZeroBased != to.ZeroBased { // column = id or id - 1
		b.shift = 1
		if to.ZeroBased {
			b.shift = -1
		}
	}
	if vocabulary != nil {
		if err := b.match(to, vocabulary); err != nil {
			return nil, err
		}
	}
	var err error
	b.params, err = m.Params()
	return b, err
}

// fits reports what keeps a model from going on from m.
func (m *Model) fits(to *Model, named bool) error {
	if m.Kind != to.Kind {
		return param.Errorf(param.Invalid, "%s is a %s model, and the job's is %s: give a model of the same kind", m.dir, m.Kind, to.Kind)
	}
	if !slices.Equal(m.Labels, to.Labels) || !slices.Equal(m.LabelNames, to.LabelNames) {
		return param.Errorf(param.Invalid, "%s tells the labels %s from each other, and the data has %s: give a model of the same labels",
			m.dir, m.labels(), to.labels())
	}
	if m.Kind == "fm" && m.Rank() != to.Rank() {
		return param.Errorf(param.Invalid, "%s has %d factors a column, and the job's model.rank is %d: give a model of the same rank", m.dir, m.Rank(), to.Rank())
	}
	if l, dim := m.Layers(); l != nil {
		if own, ownDim := to.Layers(); len(own) == 0 || !slices.Equal(l[1:], own[1:]) || dim != ownDim {
			return param.Errorf(param.Invalid, "%s has layers of %v units behind its inputs, and the job's model.layers are %v: give a model of the same layers", m.dir, l[1:], own[min(1, len(own)):])
		}
	}
	if has := m.Files[VocabularyFile] != ""; has != named {
		with, without := "the columns of "+m.dir+" have names", "those of the data have none"
		if named {
			with, without = "the columns of the data have names", "those of "+m.dir+" have none"
		}
		return param.Errorf(param.Invalid, "%s, and %s: give a model of data in the same form", with, without)
	}
	return nil
}

// match takes the names of both models. Equal names in equal places need none.
func (b *Beginning) match(to *Model, vocabulary []byte) error {
	m := b.model
	text, err := m.vocabulary()
	if err != nil {
		return err
	}
	b.shift = 0
	if bytes.Equal(text, vocabulary) {
		return nil
	}
	b.names, b.earlier = lines(vocabulary), lines(text)
	if int64(len(b.names)) != to.Columns || int64(len(b.earlier)) != m.Columns {
		return param.Errorf(param.Corrupt, "%s: %d names for %d columns, and %d for the %d of the data", filepath.Join(m.dir, VocabularyFile),
			len(b.earlier), m.Columns, len(b.names), to.Columns)
	}
	return nil
}

// Class returns the beginning of one class's parameters, of a model that has some
// for each. It ends with b.
func (b *Beginning) Class(k int) *Beginning {
	of := *b
	of.class = int64(k)
	return &of
}

// Bias returns the bias.
func (b *Beginning) Bias() (float32, error) {
	var v [1]float32
	err := b.params.ReadFloat32(v[:], "bias", b.class)
	return v[0], err
}

// Weights sets dst to the weights of the columns from the given one on. Those of
// columns that the earlier model does not have are 0.
func (b *Beginning) Weights(dst []float32, from int64) error {
	clear(dst)
	return b.rows(dst, from, rows{"weights", b.class * b.model.Columns, 1})
}

// Factors sets dst to the factors of the columns from the given one on, of a model
// with so many a column. Those of columns that the earlier model does not have are
// left as they are.
func (b *Beginning) Factors(dst []float32, from, rank int64) error {
	return b.rows(dst, from, rows{"factors", 0, rank})
}

// rows are where a tensor has some values of each column.
type rows struct {
	tensor string
	first  int64 // value of the first column
	width  int64 // values of a column
}

func (b *Beginning) rows(dst []float32, from int64, in rows) error {
	if b.names != nil {
		return b.named(dst, from, in)
	}
	n := int64(len(dst)) / in.width
	lo, hi := max(from+b.shift, 0), min(from+n+b.shift, b.model.Columns)
	if lo >= hi {
		return nil
	}
	return b.params.ReadFloat32(dst[(lo-from-b.shift)*in.width:(hi-from-b.shift)*in.width], in.tensor, in.first+lo*in.width)
}

// named is rows by names. Only the names that are asked for are looked up, so that
// memory is of the size of dst.
func (b *Beginning) named(dst []float32, from int64, in rows) error {
	width := int(in.width)
	n := len(dst) / width
	place := make(map[string]int, n)
	for i, name := range b.names[from : from+int64(n)] {
		place[string(name)] = i
	}
	size := min(pieceBytes/4/width, len(b.earlier))
	piece := make([]float32, size*width)
	for at := 0; at < len(b.earlier); at += size {
		size = min(size, len(b.earlier)-at)
		piece = piece[:size*width]
		if err := b.params.ReadFloat32(piece, in.tensor, in.first+int64(at*width)); err != nil {
			return err
		}
		for i := range size {
			if j, ok := place[string(b.earlier[at+i])]; ok {
				copy(dst[j*width:(j+1)*width], piece[i*width:])
			}
		}
	}
	return nil
}

// Close closes the parameter file.
func (b *Beginning) Close() error { return b.params.Close() }
