package jsonl

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"parley/internal/table"
)

// benchText returns lines of about 2 MB: documents of some 200 words with a line
// break now and then, or records of ten numbers.
func benchText(documents bool) []byte {
	r := rand.New(rand.NewPCG(5, 6))
	var text []byte
	for i := 0; len(text) < 2<<20; i++ {
		text = AppendNumber(text, "id", true, i)
		if !documents {
			for k := range 10 {
				text = AppendNumber(text, fmt.Sprintf("field%d", k), false, float32(r.Float64()))
			}
			text = append(text, "}\n"...)
			continue
		}
		var b strings.Builder
		for range 150 + r.IntN(100) {
			b.WriteString("abcdefghijkl"[:2+r.IntN(10)])
			b.WriteByte(" \n          "[r.IntN(12)])
		}
		text = append(AppendString(text, "text", false, []byte(b.String())), "}\n"...)
	}
	return text
}

var benchCases = []struct {
	name      string
	documents bool
	want      []string
}{
	{"documents", true, []string{"id", "text"}},
	{"documents/unwanted", true, []string{"id"}},
	{"numbers/fields=10", false, []string{"id", "field0", "field1", "field2", "field3", "field4", "field5", "field6", "field7", "field8"}},
}

func BenchmarkParse(b *testing.B) {
	for _, c := range benchCases {
		text := benchText(c.documents)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			p, rows := &Parser{Want: c.want}, new(table.Batch)
			for b.Loop() {
				if p.Parse(rows, nil, text); len(rows.Bad) > 0 {
					b.Fatal(rows.Bad)
				}
			}
		})
		b.Run("naive/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				for line := range strings.SplitSeq(string(text[:len(text)-1]), "\n") {
					var all map[string]any
					if err := json.Unmarshal([]byte(line), &all); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkRows(b *testing.B) {
	for _, c := range benchCases[1:] {
		text := benchText(c.documents)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			at := new(table.Places)
			for b.Loop() {
				Rows(at, text)
			}
		})
	}
}
