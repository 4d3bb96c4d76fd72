package columnar

import (
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"parley/internal/batch"
)

// listReaders are the two lists of a sparse file, within a row group.
type listReaders struct {
	indices *listReader[uint32]
	values  *listReader[float32]
}

func (l *listReaders) close() error {
	first, second := l.indices.pages.close(), l.values.pages.close()
	if first != nil {
		return first
	}
	return second
}

func (s *parquetSource) openLists() error {
	if s.lists != nil {
		return nil
	}
	at := s.f.layout
	indices, err := s.pages(at.indices)
	if err != nil {
		return err
	}
	values, err := s.pages(at.values)
	if err != nil {
		return err
	}
	columns := s.file.Root().Columns()
	s.lists = &listReaders{
		indices: newListReader(indices, columns[at.indices], func(v parquetValues) []uint32 { return v.Uint32() }),
		values:  newListReader(values, columns[at.values], func(v parquetValues) []float32 { return v.Float() }),
	}
	return nil
}

func (s *parquetSource) sparse(dst *batch.CSR) error {
	if err := s.load(); err != nil {
		return err
	}
	if err := s.openLists(); err != nil {
		return err
	}
	var r sparseRow
	for ; s.row < s.rows && !full(dst); s.row++ {
		if null, err := s.sparseRow(&r); err != nil {
			return err
		} else if null {
			return s.f.invalid(s.f.next+int64(dst.Rows()), "%s", misfitNull)
		}
		if err := s.f.add(dst, r); err != nil {
			return err
		}
	}
	return nil
}

// sparseRow reads the next row into r; null reports that a part of it is.
func (s *parquetSource) sparseRow(r *sparseRow) (null bool, err error) {
	at := s.f.layout
	for _, x := range []struct {
		column int
		v      *float32
	}{{at.label, &r.label}, {at.weight, &r.weight}, {at.exposure, &r.exposure}} {
		if *x.v = 1; x.column < 0 {
			continue
		}
		c, err := s.cursor(x.column)
		if err != nil {
			return false, err
		}
		value := c.vector.at(c.first)
		if value < 0 {
			return true, nil
		}
		v, _ := c.vector.values.number(value)
		*x.v = float32(v)
	}
	indices, null1, err := s.lists.indices.next(r.indices[:0])
	if err != nil {
		return false, err
	}
	values, null2, err := s.lists.values.next(r.values[:0])
	r.indices, r.values = indices, values
	return null1 || null2, err
}

// maxRowValues bounds the nonzeros of a row: a damaged page may claim any number
// of equal ones.
const maxRowValues = 1 << 26

// listReader reads a column of lists, a list a row. A row may go on in the next
// page.
type listReader[T uint32 | float32] struct {
	pages      *pages
	typed      func(parquetValues) []T
	full       byte // definition level of an element that is there
	some       byte // the least of a list that has elements
	repeat     []byte
	define     []byte
	at         int // of the next level
	values     []T
	dictionary []int32 // nil: value i of the page is values[i]
	value      int     // next value of the page
}

func newListReader[T uint32 | float32](p *pages, column *parquet.Column, typed func(parquetValues) []T) *listReader[T] {
	l := &listReader[T]{pages: p, typed: typed, some: 1}
	if column.Optional() {
		l.some = 2
	}
	l.full = l.some
	if column.Columns()[0].Columns()[0].Optional() {
		l.full++
	}
	return l
}

// next appends the next list to dst; null reports that it or an element is none.
func (l *listReader[T]) next(dst []T) (list []T, null bool, err error) {
	for first := true; ; first = false {
		if l.at == len(l.repeat) {
			if err := l.load(); err == io.EOF && !first {
				return dst, null, nil
			} else if err != nil {
				return dst, null, unexpected(err)
			}
		}
		if starts := l.repeat[l.at] == 0; starts != first {
			if first {
				return dst, null, damage("a list begins in the middle")
			}
			return dst, null, nil
		}
		switch level := l.define[l.at]; {
		case level == l.full:
			dst = append(dst, l.take())
		case level != l.some-1: // that is a list of no elements
			null = true
		}
		if l.at++; len(dst) > maxRowValues {
			return dst, null, damage("a row has more than %d values", maxRowValues)
		}
	}
}

// take returns the next value of the page.
func (l *listReader[T]) take() T {
	at := l.value
	l.value++
	if l.dictionary != nil {
		at = int(l.dictionary[at])
	}
	return l.values[at]
}

// load goes on to the next page that has something.
func (l *listReader[T]) load() error {
	for l.at == len(l.repeat) {
		page, err := l.pages.next()
		if err != nil {
			return err
		}
		l.repeat, l.define, l.at, l.value = page.RepetitionLevels(), page.DefinitionLevels(), 0, 0
		if len(l.repeat) != len(l.define) {
			return damage("a page has %d and %d levels", len(l.repeat), len(l.define))
		}
		data := page.Data()
		if l.dictionary = nil; page.Dictionary() != nil {
			l.dictionary = data.Int32()
			data = page.Dictionary().Page().Data()
		}
		l.values = l.typed(data)
	}
	return nil
}

// parquetSparseType returns which of a sparse file's types a column has.
func parquetSparseType(c *parquet.Column, elements []format.SchemaElement) int {
	if c.Leaf() {
		if !c.Repeated() && plain(&elements[0]) && parquet.Kind(elements[0].Type.V) == parquet.Float {
			return float32Type
		}
		return otherType
	}
	if len(elements) != 3 || c.Repeated() || !c.Columns()[0].Repeated() || c.Columns()[0].Leaf() || c.Columns()[0].Columns()[0].Repeated() {
		return otherType
	}
	e := &elements[2]
	switch kind := parquet.Kind(e.Type.V); {
	case kind == parquet.Float && plain(e):
		return float32ListType
	case kind == parquet.Int32 && typeIsUint32(e):
		return uint32ListType
	}
	return otherType
}

func typeIsUint32(e *format.SchemaElement) bool {
	if t, ok := e.LogicalType.Value.(*format.IntType); ok {
		return t.BitWidth == 32 && !t.IsSigned
	}
	return e.LogicalType.Value == nil && e.ConvertedType.Valid && e.ConvertedType.V == deprecated.Uint32
}
