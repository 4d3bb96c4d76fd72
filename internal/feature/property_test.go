package feature

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/job"
	"parley/internal/table"
)

// specs are jobs for randomData that use everything.
func specs() map[string]Spec {
	features := []job.Feature{
		{Numeric: "x", Scale: 2, Transform: []string{"standardize"}},
		{Numeric: "n", Bins: 3},
		{Category: "c", MinCount: 3},
		{Time: "when", Parts: []string{"hour", "weekday"}},
		{Cross: []string{"c", "when.hour"}, MinCount: 2},
		{Cross: []string{"n", "c", "when.year"}},
	}
	label := &job.Label{Column: "y"}
	text := &job.Text{Field: "doc", MinDF: 1, MaxDF: 1, Stop: "none", Weight: "tfidf", IDF: "smooth", NGrams: []int{1, 2}, Lowercase: true}
	return map[string]Spec{
		"features":   {Features: features, Label: label},
		"hashed":     {Features: features, Label: label, Hash: &job.Hash{Bits: 4}},
		"text":       {Features: features[:3], Text: text},
		"all hashed": {Features: features, Text: text, Hash: &job.Hash{Bits: 5}},
		"automatic":  {Label: &job.Label{Column: "y", Map: map[string]float64{"yes": 1, "*": 0}}},
		"checked": {Features: []job.Feature{{Numeric: "x", Missing: "refuse"}, {Category: "c"}}, Label: &job.Label{Column: "n"}, Weight: &job.Column{Column: "w"}, Quality: &job.Quality{
			Range: map[string][]float64{"x": {-10, 10}}, MaxMissing: map[string]float64{"c": 0.1}, Unique: "when", MinRows: 1000}},
	}
}

func TestFitIsTheSameHoweverRowsAreCutAndMerged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name := range specs() {
		t.Run(name, func(t *testing.T) {
			d := randomData(r, 200)
			whole := d.fit(t, specs()[name])
			want, wantSummary := fitBytes(t, whole), whole.Summary()
			for range 20 {
				f := fitInParts(t, r, d, whole.plan)
				if got := fitBytes(t, f); !bytes.Equal(got, want) {
					t.Fatalf("other bytes when the rows came in another way: %d, want %d", len(got), len(want))
				}
				if diff := cmp.Diff(wantSummary, f.Summary()); diff != "" {
					t.Fatal(diff)
				}
				tr, err1 := f.Finish()
				tw, err2 := whole.Finish()
				if fmt.Sprint(err1) != fmt.Sprint(err2) {
					t.Fatalf("%v, want %v", err1, err2)
				}
				if err1 == nil {
					sameJSON(t, tr, tw)
				}
			}
		})
	}
}

func sameJSON(t *testing.T, a, b *Transform) {
	t.Helper()
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
		t.Fatalf("%v, %v:\n%s\n%s", err1, err2, x, y)
	}
}

// fitInParts fits runs of rows in random order, sends the fits over a wire and
// merges them as a random tree.
func fitInParts(t *testing.T, r *rand.Rand, d *data, p *Plan) *Fit {
	t.Helper()
	var fits []*Fit
	for begin := 0; begin < len(d.rows); {
		end := min(len(d.rows), begin+1+r.IntN(60))
		f := p.NewFit()
		for begin < end {
			n := begin + 1 + r.IntN(end-begin)
			b := d.batch(p.Want(), d.all()[begin:n])
			at := begin
			f.Add(b, Place{Row: int64(at), Line: func(i int) int64 { return int64(at+i) + 2 }})
			begin = n
		}
		g := p.NewFit()
		if err := g.UnmarshalBinary(fitBytes(t, f)); err != nil {
			t.Fatal(err)
		}
		fits = append(fits, g)
	}
	r.Shuffle(len(fits), func(i, j int) { fits[i], fits[j] = fits[j], fits[i] })
	for len(fits) > 1 {
		i := r.IntN(len(fits) - 1)
		if err := fits[i].Merge(fits[i+1]); err != nil {
			t.Fatal(err)
		}
		fits = append(fits[:i+1], fits[i+2:]...)
	}
	return fits[0]
}

func TestApplyIsTheSameAfterSavingAndInAnyBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name := range specs() {
		t.Run(name, func(t *testing.T) {
			d := randomData(r, 150)
			tr := d.transform(t, specs()[name])
			want, bad := d.apply(t, tr)
			got, gotBad := d.apply(t, saved(t, tr))
			if diff := cmp.Diff(want, got) + cmp.Diff(bad, gotBad); diff != "" {
				t.Fatal(diff)
			}
			p := d.plan(t, specs()[name])
			fitted := d.batch(p.Want(), d.all())
			p.NewFit().Add(fitted, Place{})
			if diff := cmp.Diff(fitted.Bad, bad); diff != "" {
				t.Fatalf("bad rows of fit and apply differ: %s", diff)
			}
			a, err := tr.Bind(d.columns)
			if err != nil {
				t.Fatal(err)
			}
			pieces := *want
			pieces.Labels, pieces.Weights, pieces.Exposure, pieces.Offsets, pieces.Columns, pieces.Values = nil, nil, nil, nil, nil, nil
			for begin := 0; begin < len(d.rows); {
				end := min(len(d.rows), begin+1+r.IntN(40))
				a.Apply(&pieces, d.batch(a.Want(), d.all()[begin:end]))
				begin = end
			}
			if diff := cmp.Diff(want, &pieces); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestColumnsMayStandInAnotherOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	d := randomData(r, 60)
	tr := d.transform(t, specs()["features"])
	want, bad := d.apply(t, tr)
	order := r.Perm(len(d.columns))
	e := &data{}
	for _, i := range order {
		e.columns = append(e.columns, d.columns[i])
	}
	for _, row := range d.rows {
		var cells []string
		for _, i := range order {
			cells = append(cells, row[i])
		}
		e.rows = append(e.rows, cells)
	}
	got, gotBad := e.apply(t, tr)
	if diff := cmp.Diff(want, got) + cmp.Diff([]table.Bad(bad), []table.Bad(gotBad)); diff != "" {
		t.Fatal(diff)
	}
}
