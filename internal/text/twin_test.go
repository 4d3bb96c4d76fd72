package text

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// naiveTerms is the twin of scanner.scan: it lowers the whole document first,
// then cuts it by runes.
func naiveTerms(o Options, doc []byte) (terms []string) {
	points := []rune(string(doc))
	if o.Lowercase {
		points = naiveLower(points)
	}
	var words []string
	for _, word := range strings.FieldsFunc(string(points), func(c rune) bool { return kinds().of(c)&kindWord == 0 }) {
		stopped := o.Stop == "english" && slices.Contains(strings.Fields(englishWords), word)
		if len([]rune(word)) >= 2 && !stopped {
			words = append(words, word)
		}
	}
	for n := o.NGramMin; n <= o.NGramMax; n++ {
		for i := 0; i+n <= len(words); i++ {
			terms = append(terms, strings.Join(words[i:i+n], " "))
		}
	}
	return terms
}

func naiveLower(points []rune) (out []rune) {
	cased := func(points []rune, step int) bool {
		for i := range points {
			if step < 0 {
				i = len(points) - 1 - i
			}
			if kind := kinds().of(points[i]); kind&kindIgnorable == 0 {
				return kind&kindCased != 0
			}
		}
		return false
	}
	for i, c := range points {
		switch {
		case c == 'İ':
			out = append(out, 'i', 0x307)
		case c == 'Σ' && cased(points[:i], -1) && !cased(points[i+1:], 1):
			out = append(out, 'ς')
		case c == 'Σ':
			out = append(out, 'σ')
		case 'A' <= c && c <= 'Z':
			out = append(out, c+32)
		case kinds().of(c)&kindUpper != 0:
			out = append(out, lower(c))
		default:
			out = append(out, c)
		}
	}
	return out
}

// naiveRow is the twin of Encoder.Append for tf-idf by a dictionary and for
// hashes, with the vocabulary counted of docs.
func naiveRow(o Options, docs [][]byte, doc []byte) row {
	key := func(term string) string {
		if o.HashBits == 0 {
			return term
		}
		column, _ := hash([]byte(term), o.HashBits)
		return fmt.Sprintf("%09d", column)
	}
	df := map[string]float64{}
	for _, d := range docs {
		seen := map[string]bool{}
		for _, term := range naiveTerms(o, d) {
			seen[key(term)] = true
		}
		for k := range seen {
			df[k]++
		}
	}
	var all []string
	for k := range df {
		all = append(all, k)
	}
	slices.Sort(all)
	counts := map[string]float64{}
	for _, term := range naiveTerms(o, doc) {
		sign := 1.0
		if o.HashBits > 0 {
			_, s := hash([]byte(term), o.HashBits)
			sign = float64(s)
		}
		counts[key(term)] += sign
	}
	var r row
	for i, k := range all {
		if n := counts[k]; n != 0 {
			column := uint32(i)
			if o.HashBits > 0 {
				fmt.Sscanf(k, "%d", &column)
			}
			r.Columns = append(r.Columns, column)
			r.Values = append(r.Values, float32(n*(math.Log((1+float64(len(docs)))/(1+df[k]))+1)))
		}
	}
	return r
}

func FuzzAppend(f *testing.F) {
	for i, doc := range corpus(f) {
		f.Add(doc, []byte("some OTHER words"), uint8(i*7))
	}
	f.Add([]byte("ok\xffok \xce\xa3\xce ΑΣ\x80 \xed\xa0\x80x"), []byte("ΑΣ\xf0\x9f"), uint8(0))
	f.Fuzz(func(t *testing.T, doc, other []byte, how uint8) {
		if len(doc)+len(other) > 1<<12 {
			return
		}
		o := plainOptions()
		o.Normalize, o.Lowercase = false, how&1 == 0
		if how&2 != 0 {
			o.Stop = "english"
		}
		if how&4 != 0 {
			o.NGramMax = 3
		}
		if how&8 != 0 {
			o.NGramMin, o.NGramMax = 2, max(2, o.NGramMax)
		}
		if how&16 != 0 {
			o.HashBits = 3
		}
		docs := [][]byte{doc, other, doc}
		c := counter(t, o)
		for _, d := range docs {
			c.Add(d)
		}
		if len(naiveTerms(o, doc))+len(naiveTerms(o, other)) == 0 {
			if _, err := c.Finish(); err == nil {
				t.Fatal("a Vectorizer without terms")
			}
			return
		}
		var got row
		got.Columns, got.Values = finish(t, send(t, c)).NewEncoder().Append(nil, nil, doc)
		if diff := cmp.Diff(naiveRow(o, docs, doc), got, cmpopts.EquateApprox(1e-6, 0)); diff != "" {
			t.Errorf("row (-naive +got):\n%s", diff)
		}
	})
}

// TestScanWindow has documents longer than the memory a scanner keeps of them.
func TestScanWindow(t *testing.T) {
	o := plainOptions()
	o.NGramMin, o.NGramMax = 2, 5
	var doc []byte
	for i := range 40000 {
		doc = fmt.Appendf(doc, "w%d ", i%997)
	}
	doc = append(append(doc, bytes.Repeat([]byte("long"), 50000)...), " end of it"...)
	var got []string
	s := newScanner(o, func(term []byte) { got = append(got, string(term)) })
	s.scan(doc)
	want := naiveTerms(o, doc)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("%d terms otherwise than the %d of the naive twin", len(got), len(want))
	}
}
