package datashard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/plan"
	"parley/internal/profile"
)

// fields is the spec of the tables below.
func fields() feature.Spec {
	above := 0.0
	return feature.Spec{
		Label: &job.Label{Column: "y", Above: &above}, Weight: &job.Column{Column: "w"},
		Features: []job.Feature{
			{Numeric: "x", Scale: 1, Transform: []string{"standardize"}, Missing: "mean"},
			{Category: "c", MinCount: 2},
			{Cross: []string{"c", "d"}, MinCount: 1},
		},
	}
}

// rowsOfTable makes csv rows; some cells are quoted if asked, with commas and
// newlines in them.
func rowsOfTable(n int, quoted bool) []string {
	r := rand.New(rand.NewPCG(1, 2))
	rows := []string{}
	for i := range n {
		c := []string{"red", "green", "blue", "azure"}[r.IntN(4)]
		if quoted && i%5 == 0 {
			c = "\"" + c + ", or\n\"\"so\"\"\""
		}
		x := fmt.Sprintf("%.3f", r.NormFloat64())
		if i%11 == 0 {
			x = ""
		}
		rows = append(rows, fmt.Sprintf("%d,%s,%s,d%d,%d\n", r.IntN(3)-1, x, c, r.IntN(3), 1+r.IntN(2)))
	}
	return rows
}

const header = "y,x,c,d,w\n"

func openAs(t testing.TB, source Source, options Options) *Dataset {
	t.Helper()
	d, err := Open(context.Background(), source, options)
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

// all joins the shards.
func all(t testing.TB, d *Dataset) *batch.CSR {
	t.Helper()
	var rows *batch.CSR
	for _, s := range loadAll(t, d) {
		rows = appendRows(rows, &batch.CSR{Labels: s.Labels, Weights: s.Weights, Offsets: s.Offsets, Columns: s.Columns, Values: s.Values})
	}
	return rows
}

// TestTablesAgree: neither files nor compression nor chunks nor quotes across
// their borders nor the order of columns make a difference.
func TestTablesAgree(t *testing.T) {
	for _, quoted := range []bool{false, true} {
		rows := rowsOfTable(300, quoted)
		text := strings.Join(rows, "")
		turned := "" // columns the other way round
		for _, row := range rows[200:] {
			head, tail, _ := strings.Cut(row, ",")
			turned += strings.TrimSuffix(tail, "\n") + "," + head + "\n"
		}
		var want *batch.CSR
		var manifest *plan.Manifest
		hash := ""
		for name, files := range map[string][]string{
			"one":        {"a.csv", header + text},
			"crlf":       {"a.csv", "\xEF\xBB\xBF" + strings.ReplaceAll(header+text, "\n", "\r\n")},
			"no end":     {"a.csv", strings.TrimSuffix(header+text, "\n")},
			"compressed": {"a.csv.gz", gzipped(header + text)},
			"three": {"1.csv", header + strings.Join(rows[:10], ""), "2.csv", header + strings.Join(rows[10:200], ""),
				"3.csv", "x,c,d,w,y\n" + turned, "4.csv", header},
		} {
			if name == "crlf" && quoted {
				continue // a newline in a cell is another one then
			}
			for _, chunk := range []int64{50, 999, usual.chunk} {
				d := openAs(t, Source{Path: write(t, files...), Format: "csv", Spec: fields()}, Options{})
				d.sizes = sizes{chunk: chunk, line: usual.line, block: 1}
				m := profileOf(t, d)
				if manifest == nil {
					want, manifest = all(t, d), m
				}
				if diff := cmp.Diff(want, all(t, d)); diff != "" || m.Columns != manifest.Columns || string(m.Transform) != string(manifest.Transform) {
					t.Fatalf("%s, chunks of %d: %d columns, (-first +this) %s", name, chunk, m.Columns, diff)
				}
				if name == "three" || name == "crlf" {
					continue // other text: columns the other way round, other line ends in cells
				}
				if hash == "" {
					hash = m.SHA256
				}
				if m.SHA256 != hash {
					t.Errorf("%s: another hash", name)
				}
			}
		}
		if want.Rows() != 300 || want.Weights == nil {
			t.Fatalf("%d rows", want.Rows())
		}
	}
}

// TestFitAnywhere reads the units on several datasets of the same files, in any
// order, as trainers do, and sends the parts as bytes.
func TestFitAnywhere(t *testing.T) {
	dir := write(t, "a.csv", header+strings.Join(rowsOfTable(5000, true), ""))
	source := Source{Path: dir, Format: "csv", Spec: fields()}
	want := profileOf(t, openAs(t, source, Options{}))
	scan, err := openAs(t, source, Options{}).Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	findings, err := profile.NewFindings(plan.SetTrain, source.Spec, scan)
	if err != nil {
		t.Fatal(err)
	}
	trainers := []*Dataset{openAs(t, source, Options{}), openAs(t, source, Options{})}
	for n := plan.Units(len(scan.Shards)) - 1; n >= 0; n-- {
		d := trainers[n%2]
		if err := d.Use(scan); err != nil {
			t.Fatal(err)
		}
		part, err := d.Fit(t.Context(), plan.Unit{Number: n}, 5)
		if err != nil {
			t.Fatal(err)
		}
		wire, err := part.Fit.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := findings.Decode(wire, part.Bad); err != nil {
			t.Fatal(err)
		}
	}
	got, err := findings.Train(scan)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-one process +two) %s", diff)
	}
}

// TestFoldersAreColumns reads key=value folders.
func TestFoldersAreColumns(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"year=2001/month=1/a.csv": "y,x\n1,2\n0,3\n", "year=2001/month=2/a.csv": "y,x\n1,2\n", "year=2002/month=a%20b/x.csv": "y,x\n0,1\n", "other/b.csv": "junk",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	spec := feature.Spec{Label: &job.Label{Column: "y"}, Features: []job.Feature{
		{Category: "year", MinCount: 1}, {Category: "month", MinCount: 1}, {Numeric: "x", Scale: 1, Missing: "mean"}}}
	d := openAs(t, Source{Path: dir, Format: "csv", Spec: spec}, Options{})
	profileOf(t, d)
	rows := all(t, d)
	if diff := cmp.Diff(&batch.CSR{Labels: []float32{1, 0, 1, 0}, Offsets: []uint32{0, 3, 6, 9, 12},
		Columns: []uint32{0, 2, 5, 0, 2, 5, 0, 3, 5, 1, 4, 5}, Values: []float32{1, 1, 2, 1, 1, 3, 1, 1, 2, 1, 1, 1}}, rows); diff != "" {
		t.Error(diff)
	}
}

// TestQuality sets bad rows aside, or refuses the data.
func TestQuality(t *testing.T) {
	text := "y,x\n1,2\n0,abc\n1,3\n0\n0,4\n"
	spec := feature.Spec{Label: &job.Label{Column: "y"}, Features: []job.Feature{{Numeric: "x", Scale: 1, Missing: "mean"}}}
	dir := write(t, "a.csv", text)
	path := filepath.Join(dir, "a.csv")
	d := openAs(t, Source{Path: path, Format: "csv", Spec: spec}, Options{})
	_, err := d.Profile(t.Context())
	var quality *profile.QualityError
	if !errors.As(err, &quality) || quality.Report.BadRows != 2 || quality.Report.Rows != 5 || quality.Report.Passed {
		t.Fatal(err)
	}
	want := []plan.BadRow{{Row: 1, File: path, Line: 3, Offset: 8, Code: "number", Excerpt: "0,abc"}, {Row: 3, File: path, Line: 5, Offset: 18, Code: "columns", Excerpt: "0"}}
	for i := range want {
		want[i].Reason = quality.Report.Places[i].Reason
		if want[i].Reason == "" {
			t.Error("no reason")
		}
	}
	if diff := cmp.Diff(want, quality.Report.Places); diff != "" {
		t.Error(diff)
	}
	spec.Quality = &job.Quality{MaxBadRows: 2}
	d = openAs(t, Source{Path: path, Format: "csv", Spec: spec}, Options{})
	m := profileOf(t, d)
	if diff := cmp.Diff([]int64{1, 3}, m.Bad); diff != "" || m.Rows != 5 {
		t.Errorf("%+v", m)
	}
	rows := all(t, d)
	if diff := cmp.Diff([]uint32{0, 1, 1, 2, 2, 3}, rows.Offsets); diff != "" {
		t.Error(diff)
	}
}

// TestFast: where nothing has to be known, nothing is parsed before training, and
// a bad row ends the load of its shard.
func TestFast(t *testing.T) {
	path := filepath.Join(write(t, "x", "1 5:1\n0 9:nan\n"), "x")
	spec := feature.Spec{Hash: &job.Hash{Bits: 10}}
	d := openAs(t, Source{Path: path, Spec: spec}, Options{})
	m := profileOf(t, d)
	if m.Columns != 1024 || m.Rows != 2 || len(m.Labels) != 2 || m.Nonzeros != 0 {
		t.Errorf("%+v", m)
	}
	if _, err := d.Load(t.Context(), 0); err == nil || err.Error() != path+`:2: value "nan" is not finite: leave the row or the feature out` {
		t.Error(err)
	}
	spec.Quality = &job.Quality{}
	if _, err := openAs(t, Source{Path: path, Spec: spec}, Options{}).Profile(t.Context()); err == nil || err.Error() != path+`:2: value "nan" is not finite: leave the row or the feature out` {
		t.Error(err)
	}
}

// disk is a cache of blocks in memory.
type disk struct {
	blocks map[string]*batch.CSR
	gets   int
}

func (d *disk) Get(key string, n uint64, _, _ int64) (*batch.CSR, error) {
	d.gets++
	return d.blocks[fmt.Sprint(key, n)], nil
}

func (d *disk) Put(key string, n uint64, rows *batch.CSR) error {
	d.blocks[fmt.Sprint(key, n)] = rows
	return nil
}

// TestBlocks: another dataset of the same content reads what the first has
// parsed; one of other settings or content does not.
func TestBlocks(t *testing.T) {
	text := generate(300, 4)
	kept := &disk{blocks: map[string]*batch.CSR{}}
	options := Options{CacheBytes: -1, Blocks: kept}
	first := open(t, write(t, "x", text), options)
	profileOf(t, first)
	want := loadAll(t, first)
	n := len(kept.blocks)
	again := open(t, write(t, "a", text[:strings.IndexByte(text, '\n')+1], "b", text[strings.IndexByte(text, '\n')+1:]), options)
	profileOf(t, again)
	if diff := cmp.Diff(want, loadAll(t, again)); diff != "" || len(kept.blocks) != n {
		t.Errorf("%d blocks, then %d; %s", n, len(kept.blocks), diff)
	}
	other := openAs(t, Source{Path: write(t, "x", text), Spec: feature.Spec{Hash: &job.Hash{Bits: 9}}}, options)
	profileOf(t, other)
	if loadAll(t, other); len(kept.blocks) != 2*n {
		t.Errorf("hashed rows took blocks of others: %d, had %d", len(kept.blocks), n)
	}
}

// TestFitted makes rows of unlabeled data as a model's were made.
func TestFitted(t *testing.T) {
	source := Source{Path: write(t, "a.csv", header+strings.Join(rowsOfTable(50, false), "")), Format: "csv", Spec: fields()}
	train := openAs(t, source, Options{})
	m := profileOf(t, train)
	unlabeled := write(t, "b.jsonl", `{"d":"d1","x":0.5,"c":"red"}`+"\n"+`{"c":"never seen","x":null}`+"\n")
	d := openAs(t, Source{Path: unlabeled, Format: "jsonl", Unlabeled: true, Fitted: &Fitted{Transform: m.Transform, Columns: m.Columns}}, Options{})
	got := profileOf(t, d)
	if !json.Valid(got.Transform) || got.Columns != m.Columns {
		t.Errorf("%+v", got)
	}
	rows := all(t, d)
	if rows.Rows() != 2 || rows.Labels[0] != 0 || rows.Offsets[1] < 3 {
		t.Errorf("%+v", rows)
	}
}
