package convert

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"parley/datashard"
	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/plan"
	"parley/internal/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// put writes a file into a new directory and returns its path.
func put(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens a source for the duration of the test; an empty format is that of the
// name.
func open(t testing.TB, s datashard.Source) *datashard.Dataset {
	t.Helper()
	if s.Format == "" {
		s.Format = job.FormatOf(s.Path)
	}
	d, err := datashard.Open(context.Background(), s, datashard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// run converts a source to a file of a name.
func run(t testing.TB, s datashard.Source, name string, o Options) (*Result, string, error) {
	t.Helper()
	to, err := TargetOf(name)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o.TempDir = t.TempDir()
	result, err := Run(context.Background(), open(t, s), to, &out, o)
	if left, _ := os.ReadDir(o.TempDir); len(left) > 0 {
		t.Errorf("%s: temporary files stay: %v", name, left)
	}
	return result, out.String(), err
}

// convert is run for what must go well. It returns the path of the new file.
func convert(t testing.TB, s datashard.Source, name string, o Options) (*Result, string) {
	t.Helper()
	result, text, err := run(t, s, name, o)
	if err != nil {
		t.Fatalf("%s to %s: %v", filepath.Base(s.Path), name, err)
	}
	return result, put(t, name, text)
}

// rowsOf profiles a source and loads all of it.
func rowsOf(t testing.TB, s datashard.Source) (*plan.Manifest, *batch.CSR) {
	t.Helper()
	d := open(t, s)
	m, err := d.Profile(context.Background())
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(s.Path), err)
	}
	all := &batch.CSR{Offsets: []uint32{0}}
	for _, shard := range m.Shards {
		rows, err := d.Load(context.Background(), shard.ID)
		if err != nil {
			t.Fatal(err)
		}
		add(all, rows)
	}
	return m, all
}

// add appends rows, weights that are not there as ones.
func add(all, rows *batch.CSR) {
	for i, label := range rows.Labels {
		weight := float32(1)
		if rows.Weights != nil {
			weight = rows.Weights[i]
		}
		from, to := rows.Offsets[i], rows.Offsets[i+1]
		all.Labels, all.Weights = append(all.Labels, label), append(all.Weights, weight)
		all.Columns, all.Values = append(all.Columns, rows.Columns[from:to]...), append(all.Values, rows.Values[from:to]...)
		all.Offsets = append(all.Offsets, uint32(len(all.Columns)))
	}
}

// missing stands for a cell without a value.
const missing = "\x00"

// cellsOf reads all cells of a source.
func cellsOf(t testing.TB, s datashard.Source) (names []string, rows [][]string) {
	t.Helper()
	d := open(t, s)
	m, err := d.Scan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Use(m); err != nil {
		t.Fatal(err)
	}
	want := make([]int, len(m.Names))
	for i := range want {
		want[i] = i
	}
	if err := d.Cells(context.Background(), want, func(b *table.Batch, _ int64) error {
		if len(b.Bad) > 0 {
			t.Errorf("%s: row %d: %s", filepath.Base(s.Path), b.Bad[0].Row, b.Bad[0].Reason)
		}
		for r := range b.Rows {
			var row []string
			for i := range b.Columns {
				if b.Columns[i].IsMissing(r) {
					row = append(row, missing)
				} else {
					row = append(row, string(b.Columns[i].Cell(r)))
				}
			}
			rows = append(rows, row)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return m.Names, rows
}
