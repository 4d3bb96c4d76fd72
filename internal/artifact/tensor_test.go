package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

var linearTensors = []Tensor{{"bias", Float32, []int64{1}}, {"weights", Float32, []int64{3}}}

// goldenHeader is the header of linearTensors, padded to 120 bytes.
const goldenHeader = `{"bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},` +
	`"weights":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}}   `

// golden is the file of linearTensors with the values 0.25, and 1.5, -2, 0.
const golden = "\x78\x00\x00\x00\x00\x00\x00\x00" + goldenHeader +
	"\x00\x00\x80\x3e" + "\x00\x00\xc0\x3f\x00\x00\x00\xc0\x00\x00\x00\x00"

func TestWriterGolden(t *testing.T) {
	for _, pieces := range [][][]float32{
		{{0.25, 1.5, -2, 0}}, // one piece over both tensors
		{{0.25}, {1.5}, {}, {-2, 0}},
	} {
		var file bytes.Buffer
		w, err := NewWriter(&file, linearTensors)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pieces {
			if err := w.Float32(p); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(golden, file.String()); diff != "" {
			t.Errorf("file (-want +got):\n%s", diff)
		}
		if want := sha256.Sum256([]byte(golden)); sum != hex.EncodeToString(want[:]) {
			t.Errorf("SHA-256 %s, want %x", sum, want)
		}
	}
}

// mixed has both types, an empty tensor, a scalar, and one larger than a piece.
var mixed = []Tensor{
	{"m", Float64, []int64{2, 2}}, {"scalar", Float64, []int64{}},
	{"big", Float32, []int64{3, 10_000}}, {"none", Float32, []int64{0, 5}}, {"z", Float32, []int64{1}},
}

func writeMixed(w *Writer) error {
	big := make([]float32, 30_001)
	for i := range big {
		big[i] = float32(i)
	}
	big[30_000] = float32(math.Inf(1))
	return errors.Join(w.Float64([]float64{1, 2, 3}), w.Float64([]float64{4, math.Pi}), w.Float32(big))
}

func createMixed(t *testing.T) *TensorFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	if _, err := writeParams(path, mixed, writeMixed); err != nil {
		t.Fatal(err)
	}
	f, err := OpenTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestRoundTrip(t *testing.T) {
	f := createMixed(t)
	if diff := cmp.Diff(mixed, f.Tensors()); diff != "" {
		t.Errorf("tensors (-want +got):\n%s", diff)
	}
	m, err := f.Float64("m")
	if diff := cmp.Diff([]float64{1, 2, 3, 4}, m); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if s, err := f.Float64("scalar"); err != nil || s[0] != math.Pi {
		t.Error(s, err)
	}
	big, err := f.Float32("big")
	if err != nil || len(big) != 30_000 || big[29_999] != 29_999 {
		t.Error(len(big), err)
	}
	if z, err := f.Float32("z"); err != nil || !math.IsInf(float64(z[0]), 1) {
		t.Error(z, err)
	}
	if none, err := f.Float32("none"); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
	part := make([]float32, 20_000) // crosses pieces, and starts within one
	if err := f.ReadFloat32(part, "big", 10_000); err != nil || part[0] != 10_000 || part[19_999] != 29_999 {
		t.Error(part[0], part[19_999], err)
	}
}

func TestReadRefuses(t *testing.T) {
	f := createMixed(t)
	for name, test := range map[string]struct {
		read func() error
		want param.Kind
	}{
		"past the end":      {func() error { return f.ReadFloat32(make([]float32, 2), "big", 29_999) }, param.Invalid},
		"before the start":  {func() error { return f.ReadFloat32(nil, "big", -1) }, param.Invalid},
		"overflowing start": {func() error { return f.ReadFloat32(make([]float32, 2), "big", math.MaxInt64) }, param.Invalid},
		"another type":      {func() error { _, err := f.Float32("m"); return err }, param.Corrupt},
		"unknown name":      {func() error { _, err := f.Float64("q"); return err }, param.Corrupt},
		"cut while open": {func() error {
			if err := os.Truncate(f.path, 4000); err != nil {
				return err
			}
			_, err := f.Float32("big")
			return err
		}, param.Corrupt},
	} {
		err := test.read()
		if param.KindOf(err) != test.want || !strings.Contains(err.Error(), f.path) {
			t.Errorf("%s: %v (%v), want %v and the file's name", name, err, param.KindOf(err), test.want)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	for name, tensors := range map[string][]Tensor{
		"names descend":   {{"b", Float32, []int64{1}}, {"a", Float32, []int64{1}}},
		"a name twice":    {{"a", Float32, []int64{1}}, {"a", Float32, []int64{1}}},
		"narrow first":    {{"a", Float32, []int64{1}}, {"b", Float64, []int64{1}}},
		"quote in a name": {{`a"`, Float32, []int64{1}}},
		"no name":         {{"", Float32, []int64{1}}},
		"unknown type":    {{"a", "F16", []int64{1}}},
		"negative":        {{"a", Float32, []int64{-1}}},
		"too large":       {{"a", Float32, []int64{1 << 40, 1 << 40}}},
		"too many dims":   {{"a", Float32, make([]int64, 9)}},
		"too many":        make([]Tensor, maxTensors+1),
	} {
		if _, err := NewWriter(new(bytes.Buffer), tensors); param.KindOf(err) != param.Invalid {
			t.Errorf("%s: %v, want an invalid error", name, err)
		}
	}
	for name, fill := range map[string]func(*Writer) error{
		"too few":      func(w *Writer) error { return w.Float32(make([]float32, 3)) },
		"too many":     func(w *Writer) error { return w.Float32(make([]float32, 5)) },
		"another type": func(w *Writer) error { return w.Float64(make([]float64, 4)) },
	} {
		w, err := NewWriter(new(bytes.Buffer), linearTensors)
		if err != nil {
			t.Fatal(err)
		}
		_ = fill(w) // Close has to repeat it
		if sum, err := w.Close(); param.KindOf(err) != param.Invalid || sum != "" {
			t.Errorf("%s: %v, want an invalid error", name, err)
		}
	}
}

var errDisk = errors.New("disk full")

// failingWriter fails at the write after left ones.
type failingWriter struct{ left int }

func (f *failingWriter) Write(p []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func TestWriterReportsEachFailedWrite(t *testing.T) {
	all := &failingWriter{left: math.MaxInt}
	w, err := NewWriter(all, mixed)
	if err == nil {
		err = writeMixed(w)
	}
	if err != nil {
		t.Fatal(err)
	}
	writes := math.MaxInt - all.left
	for n := range writes {
		w, err := NewWriter(&failingWriter{left: n}, mixed)
		if err == nil {
			_ = writeMixed(w)
			_, err = w.Close()
		}
		if !errors.Is(err, errDisk) {
			t.Errorf("write %d of %d failed: %v, want %v", n, writes, err, errDisk)
		}
	}
}

// rebuild puts a header before the golden data.
func rebuild(header, data string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+data...)
}

func TestOpenRefusesDamage(t *testing.T) {
	data := golden[8+len(goldenHeader):]
	replace := func(old, new string) []byte {
		if !strings.Contains(goldenHeader, old) {
			t.Fatalf("%q is not in the header", old)
		}
		return rebuild(strings.Replace(goldenHeader, old, new, 1), data)
	}
	for name, file := range map[string][]byte{
		"empty":               {},
		"seven bytes":         []byte(golden[:7]),
		"cut in the header":   []byte(golden[:60]),
		"cut in the data":     []byte(golden[:len(golden)-1]),
		"one byte more":       []byte(golden + "x"),
		"header length 2^63":  []byte("\x00\x00\x00\x00\x00\x00\x00\x80" + golden[8:]),
		"header length 2^40":  []byte("\x00\x00\x00\x00\x00\x01\x00\x00" + golden[8:]),
		"no JSON":             rebuild("junk", data),
		"an array":            rebuild("[]", data),
		"text after it":       rebuild(goldenHeader+"{}", data),
		"unclosed":            rebuild(strings.TrimRight(goldenHeader, "} "), data),
		"no tensors but data": rebuild("{}", data),
		"a name twice":        replace(`"weights"`, `"bias"`),
		"overlap":             replace(`[4,16]`, `[0,12]`),
		"gap":                 replace(`[4,16]`, `[8,20]`),
		"reversed":            replace(`[4,16]`, `[16,4]`),
		"one offset":          replace(`[4,16]`, `[4]`),
		"negative offset":     replace(`[0,4]`, `[-4,0]`),
		"shape too large":     replace(`[3]`, `[4611686018427387904,4]`),
		"shape negative":      replace(`[3]`, `[-3]`),
		"shape differs":       replace(`[3]`, `[4]`),
		"no shape":            replace(`"shape":[3],`, ``),
		"fraction":            replace(`[3]`, `[3.5]`),
		"another type":        replace(`"dtype":"F32"`, `"dtype":"I32"`),
	} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := OpenTensors(path)
		if param.KindOf(err) != param.Corrupt || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%s: %v, want a corrupt error that names the file", name, err)
		}
	}
}

func TestOpenAcceptsOtherWriters(t *testing.T) {
	header := `{"__metadata__":{"by":"another"},"weights":{"data_offsets":[0,12],"shape":[3],"dtype":"F32"},` +
		`"bias":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`
	data := golden[8+len(goldenHeader):]
	file := rebuild(header, data)
	entries, start, err := parseHeader(bytes.NewReader(file), int64(len(file)))
	if err != nil || len(entries) != 2 || entries[0].Name != "weights" || start != int64(8+len(header)) {
		t.Error(entries, start, err)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte(golden[:50]))
	f.Add(rebuild(`{"__metadata__":{"a":"b"},"x":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}`, "12345678"))
	f.Add(rebuild(`{"a":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]}}`, ""))
	f.Fuzz(func(t *testing.T, file []byte) {
		entries, start, err := parseHeader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			if param.KindOf(err) != param.Corrupt {
				t.Fatalf("%v is no corrupt error", err)
			}
			return
		}
		total := start
		for _, e := range entries {
			total += e.Bytes()
		}
		if total != int64(len(file)) {
			t.Fatalf("tensors end at %d of %d bytes", total, len(file))
		}
	})
}
