package datashard

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"parley/internal/feature"
	"parley/internal/param"
)

// huge is an input that becomes gigabytes. Its content is head, then either holes
// of a file, which read as NUL bytes, or a packed part again and again: members of
// gzip and frames of zstd may follow each other.
type huge struct {
	name   string
	format string
	spec   feature.Spec
	head   string
	holes  int64
	part   string
	times  int
	want   string
}

// write makes the file in a directory.
func (h *huge) write(t *testing.T, dir string) string {
	path := filepath.Join(dir, h.name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(h.head + strings.Repeat(h.part, h.times)); err != nil {
		t.Fatal(err)
	}
	if h.holes > 0 {
		if err := f.Truncate(h.holes); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

const (
	gigabyte  = 1 << 30
	maxMemory = 400 << 20
)

// TestHuge reads lines of 1 GB and bombs in bounded memory.
func TestHuge(t *testing.T) {
	if testing.Short() {
		t.Skip("reads gigabytes")
	}
	const part = 16 << 20
	same := func(c string) string { return strings.Repeat(c, part) }
	newlines := zstdded(same("\n"))
	const long = "the line is longer than 67108864 bytes: cut it up, or correct its line ends"
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, h := range []huge{
		{name: "x.svm", format: "libsvm", head: "1 1:1\n", holes: gigabyte, want: "x.svm:2: " + long},
		{name: "x.vw", format: "vw", head: "1 | a\n", holes: gigabyte, want: "x.vw:2: " + long},
		{name: "x.txt", format: "text", spec: documentsSpec, holes: gigabyte, want: "x.txt:1: " + long},
		{name: "x.csv", format: "csv", spec: label(numberX), head: "y,x\n1,2\n", holes: gigabyte, want: "x.csv:3: " + long},
		{name: "x.csv.gz", format: "csv", spec: label(numberX), head: gzipped("y,x\n1,\""), part: gzipped(same("\n")), times: 8,
			want: "x.csv.gz:2: the row that begins here is longer than 67108864 bytes: close its quotes, or cut it up"},
		{name: "x.csv", format: "csv", spec: label(numberX), holes: gigabyte, want: "x.csv:1: is not csv text in UTF-8 but binary data: name the columns in the first line"},
		{name: "x.jsonl", format: "jsonl", spec: label(numberX), head: `{"y":1,"x":2}` + "\n", holes: gigabyte, want: "x.jsonl:2: " + long},
		{name: "x.jsonl", format: "jsonl", spec: label(numberX), holes: gigabyte, want: "x.jsonl:1: the line is longer than 67108864 bytes: write one JSON object a line"},
		{name: "docword.txt", format: "uci-bow", holes: gigabyte, want: "docword.txt:1: is longer than 1048576 bytes: is it the right file?"},
		{name: "docword.txt", format: "uci-bow", head: "2147483647\n1\n0\n",
			want: "docword.txt:3: the header says 2147483647 documents, but only 0 counts, so nearly all documents were empty: correct the header"},
		{name: "x.idx", format: "idx", head: arrayOf(8, []uint32{1 << 31, 1}, ""), holes: 1 << 20, want: "x.idx: ends within row 1048565 of 2147483648, at byte 1048576: copy or download it again"},
		{name: "x.parquet", format: "parquet", holes: gigabyte, want: "x.parquet: is not a Parquet file: correct the file's suffix or the format"},
		{name: "x.arrow", format: "arrow", holes: gigabyte, want: "x.arrow: is not Arrow IPC data: correct the file's suffix or the format"},
		{name: "x.svm.zst", format: "libsvm", part: zstdded(same("a")), times: 64, want: "x.svm.zst:1: " + long},
		{name: "x.csv.gz", format: "csv", spec: label(numberX), head: gzipped("y,x\n"), part: gzipped(same("\n")), times: 16, want: "x.csv.gz: no rows: give data with at least one"},
		{name: "x.svm.zst", format: "libsvm", part: newlines, times: 80, want: fmt.Sprintf(
			"x.svm.zst: becomes more than %d bytes when it is unpacked, which no data of its size does: copy or write it again, or unpack it yourself", gigabyte+1024*80*len(newlines))},
	} {
		t.Run(h.name, func(t *testing.T) {
			if raceDetector && h.part != "" {
				t.Skip("the race detector makes minutes of it, and has nothing to find in one goroutine that unpacks")
			}
			h.check(t, before.Sys)
		})
	}
}

// check reads the file and compares what the process has taken of memory with
// before, as it had less.
func (h *huge) check(t *testing.T, before uint64) {
	dir := t.TempDir()
	path := h.write(t, dir)
	err := readAll(t, Source{Path: path, Format: h.format, Spec: h.spec})
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	if err == nil || strings.ReplaceAll(err.Error(), dir+"/", "") != h.want || param.KindOf(err) != param.Invalid {
		t.Errorf("\n got %v\nwant %s", err, h.want)
	}
	if took := after.Sys - before; took > maxMemory { // Sys never falls, so it knows of the peak
		t.Errorf("took %d MiB of memory", took>>20)
	}
}

// TestBomb counts the bytes that a file may become.
func TestBomb(t *testing.T) {
	d := &Dataset{sizes: sizes{bomb: 100}}
	for size, limit := range map[int64]int64{0: 100, 3: 100 + 3*bombRatio, -1: math.MaxInt64} {
		if s := d.newSpool("x", size, newBudget(0)); s.limit != limit {
			t.Errorf("%d bytes may become %d, want %d", size, s.limit, limit)
		}
	}
	s := d.newSpool("x", 0, newBudget(1<<20))
	if _, err := s.Write(make([]byte, 100)); err != nil {
		t.Error(err)
	}
	_, err := s.Write(make([]byte, 1))
	if want := "x: becomes more than 100 bytes when it is unpacked, which no data of its size does: copy or write it again, or unpack it yourself"; err == nil || err.Error() != want || param.KindOf(err) != param.Invalid {
		t.Errorf("got %v, want %s", err, want)
	}
}
