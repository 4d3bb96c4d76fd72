package datashard

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"parley/internal/batch"
	"parley/internal/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write puts files, given as name and content in turn, into a new directory.
func write(t testing.TB, files ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// open opens a dataset for the duration of the test.
func open(t testing.TB, path string, options Options) *Dataset {
	t.Helper()
	d, err := Open(context.Background(), Source{Path: path, Format: "libsvm"}, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func profileOf(t testing.TB, d *Dataset) *plan.Manifest {
	t.Helper()
	m, err := d.Profile(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// loadAll loads the shards in order.
func loadAll(t testing.TB, d *Dataset) []*batch.CSR {
	t.Helper()
	var all []*batch.CSR
	for _, s := range d.Manifest().Shards {
		rows, err := d.Load(context.Background(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rows)
	}
	return all
}

// generate returns rows of libsvm text that differ from each other.
func generate(rows int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, "%+d", 2*r.IntN(2)-1)
		for id, n := 1+r.IntN(9), r.IntN(12); n > 0; n-- {
			fmt.Fprintf(&b, " %d:%.*g", id, 1+r.IntN(9), r.NormFloat64())
			id += 1 + r.IntN(50)
		}
		if i%7 == 3 {
			b.WriteString(" # row ")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text) // to memory
	_ = w.Close()
	return b.String()
}

func zstdded(text string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

// twoRows is "+1 1:0.5 3:2\n-1 2:1\n", as bzip2 compresses it.
var twoRows = unbase64("QlpoOTFBWSZTWaWJOOkAAALYAAAQQAt6ECAAMQDTTQNAGRmuFIPDSZcIrvF3JFOFCQpYk46Q")

func unbase64(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}
