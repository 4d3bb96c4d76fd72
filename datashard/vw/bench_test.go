package vw

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/murmur3"

	"parley/internal/batch"
	"parley/internal/table"
)

// benchTexts are vw text of three kinds, a few MB each: one-hot features of
// several namespaces, words with tf-idf values, and ascending numbers.
func benchTexts() []struct{ name, text string } {
	r := rand.New(rand.NewPCG(5, 6))
	var clicks, words, numbers strings.Builder
	for range 10_000 {
		fmt.Fprintf(&clicks, "%d", 2*r.IntN(2)-1)
		for c := range 26 {
			fmt.Fprintf(&clicks, " |c%d %08x", c, r.IntN(50_000)*77777)
		}
		fmt.Fprintf(&words, "%d |f", r.IntN(2))
		fmt.Fprintf(&numbers, "%d |f", r.IntN(2))
		for i := range 75 {
			fmt.Fprintf(&words, " w%s:%.6f", strconv.FormatInt(int64(r.ExpFloat64()*5000), 36), r.Float64())
			fmt.Fprintf(&numbers, " %d:%.7e", i*500+r.IntN(500), r.Float64())
		}
		for _, b := range []*strings.Builder{&clicks, &words, &numbers} {
			b.WriteByte('\n')
		}
	}
	return []struct{ name, text string }{{"clicks", clicks.String()}, {"words", words.String()}, {"numbers", numbers.String()}}
}

func BenchmarkParse(b *testing.B) {
	for _, kind := range benchTexts() {
		text := []byte(kind.text)
		b.Run("vw/"+kind.name+"/rows=10000", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			p, rows, bad := &Parser{Bits: 18}, new(batch.CSR), table.BadRows(nil)
			for b.Loop() {
				reset(rows)
				if p.Parse(rows, nil, &bad, text); len(bad) > 0 {
					b.Fatal(bad)
				}
			}
		})
		b.Run("naive/"+kind.name+"/rows=10000", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				scanner(text)
			}
		})
	}
}

// scanner parses vw text as one writes it first: bufio.Scanner, Fields, Cut and
// ParseFloat, without sorting and without refusing anything.
func scanner(text []byte) (labels, values []float32, columns []uint32) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		head, rest, _ := strings.Cut(lines.Text(), "|")
		label, _ := strconv.ParseFloat(strings.TrimSpace(head), 32)
		labels = append(labels, float32(label))
		for _, section := range strings.Split(rest, "|") {
			space := uint32(0)
			for i, token := range strings.Fields(section) {
				if i == 0 && section[0] != ' ' {
					space = murmur3.SeedStringSum32(0, token)
					continue
				}
				name, s, colon := strings.Cut(token, ":")
				value := 1.0
				if colon {
					value, _ = strconv.ParseFloat(s, 32)
				}
				n, err := strconv.ParseUint(name, 10, 32)
				column := uint32(n) + space
				if err != nil {
					column = murmur3.SeedStringSum32(space, name)
				}
				columns, values = append(columns, column&(1<<18-1)), append(values, float32(value))
			}
		}
	}
	return labels, values, columns
}

func BenchmarkRows(b *testing.B) {
	for _, kind := range benchTexts() {
		text := []byte(kind.text)
		b.Run(kind.name+"/rows=10000", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			at := new(table.Places)
			for b.Loop() {
				at.Reset()
				Rows(at, text)
			}
		})
	}
}

// BenchmarkFile parses a file of one's own: PARLEY_DATA names a directory with
// vw/rcv1_small.dat, unpacked.
func BenchmarkFile(b *testing.B) {
	dir := os.Getenv("PARLEY_DATA")
	if dir == "" {
		b.Skip("PARLEY_DATA is not set")
	}
	text, err := os.ReadFile(filepath.Join(dir, "vw", "rcv1_small.dat"))
	if err != nil {
		b.Skip(err)
	}
	b.SetBytes(int64(len(text)))
	p, rows, bad := &Parser{Bits: 18}, new(batch.CSR), table.BadRows(nil)
	for b.Loop() {
		reset(rows)
		p.Parse(rows, nil, &bad, text)
	}
}
