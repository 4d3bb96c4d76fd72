package datashard

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"parley/datashard/libsvm"
	"parley/internal/batch"
	"parley/internal/table"
)

// benchText returns libsvm text of so many rows of 30 features.
func benchText(rows int, value func(*rand.Rand) string) string {
	r := rand.New(rand.NewPCG(5, 6))
	var b strings.Builder
	for range rows {
		fmt.Fprintf(&b, "%d", r.IntN(2))
		for id, n := 1, 30; n > 0; n-- {
			id += 1 + r.IntN(5000)
			fmt.Fprintf(&b, " %d:%s", id, value(r))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var benchValues = []struct {
	name  string
	value func(*rand.Rand) string
}{
	{"binary", func(*rand.Rand) string { return "1" }},
	{"6digits", func(r *rand.Rand) string { return fmt.Sprintf("%.6f", r.Float64()) }},
	{"17digits", func(r *rand.Rand) string { return fmt.Sprintf("%.17g", r.Float64()) }},
}

func BenchmarkParseLibsvm(b *testing.B) {
	for _, v := range benchValues {
		text := []byte(benchText(3000, v.value))
		b.Run(fmt.Sprintf("%s/rows=3000/features=30", v.name), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var rows batch.CSR
			p := libsvm.Parser{Base: libsvm.OneBased}
			for b.Loop() {
				rows.Labels, rows.Offsets, rows.Columns, rows.Values = rows.Labels[:0], rows.Offsets[:0], rows.Columns[:0], rows.Values[:0]
				var bad table.BadRows
				if p.Parse(&rows, nil, &bad, text); len(bad) > 0 {
					b.Fatal(bad)
				}
			}
		})
	}
}

func BenchmarkProfile(b *testing.B) {
	for _, v := range benchValues {
		text := benchText(100_000, v.value)
		b.Run(fmt.Sprintf("%s/rows=100000/features=30", v.name), func(b *testing.B) {
			d := open(b, filepath.Join(write(b, "a.svm", text), "a.svm"), Options{CacheBytes: -1})
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				profileOf(b, d)
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	text := benchText(100_000, benchValues[1].value)
	d := open(b, write(b, "a.svm", text), Options{CacheBytes: -1})
	m := profileOf(b, d)
	b.Run("6digits/rows=512/features=30", func(b *testing.B) {
		b.SetBytes(int64(len(text)) / int64(len(m.Shards)))
		for i := 0; b.Loop(); i++ {
			if _, err := d.Load(context.Background(), m.Shards[i%len(m.Shards)].ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}
