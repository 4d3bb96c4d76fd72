package idx

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// array makes an idx file of elements given as bytes or in Go's types.
func array(code byte, sizes []uint32, elements ...any) string {
	var b bytes.Buffer
	b.Write([]byte{0, 0, code, byte(len(sizes))})
	for _, x := range append([]any{sizes}, elements...) {
		if err := binary.Write(&b, binary.BigEndian, x); err != nil {
			panic(err)
		}
	}
	return b.String()
}

// convert converts files; labels "-" means none.
func convert(images, labels string) (string, int64, error) {
	var out bytes.Buffer
	var r io.Reader
	if labels != "-" {
		r = strings.NewReader(labels)
	}
	columns, err := Convert(&out, strings.NewReader(images), "images", r, "labels")
	return out.String(), columns, err
}

func TestConvert(t *testing.T) {
	labels := array(unsigned8, []uint32{2}, []byte{7, 0})
	for _, c := range []struct {
		name, images, labels, want string
		columns                    int64
	}{
		{"images", array(unsigned8, []uint32{2, 2, 3}, []byte{0, 1, 2, 0, 0, 255, 9, 0, 0, 0, 0, 0}), labels, "7 2:1 3:2 6:255\n0 1:9\n", 6},
		{"two dimensions", array(unsigned8, []uint32{2, 2}, []byte{0, 0, 0, 4}), "-", "0\n0 2:4\n", 2},
		{"four dimensions", array(unsigned8, []uint32{1, 1, 2, 2}, []byte{1, 0, 0, 4}), "-", "0 1:1 4:4\n", 4},
		{"no rows", array(unsigned8, []uint32{0, 28, 28}), array(unsigned8, []uint32{0}), "", 784},
		{"signed bytes", array(signed8, []uint32{1, 4}, []int8{-128, 127, 0, -1}), "-", "0 1:-128 2:127 4:-1\n", 4},
		{"shorts", array(signed16, []uint32{1, 3}, []int16{-32768, 32767, 0}), "-", "0 1:-32768 2:32767\n", 3},
		{"ints", array(signed32, []uint32{1, 3}, []int32{math.MinInt32, math.MaxInt32, 16777217}), "-", "0 1:-2147483648 2:2147483647 3:16777217\n", 3},
		{"floats", array(float32s, []uint32{1, 5}, []float32{0.1, -1e-45, math.MaxFloat32, float32(math.Copysign(0, -1)), 3}), "-", "0 1:0.1 2:-1e-45 3:3.4028235e+38 5:3\n", 5},
		{"doubles", array(float64s, []uint32{1, 3}, []float64{0.1, 1.0 / 3, 1e-300}), "-", "0 1:0.1 2:0.3333333333333333 3:1e-300\n", 3},
		{"labels of doubles", array(unsigned8, []uint32{2, 1}, []byte{1, 2}), array(float64s, []uint32{2}, []float64{-0.5, 0}), "-0.5 1:1\n0 1:2\n", 1},
	} {
		got, columns, err := convert(c.images, c.labels)
		if err != nil || got != c.want || columns != c.columns {
			t.Errorf("%s: got %q, %d columns, %v, want %q, %d", c.name, got, columns, err, c.want, c.columns)
		}
	}
}

// TestLongRows has rows of several reads and writes.
func TestLongRows(t *testing.T) {
	const rows, columns = 3, 3*mostElements + 5
	elements := make([]int16, rows*columns)
	for i := range elements {
		elements[i] = int16(i%7 - 3)
	}
	images := array(signed16, []uint32{rows, columns}, elements)
	want, _ := naive([]byte(images))
	if got, n, err := convert(images, "-"); err != nil || got != want || n != columns {
		t.Errorf("%d bytes of %d columns, %v, want %d bytes", len(got), n, err, len(want))
	}
}

// TestReal converts MNIST of PARLEY_DATA and checks its known sums.
func TestReal(t *testing.T) {
	dir := os.Getenv("PARLEY_DATA")
	if dir == "" {
		t.Skip("PARLEY_DATA is not set")
	}
	var files [2]*os.File
	for i, name := range []string{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"} {
		f, err := os.Open(filepath.Join(dir, "mnist", name))
		if err != nil {
			t.Skip(err)
		}
		defer f.Close()
		files[i] = f
	}
	var out bytes.Buffer
	columns, err := Convert(&out, files[0], "images", files[1], "labels")
	if err != nil || columns != 784 || bytes.Count(out.Bytes(), []byte("\n")) != 10000 {
		t.Fatalf("%d columns, %v", columns, err)
	}
	if !bytes.HasPrefix(out.Bytes(), []byte("7 203:84 204:185 205:159 206:151")) {
		t.Errorf("begins with %.40q", out.Bytes())
	}
}

func BenchmarkConvert(b *testing.B) {
	elements := make([]byte, 1000*784)
	for i := range elements {
		if i%5 == 0 { // a fifth is not 0 in MNIST
			elements[i] = byte(i)
		}
	}
	images := array(unsigned8, []uint32{1000, 28, 28}, elements)
	b.SetBytes(int64(len(images)))
	for b.Loop() {
		if _, err := Convert(io.Discard, strings.NewReader(images), "x", nil, ""); err != nil {
			b.Fatal(err)
		}
	}
}
