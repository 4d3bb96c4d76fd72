package blockcache

import (
	"fmt"
	"os"
	"testing"

	"parley/internal/batch"
)

// benchShapes are those of a usual shard and of the smallest.
var benchShapes = []struct{ rows, nonzeros int }{{1024, 40}, {16, 40}}

func benchRows(rows, nonzeros int) *batch.CSR {
	c := generate(1, 0, rows, 0, false, false)
	c.Columns, c.Values = make([]uint32, rows*nonzeros), make([]float32, rows*nonzeros)
	for i := range c.Columns {
		c.Columns[i], c.Values[i] = uint32(i*7919), float32(i)
	}
	for i := range c.Offsets {
		c.Offsets[i] = uint32(i * nonzeros)
	}
	return c
}

const benchShards = 200

func BenchmarkGet(b *testing.B) {
	for _, s := range benchShapes {
		rows := benchRows(s.rows, s.nonzeros)
		c := open(b, b.TempDir(), plenty)
		for i := range uint64(benchShards) {
			put(b, c, key("a"), i, rows)
		}
		b.Run(fmt.Sprintf("rows=%d/nonzeros=%d", s.rows, s.nonzeros), func(b *testing.B) {
			b.SetBytes(rows.Bytes())
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				if got, err := c.Get(key("a"), i%benchShards, 0, int64(s.rows)); got == nil || err != nil {
					b.Fatal(got, err)
				}
			}
		})
	}
}

// It writes new files, as a first epoch does, and removes them now and then.
func BenchmarkPut(b *testing.B) {
	for _, s := range benchShapes {
		rows := benchRows(s.rows, s.nonzeros)
		b.Run(fmt.Sprintf("rows=%d/nonzeros=%d", s.rows, s.nonzeros), func(b *testing.B) {
			dir := b.TempDir()
			c := open(b, dir, plenty)
			b.SetBytes(rows.Bytes())
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				put(b, c, key("a"), i, rows)
				if i%1024 == 1023 {
					b.StopTimer()
					if err := os.RemoveAll(dir); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
			}
		})
	}
}
