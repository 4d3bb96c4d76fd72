package columnar

import (
	"bytes"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"parley/internal/batch"
	"parley/internal/param"
)

const arrowMagic = "ARROW1"

// arrowSource reads the record batches of an Arrow file, one at a time. A batch
// is in memory as a whole, with the columns that nobody wants.
type arrowSource struct {
	f      *File
	reader *ipc.Reader
	mem    *allowance
	batch  arrow.RecordBatch // nil before the first
	at     int               // rows of it that were read
	made   []*cursor
}

func openArrow(f *File) error {
	m := &messages{in: f.in, mem: newAllowance(f.in.size)}
	if err := openMessages(f, m); err != nil {
		return err
	}
	reader, err := ipc.NewReaderFromMessageReader(m, ipc.WithAllocator(m.mem))
	if err != nil {
		return err
	}
	f.src = &arrowSource{f: f, reader: reader, mem: m.mem}
	schema := reader.Schema()
	var types []int
	for _, c := range schema.Fields() {
		kind, ok := arrowKind(c.Type)
		f.schema.Fields = append(f.schema.Fields, Field{Name: c.Name, Kind: kind, Type: c.Type.String(), Unsupported: !ok})
		types = append(types, arrowSparseType(c.Type))
	}
	metadata := schema.Metadata()
	f.finish(types, func(key string) (string, bool) { return metadata.GetValue(key) })
	return nil
}

// openMessages tells a file from a stream and finds the first message.
func openMessages(f *File, m *messages) error {
	if f.in.size < 8 {
		return param.Errorf(param.Invalid, "%s: is too short for Arrow IPC data: copy or download it again, or correct the format", f.name)
	}
	start, err := f.in.bytes(0, 8)
	if err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(start, []byte(arrowMagic)):
		m.at = 8
		f.rows, err = m.readFooter()
		return err
	case bytes.HasPrefix(start, []byte{0xFF, 0xFF, 0xFF, 0xFF}):
		return nil
	case bytes.HasPrefix(start, []byte("FEA1")):
		return param.Errorf(param.Invalid, "%s: is Feather version 1, which is no longer in use: write it as version 2 (Arrow IPC)", f.name)
	}
	return param.Errorf(param.Invalid, "%s: is not Arrow IPC data: correct the file's suffix or the format", f.name)
}

// load makes sure that there is a row in memory.
func (s *arrowSource) load() error {
	for s.batch == nil || s.at >= int(s.batch.NumRows()) {
		s.mem.reset()
		s.made = make([]*cursor, len(s.f.schema.Fields))
		next, err := s.reader.Read()
		if err != nil {
			return err
		}
		// Columns of nulls have no bytes that would bound their length.
		if next.NumRows() > 16<<20+512*s.f.in.size {
			return damage("a batch of %d rows in a file of %d bytes", next.NumRows(), s.f.in.size)
		}
		for _, c := range next.Columns() {
			if int64(c.Len()) != next.NumRows() {
				return damage("a batch of %d rows has a column of %d", next.NumRows(), c.Len())
			}
		}
		s.batch, s.at = next, 0
	}
	return nil
}

func (s *arrowSource) left() (int, error) {
	if err := s.load(); err != nil {
		return 0, err
	}
	return int(s.batch.NumRows()) - s.at, nil
}

func (s *arrowSource) cursors(want []int) ([]*cursor, error) {
	cursors := make([]*cursor, len(want))
	for i, column := range want {
		if s.made[column] == nil {
			s.made[column] = &cursor{vector: arrowVector(s.batch.Column(column))}
		}
		cursors[i] = s.made[column]
		cursors[i].first = s.at
	}
	return cursors, nil
}

func (s *arrowSource) advance(rows int) { s.at += rows }

func (s *arrowSource) close() error {
	s.reader.Release()
	return nil
}

func (s *arrowSource) sparse(dst *batch.CSR) error {
	if err := s.load(); err != nil {
		return err
	}
	at := s.f.layout
	scalar := func(column, row int) (float32, bool) {
		if column < 0 {
			return 1, true
		}
		c := s.batch.Column(column).(*array.Float32)
		return c.Value(row), c.IsValid(row)
	}
	indices, values := s.batch.Column(at.indices).(array.ListLike), s.batch.Column(at.values).(array.ListLike)
	columns, numbers := indices.ListValues().(*array.Uint32), values.ListValues().(*array.Float32)
	for ; s.at < int(s.batch.NumRows()) && !full(dst); s.at++ {
		var r sparseRow
		var ok [5]bool
		r.label, ok[0] = scalar(at.label, s.at)
		r.weight, ok[1] = scalar(at.weight, s.at)
		r.exposure, ok[2] = scalar(at.exposure, s.at)
		r.indices, ok[3] = element(indices, columns, columns.Values(), s.at)
		r.values, ok[4] = element(values, numbers, numbers.Values(), s.at)
		if ok != [5]bool{true, true, true, true, true} {
			return s.f.invalid(s.f.next+int64(dst.Rows()), "%s", misfitNull)
		}
		if err := s.f.add(dst, r); err != nil {
			return err
		}
	}
	return nil
}

const misfitNull = "a value is null: sparse rows have none, so leave the row or the column out"

// element returns the values of a list; ok is false where there is a null.
func element[T any](list array.ListLike, elements arrow.Array, values []T, row int) (v []T, ok bool) {
	start, end := list.ValueOffsets(row)
	if elements.NullN() > 0 {
		for i := start; i < end; i++ {
			if elements.IsNull(int(i)) {
				return nil, false
			}
		}
	}
	return values[start:end], list.IsValid(row)
}

// arrowSparseType returns which of a sparse file's types a type is.
func arrowSparseType(t arrow.DataType) int {
	if t.ID() == arrow.FLOAT32 {
		return float32Type
	}
	var element arrow.DataType
	switch t := t.(type) {
	case *arrow.ListType:
		element = t.Elem()
	case *arrow.LargeListType:
		element = t.Elem()
	default:
		return otherType
	}
	switch element.ID() {
	case arrow.UINT32:
		return uint32ListType
	case arrow.FLOAT32:
		return float32ListType
	}
	return otherType
}
