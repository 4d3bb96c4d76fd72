package convert

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"parley/datashard"
)

// BenchmarkRun converts 4 MB of five columns, and of libsvm text with 20 values a
// row.
func BenchmarkRun(b *testing.B) {
	var csv, svm strings.Builder
	csv.WriteString("date,delay,distance,origin,destination\n")
	for i := 0; csv.Len() < 4<<20; i++ {
		fmt.Fprintf(&csv, "2001-%02d-%02d %02d:%02d,%d,%d,A%d,B%d\n", 1+i%12, 1+i%28, i%24, i%60, i%200-20, i*7%3000, i%300, i%270)
	}
	for i := 0; svm.Len() < 4<<20; i++ {
		fmt.Fprint(&svm, i%2)
		for id := range 20 {
			fmt.Fprintf(&svm, " %d:%.6g", 1+50*id+i%50, float64(i%1000)/7)
		}
		svm.WriteByte('\n')
	}
	cells, rows := datashard.Source{Path: put(b, "s.csv", csv.String())}, datashard.Source{Path: put(b, "s.svm", svm.String())}
	for _, c := range []struct {
		from   string
		source datashard.Source
		to     []string
	}{{"csv", cells, []string{"csv", "csv.zst", "jsonl", "arrow", "parquet"}}, {"svm", rows, []string{"svm", "vw", "jsonl", "arrow", "parquet", "npz"}}} {
		for _, to := range c.to {
			b.Run(c.from+"/"+to, func(b *testing.B) {
				target, err := TargetOf("x." + to)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(4 << 20)
				for b.Loop() {
					if _, err := Run(context.Background(), open(b, c.source), target, io.Discard, Options{TempDir: b.TempDir()}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
