package convert

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/datashard"
	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/plan"
)

// sparseSources are sources whose rows are features.
func sparseSources(t testing.TB) map[string]datashard.Source {
	r := rand.New(rand.NewPCG(1, 2))
	var one, zero, vw strings.Builder
	for i := range 300 {
		fmt.Fprintf(&one, "%d", 2*(i%2)-1)
		fmt.Fprintf(&zero, "%v %d:1", float32(i)/7, i%2)
		fmt.Fprintf(&vw, "%d", i%2)
		if i >= 100 { // the first shards have no weights
			fmt.Fprintf(&vw, " %v", float32(i%5)/3)
		}
		vw.WriteString(" |a x y:0.25 |b")
		for id := 2 + i%3; id < 40; id += 1 + r.IntN(20) {
			value := float32(r.NormFloat64())
			fmt.Fprintf(&one, " %d:%v", id, value)
			fmt.Fprintf(&zero, " %d:%v", id, value)
			fmt.Fprintf(&vw, " f%d:%v", id, value)
		}
		for _, b := range []*strings.Builder{&one, &zero, &vw} {
			b.WriteByte('\n')
		}
	}
	idx := "\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x03" + "\x00\x05\x00" + "\x00\x01\xff"
	return map[string]datashard.Source{
		"from 1":  {Path: put(t, "s.svm", one.String())},
		"from 0":  {Path: put(t, "s.svm", zero.String())},
		"hashed":  {Path: put(t, "s.svm", one.String()), Spec: feature.Spec{Hash: &job.Hash{Bits: 4}}},
		"vw":      {Path: put(t, "s.vw", vw.String())},
		"vw 5":    {Path: put(t, "s.vw", vw.String()), Spec: feature.Spec{Hash: &job.Hash{Bits: 5}}},
		"idx":     {Path: put(t, "s", idx), Format: "idx", Labels: put(t, "l", "\x00\x00\x08\x01\x00\x00\x00\x02\x07\x01")},
		"uci-bow": {Path: put(t, "s.txt", "2\n5\n3\n1 1 2\n1 4 1\n2 2 3\n"), Format: "uci-bow", Labels: put(t, "l", "1\n0\n"), Vocab: put(t, "v", "a\nb\nc\nd\ne\n")},
	}
}

// TestSparse converts every source to every target that keeps rows as they are,
// and reads them again.
func TestSparse(t *testing.T) {
	for name, source := range sparseSources(t) {
		m, rows := rowsOf(t, source)
		for _, target := range []string{"x.arrow", "x.parquet"} {
			result, path := convert(t, source, target, Options{})
			got, gotRows := rowsOf(t, datashard.Source{Path: path})
			if diff := cmp.Diff(rows, gotRows); diff != "" || got.Columns != m.Columns || got.ZeroBased != m.ZeroBased || got.Rows != m.Rows {
				t.Errorf("%s to %s: %d columns, from zero: %t; want %d, %t (-want +got)\n%s", name, target, got.Columns, got.ZeroBased, m.Columns, m.ZeroBased, diff)
			}
			if result.Columns != m.Columns || result.Used > m.Columns || result.Rows != m.Rows || (result.Names != nil) != (name == "uci-bow") {
				t.Errorf("%s to %s: %+v", name, target, result)
			}
		}
		checkText(t, name, source, m, rows)
		checkNPZ(t, name, source, m, rows)
	}
}

// checkText converts to the formats of text. libsvm has no weights.
func checkText(t *testing.T, name string, source datashard.Source, m *plan.Manifest, rows *batch.CSR) {
	t.Helper()
	hash := &job.Hash{Bits: 18}
	if strings.HasPrefix(name, "vw") && source.Spec.Hash != nil {
		hash = source.Spec.Hash
	}
	for target, spec := range map[string]feature.Spec{"x.svm": {}, "x.svm.gz": {}, "x.svm.zst": {}, "x.vw": {Hash: hash}, "x.vw.zst": {Hash: hash}} {
		if strings.HasPrefix(name, "vw") && strings.HasPrefix(target, "x.svm") {
			continue
		}
		result, path := convert(t, source, target, Options{})
		got, gotRows := rowsOf(t, datashard.Source{Path: path, Spec: spec})
		if diff := cmp.Diff(rows, gotRows); diff != "" {
			t.Errorf("%s to %s: (-want +got)\n%s", name, target, diff)
		}
		if strings.HasPrefix(target, "x.svm") && (got.Columns != result.Used || got.ZeroBased != (name == "from 0")) {
			t.Errorf("%s to %s: %d columns, from zero: %t; %+v", name, target, got.Columns, got.ZeroBased, result)
		}
	}
	_, path := convert(t, source, "x.jsonl", Options{})
	checkJSONL(t, name, path, rows)
	if m.Columns <= maxDense {
		_, path := convert(t, source, "x.csv", Options{})
		checkDense(t, name, path, m, rows)
	}
}

// checkJSONL reads the lines with another reader.
func checkJSONL(t *testing.T, name, path string, rows *batch.CSR) {
	t.Helper()
	got := &batch.CSR{Offsets: []uint32{0}}
	d := json.NewDecoder(strings.NewReader(read(t, path)))
	for d.More() {
		line := struct {
			Label   float32
			Weight  float32
			Indices []uint32
			Values  []float32
		}{Weight: 1}
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		got.Labels, got.Weights = append(got.Labels, line.Label), append(got.Weights, line.Weight)
		got.Columns, got.Values = append(got.Columns, line.Indices...), append(got.Values, line.Values...)
		got.Offsets = append(got.Offsets, uint32(len(got.Columns)))
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("%s to jsonl: (-want +got)\n%s", name, diff)
	}
}

// checkDense compares the cells with the rows.
func checkDense(t *testing.T, name, path string, m *plan.Manifest, rows *batch.CSR) {
	t.Helper()
	names, cells := cellsOf(t, datashard.Source{Path: path})
	weighted := strings.HasPrefix(name, "vw")
	first := 1
	if weighted {
		first = 2
	}
	if names[0] != "label" || weighted != (names[1] == "weight") || names[first] != "c0" || int64(len(names)-first) != m.Columns {
		t.Errorf("%s to csv: columns %v", name, names)
	}
	for i, row := range cells {
		want := make([]float32, m.Columns)
		for j := rows.Offsets[i]; j < rows.Offsets[i+1]; j++ {
			want[rows.Columns[j]] = rows.Values[j]
		}
		want = append([]float32{rows.Labels[i], rows.Weights[i]}[:first:first], want...)
		for j, cell := range row {
			var got float32
			if _, err := fmt.Sscan(cell, &got); err != nil || math.Float32bits(got) != math.Float32bits(want[j]) {
				t.Fatalf("%s to csv: row %d, column %s: %s, want %v", name, i, names[j], cell, want[j])
			}
		}
	}
	if len(cells) != rows.Rows() {
		t.Errorf("%s to csv: %d rows", name, len(cells))
	}
}

// checkNPZ compares the arrays with the rows.
func checkNPZ(t *testing.T, name string, source datashard.Source, m *plan.Manifest, rows *batch.CSR) {
	t.Helper()
	_, path := convert(t, source, "x.npz", Options{})
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	array := func(file string, to any) {
		f, err := z.Open(file + ".npy")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer f.Close()
		text, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		data := text[10+binary.LittleEndian.Uint16(text[8:]):]
		if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, to); err != nil {
			t.Fatalf("%s: %s: %v", name, file, err)
		}
	}
	got := &batch.CSR{Labels: make([]float32, rows.Rows()), Weights: make([]float32, rows.Rows()), Offsets: make([]uint32, rows.Rows()+1),
		Columns: make([]uint32, len(rows.Columns)), Values: make([]float32, len(rows.Values))}
	for file, to := range map[string]any{"labels": got.Labels, "indptr": got.Offsets, "indices": got.Columns, "data": got.Values} {
		array(file, to)
	}
	if strings.HasPrefix(name, "vw") {
		array("weights", got.Weights)
	} else {
		copy(got.Weights, rows.Weights)
	}
	shape := make([]int64, 2)
	if array("shape", shape); shape[0] != m.Rows || shape[1] != m.Columns {
		t.Errorf("%s to npz: shape %v", name, shape)
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("%s to npz: (-want +got)\n%s", name, diff)
	}
}

// people is a job's data with bad rows, and how features are made of it.
func people(t testing.TB) datashard.Source {
	text := "y,age,city\n"
	for i := range 60 {
		text += fmt.Sprintf("%d,%d,%s\n", i%2, 20+i, []string{"Bonn", "Ulm", "K\"\"oln"}[i%3])
	}
	text = strings.ReplaceAll(text, "K\"\"oln", "\"K\nöln\"") + "x,1,Ulm\n0,old,Ulm\n"
	return datashard.Source{Path: put(t, "s.csv", text), Spec: feature.Spec{
		Label:    &job.Label{Column: "y", Map: map[string]float64{"0": 0, "1": 1}},
		Features: []job.Feature{{Numeric: "age", Transform: []string{"standardize"}, Scale: 1}, {Category: "city", MinCount: 1}},
		Quality:  &job.Quality{MaxBadRows: 2},
	}}
}

// TestFeatures writes what training sees, without the rows that are set aside.
func TestFeatures(t *testing.T) {
	source := people(t)
	m, rows := rowsOf(t, source)
	for _, target := range []string{"x.svm", "x.arrow", "x.parquet"} {
		result, path := convert(t, source, target, Options{Features: true})
		if diff := cmp.Diff([]string{"age", "city=Bonn", "city=K\nöln", "city=Ulm"}, result.Names); diff != "" {
			t.Errorf("%s: names (-want +got)\n%s", target, diff)
		}
		if result.Rows != 60 || result.Left != 2 || result.Columns != m.Columns {
			t.Errorf("%s: %+v", target, result)
		}
		got, gotRows := rowsOf(t, datashard.Source{Path: path})
		want := &batch.CSR{Offsets: []uint32{0}}
		for i := range rows.Rows() {
			if !m.IsBad(int64(i)) {
				add(want, &batch.CSR{Labels: rows.Labels[i : i+1], Offsets: []uint32{0, rows.Offsets[i+1] - rows.Offsets[i]}, Columns: rows.Columns[rows.Offsets[i]:], Values: rows.Values[rows.Offsets[i]:]})
			}
		}
		if diff := cmp.Diff(want, gotRows); diff != "" || target != "x.svm" && got.Columns != m.Columns {
			t.Errorf("%s: %d columns (-want +got)\n%s", target, got.Columns, diff)
		}
	}
}

// TestModel makes rows as those of other data were made, and leaves out what is in
// columns that the model lacks.
func TestModel(t *testing.T) {
	source := people(t)
	m, _ := rowsOf(t, source)
	fitted := &datashard.Fitted{Transform: m.Transform, Columns: m.Columns}
	other := datashard.Source{Path: put(t, "o.csv", "city,age,y\nUlm,80,1\nRom,20,0\n"), Fitted: fitted}
	if result, got, err := run(t, other, "x.svm", Options{Features: true}); err != nil || !strings.HasPrefix(got, "1 1:") || !strings.Contains(got, " 4:1\n0 1:") || result.Rows != 2 {
		t.Errorf("%+v, %v\n%s", result, err, got)
	}
	wide := datashard.Source{Path: put(t, "o.svm", "1 1:1 3:2\n0 2:1 4:1 9:1\n"), Fitted: &datashard.Fitted{Columns: 3}}
	if result, got, err := run(t, wide, "x.svm", Options{Features: true}); err != nil || got != "1 1:1 3:2\n0 2:1\n" || result.Unknown != 2 || result.Columns != 3 {
		t.Errorf("%+v, %v\n%s", result, err, got)
	}
}

// TestExposure writes the factors of rows where the format has a place for them.
func TestExposure(t *testing.T) {
	source := datashard.Source{Path: put(t, "s.csv", "y,w,e,a\n1,2,0.5,3\n0,1,1,4\n"), Spec: feature.Spec{
		Label: &job.Label{Column: "y"}, Weight: &job.Column{Column: "w"}, Exposure: &job.Column{Column: "e"}, Features: []job.Feature{{Numeric: "a", Missing: "refuse", Scale: 1}}}}
	for target, want := range map[string]string{
		"x.jsonl": `{"label":1,"weight":2,"exposure":0.5,"indices":[0],"values":[3]}` + "\n" + `{"label":0,"indices":[0],"values":[4]}` + "\n",
		"x.tsv":   "label\tweight\texposure\tc0\n1\t2\t0.5\t3\n0\t1\t1\t4\n",
	} {
		if _, got, err := run(t, source, target, Options{Features: true}); err != nil || got != want {
			t.Errorf("%s: %v\n got %s\nwant %s", target, err, got, want)
		}
	}
	for _, target := range []string{"x.arrow", "x.parquet", "x.npz"} {
		if _, text, err := run(t, source, target, Options{Features: true}); err != nil || !strings.Contains(text, "exposure") {
			t.Errorf("%s: %v, or no exposure", target, err)
		}
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := readAll(path)
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	return text
}
