package datashard

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/datashard/blockcache"
	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
)

var _ Blocks = (*blockcache.Cache)(nil)

// TestBlocksOfBadRows: a row that one job has set aside ends the next one, which
// sets none aside, although its block was kept.
func TestBlocksOfBadRows(t *testing.T) {
	path := filepath.Join(write(t, "x", generate(100, 2)+"1 9:nan\n"+generate(100, 3)), "x")
	options := Options{CacheBytes: -1, Blocks: &disk{blocks: map[string]*batch.CSR{}}}
	spec := feature.Spec{Hash: &job.Hash{Bits: 10}, Quality: &job.Quality{MaxBadRows: 1}}
	allows := openAs(t, Source{Path: path, Spec: spec}, options)
	if m := profileOf(t, allows); !cmp.Equal(m.Bad, []int64{100}) {
		t.Fatalf("bad rows %v", m.Bad)
	}
	n := len(options.Blocks.(*disk).blocks)
	if loadAll(t, allows); n == 0 || len(options.Blocks.(*disk).blocks) != n {
		t.Errorf("%d blocks were kept by the fit, then there are %d", n, len(options.Blocks.(*disk).blocks))
	}
	spec.Quality = nil
	refuses := openAs(t, Source{Path: path, Spec: spec}, options)
	m := profileOf(t, refuses)
	if _, err := refuses.Load(t.Context(), m.ShardOf(100)); err == nil || !strings.Contains(err.Error(), `:101: value "nan" is not finite`) {
		t.Errorf("a row that is not set aside: %v", err)
	}
}

// TestBlocksOfLayouts: what folders are called, and which of its columns a file has
// where, is not in the text of rows, but the rows depend on it.
func TestBlocksOfLayouts(t *testing.T) {
	rows := strings.Repeat("1,2,0\n3,4,1\n", 20)
	spec := feature.Spec{Label: &job.Label{Column: "label"}, Hash: &job.Hash{Bits: 20}, Features: []job.Feature{{Category: "x"}, {Category: "y"}}}
	for name, c := range map[string]struct {
		features []job.Feature
		files    [2][]string
	}{
		"folders": {[]job.Feature{{Category: "day"}}, [2][]string{{"day=1/a.csv", "x,y,label\n" + rows}, {"day=2/a.csv", "x,y,label\n" + rows}}},
		"columns": {spec.Features, [2][]string{{"a.csv", "x,y,label\n" + rows, "b.csv", "x,y,label\n" + rows}, {"a.csv", "x,y,label\n" + rows, "b.csv", "y,x,label\n" + rows}}},
		"cuts": {spec.Features, [2][]string{{"a.csv", "x,y,label\n" + rows, "b.csv", "y,x,label\n" + rows + rows},
			{"a.csv", "x,y,label\n" + rows + rows, "b.csv", "y,x,label\n" + rows}}},
	} {
		t.Run(name, func(t *testing.T) {
			kept := &disk{blocks: map[string]*batch.CSR{}}
			for _, files := range c.files {
				spec.Features = c.features
				dir := t.TempDir()
				for i := 0; i < len(files); i += 2 {
					path := filepath.Join(dir, files[i])
					if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(files[i+1]), 0o644)); err != nil {
						t.Fatal(err)
					}
				}
				source := Source{Path: dir, Format: "csv", Spec: spec}
				with, without := openAs(t, source, Options{Blocks: kept}), openAs(t, source, Options{})
				profileOf(t, with)
				profileOf(t, without)
				if diff := cmp.Diff(loadAll(t, without), loadAll(t, with)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// TestUseOfDamage: a manifest comes over the wire. One that cannot be right is
// refused, and does not end the process when a data shard is loaded.
func TestUseOfDamage(t *testing.T) {
	d := open(t, write(t, "x", generate(100, 2)), Options{})
	good := profileOf(t, d)
	for name, damage := range map[string]func(m *plan.Manifest){
		"first row":     func(m *plan.Manifest) { m.Shards[1].FirstRow = 90 },
		"negative rows": func(m *plan.Manifest) { m.Shards[0].FirstRow = -1 },
		"order of pieces": func(m *plan.Manifest) {
			m.Shards[0].Pieces, m.Shards[1].Pieces = m.Shards[1].Pieces, m.Shards[0].Pieces
		},
		"rows without text": func(m *plan.Manifest) {
			m.Shards[6].Rows = math.MaxInt64 / 2
			m.Shards[6].Pieces[0].Rows = math.MaxInt64 / 2
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := *good
			m.Shards = nil
			for _, s := range good.Shards {
				s.Pieces = append([]plan.Piece(nil), s.Pieces...)
				m.Shards = append(m.Shards, s)
			}
			damage(&m)
			if err := d.Use(&m); param.KindOf(err) != param.Invalid {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestLoadUnfitted: the manifest that units are fitted by makes no rows yet.
func TestLoadUnfitted(t *testing.T) {
	d := openAs(t, Source{Path: write(t, "a.csv", "x,label\n1,0\n2,1\n"), Format: "csv", Spec: feature.Spec{Features: []job.Feature{{Numeric: "x"}}}}, Options{})
	m, err := d.Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Use(m); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Load(t.Context(), 0); param.KindOf(err) != param.Invalid {
		t.Errorf("%v", err)
	}
}

// TestFitUnused: there is nothing to fit by yet.
func TestFitUnused(t *testing.T) {
	d := open(t, write(t, "x", "1 1:1\n"), Options{})
	if _, err := d.Fit(t.Context(), plan.Unit{}, 5); param.KindOf(err) != param.Invalid {
		t.Errorf("%v", err)
	}
}
