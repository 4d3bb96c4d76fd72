package text

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// row is a row of an oracle; testdata/oracle.py writes it.
type row struct {
	Row     int
	Columns []uint32
	Values  []float32
}

// near is 1e-6 beside the error of float32.
var near = cmpopts.EquateApprox(1e-6, 1e-7)

func load(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func lines(t testing.TB, data []byte, field func([]byte) string) (docs [][]byte) {
	t.Helper()
	for line := range bytes.Lines(data) {
		docs = append(docs, []byte(field(line)))
	}
	return docs
}

func corpus(t testing.TB) [][]byte {
	t.Helper()
	data, err := os.ReadFile("testdata/documents.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return lines(t, data, func(line []byte) (s string) {
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// dataset returns an unpacked file of PARLEY_DATA.
func dataset(t testing.TB, name string) []byte {
	t.Helper()
	folder := os.Getenv("PARLEY_DATA")
	if folder == "" {
		t.Skip("PARLEY_DATA is not set: it names the folder with the datasets, and this test needs " + name)
	}
	f, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func news(t testing.TB) [][]byte {
	t.Helper()
	return lines(t, dataset(t, "20news/20news-bydate-train.jsonl.gz"), func(line []byte) string {
		var row struct{ Text string }
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		return row.Text
	})
}

// vectorizer fits o to docs as a cluster does: by parts, sent and merged; and
// stores what comes out.
func vectorizer(t testing.TB, o Options, docs [][]byte) *Vectorizer {
	t.Helper()
	if !o.NeedsFit() {
		v, err := NewVectorizer(o)
		if err != nil {
			t.Fatal(err)
		}
		return stand(t, v)
	}
	const parts = 3
	var whole *Counter
	for part := parts - 1; part >= 0; part-- {
		c := counter(t, o)
		for i := part; i < len(docs); i += parts {
			c.Add(docs[i])
		}
		if c = send(t, c); whole == nil {
			whole = c
		} else if err := whole.Merge(c); err != nil {
			t.Fatal(err)
		}
	}
	return finish(t, whole)
}

func counter(t testing.TB, o Options) *Counter {
	t.Helper()
	c, err := NewCounter(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t testing.TB, c *Counter) *Counter {
	t.Helper()
	data, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	d := new(Counter)
	if err := d.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	return d
}

func finish(t testing.TB, c *Counter) *Vectorizer {
	t.Helper()
	v, err := c.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return stand(t, v)
}

// stand returns v as it is read back.
func stand(t testing.TB, v *Vectorizer) *Vectorizer {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	read := new(Vectorizer)
	if err := json.Unmarshal(data, read); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(read)
	if err != nil || !bytes.Equal(data, again) {
		t.Fatalf("written %s, read back and written %s (%v)", data, again, err)
	}
	return read
}

func TestScikitLearn(t *testing.T) {
	var oracle []struct {
		Options Options
		Terms   []string
		Rows    []row
	}
	load(t, "oracle.json", &oracle)
	docs := corpus(t)
	for _, want := range oracle {
		v := vectorizer(t, want.Options, docs)
		if diff := cmp.Diff(want.Terms, v.Terms()); diff != "" {
			t.Errorf("%+v: terms (-want +got):\n%s", want.Options, diff)
			continue
		}
		e := v.NewEncoder()
		for i, doc := range docs {
			var got row
			got.Columns, got.Values = e.Append(nil, nil, doc)
			if diff := cmp.Diff(want.Rows[i], got, near); diff != "" {
				t.Errorf("%+v: document %d %q (-want +got):\n%s", want.Options, i, doc, diff)
			}
		}
	}
}

// summary is what is stored of a dataset that may not be copied.
type summary struct {
	Options         Options
	Rows, Nonzeros  int
	Norm, Sum       float64
	Terms           int
	Vocabulary      string // SHA-256 of the terms joined by newlines
	Some            []row
	values, squares float64
	nonzeros        int
}

func (s *summary) add(t *testing.T, i int, got row) {
	s.nonzeros += len(got.Columns)
	for _, v := range got.Values {
		s.values, s.squares = s.values+float64(v), s.squares+float64(v)*float64(v)
	}
	for _, want := range s.Some {
		if got.Row = i; want.Row == i {
			if diff := cmp.Diff(want, got, near); diff != "" {
				t.Errorf("%+v: row %d (-want +got):\n%s", s.Options, i, diff)
			}
		}
	}
}

func (s *summary) check(t *testing.T, rows int) {
	close := func(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(a) }
	if rows != s.Rows || s.nonzeros != s.Nonzeros || !close(s.Norm, math.Sqrt(s.squares)) || !close(s.Sum, s.values) {
		t.Errorf("%+v: %d rows, %d nonzeros, norm %v, sum %v; want %d, %d, %v, %v",
			s.Options, rows, s.nonzeros, math.Sqrt(s.squares), s.values, s.Rows, s.Nonzeros, s.Norm, s.Sum)
	}
}

func TestScikitLearnNews(t *testing.T) {
	docs := news(t)
	var oracle []*summary
	load(t, "20news.json", &oracle)
	for _, want := range oracle {
		v := vectorizer(t, want.Options, docs)
		sum := sha256.Sum256([]byte(strings.Join(v.Terms(), "\n")))
		if got := hex.EncodeToString(sum[:]); want.Terms > 0 && (len(v.Terms()) != want.Terms || got != want.Vocabulary) {
			t.Errorf("%+v: %d terms with hash %s, want %d with %s", want.Options, len(v.Terms()), got, want.Terms, want.Vocabulary)
			continue
		}
		e, got := v.NewEncoder(), row{}
		for i, doc := range docs {
			got.Columns, got.Values = e.Append(got.Columns[:0], got.Values[:0], doc)
			want.add(t, i, got)
		}
		want.check(t, len(docs))
	}
}

// TestPython compares all code points with what Python says of them.
func TestPython(t *testing.T) {
	var want, got struct{ Word, Lower, Sigma string }
	load(t, "unicode.json", &want)
	var word, low, sigma []byte
	s := newScanner(Options{Lowercase: true, NGramMin: 1, NGramMax: 1}, nil)
	for c := rune(0); c <= 0x10FFFF; c++ {
		if 0xD800 <= c && c < 0xE000 {
			continue
		}
		kind := s.kinds.of(c)
		word = append(word, '0'+kind&kindWord)
		switch {
		case c == 'İ':
			low = append(low, "i̇"...)
		case kind&kindUpper != 0:
			s.document = []byte(string(c))
			low = append(low, string(s.lowerAt(c, 0))...)
		default:
			low = append(low, string(c)...)
		}
		low = append(low, ' ')
		for _, sides := range [][2]string{{"A" + string(c), ""}, {string(c), ""}, {"A", string(c)}, {"A", string(c) + "A"}} {
			sigma = append(sigma, string(s.kinds.sigma([]byte(sides[0]+"Σ"+sides[1]), len(sides[0])))...)
		}
	}
	got.Word, got.Lower, got.Sigma = hexOf(word), hexOf(low), hexOf(sigma)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hashes of words, lower cases and final sigmas (-want +got):\n%s", diff)
	}
}

func hexOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
