package text

import (
	"bytes"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"parley/internal/param"
)

// counted returns Counters of all kinds.
func counted(t testing.TB) map[string]*Counter {
	t.Helper()
	grams, hash := plainOptions(), plainOptions()
	grams.NGramMax, hash.HashBits = 2, 10
	out := map[string]*Counter{"nothing": counter(t, grams), "documents": counter(t, grams), "hashed": counter(t, hash), "bags": counter(t, hash)}
	for i, doc := range corpus(t) {
		out["documents"].Add(doc)
		out["hashed"].Add(doc)
		out["bags"].AddCounts([]uint32{0, uint32(i), 1<<32 - 1}, []float32{1, 0.5, float32(i)})
	}
	out["documents"].Add([]byte(strings.Repeat("x", 1000) + " " + strings.Repeat("x", 1001) + " " + strings.Repeat("x", 256)))
	return out
}

func marshal(t testing.TB, c *Counter) []byte {
	t.Helper()
	data, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCounterRoundTrip(t *testing.T) {
	for name, c := range counted(t) {
		data := marshal(t, c)
		if again := marshal(t, send(t, c)); !bytes.Equal(data, again) {
			t.Errorf("%s: read back otherwise", name)
		}
		for n := range data {
			if err := new(Counter).UnmarshalBinary(data[:n]); param.KindOf(err) != param.Corrupt {
				t.Fatalf("%s: cut to %d of %d bytes: %v", name, n, len(data), err)
			}
		}
	}
}

// TestMergeOrder spreads documents over Counters and merges those in any order.
func TestMergeOrder(t *testing.T) {
	o := plainOptions()
	o.NGramMax = 2
	docs := corpus(t)
	one := counter(t, o)
	for _, doc := range docs {
		one.Add(doc)
	}
	want := marshal(t, one)
	rng := rand.New(rand.NewSource(3))
	for range 20 {
		parts := make([]*Counter, 1+rng.Intn(5))
		for i := range parts {
			parts[i] = counter(t, o)
		}
		for _, i := range rng.Perm(len(docs)) {
			parts[rng.Intn(len(parts))].Add(docs[i])
		}
		for _, p := range parts[1:] {
			if err := parts[0].Merge(p); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(want, marshal(t, parts[0])) {
			t.Fatalf("%d parts count otherwise than one", len(parts))
		}
	}
}

// TestMergeGoesOn counts documents after a merge, whose numbers are not to be
// mistaken for those before.
func TestMergeGoesOn(t *testing.T) {
	o := plainOptions()
	a, b, one := counter(t, o), counter(t, o), counter(t, o)
	for _, c := range []*Counter{a, b, one} {
		c.Add([]byte("word"))
	}
	if err := a.Merge(b); err != nil {
		t.Fatal(err)
	}
	a.Add([]byte("word"))
	one.Add([]byte("word"))
	one.Add([]byte("word"))
	if !bytes.Equal(marshal(t, a), marshal(t, one)) {
		t.Error("a document after a merge is not counted")
	}
}

func TestMergeErrors(t *testing.T) {
	o := plainOptions()
	other := o
	other.NGramMax = 2
	texts, bags := counter(t, o), counter(t, o)
	texts.Add([]byte("some words"))
	bags.AddCounts([]uint32{1}, []float32{1})
	for _, d := range []*Counter{counter(t, other), bags} {
		if err := texts.Merge(d); param.KindOf(err) != param.Invalid {
			t.Errorf("merge of %+v: %v", d.options, err)
		}
	}
}

func TestUnmarshalBinaryErrors(t *testing.T) {
	good := string(marshal(t, counter(t, plainOptions())))
	head := good[:len(good)-3] // source, documents and terms are 0
	hashHead := strings.Replace(head, `"HashBits":0`, `"HashBits":3`, 1)
	for _, c := range []struct{ data, want string }{
		{"", "the data ends too early"},
		{"parley text counts 2\n", "it does not begin as this version writes it"},
		{strings.Replace(good, "smooth", "stoops", 1), "the options make no sense"},
		{head + "\x00\x01\x00", "the kind of the counts does not fit the options"},
		{head + "\x02\x01\x00", "the kind of the counts does not fit the options"},
		{head + "\x01\x00\x00", "the kind of the counts does not fit the options"},
		{head + "\x01\xff\xff\xff\xff\xff\xff\xff\x7f\x00", "the kind of the counts does not fit the options"},
		{head + "\x07\x01\x00", "the kind of the counts does not fit the options"},
		{head + "\x01\x01\x01\x01\x01a\x01\x01", "a term shares more than the one before it has"},
		{head + "\x01\x01\x02\x00\x01b\x01\x01\x00\x01a\x01\x01", "terms are not sorted"},
		{head + "\x01\x01\x01\x00\x00\x01\x01", "terms are not sorted"},
		{head + "\x01\x01\x01\x00\x01\xff\x01\x01", "a term is not in UTF-8"},
		{head + "\x01\x01\x01\x00\x01a\x02\x02", "a count is impossible"},
		{head + "\x01\x02\x01\x00\x01a\x02\x01", "a count is impossible"},
		{head + "\x01\x01\x01\x00\xff\xff\xff\x7fa\x02\x01", "the data ends too early"},
		{head + "\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a number is cut off or too long"},
		{head + "\x03\x01\x02\xff\xff\xff\xff\x0f\x01\x01\x00\x01\x01", "a column is beyond the last"},
		{hashHead + "\x02\x01\x01\x08\x01\x01", "a column is beyond the last"},
		{good + "x", "there are bytes behind the last count"},
	} {
		err := new(Counter).UnmarshalBinary([]byte(c.data))
		if got := fmt.Sprint(err); !strings.HasPrefix(got, "counts of text: byte ") || !strings.HasSuffix(got, ": "+c.want) || param.KindOf(err) != param.Corrupt {
			t.Errorf("%q:\n got %s\nwant %s", c.data, got, c.want)
		}
	}
	err := new(Counter).UnmarshalBinary([]byte(good + "x"))
	if want := fmt.Sprintf(": byte %d of %d: ", len(good), len(good)+1); !strings.Contains(err.Error(), want) {
		t.Errorf("%v does not say%s", err, want)
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	for _, c := range counted(f) {
		f.Add(marshal(f, c))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := new(Counter)
		if err := c.UnmarshalBinary(data); err != nil {
			return
		}
		if again := marshal(t, send(t, c)); !bytes.Equal(marshal(t, c), again) {
			t.Error("read back otherwise")
		}
		if v, err := c.Finish(); err == nil {
			stand(t, v)
		}
	})
}

// TestBigTotals does not wrap around.
func TestBigTotals(t *testing.T) {
	c := counter(t, plainOptions())
	for range 5 {
		c.AddCounts([]uint32{3, 4}, []float32{3e38, -3e38})
	}
	if got := c.counts[0].total; got != mostTotal {
		t.Errorf("total %d, want %d", got, uint64(mostTotal))
	}
	send(t, c)
}
