package parsebench

import (
	"math"
	"strconv"
)

// generator is SplitMix64 (Steele, Lea, Flood 2014): the texts are the same on
// every machine.
type generator uint64

func (g *generator) next() uint64 {
	*g += 0x9E3779B97F4A7C15
	z := uint64(*g)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (g *generator) below(n int) int { return int(g.next() % uint64(n)) }

// unit returns a number in [0, 1).
func (g *generator) unit() float64 { return float64(g.next()>>11) / (1 << 53) }

// libsvmText has 39 features a row, as click logs have: a third of them numbers.
func libsvmText(rows int) []byte {
	g := generator(1)
	var b []byte
	for range rows {
		b = strconv.AppendInt(b, int64(g.below(2)), 10)
		id := 0
		for n := range 39 {
			id += 1 + g.below(100_000)
			b = strconv.AppendInt(append(b, ' '), int64(id), 10)
			if b = append(b, ':'); n < 13 {
				b = strconv.AppendFloat(b, g.unit(), 'f', 4, 64)
			} else {
				b = append(b, '1')
			}
		}
		b = append(b, '\n')
	}
	return b
}

// vwText has 40 words a row in two namespaces, a quarter of them with values.
func vwText(rows int) []byte {
	g := generator(3)
	var b []byte
	for range rows {
		b = append(strconv.AppendInt(b, int64(2*g.below(2)-1), 10), " |words"...)
		for n := range 40 {
			if n == 30 {
				b = append(b, " |other"...)
			}
			b = append(append(b, ' '), word(&g)...)
			if n%4 == 0 {
				b = strconv.AppendFloat(append(b, ':'), g.unit(), 'f', 3, 64)
			}
		}
		b = append(b, '\n')
	}
	return b
}

const csvColumns = 20

// csvText has numbers of six decimals, as most programs write them.
func csvText(rows int) []byte {
	g := generator(5)
	var b []byte
	for range rows {
		for n := range csvColumns {
			if n > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendFloat(b, (g.unit()-0.5)*1000, 'f', 6, 64)
		}
		b = append(b, '\n')
	}
	return b
}

// documents are of some 200 words each, a few words often and most seldom, as by Zipf's law.
func documents(n int) (docs [][]byte, bytes int) {
	g := generator(7)
	words := make([][]byte, 30_000)
	for i := range words {
		words[i] = word(&g)
	}
	for range n {
		var doc []byte
		for range 200 {
			doc = append(append(doc, words[int(math.Pow(float64(len(words)), g.unit()))-1]...), ' ')
		}
		docs, bytes = append(docs, doc), bytes+len(doc)
	}
	return docs, bytes
}

func word(g *generator) []byte {
	w := make([]byte, 3+g.below(7))
	for i := range w {
		w[i] = byte('a' + g.below(26))
	}
	return w
}
