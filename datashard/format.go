package datashard

import (
	"bytes"
	"maps"
	"slices"

	"parley/datashard/jsonl"
	"parley/datashard/libsvm"
	"parley/datashard/vw"
	"parley/internal/table"
)

// format is how the rows of a dataset are written.
type format struct {
	name   string
	sparse bool // rows are features as they are; otherwise there are columns
	quotes bool // a newline in quotes ends no row
	comma  byte // between cells
	// rows notes where the rows of c's text begin.
	rows func(r *reader, c *chunk)
	// unpack says how a file that is not text becomes text; the rows are then in
	// the format that it returns.
	unpack unpacker
}

// formats are all formats, by the names that jobs use. Those with unpack are
// replaced by what they unpack to when a dataset is opened.
var formats = map[string]*format{
	"libsvm":  {name: "libsvm", sparse: true, rows: libsvmRows},
	"vw":      {name: "vw", sparse: true, rows: vwRows},
	"csv":     {name: "csv", comma: ',', quotes: true, rows: csvRows},
	"tsv":     {name: "tsv", comma: '\t', quotes: true, rows: csvRows},
	"jsonl":   {name: "jsonl", rows: func(_ *reader, c *chunk) { jsonl.Rows(&c.at, c.lines.text) }},
	"text":    {name: "text", rows: func(_ *reader, c *chunk) { lineRows(&c.at, c.lines.text) }},
	"uci-bow": {name: "uci-bow", sparse: true, rows: libsvmRows, unpack: unpackBow},
	"idx":     {name: "idx", sparse: true, rows: libsvmRows, unpack: unpackIdx},
	"arrow":   {name: "arrow", unpack: unpackArrow},
	"parquet": {name: "parquet", unpack: unpackParquet},
}

// Formats returns the names of all formats, in order.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

func libsvmRows(_ *reader, c *chunk) {
	c.peek.Labels, c.peek.Zero = c.peek.Labels[:0], false
	libsvm.Rows(&c.at, &c.peek, c.lines.text)
	for i, label := range c.peek.Labels {
		c.labels.add(label, 1, c.file, int64(c.at.Lines[i]))
	}
}

// vwRows reads the labels of rows that begin with one.
func vwRows(_ *reader, c *chunk) {
	vw.Rows(&c.at, c.lines.text)
	for i, start := range c.at.Starts {
		if label, ok := vw.Label(c.lines.text, int(start)); ok {
			c.labels.add(label, 1, c.file, int64(c.at.Lines[i]))
		}
	}
}

func csvRows(r *reader, c *chunk) {
	r.csv.Rows(&c.at, c.lines.text)
	r.number(&c.at)
}

// lineRows takes every line as a row, empty ones too.
func lineRows(at *table.Places, text []byte) {
	for i := 0; i < len(text); i += bytes.IndexByte(text[i:], '\n') + 1 {
		at.Total++
		at.Add(i, at.Total)
	}
}

// defaultVWBits is what vw hashes to when it is not told.
const defaultVWBits = 18

func (d *Dataset) vwBits() int {
	if h := d.source.Spec.Hash; h != nil {
		return h.Bits
	}
	return defaultVWBits
}

// hashed returns the number of columns of a format whose reader hashes, 0 if it
// does not.
func (d *Dataset) hashed() int64 {
	switch {
	case d.format.name == "vw":
		return 1 << d.vwBits()
	case d.format.name == "libsvm" && d.source.Spec.Hash != nil:
		return 1 << d.source.Spec.Hash.Bits
	}
	return 0
}

// NeedsFit reports whether something must be learned from all rows before they
// can be used: then all rows must be parsed before training, and rows that are
// malformed are found before training too. Quality that is asked for wants that
// as well.
func (d *Dataset) NeedsFit() bool {
	s := d.source.Spec
	if d.source.Fitted != nil {
		return false
	}
	if s.Quality != nil || d.plan.NeedsFit() {
		return true
	}
	if d.format.sparse {
		return d.hashed() == 0 // how many columns there are
	}
	return s.Label == nil || s.Label.Above == nil && s.Label.Map == nil // which labels there are
}
