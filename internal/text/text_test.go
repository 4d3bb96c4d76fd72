package text

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"parley/internal/param"
)

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Stop = "" }, `stop words "" are not known: write none or english`},
		{func(o *Options) { o.NGramMin = 0 }, `terms of 0 to 1 words: the least must be at least 1, and the largest not below it and at most 8`},
		{func(o *Options) { o.NGramMin = 2 }, `terms of 2 to 1 words: the least must be at least 1, and the largest not below it and at most 8`},
		{func(o *Options) { o.NGramMax = 9 }, `terms of 1 to 9 words: the least must be at least 1, and the largest not below it and at most 8`},
		{func(o *Options) { o.MinDF = -1 }, `min_df -1: write a count of documents, or a fraction below 1`},
		{func(o *Options) { o.MinDF = math.NaN() }, `min_df NaN: write a count of documents, or a fraction below 1`},
		{func(o *Options) { o.MaxDF = 0 }, `max_df 0: write a fraction up to 1, or a count of documents above 1`},
		{func(o *Options) { o.MaxDF = math.Inf(1) }, `max_df +Inf: write a fraction up to 1, or a count of documents above 1`},
		{func(o *Options) { o.MaxTerms = -1 }, `max_terms -1: write a count, or 0 for all terms`},
		{func(o *Options) { o.Weight = "bm25" }, `weight "bm25" is not known: write count, binary or tfidf`},
		{func(o *Options) { o.IDF = "none" }, `idf "none" is not known: write smooth or plain`},
		{func(o *Options) { o.HashBits = 29 }, `2^29 hashed columns: write 1 to 28 bits, or 0 for a dictionary`},
		{func(o *Options) { o.HashBits = -1 }, `2^-1 hashed columns: write 1 to 28 bits, or 0 for a dictionary`},
	} {
		o := plainOptions()
		c.change(&o)
		_, first := NewCounter(o)
		_, second := NewVectorizer(o)
		for _, err := range []error{first, second} {
			if got := fmt.Sprint(err); got != c.want || param.KindOf(err) != param.Invalid {
				t.Errorf("got %s, want %s", got, c.want)
			}
		}
	}
}

func TestNeedsFit(t *testing.T) {
	for _, c := range []struct {
		name         string
		change       func(*Options)
		texts, count bool
	}{
		{"tfidf", func(o *Options) {}, true, true},
		{"count", func(o *Options) { o.Weight = "count" }, true, false},
		{"hashed tfidf", func(o *Options) { o.HashBits = 8 }, true, true},
		{"hashed count", func(o *Options) { o.HashBits, o.Weight = 8, "count" }, false, false},
		{"hashed binary, min_df 0", func(o *Options) { o.HashBits, o.Weight, o.MinDF = 8, "binary", 0 }, false, false},
		{"hashed count, min_df 2", func(o *Options) { o.HashBits, o.Weight, o.MinDF = 8, "count", 2 }, true, true},
		{"hashed count, max_df", func(o *Options) { o.HashBits, o.Weight, o.MaxDF = 8, "count", 0.5 }, true, true},
		{"hashed count, max_terms", func(o *Options) { o.HashBits, o.Weight, o.MaxTerms = 8, "count", 9 }, true, true},
	} {
		o := plainOptions()
		c.change(&o)
		if o.NeedsFit() != c.texts || o.CountsNeedFit() != c.count {
			t.Errorf("%s: needs a fit %v, for bags %v; want %v, %v", c.name, o.NeedsFit(), o.CountsNeedFit(), c.texts, c.count)
		}
		v, err := NewVectorizer(o)
		if (err != nil) != c.count {
			t.Errorf("%s: a Vectorizer without a fit: %v", c.name, err)
		}
		if err == nil && v.Columns() != int64(1<<o.HashBits)&^1 {
			t.Errorf("%s: %d columns", c.name, v.Columns())
		}
	}
}

func TestFinishErrors(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		docs   string
		want   string
	}{
		{func(o *Options) {}, "", "no document: text features need some to learn their terms from"},
		{func(o *Options) {}, "a b\nc", "no term in 2 documents: a word has at least two letters or digits, and stop words are left out"},
		{func(o *Options) { o.Stop = "english" }, "the and", "no term in 1 documents: a word has at least two letters or digits, and stop words are left out"},
		{func(o *Options) { o.MinDF, o.MaxDF = 2, 0.5 }, "aa\naa\nbb bb",
			"max_df 0.5 leaves terms in at most 1.5 of 3 documents, but min_df 2 asks for 2: change one of them"},
		{func(o *Options) { o.MinDF, o.MaxDF = 2, 0.5 }, "aa\naa bb\naa\nbb aa bb\ncc bb",
			"none of 3 terms is left: min_df 2 removed the 1 in fewer than 2 of 5 documents, max_df 0.5 the 2 in more than 2.5: lower min_df or raise max_df"},
	} {
		o := plainOptions()
		c.change(&o)
		n := counter(t, o)
		for line := range strings.Lines(c.docs) {
			n.Add([]byte(line))
		}
		_, err := n.Finish()
		if got := fmt.Sprint(err); got != c.want || param.KindOf(err) != param.Invalid {
			t.Errorf("%q: got %s\nwant %s", c.docs, got, c.want)
		}
	}
}

func TestUnseenHashes(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   float32
	}{
		{func(o *Options) {}, 2.0986123},
		{func(o *Options) { o.MaxDF = 0.5 }, 2.0986123},
		{func(o *Options) { o.IDF = "plain" }, 0},
		{func(o *Options) { o.MinDF = 2 }, 0},
		{func(o *Options) { o.MaxTerms = 1 }, 0},
	} {
		o := plainOptions()
		o.HashBits, o.Normalize = 20, false
		c.change(&o)
		n := counter(t, o)
		n.Add([]byte("known known rare"))
		n.Add([]byte("known"))
		if o.MaxDF < 1 {
			n = counter(t, o)
			n.Add([]byte("known"))
			n.Add([]byte("rare"))
		}
		_, values := finish(t, n).NewEncoder().Append(nil, nil, []byte("unheard"))
		got := float32(0)
		if len(values) > 0 {
			got = float32(math.Abs(float64(values[0])))
		}
		if got != c.want {
			t.Errorf("%+v: an unseen term weighs %v, want %v", o, got, c.want)
		}
	}
}

func TestVectorizerErrors(t *testing.T) {
	o := plainOptions()
	c := counter(t, o)
	c.Add([]byte("some words"))
	c.Add([]byte("words"))
	data, err := json.Marshal(finish(t, c))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"version":1`, `"version":2`, "version 2, but this program reads 1"},
		{`"version":1`, `"version":1,"more":1`, `json: unknown field "more"`},
		{`"smooth"`, `"x"`, `idf "x" is not known: write smooth or plain`},
		{`"of":"documents"`, `"of":"films"`, `of "films" is not known`},
		{`"of":"documents"`, `"of":"bags of words"`, "it does not fit its options"},
		{`"of":"documents"`, `"of":"hashed documents"`, "it does not fit its options"},
		{`"of":"documents"`, `"of":"nothing"`, "it does not fit its options"},
		{`"documents":2`, `"documents":0`, "it does not fit its options"},
		{`"unseen":0`, `"unseen":1`, "it does not fit its options"},
		{`"some","words"`, `"words","some"`, "terms or columns are not sorted"},
		{`"some","words"`, `"","some"`, "terms or columns are not sorted"},
		{`"some","words"`, `"some"`, "there is not one factor for each term or column, finite and at least 0"},
		{`,1]`, `,-1]`, "there is not one factor for each term or column, finite and at least 0"},
		{`,1]`, `,1e999]`, "json: cannot unmarshal number 1e999 into Go struct field stored.factors of type float64"},
	} {
		damaged := strings.Replace(string(data), c.old, c.new, 1)
		if damaged == string(data) {
			t.Fatalf("%s has no %s", data, c.old)
		}
		err := new(Vectorizer).UnmarshalJSON([]byte(damaged))
		if got := fmt.Sprint(err); got != "vectorizer of text: "+c.want || param.KindOf(err) != param.Corrupt {
			t.Errorf("%s for %s:\n got %s\nwant %s", c.new, c.old, got, c.want)
		}
	}
}

func FuzzVectorizerJSON(f *testing.F) {
	for _, c := range counted(f) {
		if v, err := c.Finish(); err == nil {
			data, err := json.Marshal(v)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, []byte("the quick brown fox"))
		}
	}
	f.Fuzz(func(t *testing.T, data, doc []byte) {
		v := new(Vectorizer)
		if v.UnmarshalJSON(data) != nil {
			return
		}
		stand(t, v)
		columns, values := v.NewEncoder().Append(nil, nil, doc)
		for i, column := range columns {
			if int64(column) >= v.Columns() || i > 0 && columns[i-1] >= column || len(values) != len(columns) {
				t.Fatalf("columns %v and values %v of %d", columns, values, v.Columns())
			}
		}
	})
}

// TestAppendKeeps appends behind what is there, and leaves it as it is.
func TestAppendKeeps(t *testing.T) {
	c := counter(t, plainOptions())
	c.Add([]byte("aa bb"))
	columns, values := finish(t, c).NewEncoder().Append([]uint32{9}, []float32{8, 7}, []byte("bb"))
	if fmt.Sprint(columns, values) != "[9 1] [8 7 1]" {
		t.Errorf("got %v %v", columns, values)
	}
}

func TestNoAllocation(t *testing.T) {
	for _, bits := range []int{0, 12} {
		o := plainOptions()
		o.HashBits, o.NGramMax, o.Sublinear, o.Stop = bits, 2, true, "english"
		docs := corpus(t)
		e := vectorizer(t, o, docs).NewEncoder()
		var columns []uint32
		var values []float32
		allocated := testing.AllocsPerRun(20, func() {
			for _, doc := range docs {
				columns, values = e.Append(columns[:0], values[:0], doc)
			}
		})
		if allocated > 0 {
			t.Errorf("%d bits: %v allocations for %d documents", bits, allocated, len(docs))
		}
	}
}

// TestManyTerms has a document that is larger than what an Encoder keeps
// memory for, and small ones behind it.
func TestManyTerms(t *testing.T) {
	o := plainOptions()
	o.HashBits, o.Weight, o.Normalize = 28, "count", false
	v, err := NewVectorizer(o)
	if err != nil {
		t.Fatal(err)
	}
	const many = mostIdle * 5 / 8
	var doc []byte
	for i := range many {
		doc = fmt.Appendf(doc, "t%d ", i)
	}
	e := v.NewEncoder()
	columns, _ := e.Append(nil, nil, doc)
	if len(columns) < many*99/100 {
		t.Errorf("%d columns of %d terms", len(columns), many)
	}
	if columns, _ := e.Append(nil, nil, bytes.Repeat([]byte("long"), mostIdle)); len(columns) != 1 {
		t.Errorf("a long word has %d columns", len(columns))
	}
	if columns, values := e.Append(nil, nil, []byte("t1 t1")); len(columns) != 1 || math.Abs(float64(values[0])) != 2 {
		t.Errorf("a small document has %v %v", columns, values)
	}
	if len(e.counts.slots) > mostIdle || cap(e.scanner.buf) > mostIdle {
		t.Errorf("%d slots and %d bytes are kept", len(e.counts.slots), cap(e.scanner.buf))
	}
}
