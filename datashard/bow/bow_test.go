package bow

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// convert converts text; labels "-" means none.
func convert(text, labels string) (string, error) {
	var out bytes.Buffer
	var r io.Reader
	if labels != "-" {
		r = strings.NewReader(labels)
	}
	err := Convert(&out, strings.NewReader(text), "docword.txt", r, "labels.txt")
	return out.String(), err
}

func TestConvert(t *testing.T) {
	for _, c := range []struct{ name, text, labels, want string }{
		{"plain", "2\n5\n3\n1 2 7\n1 5 1\n2 1 12\n", "-", "0 2:7 5:1\n0 1:12\n"},
		{"words in any order", "1\n5\n4\n1 5 1\n1 2 2\n1 4 3\n1 1 4\n", "-", "0 1:4 2:2 4:3 5:1\n"},
		{"empty documents", "6\n5\n2\n2 1 1\n4 1 1", "-", "0\n0 1:1\n0\n0 1:1\n0\n0\n"},
		{"no counts", "2\n0\n0\n", "1\n2\n", "1\n2\n"},
		{"no documents", "0\n0\n0\n", "", ""},
		{"labels", "3\n5\n1\n2 5 10\n", "1\n-0.5\n+1e3", "1\n-0.5 5:10\n+1e3\n"},
		{"blanks", "\xEF\xBB\xBF 1 \r\n\n5\t\r\n2\r\n\r\n 1\t2  7 \r\n\n1 5 1\n\n", "\xEF\xBB\xBF 1 \r\n\n\n", "1 2:7 5:1\n"},
		{"large", "1\n999999999999999999\n1\n1 999999999999999999 999999999999999999\n", "-", "0 999999999999999999:999999999999999999\n"},
		{"leading zeros", "001\n05\n01\n01 02 03\n", "-", "0 2:3\n"},
	} {
		got, err := convert(c.text, c.labels)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

// TestReal converts the corpus of PARLEY_DATA and checks its known sums.
func TestReal(t *testing.T) {
	dir := os.Getenv("PARLEY_DATA")
	if dir == "" {
		t.Skip("PARLEY_DATA is not set")
	}
	file, err := os.Open(filepath.Join(dir, "ap", "docword.ap.txt"))
	if err != nil {
		t.Skip(err)
	}
	defer file.Close()
	var out bytes.Buffer
	if err := Convert(&out, file, "docword.ap.txt", nil, ""); err != nil {
		t.Fatal(err)
	}
	if rows, counts := bytes.Count(out.Bytes(), []byte("\n")), bytes.Count(out.Bytes(), []byte(":")); rows != 2246 || counts != 302031 {
		t.Errorf("%d rows of %d counts, want 2246 of 302031", rows, counts)
	}
}

func BenchmarkConvert(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const documents, each = 5000, 100
	var text bytes.Buffer
	fmt.Fprintf(&text, "%d\n100000\n%d\n", documents, documents*each)
	for d := range documents {
		for i := range each {
			fmt.Fprintf(&text, "%d %d %d\n", d+1, i*1000+r.IntN(1000)+1, 1+int(r.ExpFloat64()*2))
		}
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if err := Convert(io.Discard, bytes.NewReader(text.Bytes()), "x", nil, ""); err != nil {
			b.Fatal(err)
		}
	}
}
