package blockcache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"parley/internal/batch"
)

// A file is what arrow-go writes, byte for byte, though only one file of each
// layout was ever framed by it.
func TestFilesAreArrowGos(t *testing.T) {
	for i := range 4 {
		for _, size := range [][2]int{{1, 0}, {1, 1}, {15, 3}, {16, 3}, {17, 3}, {1010, 29}, {1024, 40}} {
			id := identity{key("5"), uint64(i) + 7, int64(size[0]) << 40}
			rows := generate(uint64(i), id.firstRow, size[0], size[1], i&1 != 0, i&2 != 0)
			var got bytes.Buffer
			if err := write(&got, id, rows); err != nil {
				t.Fatal(err)
			}
			values := metadata(id, crcOf(rows))
			if want := arrowFile(rows, values); !bytes.Equal(got.Bytes(), want) {
				t.Errorf("layout %d, %d rows, %d nonzeros: %d bytes differ from arrow-go's %d", i, size[0], len(rows.Columns), got.Len(), len(want))
			}
			if got.Len() != int(fileSize(rows)) {
				t.Errorf("%d bytes, foretold %d", got.Len(), fileSize(rows))
			}
		}
	}
}

func TestHeadIsReadAtOnce(t *testing.T) {
	for i, l := range layouts() {
		if len(l.head) > maxHead {
			t.Errorf("layout %d: the head has %d bytes, more than %d", i, len(l.head), maxHead)
		}
	}
}

func crcOf(rows *batch.CSR) uint32 {
	var body []byte
	for _, p := range pieces(rows) {
		body = append(body, p...)
	}
	return checksum(body)
}

// checksum is the CRC32C as its definition has it, bit by bit.
func checksum(b []byte) uint32 {
	crc := ^uint32(0)
	for _, x := range b {
		crc ^= uint32(x)
		for range 8 {
			crc = crc>>1 ^ 0x82f63b78*(crc&1)
		}
	}
	return ^crc
}

// openArrow opens a file as others do.
func openArrow(t *testing.T, path string) *ipc.FileReader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // only read
	r, err := ipc.NewFileReader(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestReadableByOthers(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, plenty)
	rows := generate(3, 4096, 100, 9, true, true)
	put(t, c, key("7"), 2049, rows)
	r := openArrow(t, filepath.Join(dir, key("7"), "2", "2049.arrow"))
	const schema = `schema:
  fields: 4
    - label: type=float32
    - weight: type=float32
    - exposure: type=float32
    - features: type=list<item: struct<column: uint32, value: float32>>
  metadata: ["parley.layout": "1"]`
	if got := r.Schema().String(); got != schema {
		t.Errorf("got  %s\nwant %s", got, schema)
	}
	record, err := r.RecordBatch(0)
	if err != nil {
		t.Fatal(err)
	}
	if r.NumRecords() != 1 || record.NumRows() != 100 {
		t.Errorf("%d batches, %d rows", r.NumRecords(), record.NumRows())
	}
	columns := record.Columns()
	features := columns[3].(*array.List)
	nonzeros := features.ListValues().(*array.Struct)
	got := &batch.CSR{
		FirstRow: rows.FirstRow, Offsets: make([]uint32, len(rows.Offsets)),
		Labels: columns[0].(*array.Float32).Values(), Weights: columns[1].(*array.Float32).Values(), Exposure: columns[2].(*array.Float32).Values(),
		Columns: nonzeros.Field(0).(*array.Uint32).Values(), Values: nonzeros.Field(1).(*array.Float32).Values(),
	}
	for i, offset := range features.Offsets() {
		got.Offsets[i] = uint32(offset)
	}
	if !equal(got, rows) {
		t.Error("other rows")
	}
	meta := record.(arrow.RecordBatchWithMetadata).Metadata().String()
	wantMeta := fmt.Sprintf(`["parley.dataset": "%s", "parley.shard": "00000000000000002049", "parley.first_row": "00000000000000004096", "parley.crc32c": "%08x"]`, key("7"), crcOf(rows))
	if meta != wantMeta {
		t.Errorf("got  %s\nwant %s", meta, wantMeta)
	}
}

// Of no rows, arrow-go leaves the one offset out, but reads it.
func TestNoRowsAreReadableByOthers(t *testing.T) {
	c := open(t, t.TempDir(), plenty)
	put(t, c, key("7"), 0, generate(3, 4096, 0, 9, true, true))
	record, err := openArrow(t, c.path(key("7"), 0)).RecordBatch(0)
	if err != nil || record.NumRows() != 0 {
		t.Errorf("%v, error %v", record, err)
	}
}

// The layout must not change under Version 1, with a new arrow-go for example:
// nodes of two versions may share a folder.
func TestLayoutIsStable(t *testing.T) {
	const sum = "97aa8be7e8855494406b3d91cd94779ce4ea5f141ef2d5a0132caeabea548cd7"
	all := sha256.New()
	for i := range 4 {
		rows := &batch.CSR{FirstRow: 3, Labels: []float32{1, -1}, Offsets: []uint32{0, 1, 3}, Columns: []uint32{4, 0, 9}, Values: []float32{0.5, 2, 3}}
		if i&1 != 0 {
			rows.Weights = []float32{1, 2}
		}
		if i&2 != 0 {
			rows.Exposure = []float32{3, 4}
		}
		if err := write(all, identity{key("0"), 1, 3}, rows); err != nil {
			t.Fatal(err)
		}
	}
	if got := hex.EncodeToString(all.Sum(nil)); got != sum {
		t.Errorf("files have the SHA-256 %s, not %s: raise Version and describe the change in docs/formats/cache.md", got, sum)
	}
}
