package blockcache

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/internal/batch"
	"parley/internal/param"
)

// clock is a time that tests set.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newClock() *clock { return &clock{time.Now()} }

func open(t testing.TB, dir string, limit int64) *Cache {
	t.Helper()
	return openAt(t, dir, limit, newClock())
}

func openAt(t testing.TB, dir string, limit int64, at *clock) *Cache {
	t.Helper()
	c, err := Open(dir, limit, at.now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const plenty = 1 << 40

// key returns a key of one digit.
func key(digit string) string { return strings.Repeat(digit, keyLength) }

// generate returns rows with about so many nonzeros each, some with none, whose
// values are any bits at all.
func generate(seed uint64, first int64, rows, nonzeros int, weights, exposure bool) *batch.CSR {
	r := rand.New(rand.NewPCG(seed, 0))
	floats := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = math.Float32frombits(r.Uint32())
		}
		return s
	}
	c := &batch.CSR{FirstRow: first, Labels: floats(rows), Offsets: make([]uint32, rows+1), Columns: []uint32{}}
	if weights {
		c.Weights = floats(rows)
	}
	if exposure {
		c.Exposure = floats(rows)
	}
	for i := range rows {
		for n := r.IntN(2*nonzeros + 1); n > 0; n-- {
			c.Columns = append(c.Columns, r.Uint32())
		}
		c.Offsets[i+1] = uint32(len(c.Columns))
	}
	c.Values = floats(len(c.Columns))
	return c
}

func put(t testing.TB, c *Cache, key string, shard uint64, rows *batch.CSR) {
	t.Helper()
	if err := c.Put(key, shard, rows); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, c *Cache, key string, shard uint64, like *batch.CSR) *batch.CSR {
	t.Helper()
	rows, err := c.Get(key, shard, like.FirstRow, int64(like.Rows()))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// equal compares rows bit by bit, so that a NaN equals itself.
func equal(a, b *batch.CSR) bool {
	if a == nil || b == nil {
		return a == b
	}
	same := func(x, y []float32) bool { return (x == nil) == (y == nil) && bytes.Equal(bytesOf(x), bytesOf(y)) }
	return a.FirstRow == b.FirstRow && same(a.Labels, b.Labels) && same(a.Weights, b.Weights) && same(a.Exposure, b.Exposure) &&
		bytes.Equal(bytesOf(a.Offsets), bytesOf(b.Offsets)) && bytes.Equal(bytesOf(a.Columns), bytesOf(b.Columns)) && same(a.Values, b.Values)
}

func want(t testing.TB, c *Cache, key string, shard uint64, rows *batch.CSR) {
	t.Helper()
	if !equal(get(t, c, key, shard, rows), rows) {
		t.Errorf("shard %d of %.4s... differs", shard, key)
	}
}

func absent(t testing.TB, c *Cache, key string, shard uint64, rows *batch.CSR) {
	t.Helper()
	if get(t, c, key, shard, rows) != nil {
		t.Errorf("shard %d of %.4s... is there", shard, key)
	}
}

func stats(t testing.TB, c *Cache, want Stats) {
	t.Helper()
	if diff := cmp.Diff(want, c.Stats(), cmpopts.IgnoreFields(Stats{}, "Bytes")); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, plenty)
	var all []*batch.CSR
	for _, rows := range []int{0, 1, 2, 15, 16, 17, 100, 1024} {
		for _, nonzeros := range []int{0, 1, 40} {
			for i := range 4 {
				seed := uint64(len(all))
				all = append(all, generate(seed, int64(seed)<<55, rows, nonzeros, i&1 != 0, i&2 != 0))
			}
		}
	}
	for i, rows := range all {
		absent(t, c, key("a"), uint64(i)<<57, rows)
		put(t, c, key("a"), uint64(i)<<57, rows)
	}
	other := open(t, dir, plenty)
	size := int64(0)
	for i, rows := range all {
		want(t, other, key("a"), uint64(i)<<57, rows)
		absent(t, other, key("b"), uint64(i)<<57, rows)
		size += fileSize(rows)
	}
	n := int64(len(all))
	stats(t, c, Stats{Misses: n, Written: n})
	stats(t, other, Stats{Hits: n, Misses: n})
	if c.Stats().Bytes != size || other.Stats().Bytes != size {
		t.Errorf("bytes %d, %d, want %d", c.Stats().Bytes, other.Stats().Bytes, size)
	}
}

func TestPutOfWhatIsThere(t *testing.T) {
	c := open(t, t.TempDir(), plenty)
	rows := generate(1, 0, 10, 3, false, false)
	put(t, c, key("a"), 7, rows)
	put(t, c, key("a"), 7, rows)
	stats(t, c, Stats{Written: 1})
}

// The rows must not hold more than they say, nor run into each other.
func TestRowsAreTheCallersAlone(t *testing.T) {
	c := open(t, t.TempDir(), plenty)
	rows := generate(1, 0, 10, 3, true, true)
	put(t, c, key("a"), 0, rows)
	a, b := get(t, c, key("a"), 0, rows), get(t, c, key("a"), 0, rows)
	a.Labels = append(a.Labels, 1)
	a.Columns = append(a.Columns, 1)
	a.Offsets[0] = 9
	if !equal(b, rows) || !bytes.Equal(bytesOf(a.Weights), bytesOf(rows.Weights)) {
		t.Error("rows share memory")
	}
}

func TestInvalid(t *testing.T) {
	good := func() *batch.CSR { return generate(1, 5, 3, 2, true, true) }
	c := open(t, t.TempDir(), plenty)
	for name, change := range map[string]func(*batch.CSR){
		"negative":      func(r *batch.CSR) { r.FirstRow = -1 },
		"no offsets":    func(r *batch.CSR) { r.Offsets = nil },
		"not from 0":    func(r *batch.CSR) { r.Offsets[0] = 1 },
		"descending":    func(r *batch.CSR) { r.Offsets[1] = r.Offsets[3] + 1 },
		"short columns": func(r *batch.CSR) { r.Columns = r.Columns[1:] },
		"short values":  func(r *batch.CSR) { r.Values = r.Values[1:] },
		"both short":    func(r *batch.CSR) { r.Columns, r.Values = r.Columns[1:], r.Values[1:] },
		"weights":       func(r *batch.CSR) { r.Weights = r.Weights[1:] },
		"exposure":      func(r *batch.CSR) { r.Exposure = []float32{} },
	} {
		rows := good()
		change(rows)
		if err := c.Put(key("a"), 0, rows); param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), "malformed") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, k := range []string{"", "a", "../" + key("a")[3:], key("a") + "a", key("A"), key("/"), key("g")} {
		if err := c.Put(k, 0, good()); param.KindOf(err) != param.Invalid {
			t.Errorf("put %q: error %v", k, err)
		}
		if _, err := c.Get(k, 0, 0, 1); param.KindOf(err) != param.Invalid {
			t.Errorf("get %q: error %v", k, err)
		}
	}
	stats(t, c, Stats{})
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, want string }{
		{"file", "cache folder file: cannot be written (not a directory): name one that can, or turn the cache off"},
		{"file/x", "cache folder file/x: cannot be written (not a directory): name one that can, or turn the cache off"},
	} {
		_, err := Open(filepath.Join(dir, c.name), plenty, newClock().now)
		if param.KindOf(err) != param.Invalid {
			t.Fatalf("%s: error %v", c.name, err)
		}
		if got := strings.ReplaceAll(err.Error(), dir+"/", ""); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	if _, err := Open(filepath.Join(dir, "new", "newer"), plenty, newClock().now); err != nil {
		t.Errorf("a folder that is not there yet: %v", err)
	}
}
