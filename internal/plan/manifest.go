// Package plan holds what a job is made of before anybody is chosen to do it:
// the dataset's manifest, and the plan that follows from job and manifest
// alone: the key space and its ranges, the data shards, each worker's stream of
// batches in each epoch. Placement is not part of it; so a plan, and the model
// that comes out of it, is the same on any number of nodes.
//
// Everything here is pure and immutable after it was made.
package plan

import (
	"encoding/json"
	"slices"
	"sort"
	"strconv"

	"parley/internal/param"
)

// Manifest describes a dataset: what the profile pass found. It does not depend
// on how the bytes are cut into files or compressed, except for Files and the
// Pieces of the shards, which say where the rows are.
type Manifest struct {
	Rows     int64
	Columns  int64 // of the model's rows
	Nonzeros int64 // 0 when nobody had to count them
	// ZeroBased says that the feature ids of libsvm text start at 0, not at 1.
	ZeroBased bool
	SHA256    string // hex, of the rows in logical order: docs/formats/data.md
	Labels    []Label
	// MoreLabels says that the dataset has more distinct labels than MaxLabels,
	// and that Labels is empty therefore.
	MoreLabels bool
	// Least is the smallest label, nil where labels are names or nobody has read them.
	Least  *Label `json:",omitempty"`
	Files  []File
	Shards []Shard
	// Sparse says that the raw rows are features already, without columns of cells;
	// Hashed, that their reader has hashed them, into Columns columns.
	Sparse, Hashed bool `json:",omitempty"`
	// Names are the columns of the raw data (of a bag of words: its vocabulary), nil
	// for formats without names.
	Names []string `json:",omitempty"`
	// Transform is the fitted feature.Transform that makes rows of the raw data, as
	// JSON; nil where the raw data is rows already.
	Transform json.RawMessage `json:",omitempty"`
	// Fields are the first columns of what belongs together, the columns of a feature,
	// ascending; nil where nobody knows.
	Fields []uint32 `json:",omitempty"`
	// Bad are the positions of the rows that are set aside, ascending: they keep
	// their place in the shards, and nobody reads them.
	Bad []int64 `json:",omitempty"`
}

// FieldsOrOne returns a manifest's or a transform's fields, or one of all columns where
// nobody knows them.
func FieldsOrOne(fields []uint32) []uint32 {
	if len(fields) > 0 {
		return fields
	}
	return []uint32{0}
}

// MaxLabels is the number of distinct labels up to which a manifest lists them.
const MaxLabels = 64

// Label is one distinct label of a dataset.
type Label struct {
	Value float32
	Name  string `json:",omitempty"` // of a class, where labels are names
	Rows  int64
	// Where the label was seen first, for messages: an index into Files and a
	// line counted from 1.
	File int
	Line int64
}

// Text is the label as it is written: its name, or the number.
func (l Label) Text() string {
	if l.Name != "" {
		return l.Name
	}
	return strconv.FormatFloat(float64(l.Value), 'g', -1, 32)
}

// LabelValues returns the values of the distinct labels, ascending.
func (m *Manifest) LabelValues() []float32 {
	var values []float32
	for _, l := range m.Labels {
		values = append(values, l.Value)
	}
	return values
}

// LabelNames returns the names of the distinct labels by value, nil where labels
// are numbers.
func (m *Manifest) LabelNames() []string {
	var names []string
	for _, l := range m.Labels {
		if l.Name != "" {
			names = append(names, l.Name)
		}
	}
	return names
}

// File is one file of a dataset. Files are ordered by name.
type File struct {
	Path  string // or URL
	Bytes int64  // after decompression
	Rows  int64
	// HeaderCRC32C is that of the lines with the names of the columns, which no piece
	// holds; 0 where there are none.
	HeaderCRC32C uint32 `json:",omitempty"`
}

// Shard is a fixed range of rows in the dataset's logical order.
type Shard struct {
	ID       param.ShardID
	FirstRow int64
	Rows     int64
	Pieces   []Piece
}

// Piece is the part of a shard that lies in one file: whole lines.
type Piece struct {
	File   int   // index into Manifest.Files
	Offset int64 // in the decompressed bytes
	Bytes  int64
	Line   int64  // number of the first line, from 1
	Rows   int64  // rows in the piece (lines that are blank or comments are no rows)
	CRC32C uint32 // of the piece's bytes: a reader checks that it sees the same data
}

// ShardRows returns the rows of a data shard of a dataset of so many rows: a
// power of two from 16 to 1024, so that there are more than a thousand shards of
// all but small datasets: few enough to note, and enough for a worker's to look
// like the dataset even when it is sorted. It depends on the number of rows alone.
func ShardRows(rows int64) int64 {
	size := int64(16)
	for size < 1024 && size*2048 < rows {
		size *= 2
	}
	return size
}

// ShardOf returns the shard that holds the row at a position of the dataset.
func (m *Manifest) ShardOf(row int64) param.ShardID {
	i := sort.Search(len(m.Shards), func(i int) bool {
		return m.Shards[i].FirstRow+m.Shards[i].Rows > row
	})
	return param.ShardID(i)
}

// IsBad reports whether the row at a position is set aside.
func (m *Manifest) IsBad(row int64) bool {
	if len(m.Bad) == 0 {
		return false
	}
	_, bad := slices.BinarySearch(m.Bad, row)
	return bad
}

// BadIn returns the positions that are set aside among rows from first on.
func (m *Manifest) BadIn(first, rows int64) []int64 {
	from, _ := slices.BinarySearch(m.Bad, first)
	to, _ := slices.BinarySearch(m.Bad, first+rows)
	return m.Bad[from:max(from, to)]
}

// BadRow is a row that cannot be used: where it is, and why. It is a line of
// quarantine.jsonl.
type BadRow struct {
	Set     Set    `json:"set"`
	Row     int64  `json:"row"` // position in the dataset
	File    string `json:"file"`
	Line    int64  `json:"line"`   // from 1
	Offset  int64  `json:"offset"` // of its first byte in the decompressed file
	Code    string `json:"code"`   // kind of reason
	Reason  string `json:"reason"`
	Excerpt string `json:"excerpt"` // its beginning
}
