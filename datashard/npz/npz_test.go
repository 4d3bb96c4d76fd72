package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/batch"
	"parley/internal/param"
)

// read returns the arrays of a file: header without padding, and the elements as
// numbers.
func read(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	arrays := map[string]string{}
	for _, entry := range z.File {
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r) // checks the CRC
		if err != nil {
			t.Fatal(err)
		}
		size := 10 + int(binary.LittleEndian.Uint16(b[8:]))
		if string(b[:8]) != "\x93NUMPY\x01\x00" || size%64 != 0 || b[size-1] != '\n' {
			t.Errorf("%s: header %q", entry.Name, b[:size])
		}
		header := strings.TrimSpace(string(b[10:size]))
		arrays[entry.Name] = header + " " + elements(header, b[size:])
	}
	return arrays
}

func elements(header string, b []byte) string {
	text := ""
	for len(b) > 0 {
		switch {
		case strings.Contains(header, "'<i8'"):
			text, b = text+fmt.Sprint(int64(binary.LittleEndian.Uint64(b)), " "), b[8:]
		case strings.Contains(header, "'<i4'"):
			text, b = text+fmt.Sprint(int32(binary.LittleEndian.Uint32(b)), " "), b[4:]
		case strings.Contains(header, "'<f4'"):
			text, b = text+fmt.Sprint(math.Float32frombits(binary.LittleEndian.Uint32(b)), " "), b[4:]
		default:
			return text + string(b)
		}
	}
	return text
}

func rows(weights bool) *batch.CSR {
	c := &batch.CSR{Labels: []float32{1, -1, 0.5}, Offsets: []uint32{0, 2, 2, 3}, Columns: []uint32{0, 4, 2}, Values: []float32{1, 2.5, -3}}
	if weights {
		c.Weights = []float32{1, 2, 3}
	}
	return c
}

// header is that of a NumPy array.
func header(kind, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, } ", kind, shape)
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		columns int64
		index   string
		shape   string
	}{{0, "<i4", "6 5 "}, {7, "<i4", "6 7 "}, {1 << 31, "<i8", "6 2147483648 "}} {
		var out bytes.Buffer
		w, err := New(&out, dir)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := errors.Join(w.Add(rows(true)), w.Add(&batch.CSR{Offsets: []uint32{0}})); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(c.columns); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"indices.npy": header(c.index, "(6,)") + "0 4 2 0 4 2 ",
			"indptr.npy":  header(c.index, "(7,)") + "0 2 2 3 5 5 6 ",
			"format.npy":  header("|S3", "()") + "csr",
			"shape.npy":   header("<i8", "(2,)") + c.shape,
			"data.npy":    header("<f4", "(6,)") + "1 2.5 -3 1 2.5 -3 ",
			"labels.npy":  header("<f4", "(6,)") + "1 -1 0.5 1 -1 0.5 ",
			"weights.npy": header("<f4", "(6,)") + "1 2 3 1 2 3 ",
		}
		if d := cmp.Diff(want, read(t, out.Bytes())); d != "" {
			t.Error(c.columns, d)
		}
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Error("temporary files are left:", left, err)
	}
}

// TestGolden compares with what scipy wrote of the same matrix.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/scipy.npz")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := New(&out, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Add(rows(false)), w.Close(7)); err != nil {
		t.Fatal(err)
	}
	got := read(t, out.Bytes())
	delete(got, "labels.npy")
	if d := cmp.Diff(read(t, data), got); d != "" {
		t.Error(d)
	}
}

func TestErrors(t *testing.T) {
	w, err := New(io.Discard, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(rows(true)); err != nil {
		t.Fatal(err)
	}
	const mixed = "row 4: some rows have weights or exposures and others have none: give them to all rows or to none"
	if err := w.Add(rows(false)); err == nil || err.Error() != mixed || param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
	if err := w.Close(4); err == nil || err.Error() != "a matrix of 4 columns, but the rows use 5" {
		t.Error(err)
	}
	if _, err := New(io.Discard, t.TempDir()+"/missing"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// failing fails after some bytes.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	for n := 0; n < 600; n += 50 {
		w, err := New(&failing{n}, dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Add(rows(true)), w.Close(0)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Error("temporary files are left:", left, err)
	}
}
