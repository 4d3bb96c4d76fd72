package datashard

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"parley/internal/batch"
	"parley/internal/param"
	"parley/internal/plan"
)

// TestUseElsewhere loads from a copy of the data with a manifest that went over
// the wire.
func TestUseElsewhere(t *testing.T) {
	files := layouts(generate(500, 2))["mixed"]
	wire, err := json.Marshal(profileOf(t, open(t, write(t, files...), Options{})))
	if err != nil {
		t.Fatal(err)
	}
	m := new(plan.Manifest)
	if err := json.Unmarshal(wire, m); err != nil {
		t.Fatal(err)
	}
	d := open(t, write(t, files...), Options{})
	if _, err := d.Load(t.Context(), 0); param.KindOf(err) != param.Invalid {
		t.Errorf("Load before Use: %v", err)
	}
	if err := d.Use(m); err != nil {
		t.Fatal(err)
	}
	want := rowsOfText(generate(500, 2))
	checkRows(t, want, loadAll(t, d))
	if _, err := d.Load(t.Context(), param.ShardID(len(m.Shards))); param.KindOf(err) != param.Invalid {
		t.Errorf("Load of a shard that is not there: %v", err)
	}
}

func TestUseEqualKeepsRows(t *testing.T) {
	d := open(t, write(t, "x", generate(100, 2)), Options{})
	m := *profileOf(t, d)
	before := &loadAll(t, d)[0].Labels[0]
	if err := d.Use(&m); err != nil {
		t.Fatal(err)
	}
	if &loadAll(t, d)[0].Labels[0] != before {
		t.Error("parsed again")
	}
}

func TestUseDifferent(t *testing.T) {
	m := profileOf(t, open(t, write(t, "a", "1 1:1\n", "b", "1 1:1\n"), Options{}))
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{"a", "1 1:1\n"}, "DIR: there are 1 files, but 2 where it was scanned: give all nodes the same files"},
		{[]string{"a", "1 1:1\n", "c", "1 1:1\n"}, "DIR/c has 6 bytes, but b has 6 where it was scanned: give all nodes the same files"},
		{[]string{"a", "1 1:1\n", "b", "1 1:11\n"}, "DIR/b has 7 bytes, but b has 6 where it was scanned: give all nodes the same files"},
	} {
		dir := write(t, c.files...)
		err := open(t, dir, Options{}).Use(m)
		if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != c.want || param.KindOf(err) != param.Corrupt {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestUseMalformed(t *testing.T) {
	d := open(t, write(t, "a", generate(100, 1)), Options{})
	m := profileOf(t, d)
	for i, harm := range []func(s *plan.Shard){
		func(s *plan.Shard) { s.ID++ },
		func(s *plan.Shard) { s.Rows++ },
		func(s *plan.Shard) { s.Pieces[0].File = 1 },
		func(s *plan.Shard) { s.Pieces[0].Offset = -1 },
		func(s *plan.Shard) { s.Pieces[0].Bytes = 1 << 62 },
		func(s *plan.Shard) { s.Pieces[0].Offset = 1 << 62 },
	} {
		bad := *m
		s := m.Shards[0]
		s.Pieces = []plan.Piece{s.Pieces[0]}
		harm(&s)
		bad.Shards = []plan.Shard{s}
		if err := d.Use(&bad); param.KindOf(err) != param.Invalid {
			t.Errorf("harm %d: %v", i, err)
		}
	}
}

func TestLoadChanged(t *testing.T) {
	text := generate(100, 4)
	dir := write(t, "a", text)
	d := open(t, dir, Options{CacheBytes: -1})
	d.sizes.block = 1 // a block is a shard
	m := profileOf(t, d)
	path := filepath.Join(dir, "a")
	overwrite := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at := m.Shards[2].Pieces[0]
	overwrite(text[:at.Offset+1] + "7" + text[at.Offset+2:])
	if _, err := d.Load(t.Context(), 1); err != nil {
		t.Error(err)
	}
	_, err := d.Load(t.Context(), 2)
	if want := path + ":33: the file has changed since it was scanned, at the 16 rows from here on: let it be while a job reads it, and start the job again"; err == nil || err.Error() != want || param.KindOf(err) != param.Corrupt {
		t.Errorf("got %v, want %s", err, want)
	}
	overwrite(text[:at.Offset])
	_, err = d.Load(t.Context(), 2)
	if want := path + ": became shorter since it was opened: let it be while a job reads it, and start the job again"; err == nil || err.Error() != want || param.KindOf(err) != param.Corrupt {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestLoadConcurrently has many callers, a cache that holds a part, and shards
// that come and go.
func TestLoadConcurrently(t *testing.T) {
	text := generate(2000, 5)
	want := rowsOfText(text)
	d := open(t, write(t, "a", text), Options{CacheBytes: 20 << 10})
	d.sizes.block = 1
	m := profileOf(t, d)
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			for i := range 3 * len(m.Shards) {
				s := m.Shards[(i*(g+1))%len(m.Shards)]
				rows, err := d.Load(context.Background(), s.ID)
				if err != nil || rows.FirstRow != s.FirstRow || int64(rows.Rows()) != s.Rows || rows.Labels[3] != want.Labels[s.FirstRow+3] {
					t.Errorf("shard %d: %v", s.ID, err)
					return
				}
			}
		})
	}
	wait.Wait()
	checkCache(t, d.mu.view.cache)
}

// checkCache checks the bound and the account.
func checkCache(t *testing.T, c *cache) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	bytes := int64(0)
	for _, e := range c.mu.entries {
		bytes += e.rows.Bytes()
		if spare := int64(4*(cap(e.rows.Columns)+cap(e.rows.Values)+cap(e.rows.Labels)+cap(e.rows.Offsets))) - e.rows.Bytes(); spare > e.rows.Bytes()/8+64 {
			t.Errorf("an entry of %d bytes holds %d more", e.rows.Bytes(), spare)
		}
	}
	if bytes != c.mu.bytes || bytes > c.limit || c.mu.recent.Len() != len(c.mu.entries) {
		t.Errorf("%d bytes in %d entries, counted %d, limit %d", bytes, len(c.mu.entries), c.mu.bytes, c.limit)
	}
	if bytes < c.limit/2 {
		t.Errorf("only %d bytes of %d are used", bytes, c.limit)
	}
}

func rowsOf(n int) *batch.CSR { return &batch.CSR{Labels: make([]float32, n)} }

func TestCacheEvictsOldest(t *testing.T) {
	c := newCache(4 * 30)
	var loads []int
	get := func(id int, rows int) {
		t.Helper()
		if _, err := c.get(t.Context(), id, func() (*batch.CSR, error) { loads = append(loads, id); return rowsOf(rows), nil }); err != nil {
			t.Fatal(err)
		}
	}
	get(1, 10)
	get(2, 10)
	get(3, 10)
	get(1, 10) // used again: 2 is the oldest
	get(4, 10)
	get(1, 10)
	get(9, 31) // does not fit at all: nothing else has to go
	get(3, 10)
	get(2, 10)
	checkCache(t, c)
	if got, want := len(loads), 6; got != want || loads[5] != 2 {
		t.Errorf("loaded %v", loads)
	}
}

func TestCacheLoadsOnce(t *testing.T) {
	c := newCache(1000)
	var loads atomic.Int32
	begun, goOn := make(chan struct{}), make(chan struct{})
	load := func() (*batch.CSR, error) {
		loads.Add(1)
		close(begun)
		<-goOn
		return rowsOf(1), nil
	}
	var wait sync.WaitGroup
	get := func() {
		if rows, err := c.get(context.Background(), 1, load); err != nil || rows.Rows() != 1 {
			t.Error(rows, err)
		}
	}
	wait.Go(get)
	<-begun
	for range 5 {
		wait.Go(get)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.get(gone, 1, load); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up: %v", err)
	}
	close(goOn)
	wait.Wait()
	if loads.Load() != 1 {
		t.Errorf("%d loads", loads.Load())
	}
}

// TestCacheFailures: an error is for those who waited, not kept; and a loader
// that was cancelled does not fail the others.
func TestCacheFailures(t *testing.T) {
	c := newCache(1000)
	failed := errors.New("failed")
	if _, err := c.get(t.Context(), 1, func() (*batch.CSR, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		go func() {
			_, _ = c.get(context.Background(), 2, func() (*batch.CSR, error) {
				<-goOn
				return nil, context.Canceled
			})
		}()
		synctest.Wait()
		go func() {
			if _, err := c.get(context.Background(), 2, func() (*batch.CSR, error) { return rowsOf(1), nil }); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait() // it waits for the first
		close(goOn)
		synctest.Wait()
	})
}
