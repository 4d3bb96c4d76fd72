package datashard

import (
	"bytes"

	"parley/datashard/csv"
	"parley/datashard/jsonl"
	"parley/datashard/libsvm"
	"parley/datashard/vw"
	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/table"
)

// reader parses the text of a dataset; one goroutine uses it at a time.
type reader struct {
	d       *Dataset
	libsvm  libsvm.Parser
	vw      vw.Parser
	csv     csv.Parser
	jsonl   jsonl.Parser
	applier *feature.Applier // nil where rows are taken as they are
	table   table.Batch
	at      table.Places
	bad     table.BadRows
	buffer  []byte
}

// newReader returns a reader. What it parses into model rows needs bind too.
func (d *Dataset) newReader() *reader {
	r := &reader{d: d}
	r.libsvm = libsvm.Parser{Unlabeled: d.source.Unlabeled, Weighted: d.unpacked.weighted}
	if d.format.name == "libsvm" && d.source.Spec.Hash != nil {
		r.libsvm.HashBits = d.source.Spec.Hash.Bits
	}
	r.vw = vw.Parser{Bits: d.vwBits(), Unlabeled: d.source.Unlabeled}
	r.csv = csv.Parser{Comma: d.format.comma, Columns: len(d.names) - d.keys, Named: len(d.source.Columns) > 0, Written: d.unpacked.format == "csv"}
	return r
}

// bind makes the reader one of a view.
func (r *reader) bind(v *view) error {
	r.libsvm.Base = libsvm.OneBased
	if v.manifest.ZeroBased {
		r.libsvm.Base = libsvm.ZeroBased
	}
	if v.transform == nil {
		return nil
	}
	names := r.d.names
	if r.d.format.sparse {
		names = nil
	}
	var err error
	if r.applier, err = v.transform.Bind(names); r.d.source.Unlabeled {
		r.applier, err = v.transform.BindUnlabeled(names)
	}
	return err
}

// sparse appends the rows of a sparse format's text to dst. r.bad has the bad
// ones of dst, r.at their places.
func (r *reader) sparse(dst *batch.CSR, text []byte) {
	if r.d.format.name == "vw" {
		r.vw.Parse(dst, &r.at, &r.bad, text)
		return
	}
	r.libsvm.Parse(dst, &r.at, &r.bad, text)
}

// cells sets r.table to the wanted columns of the run's rows, and r.at to their
// places.
func (r *reader) cells(run run, want []int) {
	r.at.Reset()
	switch r.d.format.name {
	case "text":
		documents(&r.table, &r.at, run.text)
	case "jsonl":
		own, keys := r.split(want)
		r.jsonl.Want = r.jsonl.Want[:0]
		for _, i := range own {
			r.jsonl.Want = append(r.jsonl.Want, r.d.names[i])
		}
		r.jsonl.Parse(&r.table, &r.at, run.text)
		r.addKeys(run, want, keys)
	default:
		own, keys := r.split(want)
		r.csv.Want = r.csv.Want[:0]
		for _, i := range own {
			if run.file.order != nil {
				i = run.file.order[i]
			}
			r.csv.Want = append(r.csv.Want, i)
		}
		r.csv.Parse(&r.table, &r.at, run.text)
		r.number(&r.at)
		r.addKeys(run, want, keys)
	}
}

// number makes the rows of an unpacked table their own lines, so that messages
// count the rows of the file: nobody sees the lines of its text.
func (r *reader) number(at *table.Places) {
	if !r.csv.Written {
		return
	}
	for i := range at.Lines {
		at.Lines[i] = uint32(i + 1)
	}
	at.Total = len(at.Lines)
}

// split tells which of the wanted columns are in the file, and whether others are
// keys of folders.
func (r *reader) split(want []int) (own []int, keys bool) {
	for _, i := range want {
		if i < len(r.d.names)-r.d.keys {
			own = append(own, i)
		} else {
			keys = true
		}
	}
	return own, keys
}

// addKeys puts the columns of folder keys where they were asked for.
func (r *reader) addKeys(run run, want []int, keys bool) {
	if !keys {
		return
	}
	own, fromFile := r.table.Columns, len(r.d.names)-r.d.keys
	columns := make([]table.Column, 0, len(want))
	for _, i := range want {
		if i < fromFile {
			columns, own = append(columns, own[0]), own[1:]
			continue
		}
		value := run.file.keys[i-fromFile]
		c := table.Column{Text: []byte(value), Start: make([]uint32, r.table.Rows), End: make([]uint32, r.table.Rows)}
		for row := range c.End {
			c.End[row] = uint32(len(value))
		}
		columns = append(columns, c)
	}
	r.table.Columns = columns
}

// documents makes a column of the lines of text. Bytes that are no UTF-8 separate
// words (docs/text.md), but NUL bytes are of no text.
func documents(dst *table.Batch, at *table.Places, text []byte) {
	if len(dst.Columns) != 1 {
		dst.Columns = make([]table.Column, 1)
	}
	c := &dst.Columns[0]
	c.Text, c.Start, c.End = text, c.Start[:0], c.End[:0]
	dst.Rows, dst.Bad = 0, dst.Bad[:0]
	for i := 0; i < len(text); dst.Rows++ {
		end := i + bytes.IndexByte(text[i:], '\n')
		at.Total++
		at.Add(i, at.Total)
		c.Start, c.End = append(c.Start, uint32(i)), append(c.End, uint32(i+len(bytes.TrimSuffix(text[i:end], []byte{'\r'}))))
		if line := text[i:end]; bytes.IndexByte(line, 0) >= 0 {
			dst.Bad.Mark(dst.Rows, "binary", "has a NUL byte, so it is binary data or UTF-16: convert it to text in UTF-8"+disguise(line))
		}
		i = end + 1
	}
}
