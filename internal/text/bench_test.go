package text

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// benchDocs are the 20 newsgroups, or about as many words by Zipf's law.
func benchDocs(b *testing.B) (docs [][]byte, size int64) {
	b.Helper()
	if os.Getenv("PARLEY_DATA") != "" {
		docs = news(b)[:4000]
	} else {
		rng := rand.New(rand.NewSource(1))
		zipf := rand.NewZipf(rng, 1.1, 5, 100000)
		for range 4000 {
			var doc []byte
			for range 300 {
				doc = fmt.Appendf(doc, "W%x, ", zipf.Uint64()*7919)
			}
			docs = append(docs, doc)
		}
	}
	for _, doc := range docs {
		size += int64(len(doc))
	}
	return docs, size
}

func benchOptions(change func(*Options)) Options {
	o := plainOptions()
	change(&o)
	return o
}

func BenchmarkCount(b *testing.B) {
	docs, size := benchDocs(b)
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"words", benchOptions(func(o *Options) {})},
		{"stop", benchOptions(func(o *Options) { o.Stop = "english" })},
		{"pairs", benchOptions(func(o *Options) { o.NGramMax = 2 })},
		{"hash18", benchOptions(func(o *Options) { o.HashBits = 18 })},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(size)
			for range b.N {
				n := counter(b, c.o)
				for _, doc := range docs {
					n.Add(doc)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	docs, size := benchDocs(b)
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"tfidf", benchOptions(func(o *Options) {})},
		{"minDF2", benchOptions(func(o *Options) { o.MinDF = 2 })},
		{"pairs", benchOptions(func(o *Options) { o.NGramMax, o.MinDF = 2, 2 })},
		{"hash18", benchOptions(func(o *Options) { o.HashBits, o.Weight = 18, "count" })},
	} {
		e := vectorizer(b, c.o, docs).NewEncoder()
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			var columns []uint32
			var values []float32
			for range b.N {
				for _, doc := range docs {
					columns, values = e.Append(columns[:0], values[:0], doc)
				}
			}
		})
	}
}

// BenchmarkScan is cutting alone.
func BenchmarkScan(b *testing.B) {
	docs, size := benchDocs(b)
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"words", benchOptions(func(o *Options) {})},
		{"pairs", benchOptions(func(o *Options) { o.NGramMax = 2 })},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(size)
			terms := 0
			s := newScanner(c.o, func([]byte) { terms++ })
			for range b.N {
				for _, doc := range docs {
					s.scan(doc)
				}
			}
			b.ReportMetric(float64(terms)/b.Elapsed().Seconds()/1e6, "Mterm/s")
		})
	}
	b.Run("cyrillic", func(b *testing.B) {
		doc := []byte(strings.Repeat("Съешь же ещё этих мягких французских булок, да выпей чаю. ", 1000))
		b.SetBytes(int64(len(doc)))
		s := newScanner(plainOptions(), func([]byte) {})
		for range b.N {
			s.scan(doc)
		}
	})
}

// BenchmarkNaive is what one would write first: counts by map, with the pattern
// or with Fields in place of it.
func BenchmarkNaive(b *testing.B) {
	docs, size := benchDocs(b)
	pattern := regexp.MustCompile(`[\pL\pN_]{2,}`)
	for name, cut := range map[string]func([]byte) [][]byte{
		"regexp": func(doc []byte) [][]byte { return pattern.FindAll(bytes.ToLower(doc), -1) },
		"fields": func(doc []byte) [][]byte { return bytes.Fields(bytes.ToLower(doc)) },
	} {
		vocabulary := map[string]int{}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for range b.N {
				for _, doc := range docs {
					counts := map[int]int{}
					for _, word := range cut(doc) {
						id, ok := vocabulary[string(word)]
						if !ok {
							id = len(vocabulary)
							vocabulary[string(word)] = id
						}
						counts[id]++
					}
					columns := make([]int, 0, len(counts))
					for id := range counts {
						columns = append(columns, id)
					}
					slices.Sort(columns)
				}
			}
		})
	}
}

func BenchmarkCounterBinary(b *testing.B) {
	docs, _ := benchDocs(b)
	c := counter(b, plainOptions())
	for _, doc := range docs {
		c.Add(doc)
	}
	data := marshal(b, c)
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for range b.N {
			marshal(b, c)
		}
		b.ReportMetric(float64(len(data))/float64(c.terms.len()), "B/term")
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for range b.N {
			if err := new(Counter).UnmarshalBinary(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
