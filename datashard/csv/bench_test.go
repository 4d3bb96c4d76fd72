package csv

import (
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"parley/internal/decimal"
	"parley/internal/table"
)

// benchText returns records of so many cells, about 1 MB.
func benchText(columns int, cell func(*rand.Rand) string) []byte {
	r := rand.New(rand.NewPCG(5, 6))
	var b strings.Builder
	for b.Len() < 1<<20 {
		for c := range columns {
			if c > 0 {
				b.WriteByte(',')
			}
			b.WriteString(cell(r))
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

var benchCells = []struct {
	name    string
	columns int
	cell    func(*rand.Rand) string
}{
	{"6digits/columns=30", 30, func(r *rand.Rand) string { return fmt.Sprintf("%.6f", r.Float64()) }},
	{"17digits/columns=30", 30, func(r *rand.Rand) string { return fmt.Sprintf("%.17g", r.Float64()) }},
	{"names/columns=5", 5, func(r *rand.Rand) string { return "ABCDEFG"[:1+r.IntN(6)] }},
	{"quoted/columns=5", 5, func(r *rand.Rand) string { return `"` + "a name, and more"[:3+r.IntN(13)] + `"` }},
	{"doubled/columns=5", 5, func(r *rand.Rand) string { return `"` + `a "" and more`[:4+r.IntN(9)] + `"` }},
}

func BenchmarkParse(b *testing.B) {
	for _, c := range benchCells {
		text := benchText(c.columns, c.cell)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			p, rows := &Parser{Comma: ',', Columns: c.columns, Want: upTo(c.columns)}, new(table.Batch)
			for b.Loop() {
				p.Parse(rows, nil, text)
			}
		})
	}
}

// BenchmarkFloats splits and reads the numbers.
func BenchmarkFloats(b *testing.B) {
	for _, c := range benchCells[:2] {
		text := benchText(c.columns, c.cell)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			p, rows := &Parser{Comma: ',', Columns: c.columns, Want: upTo(c.columns)}, new(table.Batch)
			for b.Loop() {
				p.Parse(rows, nil, text)
				for i := range rows.Columns {
					column := &rows.Columns[i]
					for row := range rows.Rows {
						if _, ok := decimal.Float64(column.Cell(row)); !ok {
							b.Fatal("no number")
						}
					}
				}
			}
		})
		b.Run("naive/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r := csv.NewReader(strings.NewReader(string(text)))
				r.ReuseRecord = true
				for record, err := r.Read(); err != io.EOF; record, err = r.Read() {
					for _, cell := range record {
						if _, err := strconv.ParseFloat(cell, 64); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
		})
	}
}

func BenchmarkRows(b *testing.B) {
	for _, c := range benchCells {
		text := benchText(c.columns, c.cell)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			p, at := &Parser{Comma: ',', Columns: c.columns}, new(table.Places)
			for b.Loop() {
				p.Rows(at, text)
			}
		})
	}
}
