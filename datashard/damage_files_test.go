package datashard

import (
	"bytes"
	"embed"
	"encoding/binary"
	"strings"

	"parley/datashard/columnar"
	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/table"
)

//go:embed testdata/damage
var damageFiles embed.FS

// stored is a file of testdata/damage.
func stored(name string) string {
	b, err := damageFiles.ReadFile("testdata/damage/" + name)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// file is damage of one file with a name.
func named(name, content, format string, spec feature.Spec, want string) damage {
	return damage{files: []string{name, content}, source: Source{Format: format, Spec: spec}, want: want}
}

func (c damage) of(kind param.Kind) damage { c.kind = kind; return c }

// arrayOf is an idx file of bytes.
func arrayOf(kind byte, sizes []uint32, elements string) string {
	b := []byte{0, 0, kind, byte(len(sizes))}
	for _, n := range sizes {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return string(b) + elements
}

// parquetOf is a Parquet file of number columns y and another, and the rows
// 1, 2 and so on in both.
func parquetOf(name string, rows int) string {
	var out bytes.Buffer
	w, err := columnar.NewParquetWriter(&out, columnar.Schema{Fields: []columnar.Field{{Name: "y", Kind: table.Number, Type: "double"}, {Name: name, Kind: table.Number, Type: "double"}}})
	b := &table.Batch{Rows: rows, Columns: []table.Column{{Kind: table.Number}, {Kind: table.Number}}}
	for i := range b.Columns {
		for row := range rows {
			b.Columns[i].Numbers = append(b.Columns[i].Numbers, float64(row+1))
		}
	}
	return finished(&out, w, err, func() error { return w.Table(b) })
}

// sparseOf is a Parquet file of sparse rows.
func sparseOf(s columnar.Schema, rows *batch.CSR) string {
	s.Sparse = true
	var out bytes.Buffer
	w, err := columnar.NewParquetWriter(&out, s)
	return finished(&out, w, err, func() error { return w.Sparse(rows) })
}

func finished(out *bytes.Buffer, w columnar.Writer, err error, write func() error) string {
	if err == nil {
		err = write()
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return out.String()
}

var (
	two     = &batch.CSR{Labels: []float32{1, 0}, Offsets: []uint32{0, 2, 3}, Columns: []uint32{0, 4, 2}, Values: []float32{1, 2, 3}}
	images  = arrayOf(8, []uint32{2, 1, 2}, "\x01\x02\x03\x04")
	docword = "2\n3\n2\n1 1 1\n2 3 4\n"
)

// damagedFiles are files that are not what they should be.
var damagedFiles = []damage{
	named("x.csv.gz", gzipped(strings.Repeat("y,x\n1,2\n", 999))[:40], "csv", label(numberX), "x.csv.gz: the gzip data is truncated: copy or download it again"),
	named("x.csv.gz", "y,x\n1,2\n", "csv", label(numberX), "x.csv.gz: is not gzip data: correct the file's suffix"),
	named("x.csv", gzipped("y,x\n1,2\n"), "csv", label(numberX), "x.csv:1: is not csv text in UTF-8 but binary data: name the columns in the first line; if it is compressed, its name must end in .gz"),
	named("x.csv", zstdded("y,x\n1,2\n"), "csv", label(numberX), "x.csv:1: is not csv text in UTF-8 but binary data: name the columns in the first line; if it is compressed, its name must end in .zst"),
	named("x.jsonl", gzipped(`{"y":1}`), "jsonl", label(numberX), "x.jsonl:1: byte 2 is not UTF-8: convert the file to UTF-8; if it is compressed, its name must end in .gz"),
	named("x.vw", gzipped("1 | a\n"), "vw", feature.Spec{}, "x.vw:1: is not vw text but binary data: give rows such as 1 | price:0.23 2006; if it is compressed, its name must end in .gz"),
	named("x.csv.bz2", gzipped("y,x\n1,2\n"), "csv", label(numberX), "x.csv.bz2: is not bzip2 data: correct the file's suffix"),
	named("x.csv.zst", zstdded("y,x\n1,2\n")[:9], "csv", label(numberX), "x.csv.zst: the zstd data is truncated: copy or download it again"),
	named("x.csv.gz", gzipped(gzipped("y,x\n1,2\n")), "csv", label(numberX), "x.csv.gz:1: is not csv text in UTF-8 but binary data: name the columns in the first line; if it is compressed, its name must end in .gz"),
	named("x.csv.gz", gzipped("y,x\n1,2\n0,z\n"), "csv", label(numberX), `x.csv.gz:3: x "z" is not a number: write it in plain decimal digits`),
	named("x.zip", "PK\x03\x04", "csv", label(numberX), "x.zip: cannot read .zip files: unpack it, or compress it as .gz, .zst or .bz2"),

	named("x.parquet", "y,x\n1,2\n3,4\n5,6\n", "parquet", label(numberX), "x.parquet: is not a Parquet file: correct the file's suffix or the format"),
	named("x.parquet", "", "parquet", label(numberX), "x.parquet: is too short for a Parquet file: copy or download it again, or correct the format"),
	named("x.parquet", "PAR1", "parquet", label(numberX), "x.parquet: is too short for a Parquet file: copy or download it again, or correct the format"),
	named("x.parquet", parquetOf("x", 9)[:100], "parquet", label(numberX), "x.parquet: the file is truncated: copy or download it again").of(param.Corrupt),
	named("x.parquet", damageAt(parquetOf("x", 9), -8), "parquet", label(numberX), "x.parquet: the file is damaged: copy or write it again (the metadata is malformed)").of(param.Corrupt),
	named("x.parquet", parquetOf("x", 0), "parquet", label(numberX), "x.parquet: no rows: give data with at least one"),
	named("x.parquet", parquetOf("z", 3), "parquet", label(numberX), `x.parquet: data.features[0].numeric: no column "x"; did you mean y? the columns are y, z`),
	named("x.parquet.gz", gzipped(parquetOf("x", 3)), "parquet", label(numberX), ""),
	named("x.parquet", parquetOf("x", 3), "arrow", label(numberX), "x.parquet: is not Arrow IPC data: correct the file's suffix or the format"),
	named("x.csv", parquetOf("x", 3), "csv", label(numberX), "x.csv:1: is not csv text in UTF-8 but binary data: name the columns in the first line"),
	named("x.parquet", parquetOf("x", 3), "parquet", asking(job.Quality{Range: map[string][]float64{"x": {0, 2}}}), "x.parquet:3: x 3 is not between 0 and 2, as data.quality.range asks"),
	named("x.parquet", stored("list.parquet"), "parquet", label(job.Feature{Category: "tags"}), `x.parquet: data.features[0].category: no column "tags"; the columns are y; columns of other types are not read: "tags" (list), "box" (struct): store them as numbers, text or timestamps`),
	named("x.parquet", stored("list.parquet"), "parquet", label(job.Feature{Numeric: "box.a"}), `x.parquet: data.features[0].numeric: no column "box.a"; the columns are y; columns of other types are not read: "tags" (list), "box" (struct): store them as numbers, text or timestamps`),
	named("x.parquet", stored("list.parquet"), "parquet", label(numberX), `x.parquet: data.features[0].numeric: no column "x"; did you mean y? the columns are y; columns of other types are not read: "tags" (list), "box" (struct): store them as numbers, text or timestamps`),
	named("x.parquet", stored("time.parquet"), "parquet", label(job.Feature{Time: "t", Parts: []string{"hour"}}), `x.parquet: data.features[0].time: no column "t"; did you mean y? the columns are y; columns of other types are not read: "t" (time(isadjustedtoutc=true,unit=millis)): store them as numbers, text or timestamps`),
	named("x.parquet", sparseOf(columnar.Schema{}, two), "parquet", feature.Spec{}, ""),
	named("x.parquet", sparseOf(columnar.Schema{Columns: 3}, two), "parquet", feature.Spec{}, "x.parquet: row 1: index 5 is beyond the 3 columns of the file: correct parley.columns"),
	named("x.parquet", sparseOf(columnar.Schema{}, two), "parquet", label(numberX), "x.parquet: data.label: the rows of this format have no named columns: leave the key out, or give a format with columns such as csv\ndata.features: the rows of this format have no named columns: leave the key out, or give a format with columns such as csv"),
	named("x.parquet", sparseOf(columnar.Schema{Fields: []columnar.Field{{Name: "exposure"}}}, two), "parquet", feature.Spec{}, "x.parquet: the column exposure of sparse rows is not yet supported: leave it out"),
	named("x.parquet", sparseOf(columnar.Schema{}, &batch.CSR{Labels: []float32{1}, Offsets: []uint32{0, 2}, Columns: []uint32{4, 2}, Values: []float32{1, 2}}), "parquet", feature.Spec{}, "x.parquet: row 1: index 3 comes after 5: sort the indices of a row"),

	named("x.arrow", "y,x\n1,2\n", "arrow", label(numberX), "x.arrow: is not Arrow IPC data: correct the file's suffix or the format"),
	named("x.arrow", damageAt(stored("list.arrow"), -8), "arrow", label(numberX), "x.arrow: the file is damaged: copy or write it again (refers to 16711976 bytes at -16710992, but the file has 994)").of(param.Corrupt),
	named("x.arrow", stored("list.arrow")[:500], "arrow", label(numberX), "x.arrow: the file is truncated: copy or download it again").of(param.Corrupt),
	named("x.arrow", stored("list.arrow"), "arrow", label(numberX), ""),
	named("x.arrow", stored("list.arrow"), "arrow", label(job.Feature{Category: "tags"}), `x.arrow: data.features[0].category: no column "tags"; the columns are y, x; columns of other types are not read: "tags" (list<item: utf8, nullable>): store them as numbers, text or timestamps`),
	named("x.arrow", stored("lists.arrow"), "arrow", label(job.Feature{Category: "tags"}), `x.arrow: has no column of numbers, text or times; columns of other types are not read: "tags" (list<item: utf8, nullable>): store them as numbers, text or timestamps`),
	named("x.arrow", stored("dictionary.arrow"), "arrow", label(job.Feature{Category: "color"}), ""),
	named("x.arrow", stored("dictionary.arrow"), "arrow", label(job.Feature{Numeric: "color"}), "x.arrow: 2 of 3 rows are bad (number 2), and data.quality.max_bad_rows is 0: correct them, or allow more\n  x.arrow:1: color \"red\" is not a number: write it in plain decimal digits\n  x.arrow:3: color \"green\" is not a number: write it in plain decimal digits"),
	named("x.arrow", stored("list.arrow"), "arrow", label(job.Feature{Category: "c"}, numberX), `x.arrow: data.features[0].category: no column "c"; did you mean y? the columns are y, x; columns of other types are not read: "tags" (list<item: utf8, nullable>): store them as numbers, text or timestamps`),
	named("x.arrow", stored("wide.arrow"), "arrow", label(job.Feature{Category: "id"}), `x.arrow: row 2: column "id": the int64 value is beyond 2^53, where numbers are no longer exact: store the column as text`),
	named("x.arrow", stored("bytes.arrow"), "arrow", label(numberX), ""),
	named("x.arrow", stored("bytes.arrow"), "arrow", label(job.Feature{Category: "raw"}), "x.arrow:3: cell 2 is not UTF-8: convert the file to UTF-8"),
	named("x.arrow", stored("lines.arrow"), "arrow", label(numberX), `x.arrow:3: x "abc" is not a number: write it in plain decimal digits`),

	named("x", "\x00\x00\x07\x01abcd", "idx", feature.Spec{}, "x: has elements of the type 07, which idx does not know: give a file of type 08, 09, 0B, 0C, 0D or 0E"),
	named("x", "1 1:1\n", "idx", feature.Spec{}, "x: is not an idx file: it begins with the bytes 31 20 31 3A, not with 00 00: give a file such as train-images-idx3-ubyte"),
	named("x", "\x00\x00", "idx", feature.Spec{}, "x: ends within the header, at byte 2: copy or download it again"),
	named("x", gzipped(images), "idx", feature.Spec{}, "x: is not an idx file but gzip data: its name must end in .gz"),
	named("x", images[:len(images)-1], "idx", feature.Spec{}, "x: ends within row 2 of 2, at byte 19: copy or download it again"),
	named("x", images+"\x05", "idx", feature.Spec{}, "x: has more bytes than its 2 x 1 x 2 elements, from byte 20 on: copy or download it again"),
	named("x", arrayOf(8, []uint32{2}, "\x01\x02"), "idx", feature.Spec{}, "x: has one dimension, as labels have: give the file of images, of 2 to 4 dimensions"),
	named("x", arrayOf(8, []uint32{0, 2}, ""), "idx", feature.Spec{}, "x: no rows: give data with at least one"),
	named("x", arrayOf(8, []uint32{1 << 31, 1 << 14, 1 << 14}, ""), "idx", feature.Spec{}, "x: has rows of 16384 x 16384 elements, more than the limit of 268435455"),
	named("x", arrayOf(0x0D, []uint32{1, 1}, "\x7F\x80\x00\x00"), "idx", feature.Spec{}, "x: element 1 of row 1 is not finite but +Inf: leave the row out"),
	named("x", images, "idx", label(numberX), "x: data.label: the rows of this format have no named columns: leave the key out, or give a format with columns such as csv\ndata.features: the rows of this format have no named columns: leave the key out, or give a format with columns such as csv"),
	labelled([]string{"x", images, "labels", arrayOf(8, []uint32{3}, "\x00\x01\x02")}, "idx", "labels: has 3 labels, but x has 2 rows: give the labels that belong to them"),
	labelled([]string{"x", images, "labels", images}, "idx", "labels: has 3 dimensions, labels have one: give the file of labels"),
	labelled([]string{"x", images, "labels", "1\n0\n"}, "idx", "labels: is not an idx file: it begins with the bytes 31 0A 30 0A, not with 00 00: give a file such as train-images-idx3-ubyte"),
	labelled([]string{"x", images, "nothing", ""}, "idx", "labels: no such file or directory: correct the path"),
	labelled([]string{"x", images, "labels/a", "", "labels/b", ""}, "idx", "labels: stands for 2 files: give one"),

	named("x", "2\n3\n3\n1 1 1\n2 3 4\n", "uci-bow", feature.Spec{}, "x: has 2 counts, but the header says 3: copy or download it again, or correct the header"),
	named("x", "2\n3\n1\n1 1 1\n2 3 4\n", "uci-bow", feature.Spec{}, "x:5: is beyond the 1 counts that the header says"),
	named("x", "1\n3\n2\n1 1 1\n2 3 4\n", "uci-bow", feature.Spec{}, "x:5: document 2 is beyond the 1 that the header says"),
	named("x", "2\n2\n2\n1 1 1\n2 3 4\n", "uci-bow", feature.Spec{}, "x:5: word 3 is beyond the 2 that the header says"),
	named("x", "2\n3\n2\n2 1 1\n1 3 4\n", "uci-bow", feature.Spec{}, "x:5: document 1 comes after 2: sort the lines by document"),
	named("x", "2\n3\n2\n1 1 1\n1 1 4\n", "uci-bow", feature.Spec{}, "x:5: word 1 of document 1 is repeated, it is in line 4 too: add the two counts up"),
	named("x", "2\n3\n2\n1 1 1e999\n2 3 4\n", "uci-bow", feature.Spec{}, `x:4: count "1e999" is not a whole number: write it in plain decimal digits`),
	named("x", "2\n3\n2\n1 1 １２\n2 3 4\n", "uci-bow", feature.Spec{}, `x:4: count "１２" is not a whole number: write it in plain decimal digits`),
	named("x", "2\n3\n2\n1 1\n2 3 4\n", "uci-bow", feature.Spec{}, "x:4: has 2 fields: write document, word and count, with blanks between"),
	named("x", "9999999999\n3\n0\n", "uci-bow", feature.Spec{}, "x:3: the header says 9999999999 documents, more than the limit of 2147483647"),
	named("x", "a b c\n", "uci-bow", feature.Spec{}, `x:1: number of documents "a b c" is not a whole number: write it in plain decimal digits (the first three lines are the numbers of documents, words and counts)`),
	named("x", "2\n", "uci-bow", feature.Spec{}, "x:1: ends within the header: the first three lines are the numbers of documents, words and counts"),
	named("x", "", "uci-bow", feature.Spec{}, "x:1: ends within the header: the first three lines are the numbers of documents, words and counts"),
	named("x", "0\n0\n0\n", "uci-bow", feature.Spec{}, "x: no rows: give data with at least one"),
	labelled([]string{"x", docword, "labels", "1\n"}, "uci-bow", "labels: has 1 labels, but x has 2 documents: give one label for each"),
	labelled([]string{"x", docword, "labels", "1\nspam\n"}, "uci-bow", `labels:2: label "spam" is not a number: write it in plain decimal digits`),
	labelled([]string{"x", docword, "labels", "1\n0\n1\n"}, "uci-bow", "labels:3: has more labels than x has documents, which is 2"),
	worded([]string{"x", docword, "vocab", "a\nb\n"}, "vocab: has 2 words, but the documents have 3: give the vocabulary that belongs to them"),
	worded([]string{"x", docword, "vocab", "a\nb\na\n"}, `vocab:3: word "a" is repeated, it is in line 1 too: words must differ`),
	worded([]string{"x", docword, "vocab", "a\nb\n\xff\n"}, "vocab:3: is not text but binary data: give one word a line, in UTF-8"),
	worded([]string{"x", docword, "none", ""}, "vocab: no such file or directory: correct the path"),
	worded([]string{"x", docword, "vocab", "a\nb\nc\n"}, ""),
	worded([]string{"x", docword, "vocab.gz", "a\nb\nc\n"}, "vocab: no such file or directory: correct the path"),

	{files: []string{"x.csv", "1,2\n0,3,4\n"}, source: Source{Format: "csv", Columns: []string{"y", "x"}, Spec: label(numberX)}, want: "x.csv:2: has 3 cells, but 2 columns are named: correct the row or the names"},
	{files: []string{"x.csv", "1,2,3\n"}, source: Source{Format: "csv", Columns: []string{"y", "x"}, Spec: label(numberX)}, want: "x.csv:1: has 3 cells, but 2 columns are named: correct the row or the names"},
	{files: []string{"x.csv", "y,x\n1,2\n"}, source: Source{Format: "csv", Columns: []string{"y", "x"}, Spec: label(numberX)}, want: `x.csv:1: x "x" is not a number: write it in plain decimal digits`},
	{files: []string{"a.csv", "y,x\n1,2\n", "b.csv", "y,z\n1,2\n"}, path: ".", source: Source{Format: "csv", Spec: label(numberX)}, want: `b.csv:1: has no column "x", which a.csv has: give files of the same columns (here are y, z)`},
	{files: []string{"a.csv", "y,x\n1,2\n", "b.csv", "y,x,z\n1,2,3\n"}, path: ".", source: Source{Format: "csv", Spec: label(numberX)}, want: "b.csv:1: has 3 columns and a.csv has 2: give files of the same columns"},
	{files: []string{"a.csv", "y,x\n1,2\n", "b.csv", ""}, path: ".", source: Source{Format: "csv", Spec: label(numberX)}, want: "b.csv: no header line: name the columns in the first line"},
	{files: []string{"a.csv", "y,x\n1,2\n", "b.csv", "y,x\n1,2\n0,3\nspam,4\n"}, path: ".", source: Source{Format: "csv", Spec: label(numberX)}, want: `mixed label kinds: label 1 (a.csv:2) is a number, but label "spam" (b.csv:4) is a name: use one kind, or data.label.map`},
	{files: []string{"a.csv", "y,x\n1,2\n", "b.csv.gz", gzipped("y,x\n1,2\n")[:30]}, path: "*", source: Source{Format: "csv", Spec: label(numberX)}, want: "b.csv.gz: the gzip data is truncated: copy or download it again"},
	{files: []string{"a.csv", "y,x\n1,2\n", "b.csv", "\n\ny,z\n"}, path: "*.csv", source: Source{Format: "csv", Spec: label(numberX)}, want: `b.csv:3: has no column "x", which a.csv has: give files of the same columns (here are y, z)`},
	{files: []string{"a.parquet", parquetOf("x", 1), "b.parquet", parquetOf("z", 1)}, path: "*", source: Source{Format: "parquet", Spec: label(numberX)}, want: `b.parquet: has no column "x", which a.parquet has: give files of the same columns (here are y, z)`},
	{files: []string{"a.parquet", parquetOf("x", 1), "b.parquet", sparseOf(columnar.Schema{}, two)}, path: "*", source: Source{Format: "parquet", Spec: label(numberX)}, want: "b.parquet: has rows of another kind than a.parquet: give files with the same columns"},
	{files: []string{"d/a=1/x.csv", "y,x\n1,2\n", "d/b=1/x.csv", "y,x\n1,2\n"}, path: "d", source: Source{Format: "csv", Spec: label(numberX)}, want: `d/b=1/x.csv: its key=value folders are ["b"], those of d/a=1/x.csv are ["a"]: move the files to folders of the same keys`},
	{files: []string{"d/a=1/x.csv", "y,x\n1,2\n", "d/x.csv", "y,x\n1,2\n"}, path: "d", source: Source{Format: "csv", Spec: label(numberX)}, want: `d/x.csv: its key=value folders are [], those of d/a=1/x.csv are ["a"]: move the files to folders of the same keys`},
	{files: []string{"d/x=1/a.csv", "y,x\n1,2\n"}, path: "d", source: Source{Format: "csv", Spec: label(numberX)}, want: `d/x=1/a.csv: the folder key "x" is the name of a column too: rename one of them`},
	{files: []string{"d/a=1/a=2/a.csv", "y,x\n1,2\n"}, path: "d", source: Source{Format: "csv", Spec: label(numberX)}, want: `d/a=1/a=2/a.csv: two folders have the key "a": rename one of them`},
	{files: []string{"d/a=b/a.csv", "y,x\n1,2\n"}, path: "d", source: Source{Format: "csv", Spec: label(job.Feature{Numeric: "a"})}, want: `d/a=b/a.csv:2: a "b" is not a number: write it in plain decimal digits`},
	{files: []string{"d/a=%FF/a.csv", "y,x\n1,2\n"}, path: "d", source: Source{Format: "csv", Spec: label(job.Feature{Category: "a"})}, want: `d/a=%FF/a.csv: the name of the folder "a=\xff" is not UTF-8: rename it`},
	{files: []string{"d/e/x.csv", "y,x\n1,2\n"}, path: "d", source: Source{Format: "csv", Spec: label(numberX)}, want: "d: the directory holds no data files (hidden files and subdirectories that are not named key=value do not count): put some into it, or give a file or a glob"},
	{files: []string{"d/x.csv", "y,x\n1,2\n"}, path: "d/*.tsv", source: Source{Format: "tsv", Spec: label(numberX)}, want: "d/*.tsv: no file matches: correct the pattern"},
	{files: []string{"d/x.csv", "y,x\n1,2\n"}, path: "d/x.csv/y", source: Source{Format: "csv", Spec: label(numberX)}, want: "d/x.csv/y: no such file or directory: correct the path"},
	{files: []string{"a", "1 1:1\n", "b", "x\x00"}, path: "*", want: "b:1: is not libsvm text but binary data: give rows such as 1 3:0.5 7:1"},
}

// labelled and worded are damage of a file with another beside it.
func labelled(files []string, format, want string) damage {
	return damage{files: files, source: Source{Format: format, Labels: "labels"}, want: want}
}

func worded(files []string, want string) damage {
	return damage{files: files, source: Source{Format: "uci-bow", Vocab: "vocab"}, want: want}
}

// damageAt inverts a byte, counted from the end as -1, -2.
func damageAt(content string, at int) string {
	b := []byte(content)
	b[len(b)+at] ^= 0xFF
	return string(b)
}
