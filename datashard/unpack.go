package datashard

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"parley/datashard/bow"
	"parley/datashard/columnar"
	"parley/datashard/csv"
	"parley/datashard/idx"
	"parley/datashard/libsvm"
	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/param"
	"parley/internal/profile"
	"parley/internal/table"
)

// unpacked is what a file that is not text has become.
type unpacked struct {
	format    string   // of the text: libsvm or csv
	zeroBased bool     // of libsvm text
	weighted  bool     // libsvm text with a weight behind the label
	columns   int64    // that sparse rows may have, 0 if unknown
	unread    []string // columns of types that cannot be read, and the types
}

// unpacker writes the rows of a file as text. The spool reads nothing back, so
// rows go through once.
type unpacker func(ctx context.Context, d *Dataset, f *file, to io.Writer) (unpacked, error)

// unpack makes text of a file that is none.
func (d *Dataset) unpack(ctx context.Context, f *file, memory *budget) (*file, error) {
	s := d.newSpool(f.path, f.size, memory)
	w := bufio.NewWriterSize(s, 128<<10)
	what, err := d.format.unpack(ctx, d, f, w)
	if err == nil {
		err = w.Flush()
	}
	if s.full {
		err = s.bomb()
	}
	if err != nil {
		s.discard()
		return nil, err
	}
	text := s.finish()
	text.unpacked = what
	return text, nil
}

// settle holds the files that were unpacked against each other, and makes the
// dataset one of their text.
func (d *Dataset) settle() error {
	if d.format.unpack == nil {
		return nil
	}
	d.unpacked = d.files[0].unpacked
	for _, f := range d.files {
		u := f.unpacked
		if u.format != d.unpacked.format || u.zeroBased != d.unpacked.zeroBased || u.weighted != d.unpacked.weighted {
			return param.Errorf(param.Invalid, "%s: has rows of another kind than %s: give files with the same columns", f.path, d.files[0].path)
		}
		d.unpacked.columns = max(d.unpacked.columns, u.columns)
	}
	d.format = formats[d.unpacked.format]
	return nil
}

// reader returns the whole text of a file in order.
func (f *file) reader(ctx context.Context) io.Reader {
	if f.at == nil {
		return bytes.NewReader(f.mem)
	}
	return bufio.NewReaderSize(&cancelled{ctx: ctx, r: io.NewSectionReader(f.at, 0, f.size)}, 1<<20)
}

// random returns random access to a file.
func (f *file) random() io.ReaderAt {
	if f.at == nil {
		return bytes.NewReader(f.mem)
	}
	return f.at
}

// beside opens a further file of the source, if there is one.
func (d *Dataset) beside(ctx context.Context, path string, do func(r io.Reader, name string) error) error {
	if path == "" {
		return do(nil, "")
	}
	found, err := resolve(ctx, path, d.options.Remote)
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return param.Errorf(param.Invalid, "%s: stands for %d files: give one", path, len(found))
	}
	f, err := d.openPlain(ctx, found[0], newBudget(d.options.MemoryLimit))
	if err != nil {
		return err
	}
	defer f.close() // read only
	return do(f.reader(ctx), f.path)
}

func unpackBow(ctx context.Context, d *Dataset, f *file, to io.Writer) (u unpacked, err error) {
	u.format = "libsvm"
	if err := d.beside(ctx, d.source.Labels, func(labels io.Reader, name string) error {
		return bow.Convert(to, f.reader(ctx), f.path, labels, name)
	}); err != nil {
		return u, err
	}
	head := bufio.NewScanner(f.reader(ctx))
	for n := 0; n < 2 && head.Scan(); n++ {
		u.columns, _ = strconv.ParseInt(string(bytes.TrimSpace(head.Bytes())), 10, 64) // Convert has checked it
	}
	return u, nil
}

func unpackIdx(ctx context.Context, d *Dataset, f *file, to io.Writer) (u unpacked, err error) {
	u.format = "libsvm"
	err = d.beside(ctx, d.source.Labels, func(labels io.Reader, name string) (err error) {
		u.columns, err = idx.Convert(to, f.reader(ctx), f.path, labels, name)
		return err
	})
	return u, err
}

func unpackArrow(ctx context.Context, d *Dataset, f *file, to io.Writer) (unpacked, error) {
	c, err := columnar.OpenArrow(f.random(), f.size, f.path)
	if err != nil {
		return unpacked{}, err
	}
	return d.unpackColumns(ctx, c, f.path, to)
}

func unpackParquet(ctx context.Context, d *Dataset, f *file, to io.Writer) (unpacked, error) {
	c, err := columnar.OpenParquet(f.random(), f.size, f.path)
	if err != nil {
		return unpacked{}, err
	}
	return d.unpackColumns(ctx, c, f.path, to)
}

func (d *Dataset) unpackColumns(ctx context.Context, c *columnar.File, path string, to io.Writer) (u unpacked, err error) {
	defer func() { err = errors.Join(err, c.Close()) }()
	if c.Schema().Sparse {
		return unpackSparse(ctx, c, path, to)
	}
	u = unpacked{format: "csv"}
	for _, f := range c.Schema().Fields {
		if f.Unsupported {
			u.unread = append(u.unread, fmt.Sprintf("%s (%s)", table.Quote(f.Name), f.Type))
		}
	}
	return u, d.unpackTable(ctx, c, path, u.hint(), to)
}

// hint says which columns cannot be read, for the message of one that is not
// found.
func (u *unpacked) hint() string {
	if len(u.unread) == 0 {
		return ""
	}
	return fmt.Sprintf("; columns of other types are not read: %s: store them as numbers, text or timestamps", nameList(u.unread))
}

// unpackSparse writes libsvm text, with weights behind the labels if the file has
// some.
func unpackSparse(ctx context.Context, c *columnar.File, path string, to io.Writer) (unpacked, error) {
	s := c.Schema()
	u := unpacked{format: "libsvm", zeroBased: s.ZeroBased, columns: s.Columns}
	for _, f := range s.Fields {
		u.weighted = u.weighted || f.Name == "weight"
		if f.Name == "exposure" {
			return u, param.Errorf(param.Invalid, "%s: the column exposure of sparse rows is not yet supported: leave it out", path)
		}
	}
	base := libsvm.OneBased
	if s.ZeroBased {
		base = libsvm.ZeroBased
	}
	var rows batch.CSR
	var line []byte
	for {
		if ctx.Err() != nil {
			return u, context.Cause(ctx)
		}
		err := c.NextSparse(&rows)
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return u, err
		}
		for i := range rows.Rows() {
			line = libsvm.AppendWeighted(line[:0], &rows, i, base, u.weighted)
			if _, err := to.Write(line); err != nil {
				return u, err
			}
		}
	}
}

// unpackTable writes the columns that are needed as csv text with a header.
func (d *Dataset) unpackTable(ctx context.Context, c *columnar.File, path, hint string, to io.Writer) error {
	var all, want []int
	var names []string
	for i, f := range c.Schema().Fields {
		if !f.Unsupported {
			all, names = append(all, i), append(names, f.Name)
		}
	}
	if len(all) == 0 {
		return param.Errorf(param.Invalid, "%s: has no column of numbers, text or times%s", path, hint)
	}
	var line []byte
	for _, n := range d.needed(names) {
		if len(want) > 0 {
			line = append(line, ',')
		}
		want, line = append(want, all[n]), csv.AppendCell(line, []byte(names[n]), ',', false)
	}
	var b table.Batch
	for line = append(line, '\n'); ; {
		if _, err := to.Write(line); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.NextTable(&b, want); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		line = appendRowsOf(line[:0], &b)
	}
}

// needed returns the positions of the columns that rows are made of; all of them
// where that is not to be told, as of a job that names a column which is not there.
func (d *Dataset) needed(names []string) []int {
	known := slices.Concat(names, d.keyNames)
	var want []int
	if f := d.source.Fitted; f != nil {
		t := new(feature.Transform)
		if json.Unmarshal(f.Transform, t) == nil {
			if a, err := t.BindUnlabeled(known); err == nil {
				want = a.Want()
			}
		}
	} else if p, err := profile.Compile(d.source.Spec, known, false, false); err == nil {
		want = p.Want()
	}
	var positions []int
	for i := range names {
		if slices.Contains(want, i) || len(want) == 0 {
			positions = append(positions, i)
		}
	}
	return positions
}

// appendRowsOf appends the rows of a batch as csv text.
func appendRowsOf(dst []byte, b *table.Batch) []byte {
	var cell []byte
	for row := range b.Rows {
		for i := range b.Columns {
			if i > 0 {
				dst = append(dst, ',')
			}
			c := &b.Columns[i]
			cell = appendCell(cell[:0], c, row)
			dst = csv.AppendCell(dst, cell, ',', c.IsMissing(row))
		}
		dst = append(dst, '\n')
	}
	return dst
}

// appendCell appends the text of a cell of any kind.
func appendCell(dst []byte, c *table.Column, row int) []byte {
	switch {
	case c.IsMissing(row):
		return dst
	case c.Kind == table.Number:
		return AppendNumber(dst, c.Numbers[row])
	case c.Kind == table.Time:
		return time.Unix(0, c.Times[row]).UTC().AppendFormat(dst, time.RFC3339Nano)
	}
	return append(dst, c.Cell(row)...)
}

// AppendNumber appends a number as the shortest text that reads back as it, whole
// numbers without a point or exponent.
func AppendNumber(dst []byte, x float64) []byte {
	if -1e15 < x && x < 1e15 && x == float64(int64(x)) {
		return strconv.AppendInt(dst, int64(x), 10)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, 64)
}
