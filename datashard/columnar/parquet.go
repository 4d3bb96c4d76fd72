package columnar

import (
	"encoding/binary"
	"io"

	"github.com/parquet-go/parquet-go"

	"parley/internal/param"
	"parley/internal/table"
)

const (
	parquetMagic   = "PAR1"
	parquetSecret  = "PARE"
	readBufferSize = 256 << 10
)

// parquetSource reads the row groups of a Parquet file in order, and of each the
// columns that are asked for, a page at a time.
type parquetSource struct {
	f         *File
	file      *parquet.File
	columns   []parquetColumn // beside f.schema.Fields
	group     int             // row group, -1 before the first
	row, rows int64           // within the group
	open      []*pageCursor   // beside columns; nil: not asked for in this group
	lists     *listReaders    // of a sparse file
}

// parquetColumn is a top-level column.
type parquetColumn struct {
	leaf   int // position of its first leaf among those of the file
	values func(parquetValues) values
}

func openParquet(f *File) error {
	if err := checkParquet(f); err != nil {
		return err
	}
	file, err := parquet.OpenFile(f.in, f.in.size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(readBufferSize))
	if err != nil {
		return err
	}
	s := &parquetSource{f: f, file: file, group: -1}
	f.src, f.rows = s, 0
	types := s.readSchema()
	s.open = make([]*pageCursor, len(s.columns))
	for _, group := range file.Metadata().RowGroups {
		if group.NumRows < 0 || f.rows+group.NumRows < f.rows {
			return damage("a group of %d rows", group.NumRows)
		}
		f.rows += group.NumRows
	}
	f.finish(types, file.Lookup)
	return nil
}

// checkParquet checks the ends of the file and the lengths of the metadata.
func checkParquet(f *File) error {
	if f.in.size < 12 {
		return param.Errorf(param.Invalid, "%s: is too short for a Parquet file: copy or download it again, or correct the format", f.name)
	}
	head, err := f.in.bytes(0, 4)
	if err != nil {
		return err
	}
	tail, err := f.in.bytes(f.in.size-8, 8)
	if err != nil {
		return err
	}
	switch {
	case string(head) == parquetSecret || string(tail[4:]) == parquetSecret:
		return param.Errorf(param.Invalid, "%s: is encrypted: write it without encryption", f.name)
	case string(head) != parquetMagic:
		return param.Errorf(param.Invalid, "%s: is not a Parquet file: correct the file's suffix or the format", f.name)
	case string(tail[4:]) != parquetMagic:
		return param.Errorf(param.Corrupt, "%s: the file is truncated: copy or download it again", f.name)
	}
	size := int64(binary.LittleEndian.Uint32(tail))
	footer, err := f.in.bytes(f.in.size-8-size, size)
	if err != nil {
		return err
	}
	if skipStruct(footer, 0, 0) < 0 {
		return damage("the metadata is malformed")
	}
	return nil
}

// readSchema sets the fields and the columns, and returns which of a sparse
// file's types they have.
func (s *parquetSource) readSchema() (types []int) {
	elements := s.file.Metadata().Schema
	at, leaf := 1, 0 // of the schema's elements, in depth-first order, after the root
	for _, column := range s.file.Root().Columns() {
		kind, name, values := parquetType(column, &elements[at])
		s.f.schema.Fields = append(s.f.schema.Fields, Field{Name: column.Name(), Kind: kind, Type: name, Unsupported: values == nil})
		s.columns = append(s.columns, parquetColumn{leaf, values})
		size, leaves := extent(column)
		types = append(types, parquetSparseType(column, elements[at:at+size]))
		at, leaf = at+size, leaf+leaves
	}
	return types
}

// extent returns how many elements and leaves a column has, itself included.
func extent(c *parquet.Column) (elements, leaves int) {
	if c.Leaf() {
		return 1, 1
	}
	elements = 1
	for _, child := range c.Columns() {
		e, l := extent(child)
		elements, leaves = elements+e, leaves+l
	}
	return elements, leaves
}

func (s *parquetSource) left() (int, error) {
	if err := s.load(); err != nil {
		return 0, err
	}
	return int(min(s.rows-s.row, maxRows)), nil
}

// load makes sure that the group has a row left.
func (s *parquetSource) load() error {
	for s.group < 0 || s.row >= s.rows {
		if err := s.close(); err != nil {
			return err
		}
		groups := s.file.Metadata().RowGroups
		if s.group+1 >= len(groups) {
			return io.EOF
		}
		s.group++
		s.row, s.rows = 0, groups[s.group].NumRows
	}
	return nil
}

func (s *parquetSource) cursors(want []int) ([]*cursor, error) {
	cursors := make([]*cursor, len(want))
	for i, column := range want {
		c, err := s.cursor(column)
		if err != nil {
			return nil, err
		}
		cursors[i] = &c.cursor
	}
	return cursors, nil
}

// cursor returns the cursor of a column at the current row.
func (s *parquetSource) cursor(column int) (*pageCursor, error) {
	if s.open[column] == nil {
		p, err := s.pages(column)
		if err != nil {
			return nil, err
		}
		s.open[column] = &pageCursor{pages: p, values: s.columns[column].values}
	}
	c := s.open[column]
	return c, c.seek(s.row, s.rows)
}

// pages opens the current group's pages of a column.
func (s *parquetSource) pages(column int) (*pages, error) {
	leaf := s.columns[column].leaf
	groups := s.file.Metadata().RowGroups
	meta := &groups[s.group].Columns[leaf].MetaData
	name := table.Quote(s.f.schema.Fields[column].Name)
	if !codecs[meta.Codec] {
		return nil, param.Errorf(param.Invalid, "%s: column %s: cannot read %s compression: write the file with zstd, snappy or gzip", s.f.name, name, meta.Codec)
	}
	if first := groups[0].Columns[leaf].MetaData.Codec; meta.Codec != first {
		return nil, param.Errorf(param.Invalid, "%s: column %s: is compressed as %s in one row group and as %s in another: write the file with one of them", s.f.name, name, first, meta.Codec)
	}
	chunk := s.file.RowGroups()[s.group].ColumnChunks()[leaf].(*parquet.FileColumnChunk)
	return openPages(s.f.in, chunk, meta)
}

func (s *parquetSource) advance(rows int) { s.row += int64(rows) }

// close closes the columns of the current group.
func (s *parquetSource) close() error {
	var first error
	for i, c := range s.open {
		if c == nil {
			continue
		}
		if err := c.pages.close(); err != nil && first == nil {
			first = err
		}
		s.open[i] = nil
	}
	if s.lists != nil {
		if err := s.lists.close(); err != nil && first == nil {
			first = err
		}
		s.lists = nil
	}
	return first
}

// pageCursor is a cursor over the pages of a column that is not nested.
type pageCursor struct {
	cursor
	pages  *pages
	values func(parquetValues) values
	start  int64 // row of the page's first cell
}

// seek goes forward to a row of the group, which has rows of them.
func (c *pageCursor) seek(row, rows int64) error {
	for row >= c.start+int64(c.vector.rows) {
		c.start += int64(c.vector.rows)
		page, err := c.pages.next()
		if err != nil {
			return unexpected(err)
		}
		c.vector = pageVector(page, c.values)
		if c.start+int64(c.vector.rows) > rows {
			return damage("a column has more than the %d values of its group", rows)
		}
	}
	c.first = int(row - c.start)
	return nil
}
