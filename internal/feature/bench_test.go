package feature

import (
	"fmt"
	"testing"

	"parley/internal/batch"
	"parley/internal/job"
	"parley/internal/table"
)

// benchmarkData is the excerpt of flights, over and over, as a format's parser
// gives it: one text with all cells.
func benchmarkData(b *testing.B, rows int) (*data, int) {
	d := readData(b, "testdata/flights.csv")
	excerpt, bytes := d.rows, 0
	d.rows = nil
	for i := range rows {
		row := excerpt[i*7%len(excerpt)]
		d.rows = append(d.rows, row)
		for _, cell := range row {
			bytes += len(cell) + 1
		}
	}
	return d, bytes
}

// benchmarkSpecs are jobs for flights.
func benchmarkSpecs() map[string]Spec {
	above := 15.0
	label := &job.Label{Column: "delay", Above: &above}
	return map[string]Spec{
		"numbers": {Label: label, Features: []job.Feature{{Numeric: "distance", Transform: []string{"log1p", "standardize"}}}},
		"names":   {Label: label, Features: []job.Feature{{Category: "origin"}, {Category: "destination"}}},
		"all": {Label: label, Features: []job.Feature{
			{Numeric: "distance", Transform: []string{"log1p", "standardize"}}, {Category: "origin"}, {Category: "destination"},
			{Time: "date", Parts: []string{"hour", "weekday"}}, {Cross: []string{"origin", "date.hour"}}}},
		"automatic": {Label: label},
	}
}

const benchmarkRows = 4096

func BenchmarkFit(b *testing.B) {
	for _, name := range sortedKeys(benchmarkSpecs()) {
		b.Run(fmt.Sprintf("%s/rows=%d", name, benchmarkRows), func(b *testing.B) {
			d, bytes := benchmarkData(b, benchmarkRows)
			f := d.plan(b, benchmarkSpecs()[name]).NewFit()
			rows := d.batch(f.plan.Want(), d.all())
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				f.Add(rows, Place{})
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for _, name := range sortedKeys(benchmarkSpecs()) {
		b.Run(fmt.Sprintf("%s/rows=%d", name, benchmarkRows), func(b *testing.B) {
			d, bytes := benchmarkData(b, benchmarkRows)
			benchmarkApply(b, d, d.transform(b, benchmarkSpecs()[name]), bytes)
		})
	}
}

func benchmarkApply(b *testing.B, d *data, tr *Transform, bytes int) {
	a, err := tr.Bind(d.columns)
	if err != nil {
		b.Fatal(err)
	}
	rows, out := d.batch(a.Want(), d.all()), batch.CSR{}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for b.Loop() {
		rows.Bad = table.BadRows{}
		out.Labels, out.Offsets, out.Columns, out.Values = out.Labels[:0], out.Offsets[:0], out.Columns[:0], out.Values[:0]
		a.Apply(&out, rows)
	}
}
