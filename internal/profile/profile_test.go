package profile_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/datashard"
	"parley/internal/feature"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/profile"
)

// open opens a csv file of some text.
func open(t *testing.T, text string, spec feature.Spec) *datashard.Dataset {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := datashard.Open(t.Context(), datashard.Source{Path: path, Format: "csv", Spec: spec}, datashard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// TestTestLabels: classes of the test data are those of the training data, whatever
// their own order is; a class that is not there is told before training.
func TestTestLabels(t *testing.T) {
	spec := feature.Spec{Features: []job.Feature{{Numeric: "x"}}}
	named, err := open(t, "x,label\n1,ham\n2,spam\n3,ham\n", spec).Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := open(t, "x,label\n1,0\n2,1\n3,0\n", spec).Profile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		like *plan.Manifest
		text string
		want []float32
		err  string
	}{
		{named, "x,label\n1,spam\n", []float32{1}, ""},
		{named, "x,label\n1,spam\n2,ham\n", []float32{0, 1}, ""},
		{named, "x,label\n1,ham\n2,zebra\n", nil, `a.csv:3: label "zebra" is not one of the training data's: correct the labels`},
		{named, "x,label\n1,ant\n2,spam\n", nil, `a.csv:2: label "ant" is not one of the training data's: correct the labels`},
		{numbers, "x,label\n1,ham\n", nil, `a.csv:2: label "ham" is not one of the training data's: correct the labels`},
	} {
		d := open(t, c.text, spec)
		m, err := d.ProfileAs(t.Context(), c.like)
		if c.err != "" {
			if err == nil || filepath.Base(err.Error()) != c.err || param.KindOf(err) != param.Invalid {
				t.Errorf("%q: %v", c.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		var got []float32
		for _, l := range m.Labels {
			got = append(got, l.Value)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

// TestRuleLabels: where nobody reads the labels before training, they are those
// that the rule can give.
func TestRuleLabels(t *testing.T) {
	above := 0.5
	for name, c := range map[string]struct {
		label job.Label
		want  []plan.Label
		more  bool
	}{
		"above":    {job.Label{Column: "label", Above: &above}, []plan.Label{{Value: 0}, {Value: 1}}, false},
		"map":      {job.Label{Column: "label", Map: map[string]float64{"b": 1, "a": -1, "*": -1}}, []plan.Label{{Value: -1}, {Value: 1}}, false},
		"many":     {job.Label{Column: "label", Map: manyLabels()}, nil, true},
		"negative": {job.Label{Column: "label", Map: map[string]float64{"b": 0, "a": negativeZero()}}, []plan.Label{{Value: 0}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, "x,label\n1,a\n", feature.Spec{Label: &c.label, Features: []job.Feature{{Category: "x"}}, Hash: &job.Hash{Bits: 4}})
			m, err := d.Profile(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, m.Labels); diff != "" || m.MoreLabels != c.more || d.NeedsFit() {
				t.Error(diff, m.MoreLabels)
			}
		})
	}
}

func manyLabels() map[string]float64 {
	many := map[string]float64{}
	for i := range plan.MaxLabels + 1 {
		many[string(rune('A'+i))] = float64(i)
	}
	return many
}

func negativeZero() float64 { return math.Copysign(0, -1) }

// TestQualityErrors are of the data: Invalid, and found as what they are.
func TestQualityErrors(t *testing.T) {
	spec := feature.Spec{Features: []job.Feature{{Numeric: "x"}}, Quality: &job.Quality{MaxBadRows: 1, MinRows: 2}}
	_, err := open(t, "x,label\n1,0\n,\nb,1\nc,1\n", spec).Profile(t.Context())
	var quality *profile.QualityError
	if !errors.As(err, &quality) || param.KindOf(err) != param.Invalid {
		t.Fatalf("%v", err)
	}
	if r := quality.Report; r.BadRows != 3 || r.Allowed != 1 || len(r.Places) != 3 || r.Places[0].Line != 3 || len(r.Faults) != 1 || r.Passed {
		t.Errorf("%+v", r)
	}
}

// TestPartsAddUp: parts come over the wire. A row that is missing or there twice, or
// a bad row that nobody described or that cannot be, is no manifest.
func TestPartsAddUp(t *testing.T) {
	spec := feature.Spec{Features: []job.Feature{{Numeric: "x"}}, Quality: &job.Quality{MaxBadRows: 2}}
	d := open(t, "x,label\n1,0\n2,1\nc,1\n3,1\n", spec)
	m, err := d.Scan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Use(m); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		times  int
		damage func(p *profile.Part)
		ok     bool
	}{
		"as it is":      {1, func(*profile.Part) {}, true},
		"nothing":       {0, nil, false},
		"twice":         {2, func(*profile.Part) {}, false},
		"not described": {1, func(p *profile.Part) { p.Bad = nil }, false},
		"far away":      {1, func(p *profile.Part) { p.Bad[0].Row = 4 }, false},
		"negative":      {1, func(p *profile.Part) { p.Bad[0].Row = -1 }, false},
		"too many":      {1, func(p *profile.Part) { p.Bad = append(p.Bad, p.Bad[0]) }, false},
	} {
		findings, err := profile.NewFindings(plan.SetTrain, spec, m)
		if err != nil {
			t.Fatal(err)
		}
		for range c.times {
			part, err := d.Fit(t.Context(), plan.Unit{}, profile.Limit(spec))
			if err != nil {
				t.Fatal(err)
			}
			c.damage(part)
			if err := findings.Add(part); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := findings.Train(m); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
