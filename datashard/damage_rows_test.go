package datashard

import (
	"strings"

	"parley/internal/feature"
	"parley/internal/job"
)

// row is damage of one file of a text format.
func row(format, text string, spec feature.Spec, want string) damage {
	return damage{files: []string{"x", text}, source: Source{Format: format, Spec: spec}, want: want}
}

// label is a spec of a label column y and features.
func label(features ...job.Feature) feature.Spec {
	return feature.Spec{Label: &job.Label{Column: "y"}, Features: features}
}

var (
	numberX   = job.Feature{Numeric: "x", Scale: 1, Missing: "mean"}
	refuseX   = job.Feature{Numeric: "x", Scale: 1, Missing: "refuse"}
	categoryC = job.Feature{Category: "c", MinCount: 1}
	timeT     = job.Feature{Time: "t", Parts: []string{"hour"}}
)

// asking is a spec with numberX that asks for quality.
func asking(q job.Quality) feature.Spec {
	s := label(numberX)
	s.Quality = &q
	return s
}

var hashed = feature.Spec{Hash: &job.Hash{Bits: 10}}

var documentsSpec = feature.Spec{Text: &job.Text{MinDF: 1, MaxDF: 1, Stop: "none", IDF: "smooth", Weight: "count", NGrams: []int{1, 1}}}

// damagedRows are bad rows, and columns that are not as the job has them.
var damagedRows = []damage{
	row("libsvm", "1 1:1\n1 2:1e999\n", feature.Spec{}, `x:2: value "1e999" is beyond the range of 32-bit floats`),
	row("libsvm", "1 1:1\n1 2:0x1p3\n", feature.Spec{}, `x:2: value "0x1p3" is not a number: write it in plain decimal digits`),
	row("libsvm", "1 1:1\n1 2:１２\n", feature.Spec{}, `x:2: value "１２" is not a number: write it in plain decimal digits`),
	row("libsvm", "1 1:1\n１ 2:1\n", feature.Spec{}, `x:2: label "１" is not a number: write it in plain decimal digits`),
	row("libsvm", "1 1:1\n1 2:1_000\n", feature.Spec{}, `x:2: value "1_000" is not a number: write it in plain decimal digits`),
	row("libsvm", "1 1:1\n1 2:1,5\n", feature.Spec{}, `x:2: value "1,5" is not a number: write it in plain decimal digits`),
	row("libsvm", "1 1:1\n1 2:\x00\n", feature.Spec{}, "x:2: is not libsvm text but binary data: give rows such as 1 3:0.5 7:1"),
	row("libsvm", "1 1:1\n1 1:nan\n", hashed, `x:2: value "nan" is not finite: leave the row or the feature out`),
	row("libsvm", "y,x\n1,2\n", feature.Spec{}, "x: 2 of 2 rows are bad (label 2), and data.quality.max_bad_rows is 0: correct them, or allow more\n  x:1: label \"y,x\" is not a number: write it in plain decimal digits\n  x:2: label \"1,2\" is not a number: write it in plain decimal digits"),
	row("libsvm", "1 1:1\n", label(), "x: data.label: the rows of this format have no named columns: leave the key out, or give a format with columns such as csv"),
	row("vw", "1 | a:1\n1 | a:1e999\n", feature.Spec{}, `x:2: value "1e999" is beyond the range of 32-bit floats`),
	row("vw", "1 | a:1\n1 | a:0x1p3\n", feature.Spec{}, `x:2: value "0x1p3" is not a number: write it in plain decimal digits, or a text value as part of the name, name=text`),
	row("vw", "1 | a:1\n1 | a:１２\n", feature.Spec{}, `x:2: value "１２" is not a number: write it in plain decimal digits, or a text value as part of the name, name=text`),
	row("vw", "1 | a:1\nred | a:1\n", feature.Spec{}, `x:2: label "red" is not a number: write it in plain decimal digits`),
	row("vw", "1 | a:1\n1 2 a:1\n", feature.Spec{}, "x:2: has no bar: write rows such as 1 | price:0.23 2006"),
	row("vw", "1 | a:1\n1 -2 | a:1\n", feature.Spec{}, `x:2: importance "-2" is negative: write 0 or more`),
	row("vw", "1 | a:1\n1 | a\x00:1\n", feature.Spec{}, "x:2: is not vw text but binary data: give rows such as 1 | price:0.23 2006"),
	row("vw", "1 1:2 3:4\n", feature.Spec{}, "x:1: has no bar: write rows such as 1 | price:0.23 2006"),

	row("csv", "y,x\n1,2\n0,1e999\n", label(numberX), `x:3: x "1e999" is beyond the range of 64-bit floats: correct it, or leave the row out`),
	row("csv", "y,x\n1,2\n0,0x1p3\n", label(numberX), `x:3: x "0x1p3" is not a number: write it in plain decimal digits`),
	row("csv", "y,x\n1,2\n0,１２\n", label(numberX), `x:3: x "１２" is not a number: write it in plain decimal digits`),
	row("csv", "y,x\n1,2\n0,nan\n", label(numberX), `x:3: x "nan" is not a number: write it in plain decimal digits`),
	row("csv", "y,x\n1,2\n0,1e300\n", label(numberX), "x:3: x 1e300 is beyond the range of 32-bit floats"),
	row("csv", "y,x\n1,2\n0, 3\n", label(numberX), `x:3: x " 3" is not a number: write it in plain decimal digits`),
	row("csv", "y,x\n1,2\n0,\n", label(refuseX), "x:3: x is missing: fill it in, or set missing: mean for the feature"),
	row("csv", "y,x\n1,2\n,3\n", label(numberX), "x:3: label y is missing"),
	row("csv", "y,x\n1,2\n0\n", label(numberX), "x:3: has 1 cell, the header has 2: correct the row"),
	row("csv", "y,x\n1,2\n0,1,2\n", label(numberX), "x:3: has 3 cells, the header has 2: correct the row"),
	row("csv", "y,x\n1,2\n0,a\"b\n", label(numberX), "x:3: cell 2 has a quote inside: put the cell in quotes and double those inside"),
	row("csv", "y,x\n1,2\n0,\"a\"b\n", label(numberX), "x:3: cell 2 goes on behind its closing quote: double the quotes inside of it"),
	row("csv", "y,x\n1,2\n0,\"a\n1,2\n", label(numberX), "x:3: cell 2 has a quote that is never closed: close it"),
	row("csv", "y,c\n1,a\n0,\xff\n", label(categoryC), "x:3: cell 2 is not UTF-8: convert the file to UTF-8"),
	row("csv", "y,c\n1,a\n0,b\x00\n", label(categoryC), "x:3: has a NUL byte, so it is binary data or UTF-16: convert it to text in UTF-8"),
	row("csv", "y,c\n1,a\n\xEF\xBB\xBF0,b\n", label(categoryC), "x:3: begins with a byte order mark: remove it, as only a file may begin with one"),
	row("csv", "\xff\xfey\x00,\x00x\x00\n\x00", label(numberX), "x:1: is not csv text in UTF-8 but binary data: name the columns in the first line"),
	row("csv", "y,x,y\n1,2,3\n", label(numberX), `x:1: columns 1 and 3 are both named "y": rename one (or, if the file has no header, give their names in columns)`),
	row("csv", "\n\ny,,x\n1,2,3\n", label(numberX), "x:3: column 2 has no name: name every column in the first line (or, if the file has no header, in columns)"),
	row("csv", "y,x\n", label(numberX), "x: no rows: give data with at least one"),
	row("csv", "", label(numberX), "x: no header line: name the columns in the first line"),
	row("csv", "\n\n", label(numberX), "x: no header line: name the columns in the first line"),
	row("csv", "\"y,x\n1,2\n", label(numberX), "x:1: header: cell 1 has a quote that is never closed: close it"),
	row("csv", "y\tx\n1\t2\n", label(numberX), "x: data.label.column: no column \"y\"; the columns are y\tx\ndata.features[0].numeric: no column \"x\"; the columns are y\tx"),
	row("csv", "1,2\n0,3\n", label(numberX), "x: data.label.column: no column \"y\"; did you mean 1? the columns are 1, 2\ndata.features[0].numeric: no column \"x\"; did you mean 1? the columns are 1, 2"),
	row("tsv", "y,x\n1,2\n", label(numberX), "x: data.label.column: no column \"y\"; the columns are y,x\ndata.features[0].numeric: no column \"x\"; the columns are y,x"),
	row("tsv", "y\tx\n1\t2\n0\n", label(numberX), "x:3: has 1 cell, the header has 2: correct the row"),
	row("csv", "y,c\n1,a\n0,b\n", label(numberX), `x: data.features[0].numeric: no column "x"; did you mean y? the columns are y, c`),
	row("csv", "label,x\n1,2\n0,b\n", label(numberX, categoryC), "x: data.label.column: no column \"y\"; did you mean x? the columns are label, x\ndata.features[1].category: no column \"c\"; did you mean x? the columns are label, x"),
	row("csv", "y,x\n1,2\nspam,3\n0,4\n", label(numberX), `mixed label kinds: label 1 (x:2) is a number, but label "spam" (x:3) is a name: use one kind, or data.label.map`),
	row("csv", "y,x\n0,2\n2,3\n", feature.Spec{Label: &job.Label{Column: "y", Map: map[string]float64{"0": 0, "1": 1}}, Features: []job.Feature{numberX}}, `x:3: label "2" is not in data.label.map: add it, or * for all others`),
	row("csv", "y,t\n1,2001-01-31 07:05\n0,2001-02-30 07:05\n", label(timeT), `x:3: t "2001-02-30 07:05" is not a time: write it as 2001-01-31 07:05 or 2001-01-31T07:05:09Z, or as 10 digits of seconds since 1970`),
	row("csv", "y,t\n1,07:05\n", label(timeT), `x:2: t "07:05" is not a time: write it as 2001-01-31 07:05 or 2001-01-31T07:05:09Z, or as 10 digits of seconds since 1970`),
	row("csv", "y,t\n1,2001-01-31 25:00\n", label(timeT), `x:2: t "2001-01-31 25:00" is not a time: write it as 2001-01-31 07:05 or 2001-01-31T07:05:09Z, or as 10 digits of seconds since 1970`),
	row("csv", "y,x\n1,\n0,\n", label(numberX), "x: data.features[0].numeric: column x has no numbers: leave the feature out"),
	row("csv", "y,x\nabc,1\ndef,1e999\n", feature.Spec{Label: &job.Label{Column: "y", Above: new(float64)}, Features: []job.Feature{numberX}}, "x: 2 of 2 rows are bad (label 2), and data.quality.max_bad_rows is 0: correct them, or allow more\n  x:2: label \"abc\" is not a number: write it in plain decimal digits\n  x:3: label \"def\" is not a number: write it in plain decimal digits"),
	row("csv", "y,x,w\n1,2,1\n0,3,-1\n", feature.Spec{Label: &job.Label{Column: "y"}, Weight: &job.Column{Column: "w"}, Features: []job.Feature{numberX}}, "x:3: weight w is -1: it must be at least 0"),
	row("csv", "y,x\n1,2\n0,30\n", asking(job.Quality{Range: map[string][]float64{"x": {0, 10}}}), "x:3: x 30 is not between 0 and 10, as data.quality.range asks"),
	row("csv", "y,x\n1,2\n0,30\n", asking(job.Quality{MinRows: 3}), "x: data.quality.min_rows: 2 rows can be used, but there must be at least 3"),
	row("csv", "y,x\n1,2\n0,\n0,\n", asking(job.Quality{MaxMissing: map[string]float64{"x": 0.5}}), "x: data.quality.max_missing.x: 2 of 3 rows (66.67%) have no x, but at most 50% may"),
	row("csv", "y,x\n1,2\n0,2\n", asking(job.Quality{Unique: "x"}), `x: data.quality.unique: 1 rows repeat the x of another row: "2" is there 2 times`),
	row("csv", "y,x\n1,2\n3,2\n", asking(job.Quality{Labels: []float64{0, 1}}), "x:3: label 3 is not one of 0, 1, which data.quality.labels allows"),
	row("csv", "y,x\n1,2\n0,a\n0,b\n1\n", asking(job.Quality{MaxBadRows: 2}), "x: 3 of 4 rows are bad (columns 1, number 2), and data.quality.max_bad_rows is 2: correct them, or allow more\n  x:3: x \"a\" is not a number: write it in plain decimal digits\n  x:4: x \"b\" is not a number: write it in plain decimal digits\n  x:5: has 1 cell, the header has 2: correct the row"),
	row("csv", "y,x\n1,2\n0,a\n0,b\n1\n", asking(job.Quality{MaxBadRows: 3}), ""),
	row("csv", "y,x\n1,b\n0,a\n", asking(job.Quality{MaxBadRows: 3}), "x: all 2 rows are bad (number 2): correct them\n  x:2: x \"b\" is not a number: write it in plain decimal digits\n  x:3: x \"a\" is not a number: write it in plain decimal digits"),

	row("jsonl", `{"y":1,"x":2}`+"\n"+`{"y":1,"x":1e999}`, label(numberX), `x:2: x "1e999" is beyond the range of 64-bit floats: correct it, or leave the row out`),
	row("jsonl", `{"y":1,"x":2}`+"\n"+`{"y":1,"x":0x1p3}`, label(numberX), `x:2: byte 13 is "x" instead of , or }: correct the line`),
	row("jsonl", `{"y":1,"x":2}`+"\n"+`{"y":1,"x":"１２"}`, label(numberX), `x:2: x "１２" is not a number: write it in plain decimal digits`),
	row("jsonl", `{"y":1,"x":2}`+"\n"+`{"y":1,"x":[1]}`, label(numberX), `x:2: field "x" is an array: give text, a number, true, false or null`),
	row("jsonl", `{"y":1,"x":2}`+"\n"+`{"y":1,"x":{"a":1}}`, label(numberX), `x:2: field "x" is an object: name a field inside of it, as in "x.key"`),
	row("jsonl", `{"y":1,"x":2}`+"\n"+`{"y":1,"x":2,"x":3}`, label(numberX), `x:2: field "x" is there twice: remove one`),
	row("jsonl", `{"y":1,"x":2}`+"\n"+`{"y":1,"x":`, label(numberX), "x:2: ends before byte 12, where a value must be: complete the line"),
	row("jsonl", `{"y":1,"x":2}`+"\n"+`[1,2]`, label(numberX), `x:2: byte 1 is "[" instead of {: give one JSON object a line`),
	row("jsonl", `{"y":1,"x":2}`+"\n"+`{"x":2}`, label(numberX), "x:2: label y is missing"),
	row("jsonl", `{"y":1,"c":"a"}`+"\n{\"y\":1,\"c\":\"\xff\"}\n", label(categoryC), "x:2: byte 13 is not UTF-8: convert the file to UTF-8"),
	row("jsonl", `{"y":1,"c":"a"}`+"\n{\"y\":1,\"c\":\"\x00\"}\n", label(categoryC), `x:2: byte 13 is "\x00" instead of the escape of a control character: correct the line`),
	row("jsonl", `{"y":1,"c":"a"}`+"\n"+`{"y":1,"c":"\ud800"}`, label(categoryC), "x:2: byte 13: the escape of half a surrogate pair stands alone: write both halves, or the letter itself"),
	row("jsonl", `{"y":1,"x":2}`+"\n"+`{"y":1,"x":{"a":1}}`, label(categoryC), `x: data.features[0].category: no column "c"; did you mean y? the columns are y, x, x.a`),
	row("jsonl", "[\n"+`{"y":1,"x":2},`+"\n"+`{"y":1,"x":3}`+"\n]\n", label(numberX), "x: 3 of 4 rows are bad (json 3), and data.quality.max_bad_rows is 0: correct them, or allow more\n  x:1: byte 1 is \"[\" instead of {: give one JSON object a line\n  x:2: byte 14 is \",\" instead of the end of the line: correct the line\n  x:4: byte 1 is \"]\" instead of {: give one JSON object a line"),
	row("jsonl", `{"y":1,"deep":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+"}\n"+`{"y":1,"x":3}`, label(numberX), "x:1: byte 78: more than 64 objects or arrays are inside of one another: make the line flatter"),
	row("jsonl", `{"y":1,"pad":"`+strings.Repeat("a", 2<<20)+`","x":2}`+"\n"+`{"y":0,"x":3}`+"\n", label(numberX), ""),
	row("jsonl", "\n\n", label(numberX), "x: no rows: give data with at least one"),
	row("jsonl", "{}\n", label(numberX), "x:1: the lines have no fields of text or numbers: write some"),
	row("jsonl", "", label(numberX), "x: no rows: give data with at least one"),

	row("text", "ab cd\n\xff\n", documentsSpec, ""),
	row("text", "ab cd\nef\x00gh\n", documentsSpec, "x:2: has a NUL byte, so it is binary data or UTF-16: convert it to text in UTF-8"),
	row("text", "", documentsSpec, "x: no rows: give data with at least one"),
	row("text", "\n\n", documentsSpec, "x: data.text: no term in 2 documents: a word has at least two letters or digits, and stop words are left out"),
	row("text", gzipped("ab cd\n"), documentsSpec, "x:1: has a NUL byte, so it is binary data or UTF-16: convert it to text in UTF-8; if it is compressed, its name must end in .gz"),
	row("text", "a b\n", label(numberX), "x: data.label.column: no column \"y\"; the columns are text\ndata.features[0].numeric: no column \"x\"; the columns are text"),
	row("xml", "<a/>", feature.Spec{}, `x: format "xml" is not known: the formats are arrow, csv, idx, jsonl, libsvm, parquet, text, tsv, uci-bow, vw`),
}
