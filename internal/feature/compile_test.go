package feature

import (
	"strings"
	"testing"

	"parley/internal/job"
	"parley/internal/param"
)

var flightColumns = []string{"date", "delay", "distance", "origin", "destination"}

func TestCompileNamesTheKeyOfAFault(t *testing.T) {
	above := 15.0
	label := &job.Label{Column: "delay", Above: &above}
	features := func(f ...job.Feature) Spec { return Spec{Label: label, Features: f} }
	tests := []struct {
		name string
		spec Spec
		want string
	}{
		{"unknown category", features(job.Feature{Category: "orgin"}),
			`data.features[0].category: no column "orgin"; did you mean origin? the columns are date, delay, distance, origin, destination`},
		{"unknown number", features(job.Feature{Category: "origin"}, job.Feature{Numeric: "altitude"}),
			`data.features[1].numeric: no column "altitude"; the columns are date, delay, distance, origin, destination`},
		{"unknown time", features(job.Feature{Time: "dates", Parts: []string{"hour"}}), `data.features[0].time: no column "dates"; did you mean date?`},
		{"unknown part", features(job.Feature{Time: "date", Parts: []string{"second"}}), `data.features[0].parts[0]: unknown value "second"; use day, hour, minute, month, weekday, year`},
		{"no parts", features(job.Feature{Time: "date"}), `data.features[0].parts: is missing`},
		{"unknown in cross", features(job.Feature{Cross: []string{"origin", "hour"}}), `data.features[0].cross[1]: no column "hour"`},
		{"unknown time in cross", features(job.Feature{Cross: []string{"origin", "dat.hour"}}), `data.features[0].cross[1]: no column "dat"; did you mean date?`},
		{"cross of one", features(job.Feature{Cross: []string{"origin"}}), `data.features[0].cross: a combination needs two columns or more`},
		{"cross of the same", features(job.Feature{Cross: []string{"origin", "origin"}}), `data.features[0].cross: origin is there twice`},
		{"two kinds", features(job.Feature{Category: "origin", Numeric: "distance"}), `data.features[0]: give exactly one of`},
		{"no kind", features(job.Feature{}), `data.features[0]: give exactly one of`},
		{"label as a feature", features(job.Feature{Numeric: "delay"}), `data.features[0].numeric: delay is the label: it cannot be a feature too`},
		{"repeated", features(job.Feature{Category: "origin"}, job.Feature{Category: "origin"}), `data.features[1].category: origin is a feature of this kind already`},
		{"ignore beside others", features(job.Feature{Category: "origin"}, job.Feature{Ignore: "date"}), `data.features[1].ignore: says nothing beside features that are named`},
		{"ignored unknown", features(job.Feature{Ignore: "dat"}), `data.features[0].ignore: no column "dat"; did you mean date?`},
		{"standardize first", features(job.Feature{Numeric: "distance", Transform: []string{"standardize", "log"}}), `data.features[0].transform[1]: nothing may follow standardize`},
		{"standardized bins", features(job.Feature{Numeric: "distance", Bins: 3, Transform: []string{"standardize"}}), `data.features[0].transform[0]: standardize does not change quantile bins`},
		{"one bin", features(job.Feature{Numeric: "distance", Bins: 1}), `data.features[0].bins: must be between 2 and 65536, not 1`},
		{"unknown step", features(job.Feature{Numeric: "distance", Transform: []string{"sqrt"}}), `data.features[0].transform[0]: unknown value "sqrt"; use log, log1p or standardize`},
		{"unknown label", Spec{Label: &job.Label{Column: "Delay"}}, `data.label.column: no column "Delay"; did you mean delay?`},
		{"above and map", Spec{Label: &job.Label{Column: "delay", Above: &above, Map: map[string]float64{"*": 1}}}, `data.label: above and map exclude each other`},
		{"large label", Spec{Label: &job.Label{Column: "delay", Map: map[string]float64{"x": 1e300}}}, `data.label.map.x: 1e+300 is beyond the range`},
		{"two labels", Spec{Label: label, Text: &job.Text{Field: "origin", Label: "date", MaxDF: 1, Stop: "none", Weight: "count", IDF: "smooth"}}, `data.text.label: is "date", but data.label.column is "delay"`},
		{"unknown weight", Spec{Weight: &job.Column{Column: "w"}}, `data.weight.column: no column "w"`},
		{"unknown exposure", Spec{Exposure: &job.Column{Column: "w"}}, `data.exposure.column: no column "w"`},
		{"unknown text", Spec{Text: &job.Text{MaxDF: 1, Stop: "none", Weight: "count", IDF: "smooth"}}, `data.text.field: no column "text"`},
		{"scale of columns", Spec{Scale: 2}, `data.scale: is for formats whose rows are features already`},
		{"no bits", Spec{Hash: &job.Hash{}}, `data.hash.bits: must be between 1 and 28, not 0`},
		{"unknown unique", Spec{Quality: &job.Quality{Unique: "id"}}, `data.quality.unique: no column "id"`},
		{"unknown range", Spec{Quality: &job.Quality{Range: map[string][]float64{"distanc": {0, 1}}}}, `data.quality.range.distanc: no column "distanc"; did you mean distance?`},
		{"range the wrong way", Spec{Quality: &job.Quality{Range: map[string][]float64{"distance": {2, 1}}}}, `data.quality.range.distance: must be the least and the largest number allowed`},
		{"no fraction", Spec{Quality: &job.Quality{MaxMissing: map[string]float64{"distance": 5}}}, `data.quality.max_missing.distance: 5 is no fraction`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Compile(test.spec, flightColumns, false)
			if err == nil || param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
}

func TestCompileReportsAllFaults(t *testing.T) {
	_, err := Compile(Spec{Label: &job.Label{Column: "a"}, Weight: &job.Column{Column: "b"}, Features: []job.Feature{{Category: "c"}, {Numeric: "d"}}}, flightColumns, false)
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("%v: want four lines", err)
	}
}

func TestCompileRefusesAColumnThatIsThereTwice(t *testing.T) {
	_, err := Compile(Spec{Features: []job.Feature{{Category: "a"}}}, []string{"a", "b", "a"}, false)
	if err == nil || !strings.Contains(err.Error(), `more than one column "a"`) {
		t.Error(err)
	}
}

func TestCompileRefusesColumnsOfSparseRows(t *testing.T) {
	s := Spec{Label: &job.Label{Column: "y"}, Features: []job.Feature{{Category: "c"}}, Quality: &job.Quality{Unique: "id"}}
	_, err := Compile(s, nil, true)
	for _, key := range []string{"data.label: ", "data.features: ", "data.quality.unique: "} {
		if err == nil || !strings.Contains(err.Error(), key+"the rows of this format have no named columns") {
			t.Errorf("%v does not mention %s", err, key)
		}
	}
}

func TestWantedColumnsAreThoseThatAreUsed(t *testing.T) {
	p, err := Compile(Spec{
		Features: []job.Feature{{Category: "destination"}, {Cross: []string{"origin", "date.hour"}}},
		Quality:  &job.Quality{Unique: "date"},
	}, flightColumns, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Want(); len(got) != 3 || got[0] != 0 || got[1] != 3 || got[2] != 4 {
		t.Errorf("wants columns %v", got)
	}
}

func TestNeedsFit(t *testing.T) {
	above := 15.0
	count := &job.Text{Field: "origin", MaxDF: 1, MinDF: 1, Stop: "none", Weight: "count", IDF: "smooth"}
	tfidf := &job.Text{Field: "origin", MaxDF: 1, MinDF: 1, Stop: "none", Weight: "tfidf", IDF: "smooth"}
	hash := &job.Hash{Bits: 10}
	tests := []struct {
		name   string
		spec   Spec
		sparse bool
		want   bool
	}{
		{"automatic", Spec{}, false, true},
		{"dictionary", Spec{Features: []job.Feature{{Category: "origin"}}}, false, true},
		{"hashed", Spec{Features: []job.Feature{{Category: "origin"}, {Cross: []string{"origin", "date.hour"}}}, Hash: hash}, false, false},
		{"mean", Spec{Features: []job.Feature{{Numeric: "distance"}}}, false, true},
		{"refused", Spec{Features: []job.Feature{{Numeric: "distance", Missing: "refuse", Transform: []string{"log"}}}}, false, false},
		{"standardized", Spec{Features: []job.Feature{{Numeric: "distance", Missing: "refuse", Transform: []string{"standardize"}}}}, false, true},
		{"classes", Spec{Features: []job.Feature{{Category: "origin"}}, Hash: hash, Label: &job.Label{Column: "delay"}}, false, true},
		{"above", Spec{Features: []job.Feature{{Category: "origin"}}, Hash: hash, Label: &job.Label{Column: "delay", Above: &above}}, false, false},
		{"checks", Spec{Features: []job.Feature{{Category: "origin"}}, Hash: hash, Quality: &job.Quality{Unique: "date", MinRows: 5}}, false, false},
		{"hashed words", Spec{Text: count, Hash: hash}, false, false},
		{"words", Spec{Text: count}, false, true},
		{"hashed tfidf", Spec{Text: tfidf, Hash: hash}, false, true},
		{"sparse", Spec{}, true, false},
		{"sparse hashed", Spec{Hash: hash, Scale: 2}, true, false},
		{"sparse tfidf", Spec{Text: tfidf}, true, true},
		{"sparse counts", Spec{Text: count}, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			columns := flightColumns
			if test.sparse {
				columns = nil
			}
			p, err := Compile(test.spec, columns, test.sparse)
			if err != nil {
				t.Fatal(err)
			}
			if p.NeedsFit() != test.want {
				t.Errorf("%v, want %v", p.NeedsFit(), test.want)
			}
			tr, err := p.Unfitted()
			if (err != nil) != test.want {
				t.Fatalf("unfitted: %v", err)
			}
			if err == nil {
				saved(t, tr)
			}
		})
	}
}
