package feature

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/internal/batch"
	"parley/internal/table"
)

// data is a table of cells for tests; "" is missing.
type data struct {
	columns []string
	rows    [][]string
}

// batch returns rows of the wanted columns as texts.
func (d *data) batch(want []int, rows []int) *table.Batch {
	b := &table.Batch{Rows: len(rows), Columns: make([]table.Column, len(want))}
	for i, column := range want {
		c := &b.Columns[i]
		for j, row := range rows {
			cell := d.rows[row][column]
			c.Start = append(c.Start, uint32(len(c.Text)))
			c.Text = append(c.Text, cell...)
			c.End = append(c.End, uint32(len(c.Text)))
			if cell == "" {
				if c.Missing == nil {
					c.Missing = make([]bool, len(rows))
				}
				c.Missing[j] = true
			}
		}
	}
	return b
}

func (d *data) all() []int {
	rows := make([]int, len(d.rows))
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// fit fits all rows in one batch.
func (d *data) fit(t testing.TB, s Spec) *Fit {
	t.Helper()
	f := d.plan(t, s).NewFit()
	f.Add(d.batch(f.plan.Want(), d.all()), Place{Line: func(i int) int64 { return int64(i) + 2 }})
	return f
}

func (d *data) plan(t testing.TB, s Spec) *Plan {
	t.Helper()
	p, err := Compile(s, d.columns, false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (d *data) transform(t testing.TB, s Spec) *Transform {
	t.Helper()
	tr, err := d.fit(t, s).Finish()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// apply returns the model rows of all rows.
func (d *data) apply(t testing.TB, tr *Transform) (*batch.CSR, table.BadRows) {
	t.Helper()
	a, err := tr.Bind(d.columns)
	if err != nil {
		t.Fatal(err)
	}
	out, b := &batch.CSR{}, d.batch(a.Want(), d.all())
	a.Apply(out, b)
	checkRows(t, out, len(d.rows), tr.Columns())
	return out, b.Bad
}

// checkRows checks what every CSR must be like.
func checkRows(t testing.TB, c *batch.CSR, rows int, columns int64) {
	t.Helper()
	if c.Rows() != rows || len(c.Offsets) != rows+1 || int(c.Offsets[rows]) != len(c.Columns) || len(c.Columns) != len(c.Values) {
		t.Fatalf("%d rows, want %d; %d offsets, %d columns, %d values", c.Rows(), rows, len(c.Offsets), len(c.Columns), len(c.Values))
	}
	for row := range rows {
		last := int64(-1)
		for _, column := range c.Columns[c.Offsets[row]:c.Offsets[row+1]] {
			if int64(column) <= last || int64(column) >= columns {
				t.Fatalf("row %d: column %d after %d of %d", row, column, last, columns)
			}
			last = int64(column)
		}
	}
}

// readData reads a csv file, perhaps compressed.
func readData(t testing.TB, path string) *data {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return &data{rows[0], rows[1:]}
}

// find returns the file of a data set, or skips the test.
func find(t testing.TB, name string) string {
	t.Helper()
	if local := filepath.Join("testdata", name); !strings.Contains(name, "/") {
		return local
	}
	root := os.Getenv("PARLEY_DATA")
	if root == "" {
		t.Skip("PARLEY_DATA is not set: it names the folder with " + name)
	}
	return filepath.Join(root, name)
}

// parse makes a table of lines of comma-separated cells.
func parse(lines ...string) *data {
	d := &data{columns: strings.Split(lines[0], ",")}
	for _, line := range lines[1:] {
		d.rows = append(d.rows, strings.Split(line, ","))
	}
	return d
}

// randomData makes a table with all kinds of columns.
func randomData(r *rand.Rand, rows int) *data {
	d := &data{columns: []string{"x", "c", "when", "y", "n", "doc", "w"}}
	pick := func(cells ...string) string { return cells[r.IntN(len(cells))] }
	for range rows {
		d.rows = append(d.rows, []string{
			pick("", "1", "2.5", "-3e2", "0", "0.1", "7", "1e300", "zz"),
			pick("", "a", "b", "c", "dd", "a×b", "(other)", "\xFF\xFE"),
			pick("2001-01-31 07:05", "2001-02-01T23:59:01.5Z", "", "980924700", "never"),
			pick("yes", "no", "maybe", ""),
			pick("5", "6", "7.25", "8", "-0.001"),
			pick("the cat", "a dog and a cat", "", "dogs"),
			pick("1", "0.5", "2", "-1"),
		})
	}
	return d
}

func fitBytes(t testing.TB, f *Fit) []byte {
	t.Helper()
	b, err := f.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// saved returns tr after it was written and read.
func saved(t testing.TB, tr *Transform) *Transform {
	t.Helper()
	text, err := json.Marshal(tr)
	if err != nil {
		t.Fatal(err)
	}
	var back Transform
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatalf("%v in %.2000s", err, text)
	}
	again, err := json.Marshal(&back)
	if err != nil || !bytes.Equal(text, again) {
		t.Fatalf("changed by reading: %v\n%.2000s\n%.2000s", err, text, again)
	}
	return &back
}
