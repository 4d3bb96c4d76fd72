package job

import (
	"strings"
	"testing"
)

// dataFaults wants the faults of keys of data, a line each, of a job of csv with
// the keys of data in a line of their own.
func dataFaults(t *testing.T, cases []struct{ data, want string }) {
	t.Helper()
	for _, c := range cases {
		text := "data:\n  " + c.data + "\n  train: {path: a.csv}\nmodel: {kind: logistic}\noutput: o\n"
		got := ""
		if _, err := Parse("j.yaml", []byte(text), nil); err != nil {
			got = strings.ReplaceAll(err.Error(), "j.yaml:2: data.", "")
		}
		if got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.data, got, c.want)
		}
	}
}

func TestFaultsOfFeatures(t *testing.T) {
	dataFaults(t, []struct{ data, want string }{
		{"features: [{numeric: a, bins: 5, scale: 2, missing: refuse}]", ""},
		{"features: [{}]", "features[0]: needs one of numeric, category, time, cross or ignore"},
		{"features: [{ignore: a}, {bins: 3}]", "features[1]: needs one of numeric, category, time, cross or ignore"},
		{"features: [{numeric: a, time: b, ignore: c}]", "features[0]: has numeric and time and ignore; make a feature of each"},
		{"features: [{category: a, transform: [log]}]", "features[0].transform: is for features of kind numeric, and this one is category; remove it"},
		{"features: [{ignore: a, scale: 0}]", "features[0].scale: is for features of kind numeric, and this one is ignore; remove it"},
		{"features: [{category: a, missing: mean, bins: 3}]", "features[0].missing: is for features of kind numeric, and this one is category; remove it\n" +
			"features[0].bins: is for features of kind numeric, and this one is category; remove it"},
		{"features: [{numeric: a, min_count: 1}]", "features[0].min_count: is for features of kind category or cross, and this one is numeric; remove it"},
		{"features: [{numeric: a, parts: []}]", "features[0].parts: must not be empty"},
		{"features: [{cross: [a, b], parts: [hour]}]", "features[0].parts: is for features of kind time, and this one is cross; remove it"},
		{"features: [{numeric: a, scale: 0}]", "features[0].scale: must not be 0"},
		{"features: [{numeric: a, transform: [log], bins: 2}]", "features[0].transform: cannot be used together with bins, which any transform leaves the same; keep one of them"},
		{"features: [{time: a}]", "features[0].parts: is required; add it, such as [hour, weekday]"},
		{"features: [{time: a, parts: [hour, hours]}]", `features[0].parts[1]: unknown value "hours"; did you mean hour?`},
		{"features: [{time: a, parts: [hour, day, hour]}]", `features[0].parts[2]: "hour" is [0] already; keep one of them`},
		{"features: [{cross: [a]}]", "features[0].cross: must have at least 2 items, not 1"},
		{"features: [{cross: [a, b, a]}]", `features[0].cross[2]: "a" is [0] already; keep one of them`},
		{"features: [{cross: [a, '']}]", "features[0].cross[1]: must not be empty"},
		{"features: [{cross: [a, ~]}]", "features[0].cross[1]: has no value; give it one, or remove it"},
		{"features: [a, {numeric: 3}, ~]", "features[0]: must be a mapping of keys (numeric, transform, scale, bins, missing, category, min_count, time, parts, cross, ignore), not \"a\"\n" +
			"features[1].numeric: must be text, not 3; put it in quotes\nfeatures[2]: has no value; give it one, or remove it"},
		{"features: [{numeric: a, tranform: log}]", "features[0].tranform: unknown key; did you mean data.features[0].transform?"},
		{"features: [{numeric: a, transform: log}]", `features[0].transform: must be a list of text, not "log"; put it in brackets`},
		{"features: {numeric: a}", "features: must be a list of mappings, not a mapping"},
	})
}

func TestFaultsOfLabels(t *testing.T) {
	dataFaults(t, []struct{ data, want string }{
		{"label: {column: a, map: {}}", `label.map: must not be empty; give the label of each cell, such as {yes: 1, "*": 0}`},
		{"label: {column: a, map: {b: 1}, above: 0}", "label.map: cannot be used together with data.label.above; keep one of them"},
		{"label: {above: .nan}", "label.column: is required; add it\nlabel.above: must be a finite number, not .nan"},
		{"label: {column: a, map: {b: ~, \"c\\n\": 1}}", "label.map.b: has no value; give it one, or remove the key\n" +
			`label.map."c\n": a name must be printable text on one line`},
		{"label: {column: a, map: [b]}", "label.map: must be a mapping of names to numbers, not a list"},
		{"label: {column: a, above: x, map: {b: 1}}", `label.above: must be a number, not "x"`},
		{"label: a", `label: must be a mapping of keys (column, above, map), not "a"`},
		{"exposure: {column: a}", "exposure: is only for model.kind poisson; remove it, or set the kind"},
		{"weight: {column: ''}", "weight.column: must not be empty"},
	})
}

func TestFaultsOfDocuments(t *testing.T) {
	dataFaults(t, []struct{ data, want string }{
		{"text: {ngrams: [2, 1]}", "text.ngrams: must be the least and the largest number of words, such as [1, 2], not [2, 1]"},
		{"text: {ngrams: [1, x]}", `text.ngrams[1]: must be an integer, not "x"`},
		{"text: {ngrams: [0, 9]}", "text.ngrams[0]: must be at least 1, not 0\ntext.ngrams[1]: must be at most 8, not 9"},
		{"text: {ngrams: [1, 2, 3]}", "text.ngrams: must have 2 items, not 3"},
		{"text: {ngrams: []}", "text.ngrams: must have 2 items, not 0"},
		{"text: {min_df: 1, max_df: 0.5}", ""},
		{"text: {min_df: 0.1, max_df: 2}", ""},
		{"text: {min_df: 0.6, max_df: 0.5}", "text.min_df: is more than data.text.max_df, 0.5: no term would be left"},
		{"text: {min_df: 6, max_df: 5}", "text.min_df: is more than data.text.max_df, 5: no term would be left"},
		{"text: {min_df: 1.5, max_df: 5.5}", "text.min_df: must be a fraction below 1 or a whole number of documents, not 1.5\n" +
			"text.max_df: must be a fraction up to 1 or a whole number of documents, not 5.5"},
		{"text: {min_df: 6, max_df: x}", `text.max_df: must be a number, not "x"`},
		{"text: {weight: count, idf: smooth}", "text.idf: does nothing for weight count, only for tfidf; remove it"},
		{"text: {weight: counts, idf: smooth}", `text.weight: unknown value "counts"; did you mean count?`},
		{"text: {weight: binary, sublinear: true}", "text.sublinear: does nothing for weight binary; remove it"},
		{"text: {weight: count, normalize: 1}", "text.normalize: must be true or false, not 1"},
		{"text: {label: a}", ""},
	})
	checkFaults(t, []faultCase{
		{name: "labels", text: strings.Replace(documents, "label: stars", "label: star", 1), want: `j.yaml:4: data.text.label: is "star" and data.label.column is "stars"; keep one of them`},
		{name: "hash", text: strings.Replace(documents, "model:", "  hash: {bits: 3}\nmodel:", 1),
			want: "j.yaml:4: data.text.max_terms: cannot be used together with data.hash, which bounds the features itself; keep one of them"},
	})
}

func TestFaultsOfQuality(t *testing.T) {
	dataFaults(t, []struct{ data, want string }{
		{"quality: {range: {a: [1, 1], b: [2, 1]}}", "quality.range.b: must be the least and the largest number, such as [0, 1], not [2, 1]"},
		{"quality: {range: {a: [1], b: 2, c: [1, x]}}", "quality.range.a: must have 2 items, not 1\nquality.range.b: must be a list of numbers, not 2; put it in brackets\n" +
			`quality.range.c[1]: must be a number, not "x"`},
		{"quality: {max_missing: {a: 1.5, b: -1, c: 0}}", "quality.max_missing.a: must be at most 1, not 1.5\nquality.max_missing.b: must be at least 0, not -1"},
		{"quality: {labels: [1, .inf]}", "quality.labels[1]: must be a finite number, not .inf"},
		{"quality: {minrows: 1}", "quality.minrows: unknown key; did you mean data.quality.min_rows?"},
	})
}

func TestFaultsOfFormats(t *testing.T) {
	const (
		table = "csv, tsv, jsonl, arrow or parquet"
		end   = "; remove it, or set the format"
	)
	for _, c := range []struct{ format, data, want string }{
		{"libsvm", "features: [{numeric: a}], label: {column: a}, weight: {column: a}",
			"features: does nothing for format libsvm, only for " + table + end + "\n" +
				"label: does nothing for format libsvm, only for " + table + end + "\n" +
				"weight: does nothing for format libsvm, only for " + table + end},
		{"libsvm", "text: {}", "text: does nothing for format libsvm, only for csv, tsv, jsonl, arrow, parquet, text or uci-bow" + end},
		{"libsvm", "hash: {bits: 3}, scale: 2", ""},
		{"vw", "hash: {bits: 3}", ""},
		{"vw", "scale: 2", "scale: does nothing for format vw, only for libsvm, uci-bow or idx" + end},
		{"csv", "scale: 1", "scale: does nothing for format csv, only for libsvm, uci-bow or idx" + end},
		{"idx", "scale: 0.5, hash: {bits: 3}", "hash: does nothing for format idx, only for csv, tsv, jsonl, arrow, parquet, libsvm, vw, text or uci-bow" + end},
		{"uci-bow", "text: {weight: binary, min_df: 3, max_df: 0.5, normalize: true}", ""},
		{"uci-bow", "text: {field: text, label: a, max_terms: 0, ngrams: [1, 1], stop: none, lowercase: true}",
			strings.Join([]string{
				"text.field: does nothing for format uci-bow, only for " + table,
				"text.label: does nothing for format uci-bow, only for " + table,
				"text.max_terms: does nothing for format uci-bow, only for csv, tsv, jsonl, arrow, parquet or text",
				"text.ngrams: does nothing for format uci-bow, only for csv, tsv, jsonl, arrow, parquet or text",
				"text.stop: does nothing for format uci-bow, only for csv, tsv, jsonl, arrow, parquet or text",
				"text.lowercase: does nothing for format uci-bow, only for csv, tsv, jsonl, arrow, parquet or text",
			}, end+"\n") + end},
		{"text", "text: {field: a, stop: english}", "text.field: does nothing for format text, only for " + table + end},
		{"text", "label: {column: a}", "label: does nothing for format text, only for " + table + end},
		{"xml", "features: [{numeric: a}]", `train.format: unknown value "xml"; use libsvm, vw, csv, tsv, jsonl, text, uci-bow, arrow, parquet or idx`},
		{"csv, columns: [a, b, a]", "cache: on", `train.columns[2]: "a" is [0] already; keep one of them`},
		{"jsonl, columns: [a], labels: b, vocab: c", "cache: on", "train.columns: does nothing for format jsonl, only for csv or tsv" + end + "\n" +
			"train.labels: does nothing for format jsonl, only for uci-bow or idx" + end + "\n" +
			"train.vocab: does nothing for format jsonl, only for uci-bow" + end},
		{"uci-bow, labels: 'ftp://b'", "cache: on", "train.labels: URLs of ftp:// are not supported; use http://, https:// or s3://, or a file or folder"},
		{"csv", "test: {path: b, format: libsvm}", "test.format: libsvm has no features in common with the training data, which is csv; convert one of them"},
		{"csv", "test: {path: b.svm}", "test.format: libsvm has no features in common with the training data, which is csv; convert one of them"},
		{"csv", "text: {}, test: {path: b, format: text}", ""},
		{"jsonl", "test: {path: b.parquet}", ""},
		{"libsvm", "test: {path: b.vw}", "test.format: vw has no features in common with the training data, which is libsvm; convert one of them"},
	} {
		text := "data: {\n train: {path: a, format: " + c.format + "}, " + c.data + "}\nmodel: {kind: logistic}\noutput: o\n"
		got := ""
		if _, err := Parse("j.yaml", []byte(text), nil); err != nil {
			got = strings.ReplaceAll(err.Error(), "j.yaml:2: data.", "")
		}
		if got != c.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", c.format, c.data, got, c.want)
		}
	}
}

// TestNoFaultsFollowFromFaults wants no more than the cause.
func TestNoFaultsFollowFromFaults(t *testing.T) {
	checkFaults(t, []faultCase{
		{name: "no path", text: "data: {features: [{numeric: a}], text: {}}\nmodel: {kind: linear}\noutput: o\n", want: "j.yaml:1: data.train.path: is required; add it"},
		{name: "no train", text: "data: {train: a.csv, label: {column: a}}\nmodel: {kind: linear}\noutput: o\n",
			want: `j.yaml:1: data.train: must be a mapping of keys (path, format, columns, labels, vocab), not "a.csv"`},
		{name: "format is a list", text: "data: {train: {path: a, format: [csv]}, label: {column: a}}\nmodel: {kind: linear}\noutput: o\n",
			want: "j.yaml:1: data.train.format: must be text, not a list"},
		{name: "text", text: "data: {train: {path: a, format: text}, text: 3}\nmodel: {kind: linear}\noutput: o\n",
			want: "j.yaml:1: data.text: must be a mapping of keys (field, label, min_df, max_df, max_terms, stop, lowercase, ngrams, weight, idf, sublinear, normalize), not 3"},
	})
}

// TestFaultsOfItemsHaveTheirLine wants the line of an item of a block list.
func TestFaultsOfItemsHaveTheirLine(t *testing.T) {
	checkFaults(t, []faultCase{
		{name: "items", text: strings.Replace(strings.Replace(columns, "min_count: 5", "min_count: 0", 1), "    bins: 10\n", "    bins: 10\n    parts: [hour]\n", 1),
			want: "j.yaml:11: data.features[1].parts: is for features of kind time, and this one is numeric; remove it\n" +
				"j.yaml:13: data.features[2].min_count: must be at least 1, not 0"},
		{name: "item", text: strings.Replace(columns, "{cross: [origin, date.hour]}", "{}", 1),
			want: "j.yaml:14: data.features[4]: needs one of numeric, category, time, cross or ignore"},
	})
}

// TestValidateOfData wants the faults of jobs that did not come from text.
func TestValidateOfData(t *testing.T) {
	j := parsed(t, columns)
	j.Data.Features[0].Scale, j.Data.Features[2].Scale, j.Data.Features[4].MinCount = 0, 2, 0
	j.Data.Features = append(j.Data.Features, Feature{Numeric: "a", Category: "b"})
	j.Data.Label.Map = map[string]float64{}
	j.Data.Scale, j.Data.Train.Format = 2, ""
	const want = `data.train.format: must not be empty; use libsvm, vw, csv, tsv, jsonl, text, uci-bow, arrow, parquet or idx
data.label.map: must not be empty; give the label of each cell, such as {yes: 1, "*": 0}
data.features[0].scale: must not be 0
data.features[2].scale: is for features of kind numeric, and this one is category; remove it
data.features[6]: has numeric and category; make a feature of each`
	if got := j.Validate(); got == nil || got.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", got, want)
	}
	j = parsed(t, columns)
	var inOrder []string
	j.Data.Quality.MaxMissing = map[string]float64{}
	for column := 'a'; column <= 'j'; column++ {
		j.Data.Quality.MaxMissing[string(column)] = 2
		inOrder = append(inOrder, "data.quality.max_missing."+string(column)+": must be at most 1, not 2")
	}
	if got, want := j.Validate(), strings.Join(inOrder, "\n"); got == nil || got.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", got, want)
	}
	j = parsed(t, documents)
	j.Data.Train.Format, j.Data.Text.NGrams = "uci-bow", []int{1, 1}
	if got := j.Validate(); got == nil || !strings.Contains(got.Error(), "data.text.lowercase: does nothing for format uci-bow") ||
		strings.Contains(got.Error(), "ngrams") {
		t.Errorf("got %v", got)
	}
	j.Data.Train.Format, j.Data.Text, j.Data.Label = "text", nil, nil
	if got, want := j.Validate(), "data.text: is required for format text; add it"; got == nil || got.Error() != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
