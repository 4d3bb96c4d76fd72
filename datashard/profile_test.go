package datashard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/zeebo/xxh3"

	"parley/datashard/libsvm"
	"parley/internal/batch"
	"parley/internal/plan"
	"parley/internal/table"
)

// layouts are ways to store the same rows.
func layouts(text string) map[string][]string {
	lines := strings.SplitAfter(text, "\n")
	third := len(lines) / 3
	a, b, c := strings.Join(lines[:third], ""), strings.Join(lines[third:2*third], ""), strings.Join(lines[2*third:], "")
	return map[string][]string{
		"one file":         {"x.svm", text},
		"no newline":       {"x.svm", strings.TrimSuffix(text, "\n")},
		"crlf":             {"x.svm", strings.ReplaceAll(text, "\n", "\r\n")},
		"byte order mark":  {"x.svm", "\xEF\xBB\xBF" + text},
		"three files":      {"1.svm", a, "2.svm", strings.TrimSuffix(b, "\n"), "3.svm", c, "_EMPTY", "", ".hidden", "junk"},
		"gzip":             {"x.svm.gz", gzipped(text)},
		"gzip, two parts":  {"x.svm.gz", gzipped(a+b) + gzipped(c)},
		"zstd":             {"x.svm.zst", zstdded(text)},
		"zstd, no newline": {"x.svm.zst", zstdded(strings.TrimSuffix(text, "\n"))},
		"mixed":            {"1.svm.GZ", gzipped(a), "2.svm.zst", zstdded("# comment\n\n" + b), "3.svm", "\n" + c + "\n# end"},
	}
}

// TestLayoutsAgree checks that neither files nor compression nor chunks nor
// memory make a difference to the rows, and that the shards hold them all.
func TestLayoutsAgree(t *testing.T) {
	text := generate(200, 7)
	want := rowsOfText(text)
	sum := hashOf(text)
	for name, files := range layouts(text) {
		dir := write(t, files...)
		for _, chunk := range []int64{77, usual.chunk} {
			for _, options := range []Options{{}, {MemoryLimit: 1000, CacheBytes: -1, TempDir: t.TempDir()}} {
				d := open(t, dir, options)
				d.sizes.chunk = chunk
				m := profileOf(t, d)
				if m.SHA256 != sum || m.Rows != 200 || m.Nonzeros != int64(len(want.Columns)) {
					t.Fatalf("%s: %d rows, %d nonzeros, SHA-256 %s", name, m.Rows, m.Nonzeros, m.SHA256)
				}
				checkPieces(t, d, m)
				checkRows(t, want, loadAll(t, d))
				d.mu.view.cache = newCache(-1) // parse again
				checkRows(t, want, loadAll(t, d))
			}
		}
	}
}

// rowsOfText parses libsvm text at once.
func rowsOfText(text string) *batch.CSR {
	rows := &batch.CSR{}
	p := libsvm.Parser{Base: libsvm.OneBased}
	var bad table.BadRows
	p.Parse(rows, nil, &bad, []byte(text))
	return rows
}

// hashOf is the hash of a dataset that has these rows, a line each.
func hashOf(text string) string {
	whole := sha256.New()
	lines := strings.SplitAfter(text, "\n")
	for i := 0; i < len(lines)-1; i += hashRows {
		sum := xxh3.HashString128(strings.Join(lines[i:min(i+hashRows, len(lines))], "")).Bytes()
		whole.Write(sum[:])
	}
	return hex.EncodeToString(whole.Sum(nil))
}

// checkRows compares the shards, one behind the other, with all rows.
func checkRows(t *testing.T, want *batch.CSR, shards []*batch.CSR) {
	t.Helper()
	got := &batch.CSR{Offsets: []uint32{0}}
	for _, s := range shards {
		if s.FirstRow != int64(got.Rows()) {
			t.Fatalf("a shard begins at row %d, want %d", s.FirstRow, got.Rows())
		}
		got = appendRows(got, s)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

// checkPieces checks the shards' sizes, and the pieces against their bytes.
func checkPieces(t *testing.T, d *Dataset, m *plan.Manifest) {
	t.Helper()
	row := int64(0)
	for i, s := range m.Shards {
		if int(s.ID) != i || s.FirstRow != row || s.Rows != min(plan.ShardRows(m.Rows), m.Rows-row) {
			t.Fatalf("shard %d: %+v", i, s)
		}
		row += s.Rows
		for _, p := range s.Pieces {
			text, err := d.files[p.File].view(new([]byte), p.Offset, p.Offset+p.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			before, err := d.files[p.File].view(new([]byte), 0, p.Offset)
			if err != nil {
				t.Fatal(err)
			}
			if crc32.Checksum(text, castagnoli) != p.CRC32C || int64(strings.Count(string(before), "\n"))+1 != p.Line {
				t.Fatalf("shard %d: piece %+v does not fit %.40q", i, p, text)
			}
		}
	}
	if row != m.Rows {
		t.Fatalf("the shards have %d rows of %d", row, m.Rows)
	}
}

// TestSameOnAnyCores profiles with one and several threads.
func TestSameOnAnyCores(t *testing.T) {
	dir := write(t, layouts(generate(3000, 9))["mixed"]...)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first *plan.Manifest
	for _, cores := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(cores)
		d := open(t, dir, Options{})
		d.sizes.chunk = 1000
		m := profileOf(t, d)
		if first == nil {
			first = m
		}
		if diff := cmp.Diff(first, m); diff != "" {
			t.Fatalf("%d cores: (-one +now)\n%s", cores, diff)
		}
	}
}

func TestManifest(t *testing.T) {
	dir := write(t, "a", "\xEF\xBB\xBF# head\r\n2 3:1 7:2\r\n\r\n-1\n", "b", "0 1:1 # x\n-0 2:2\n2 5:1")
	want := &plan.Manifest{
		Rows: 5, Columns: 7, Nonzeros: 5,
		SHA256: "", // below
		Labels: []plan.Label{{Value: -1, Rows: 1, File: 0, Line: 4}, {Value: 0, Rows: 2, File: 1, Line: 1}, {Value: 2, Rows: 2, File: 0, Line: 2}},
		Least:  &plan.Label{Value: -1, File: 0, Line: 4},
		Files:  []plan.File{{Path: filepath.Join(dir, "a"), Bytes: 27, Rows: 2}, {Path: filepath.Join(dir, "b"), Bytes: 22, Rows: 3}},
		Shards: []plan.Shard{{Rows: 5, Pieces: []plan.Piece{
			{File: 0, Offset: 11, Bytes: 16, Line: 2, Rows: 2}, {File: 1, Offset: 0, Bytes: 22, Line: 1, Rows: 3}}}},
	}
	want.Sparse, want.SHA256 = true, hashOf("2 3:1 7:2\n-1\n0 1:1 # x\n-0 2:2\n2 5:1\n")
	for _, chunk := range []int64{1, 5, usual.chunk} {
		d := open(t, dir, Options{})
		d.sizes.chunk = chunk
		if diff := cmp.Diff(want, profileOf(t, d), cmpopts.IgnoreFields(plan.Piece{}, "CRC32C")); diff != "" {
			t.Errorf("chunks of %d bytes: (-want +got)\n%s", chunk, diff)
		}
	}
}

func TestIndexBase(t *testing.T) {
	for _, c := range []struct {
		text    string
		as      func(*Dataset) (*plan.Manifest, error)
		zero    bool
		columns int64
		first   uint32
	}{
		{"1 1:1 5:1\n", func(d *Dataset) (*plan.Manifest, error) { return d.Profile(t.Context()) }, false, 5, 0},
		{"1 1:1 5:1\n1 0:1\n", func(d *Dataset) (*plan.Manifest, error) { return d.Profile(t.Context()) }, true, 6, 1},
		{"1 1:1 5:1\n", func(d *Dataset) (*plan.Manifest, error) {
			return d.ProfileAs(t.Context(), &plan.Manifest{ZeroBased: true})
		}, true, 6, 1},
		{"1 1:1 5:1\n", func(d *Dataset) (*plan.Manifest, error) { return d.ProfileAs(t.Context(), &plan.Manifest{}) }, false, 5, 0},
		{"1 268435455:1\n", func(d *Dataset) (*plan.Manifest, error) {
			return d.ProfileAs(t.Context(), &plan.Manifest{ZeroBased: true})
		}, true, plan.MaxColumns, plan.MaxColumns - 1},
	} {
		d := open(t, write(t, "x", c.text), Options{})
		m, err := c.as(d)
		if err != nil || m.ZeroBased != c.zero || m.Columns != c.columns {
			t.Fatalf("%q: %+v, %v", c.text, m, err)
		}
		for range 2 { // as profiled, as parsed again
			if got := loadAll(t, d)[0].Columns[0]; got != c.first {
				t.Errorf("%q: the first column is %d, want %d", c.text, got, c.first)
			}
			d.mu.view.cache = newCache(-1)
		}
	}
}

// firstOf returns the first field of each line.
func firstOf(lines []string) (fields []string) {
	for _, line := range lines {
		field, _, _ := strings.Cut(line, " ")
		fields = append(fields, field)
	}
	return fields
}

func TestManyLabels(t *testing.T) {
	for _, n := range []int{plan.MaxLabels, plan.MaxLabels + 1} {
		var b strings.Builder
		for i := range 3 * n {
			fmt.Fprintf(&b, "%d.5 1:1\n", (i*7+1)%n)
		}
		first := slices.Index(firstOf(strings.Split(b.String(), "\n")), "0.5")
		for _, chunk := range []int64{30, usual.chunk} {
			d := open(t, write(t, "x", b.String()), Options{})
			d.sizes.chunk = chunk
			m := profileOf(t, d)
			if m.MoreLabels != (n > plan.MaxLabels) || !m.MoreLabels && len(m.Labels) != n || m.MoreLabels && len(m.Labels) != 0 {
				t.Errorf("%d labels: %t, %d listed", n, m.MoreLabels, len(m.Labels))
			}
			if diff := cmp.Diff(&plan.Label{Value: 0.5, Line: int64(first + 1)}, m.Least); diff != "" {
				t.Errorf("%d labels, chunks of %d: %s", n, chunk, diff)
			}
		}
	}
}

// TestMarks has so many rows that the marks are thinned out several times.
func TestMarks(t *testing.T) {
	const rows = 400_000
	d := open(t, write(t, "a", strings.Repeat("1\n", rows-9), "b", strings.Repeat("2\n", 9)), Options{})
	m := profileOf(t, d)
	last := m.Shards[len(m.Shards)-1]
	if got := last.FirstRow + last.Rows; got != rows || plan.ShardRows(rows) != 256 {
		t.Fatalf("%d rows in shards", got)
	}
	d.mu.view.cache = newCache(-1)
	loadAll(t, d) // checks the CRCs
}

// TestMarkStride sees that the marks stay few and never come further apart than
// the shards, up to a number of rows where shards are the largest.
func TestMarkStride(t *testing.T) {
	k := marks{stride: 16}
	for row := int64(0); row < 1<<25; row = k.next(row + 1) {
		k.add(mark{offset: row})
		if n := int64(len(k.at)); k.stride > plan.ShardRows(row+1) || n > mostMarks && k.stride < largestShard {
			t.Fatalf("%d marks of stride %d at row %d", n, k.stride, row)
		}
	}
	for i, at := range k.at {
		if at.offset != int64(i)*k.stride {
			t.Fatalf("mark %d is of row %d", i, at.offset)
		}
	}
}

func TestBehind(t *testing.T) {
	text := []byte(generate(50, 3))
	for cut := range text {
		whole, before := crc32.Checksum(text, castagnoli), crc32.Checksum(text[:cut], castagnoli)
		if got, want := behind(whole, before, int64(len(text)-cut)), crc32.Checksum(text[cut:], castagnoli); got != want {
			t.Fatalf("cut at %d: %08x, want %08x", cut, got, want)
		}
	}
}

func TestBzip2AndSpool(t *testing.T) {
	temp := t.TempDir()
	d := open(t, filepath.Join(write(t, "x.bz2", twoRows), "x.bz2"), Options{MemoryLimit: -1, TempDir: temp})
	if d.files[0].at == nil {
		t.Error("kept in memory beyond the limit")
	}
	if m := profileOf(t, d); m.Rows != 2 || m.Columns != 3 {
		t.Errorf("%+v", m)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	_, err := Open(context.Background(), Source{Path: d.files[0].path}, Options{MemoryLimit: -1, TempDir: filepath.Join(temp, "gone")})
	if err == nil || !strings.HasPrefix(err.Error(), d.files[0].path+": decompress into a temporary file: open ") {
		t.Errorf("no place for temporary files: %v", err)
	}
}
