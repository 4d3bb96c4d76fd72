package feature

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/table"
)

func csr(labels []float32, rows ...map[uint32]float32) *batch.CSR {
	c := &batch.CSR{Labels: labels, Offsets: []uint32{0}}
	for _, row := range rows {
		for column := range uint32(1000) {
			if v, ok := row[column]; ok {
				c.Columns, c.Values = append(c.Columns, column), append(c.Values, v)
			}
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Columns)))
	}
	return c
}

func sparsePlan(t testing.TB, s Spec) *Plan {
	t.Helper()
	p, err := Compile(s, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func applySparse(t testing.TB, tr *Transform, rows *batch.CSR, bad *table.BadRows) {
	t.Helper()
	a, err := saved(t, tr).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	n := rows.Rows()
	a.ApplySparse(rows, bad)
	columns := tr.Columns()
	if columns == 0 {
		columns = math.MaxUint32
	}
	checkRows(t, rows, n, columns)
}

func TestSparseRowsAreCounted(t *testing.T) {
	p := sparsePlan(t, Spec{Quality: &job.Quality{Labels: []float64{0, 1}, MinRows: 4}})
	f := p.NewFit()
	bad := table.BadRows{{Row: 1, Code: "columns", Reason: "x"}}
	f.AddSparse(csr([]float32{1, 1, 2, 0, 1}, map[uint32]float32{3: 1, 5: 2}, map[uint32]float32{999: 1}, map[uint32]float32{998: 1}, nil, map[uint32]float32{7: 1}), &bad,
		Place{Row: 100, File: 2, Line: func(i int) int64 { return int64(i) + 10 }})
	want := Summary{
		Rows: 5, Bad: []Count{{"columns", 1}, {"label", 1}}, Nonzeros: 3, LargestColumn: 7,
		Least:  &Label{Value: 0, FirstRow: 103, File: 2, Line: 13},
		Labels: []Label{{Value: 0, Rows: 1, FirstRow: 103, File: 2, Line: 13}, {Value: 1, Rows: 2, FirstRow: 100, File: 2, Line: 10}},
		Faults: []Fault{{"data.quality.min_rows", "3 rows can be used, but there must be at least 4"}},
	}
	same(t, f.Summary(), want)
	tr, err := f.Finish()
	if err != nil || tr.Columns() != 8 || tr.Names() != nil {
		t.Errorf("%d columns, %v", tr.Columns(), err)
	}
}

func TestSparseRowsAreScaled(t *testing.T) {
	tr, err := sparsePlan(t, Spec{Scale: 0.5}).Unfitted()
	if err != nil {
		t.Fatal(err)
	}
	rows, bad := csr([]float32{1, 2}, map[uint32]float32{3: 1, 5: 4}, map[uint32]float32{0: 3}), table.BadRows{{Row: 1, Code: "columns"}}
	applySparse(t, tr, rows, &bad)
	same(t, rows, csr([]float32{1, 2}, map[uint32]float32{3: 0.5, 5: 2}, nil))
}

func TestSparseRowsAreHashed(t *testing.T) {
	tr, err := sparsePlan(t, Spec{Hash: &job.Hash{Bits: 8}}).Unfitted()
	if err != nil {
		t.Fatal(err)
	}
	row := map[uint32]float32{}
	want := map[uint32]float32{}
	for i := range uint32(200) {
		row[i*5] = float32(i)
		want[hashed(uint64(i*5), 8)] += float32(i)
	}
	rows, bad := csr([]float32{1}, row), table.BadRows{}
	applySparse(t, tr, rows, &bad)
	same(t, rows, csr([]float32{1}, want))
	if hashed(1, 28) != 0xB456BCFC>>4 { // fmix64(1) is 0xB456BCFC34C2CB2C
		t.Errorf("hash of 1 is %x", hashed(1, 28))
	}
}

func TestSparseLabelsAreChecked(t *testing.T) {
	tr, err := sparsePlan(t, Spec{Quality: &job.Quality{Labels: []float64{1}}}).Unfitted()
	if err != nil {
		t.Fatal(err)
	}
	rows, bad := csr([]float32{1, 2}, map[uint32]float32{3: 1}, map[uint32]float32{3: 1}), table.BadRows{}
	applySparse(t, tr, rows, &bad)
	same(t, reasons(bad), []string{"1 label: label 2 is not one of 1, which data.quality.labels allows"})
	same(t, rows.Columns, []uint32{3})
}

func TestBagOfWordsIsWeighed(t *testing.T) {
	s := Spec{Text: &job.Text{MinDF: 1, MaxDF: 1, Stop: "none", Weight: "tfidf", IDF: "plain", Normalize: new(bool)}, Hash: &job.Hash{Bits: 20}}
	p := sparsePlan(t, s)
	rows := csr([]float32{0, 0}, map[uint32]float32{3: 2, 5: 1}, map[uint32]float32{5: 3})
	f := p.NewFit()
	f.AddSparse(rows, &table.BadRows{}, Place{})
	tr, err := f.Finish()
	if err != nil {
		t.Fatal(err)
	}
	bad := table.BadRows{}
	applySparse(t, tr, rows, &bad)
	same(t, rows, &batch.CSR{Labels: []float32{0, 0}, Offsets: []uint32{0, 1, 1}, Columns: []uint32{hashed(3, 20)}, Values: []float32{2 * math.Ln2}})
}

func TestSparseFitsMergeInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	p := sparsePlan(t, Spec{Text: &job.Text{MinDF: 1, MaxDF: 1, Stop: "none", Weight: "tfidf", IDF: "smooth"}})
	whole, parts := p.NewFit(), []*Fit{p.NewFit(), p.NewFit(), p.NewFit()}
	for i := range 60 {
		c := csr([]float32{float32(r.IntN(90))}, map[uint32]float32{r.Uint32N(50): 1, 50 + r.Uint32N(50): 2})
		whole.AddSparse(c, &table.BadRows{}, Place{Row: int64(i)})
		parts[r.IntN(3)].AddSparse(c, &table.BadRows{}, Place{Row: int64(i)})
	}
	for _, order := range [][]int{{2, 0}, {1}} {
		for _, i := range order {
			if i != 1 {
				if err := parts[1].Merge(parts[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !bytes.Equal(fitBytes(t, parts[1]), fitBytes(t, whole)) {
		t.Error("merged fits are others")
	}
}
