package columnar

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/parquet-go/parquet-go"

	"parley/internal/batch"
	"parley/internal/param"
	"parley/internal/table"
)

// samples are small files of a format, of tables and of sparse rows.
func samples(t testing.TB, f kindOfFile) [][]byte {
	r := rand.New(rand.NewPCG(7, 7))
	files := [][]byte{
		writeTable(t, f, tableSchema, randomTable(r, 9)),
		writeSparse(t, f, Schema{Sparse: true, Fields: []Field{{Name: "weight"}}}, randomSparse(r, 9, true, false)),
	}
	if f.name == "arrow" {
		return append(files, arrowFile(t, false, ipc.WithZstd()), arrowFile(t, true, ipc.WithLZ4()))
	}
	return append(files, parquetFile(t, parquet.Compression(&parquet.Snappy)), parquetFile(t, parquet.DataPageVersion(1)))
}

// tryFile reads all of a file, which may be damaged, and checks that what is
// wrong is said.
func tryFile(t testing.TB, f kindOfFile, data []byte) {
	file, err := f.open(bytes.NewReader(data), int64(len(data)), "x")
	if err != nil {
		checkError(t, err)
		return
	}
	defer file.Close()
	if file.Schema().Sparse {
		var rows batch.CSR
		for range 100 {
			if err = file.NextSparse(&rows); err != nil {
				break
			}
			if rows.Rows() == 0 || len(rows.Offsets) != rows.Rows()+1 || len(rows.Columns) != len(rows.Values) {
				t.Fatal("rows that are not whole")
			}
		}
		checkError(t, err)
		return
	}
	var want []int
	for i, field := range file.Schema().Fields {
		if !field.Unsupported {
			want = append(want, i)
		}
	}
	var b table.Batch
	for range 100 {
		if err = file.NextTable(&b, want); err != nil {
			break
		}
		cells(&b)
	}
	checkError(t, err)
}

func checkError(t testing.TB, err error) {
	if kind := param.KindOf(err); err != nil && !errors.Is(err, io.EOF) && kind != param.Invalid && kind != param.Corrupt {
		t.Fatalf("of no kind: %v", err)
	}
}

func TestTruncated(t *testing.T) {
	for _, f := range formats {
		for _, data := range samples(t, f) {
			for n := 0; n < len(data); n += 1 + n/50 {
				tryFile(t, f, data[:n])
			}
		}
	}
}

// TestManyNulls has a batch of a column without bytes that claims 2^31 rows.
func TestManyNulls(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: arrow.Null, Nullable: true}}, nil)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	if err := w.Write(array.NewRecordBatch(schema, []arrow.Array{array.NewNull(1<<31 - 1)}, 1<<31-1)); err != nil {
		t.Fatal(err)
	}
	if _, err := readTable(formats[0].reopen(t, out.Bytes()), nil); param.KindOf(err) != param.Corrupt {
		t.Error(err)
	}
}

// TestFlipped changes bytes, most to what lengths and offsets fear.
func TestFlipped(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for _, f := range formats {
		for _, data := range samples(t, f) {
			for at := 0; at < len(data); at += 1 + r.IntN(1+len(data)/150) {
				for _, with := range []byte{0xFF, 0x7F, 0, data[at] ^ 1<<r.IntN(8)} {
					damaged := bytes.Clone(data)
					damaged[at] = with
					tryFile(t, f, damaged)
				}
			}
		}
	}
}

func TestFileErrors(t *testing.T) {
	arrowData, parquet := samples(t, formats[0])[0], samples(t, formats[1])[0]
	encrypted := bytes.Clone(parquet)
	copy(encrypted[len(encrypted)-4:], parquetSecret)
	for _, c := range []struct {
		f    kindOfFile
		data []byte
		kind param.Kind
		want string
	}{
		{formats[0], nil, param.Invalid, "x: is too short for Arrow IPC data: copy or download it again, or correct the format"},
		{formats[0], []byte("1 3:0.5 7:1\n"), param.Invalid, "x: is not Arrow IPC data: correct the file's suffix or the format"},
		{formats[0], []byte("FEA1xxxxxxxx"), param.Invalid, "x: is Feather version 1, which is no longer in use: write it as version 2 (Arrow IPC)"},
		{formats[0], arrowData[:len(arrowData)-1], param.Corrupt, "x: the file is truncated: copy or download it again"},
		{formats[1], nil, param.Invalid, "x: is too short for a Parquet file: copy or download it again, or correct the format"},
		{formats[1], arrowData, param.Invalid, "x: is not a Parquet file: correct the file's suffix or the format"},
		{formats[1], parquet[:len(parquet)-1], param.Corrupt, "x: the file is truncated: copy or download it again"},
		{formats[1], encrypted, param.Invalid, "x: is encrypted: write it without encryption"},
	} {
		_, err := c.f.open(bytes.NewReader(c.data), int64(len(c.data)), "x")
		if err == nil || err.Error() != c.want || param.KindOf(err) != c.kind {
			t.Errorf("%s:\n got %v\nwant %s", c.f.name, err, c.want)
		}
	}
}

// failing is a disk that fails after some reads.
type failing struct {
	r    io.ReaderAt
	left int
}

var errDisk = errors.New("the disk failed")

func (f *failing) ReadAt(p []byte, at int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errDisk
	}
	return f.r.ReadAt(p, at)
}

// TestDiskErrors fails each read in turn: that is no damage.
func TestDiskErrors(t *testing.T) {
	for _, f := range formats {
		for _, data := range samples(t, f) {
			for n := range 1000 {
				disk := &failing{bytes.NewReader(data), n}
				file, err := f.open(disk, int64(len(data)), "x")
				if err == nil {
					var rows batch.CSR
					for err == nil && file.Schema().Sparse {
						err = file.NextSparse(&rows)
					}
					if !file.Schema().Sparse {
						_, err = readTable(file, nil)
					}
				}
				if disk.left >= 0 {
					break
				}
				if !errors.Is(err, errDisk) || param.KindOf(err) != param.Unknown {
					t.Fatalf("%s: read %d: %v", f.name, n, err)
				}
			}
		}
	}
}

func FuzzArrow(f *testing.F)   { fuzzFile(f, formats[0]) }
func FuzzParquet(f *testing.F) { fuzzFile(f, formats[1]) }

func fuzzFile(f *testing.F, format kindOfFile) {
	for _, data := range samples(f, format) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { tryFile(t, format, data) })
}
