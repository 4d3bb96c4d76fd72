package job

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// columns is a job of every kind of feature.
const columns = `data:
  train: {path: "flights/*.csv.gz", columns: [delay, origin, date, w]}
  test: {path: b, columns: [a]}
  hash: {bits: 22}
  label: {column: delay, above: 0}
  weight: {column: w}
  features:
  - {numeric: distance, transform: [log1p, standardize], missing: refuse}
  - numeric: age
    bins: 10
    scale: -0.5
  - {category: origin, min_count: 5}
  - {time: date, parts: [hour, weekday]}
  - {cross: [origin, date.hour]}
  - ignore: id
  cache: off
  quality:
    max_bad_rows: 3
    min_rows: 100
    max_missing: {age: 0.5, "a.b": 1}
    range: {distance: [0, 5e3]}
    labels: [0, 1]
    unique: id
model: {kind: logistic}
output: runs/a
`

// documents is a job with every key of data.text.
const documents = `data:
  train: {path: a.jsonl}
  label: {column: stars, map: {"1": 0, "normal.": 1, "*": -1.5}}
  text: {field: body, label: stars, min_df: 2, max_df: 0.5, max_terms: 100, stop: english, lowercase: false,
    ngrams: [1, 2], weight: tfidf, idf: plain, sublinear: true, normalize: false}
model: {kind: logistic}
output: runs/a
`

func TestColumnsReachTheJob(t *testing.T) {
	var zero float64
	want := Data{
		Train:  Source{Path: "flights/*.csv.gz", Format: "csv", Columns: []string{"delay", "origin", "date", "w"}},
		Test:   &Source{Path: "b", Format: "csv", Columns: []string{"a"}},
		Hash:   &Hash{Bits: 22},
		Label:  &Label{Column: "delay", Above: &zero},
		Weight: &Column{Column: "w"},
		Features: []Feature{
			{Numeric: "distance", Transform: []string{"log1p", "standardize"}, Scale: 1, Missing: "refuse"},
			{Numeric: "age", Bins: 10, Scale: -0.5, Missing: "mean"},
			{Category: "origin", MinCount: 5},
			{Time: "date", Parts: []string{"hour", "weekday"}},
			{Cross: []string{"origin", "date.hour"}, MinCount: 1},
			{Ignore: "id"},
		},
		Scale: 1, Cache: "off",
		Quality: &Quality{
			MaxBadRows: 3, MinRows: 100, MaxMissing: map[string]float64{"age": 0.5, "a.b": 1},
			Range: map[string][]float64{"distance": {0, 5000}}, Labels: []float64{0, 1}, Unique: "id",
		},
	}
	if diff := cmp.Diff(want, parsed(t, columns).Data); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestDocumentsReachTheJob(t *testing.T) {
	normalize := false
	want := Data{
		Train: Source{Path: "a.jsonl", Format: "jsonl"},
		Text: &Text{
			Field: "body", Label: "stars", MinDF: 2, MaxDF: 0.5, MaxTerms: 100, Stop: "english", NGrams: []int{1, 2},
			Weight: "tfidf", IDF: "plain", Sublinear: true, Normalize: &normalize,
		},
		Label: &Label{Column: "stars", Map: map[string]float64{"1": 0, "normal.": 1, "*": -1.5}},
		Scale: 1, Cache: "on",
	}
	if diff := cmp.Diff(want, parsed(t, documents).Data); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestDefaultsOfData(t *testing.T) {
	text := func(field string) *Text {
		return &Text{Field: field, MinDF: 1, MaxDF: 1, Stop: "none", Lowercase: true, NGrams: []int{1, 1}, Weight: "tfidf", IDF: "smooth"}
	}
	source := func(path, format string) Source { return Source{Path: path, Format: format} }
	for _, c := range []struct {
		data string
		want Data
	}{
		{"{train: {path: a.txt, format: text}}", Data{Train: source("a.txt", "text"), Text: text("")}},
		{"{train: {path: a.csv}, text: {}}", Data{Train: source("a.csv", "csv"), Text: text("text")}},
		{"{train: {path: docword.a.txt}, text: {}}", Data{Train: source("docword.a.txt", "uci-bow"), Text: text("")}},
		{"{train: {path: docword.a.txt}}", Data{Train: source("docword.a.txt", "uci-bow")}},
		{"{train: {path: a.vw}}", Data{Train: source("a.vw", "vw")}},
		{"{train: {path: a.csv}, quality: {}, features: [], train: {path: a.csv, columns: []}}", Data{}},
		{"{train: {path: a.csv, columns: []}, quality: {range: {}, labels: []}, features: []}",
			Data{Train: source("a.csv", "csv"), Quality: &Quality{}}},
	} {
		j, err := Parse("j.yaml", []byte("{data: "+c.data+", model: {kind: linear}, output: o}"), nil)
		if c.want.Train.Path == "" {
			if err == nil {
				t.Errorf("%s: no error", c.data)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		c.want.Scale, c.want.Cache = 1, "on"
		if diff := cmp.Diff(c.want, j.Data); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.data, diff)
		}
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]string{
		"a.svm": "libsvm", "a.libsvm.zst": "libsvm", "x/*.vw.bz2": "vw", "A.CSV.GZ": "csv", "a.tsv": "tsv",
		"a.jsonl": "jsonl", "a.ndjson.gz": "jsonl", "a.arrow": "arrow", "a.feather": "arrow", "a.ipc": "arrow",
		"a.parquet": "parquet", "train-images-idx3-ubyte.gz": "idx", "docword.nips.txt.gz": "uci-bow", "x/docword*.txt": "uci-bow",
		"a.txt": "", "a.dat": "", "a": "", "": "", "a.csv/": "csv", "a.csv/b": "", "a.gz": "", "csv": "", "a.csv.gz.zst": "",
		"https://h/a.csv.gz?token=a.svm": "csv", "http://h/a.vw#x": "vw", "s3://b/a.parquet": "parquet", "a.csv?x=1": "",
	} {
		if got := FormatOf(name); got != want {
			t.Errorf("FormatOf(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestFormatsOfSources(t *testing.T) {
	for _, c := range []struct{ train, test, want string }{
		{"{path: a.csv}", "{path: b.tsv}", "csv tsv"},
		{"{path: a.csv}", "{path: b}", "csv csv"},
		{"{path: a.csv}", "{path: b.txt}", "csv csv"},
		{"{path: a.csv, format: tsv}", "{path: b.csv}", "tsv tsv"}, // the same suffix says the same
		{"{path: a.csv, format: tsv}", "{path: b.jsonl}", "tsv jsonl"},
		{"{path: a.txt}", "{path: b-ubyte}", "libsvm idx"},
		{"{path: a.dat}", "{path: b.csv, format: libsvm}", "libsvm libsvm"},
	} {
		j := parsed(t, "data: {train: "+c.train+", test: "+c.test+"}\nmodel: {kind: linear}\noutput: o\n")
		if got := j.Data.Train.Format + " " + j.Data.Test.Format; got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.train, c.test, got, c.want)
		}
	}
}

func TestLoadKeepsURLs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "job.yaml")
	const text = `data:
  train: {path: "s3://b/docword.txt", labels: l.txt, vocab: "https://h/v.txt"}
  test: {path: "http://h/docword.txt?a=../b", labels: /x/../l.txt}
model: {kind: linear}
output: o
`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	j, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Source{
		{Path: "s3://b/docword.txt", Format: "uci-bow", Labels: filepath.Join(dir, "l.txt"), Vocab: "https://h/v.txt"},
		{Path: "http://h/docword.txt?a=../b", Format: "uci-bow", Labels: "/l.txt"},
	}
	if diff := cmp.Diff(want, []Source{j.Data.Train, *j.Data.Test}); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestOverridesOfData(t *testing.T) {
	fifteen := 15.0
	cases := []struct {
		overrides []string
		change    func(*Data)
	}{
		{[]string{"data.features[0].missing=mean"}, func(d *Data) { d.Features[0].Missing = "mean" }},
		{[]string{"data.features[2].min_count=7"}, func(d *Data) { d.Features[2].MinCount = 7 }},
		{[]string{"data.features[2].category=2024"}, func(d *Data) { d.Features[2].Category = "2024" }},
		{[]string{"data.features[1]=null", "data.features[4]=null", "data.features[1].min_count=null"}, func(d *Data) {
			d.Features = []Feature{d.Features[0], d.Features[2], d.Features[3], d.Features[4]}
			d.Features[1].MinCount = 1
		}},
		{[]string{"data.features[6].ignore=x"}, func(d *Data) { d.Features = append(d.Features, Feature{Ignore: "x"}) }},
		{[]string{"data.features[3].parts[1]=day"}, func(d *Data) { d.Features[3].Parts[1] = "day" }},
		{[]string{"data.features=[{numeric: x}]"}, func(d *Data) { d.Features = []Feature{{Numeric: "x", Scale: 1, Missing: "mean"}} }},
		{[]string{"data.features=null"}, func(d *Data) { d.Features = nil }},
		{[]string{"data.features=[]"}, func(d *Data) { d.Features = nil }},
		{[]string{"data.features=null", "data.features[0].category=x"}, func(d *Data) { d.Features = []Feature{{Category: "x", MinCount: 1}} }},
		{[]string{"data.label.above=15"}, func(d *Data) { d.Label.Above = &fifteen }},
		{[]string{"data.label.above=null", "data.label.map.no.=0"}, func(d *Data) { d.Label = &Label{Column: "delay", Map: map[string]float64{"no.": 0}} }},
		{[]string{"data.quality.range.distance=[1,2]"}, func(d *Data) { d.Quality.Range["distance"] = []float64{1, 2} }},
		{[]string{"data.quality.range.a.b[0]=[1, 2]"}, func(d *Data) { d.Quality.Range["a.b[0]"] = []float64{1, 2} }},
		{[]string{"data.quality.max_missing.a.b=null"}, func(d *Data) { delete(d.Quality.MaxMissing, "a.b") }},
		{[]string{"data.quality=null"}, func(d *Data) { d.Quality = nil }},
		{[]string{"data.quality.labels[1]=-1"}, func(d *Data) { d.Quality.Labels = []float64{0, -1} }},
		{[]string{"data.train.columns=[a, b]"}, func(d *Data) { d.Train.Columns = []string{"a", "b"} }},
		{[]string{"data.text.ngrams=[1,2]", "data.hash=null"}, func(d *Data) {
			d.Hash = nil
			d.Text = &Text{Field: "text", MinDF: 1, MaxDF: 1, Stop: "none", Lowercase: true, NGrams: []int{1, 2}, Weight: "tfidf", IDF: "smooth"}
		}},
		{[]string{"data.cache=on", "data.exposure=null"}, func(d *Data) { d.Cache = "on" }},
	}
	for _, c := range cases {
		want := parsed(t, columns)
		c.change(&want.Data)
		if diff := cmp.Diff(want, parsed(t, columns, c.overrides...)); diff != "" {
			t.Errorf("%q: -want +got\n%s", c.overrides, diff)
		}
	}
}

func TestFaultsOfDataOverrides(t *testing.T) {
	for _, c := range []struct{ override, want string }{
		{"data.features[7].ignore=x", "data.features has 6 items, so the next is [6]"},
		{"data.features[].ignore=x", "data.features is a list: say which item, such as [0]"},
		{"data.features.ignore=x", "data.features is a list, not a mapping of keys"},
		{"data.features[0][1]=x", "data.features[0] is a mapping, not a list"},
		{"data.features[0].min_count=x", `must be an integer, not "x"`},
		{"data.features[0].bin=3", "unknown key; did you mean data.features[0].bins?"},
		{"data.features[0]=3", "must be a mapping of keys (numeric, transform, scale, bins, missing, category, min_count, time, parts, cross, ignore), not 3"},
		{"data[0]=3", "data is a mapping, not a list"},
		{"data.features[0=3", "unknown key; did you mean data.features?"},
		{"data.quality.labels.0=3", "data.quality.labels is a list, not a mapping of keys"},
		{"data.quality.range.distance[0]=3", "must be a list of numbers, not 3; put it in brackets"},
	} {
		_, err := Parse("j.yaml", []byte(columns), []string{c.override})
		want := "override " + c.override + ": " + c.want
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
