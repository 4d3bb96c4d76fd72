package text

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bagVectorizer fits plain tf-idf, which is gensim's TfidfModel once rows are
// normalised.
func bagVectorizer(t *testing.T, bags []row) *Vectorizer {
	t.Helper()
	o := plainOptions()
	o.IDF = "plain"
	whole := counter(t, o)
	for _, half := range [][]row{bags[len(bags)/2:], bags[:len(bags)/2]} {
		c := counter(t, o)
		for _, r := range half {
			c.AddCounts(r.Columns, r.Values)
		}
		if err := whole.Merge(send(t, c)); err != nil {
			t.Fatal(err)
		}
	}
	return finish(t, whole)
}

func plainOptions() Options {
	return Options{Lowercase: true, Stop: "none", NGramMin: 1, NGramMax: 1, MinDF: 1, MaxDF: 1, Weight: "tfidf", IDF: "smooth", Normalize: true}
}

func TestGensim(t *testing.T) {
	var oracle struct{ Counts, Rows []row }
	load(t, "bag.json", &oracle)
	e := bagVectorizer(t, oracle.Counts).NewEncoder()
	for i, counts := range oracle.Counts {
		var got row
		got.Columns, got.Values = e.Weigh(counts.Columns, counts.Values)
		want := oracle.Rows[i]
		if len(want.Columns) == 0 {
			want = row{Columns: []uint32{}, Values: []float32{}}
		}
		if diff := cmp.Diff(want, got, near); diff != "" {
			t.Errorf("bag %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestGensimNews(t *testing.T) {
	want := new(summary)
	data := dataset(t, "20news/docword.20news-train.txt.gz")
	load(t, "docword.json", want)
	bags := make([]row, want.Rows)
	for line := range bytes.Lines(data) {
		var doc, column uint32
		var count float32
		if n, _ := fmt.Sscan(string(line), &doc, &column, &count); n == 3 {
			r := &bags[doc-1]
			r.Columns, r.Values = append(r.Columns, column-1), append(r.Values, count)
		}
	}
	e := bagVectorizer(t, bags).NewEncoder()
	for i := range bags {
		var got row
		got.Columns, got.Values = e.Weigh(bags[i].Columns, bags[i].Values)
		want.add(t, i, got)
	}
	want.check(t, len(bags))
}

// TestBagBounds leaves columns out and keeps the numbers of the others.
func TestBagBounds(t *testing.T) {
	bags := []row{
		{Columns: []uint32{0, 2, 7}, Values: []float32{1, 0.5, 3}},
		{Columns: []uint32{0, 2, 9}, Values: []float32{1, 0.25, 1}},
		{Columns: []uint32{0, 7, 11}, Values: []float32{1, 4, 0}},
	}
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   []uint32
	}{
		{"none", func(o *Options) {}, []uint32{0, 2, 7, 9, 11, 30}},
		{"plain", func(o *Options) { o.IDF = "plain" }, []uint32{2, 7, 9}},
		{"min_df", func(o *Options) { o.MinDF = 2 }, []uint32{0, 2, 7}},
		{"max_df", func(o *Options) { o.MaxDF = 0.9 }, []uint32{2, 7, 9, 11, 30}},
		{"max_terms", func(o *Options) { o.MaxTerms = 2 }, []uint32{0, 7}},
		{"max_terms, fractions", func(o *Options) { o.MaxTerms, o.MaxDF = 2, 0.9 }, []uint32{7, 9}},
		{"binary", func(o *Options) { o.Weight, o.MinDF = "binary", 2 }, []uint32{0, 2, 7}},
	} {
		o := plainOptions()
		c.change(&o)
		n := counter(t, o)
		for _, r := range bags {
			n.AddCounts(r.Columns, r.Values)
		}
		v := finish(t, send(t, n))
		columns := []uint32{0, 2, 7, 9, 11, 30}
		got, values := v.NewEncoder().Weigh(columns, []float32{1, 1, 1, 1, 1, 1})
		if diff := cmp.Diff(c.want, got); diff != "" || len(values) != len(got) || slices.Contains(values, 0) {
			t.Errorf("%s: columns (-want +got):\n%s, values %v", c.name, diff, values)
		}
		if v.Columns() != 10 || v.Terms() != nil {
			t.Errorf("%s: %d columns and terms %v, want 10 and none", c.name, v.Columns(), v.Terms())
		}
	}
}

func TestBagWithoutFit(t *testing.T) {
	o := plainOptions()
	o.Weight, o.Sublinear, o.Normalize = "count", true, false
	v, err := NewVectorizer(o)
	if err != nil {
		t.Fatal(err)
	}
	columns, values := stand(t, v).NewEncoder().Weigh([]uint32{1, 5, 6, 9}, []float32{1, 0, -100, 100})
	want := row{Columns: []uint32{1, 6, 9}, Values: []float32{1, -5.605170186, 5.605170186}}
	if diff := cmp.Diff(want, row{Columns: columns, Values: values}, near); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if columns, values := v.NewEncoder().Append(nil, nil, []byte("some words")); len(columns)+len(values) > 0 {
		t.Errorf("without a dictionary a document has columns %v", columns)
	}
}
