package coordinator

import (
	"testing"

	"parley/internal/param"
	"parley/internal/plan"
)

// TestData holds what was found against what the job needs.
func TestData(t *testing.T) {
	for _, c := range []struct {
		name      string
		overrides []string
		train     *plan.Manifest
		test      *plan.Manifest
		words     []string // of the error; none: it goes on
	}{
		{"two classes", []string{"model.kind=logistic"}, manifest(100, -1, 1), nil, nil},
		{"one class", []string{"model.kind=logistic"}, manifest(100, 1), nil, []string{"train.svm", "two classes", "label 1"}},
		{"three classes", []string{"model.kind=logistic"}, manifest(100, 0, 1, 2), nil, []string{"train.svm", "two classes", "3 (0 first at train.svm:1"}},
		{"numbers", []string{"model.kind=logistic"}, more(manifest(100)), nil, []string{"two classes", "more than"}},
		{"numbers are fine for linear", nil, least(more(manifest(100)), -3, 1), nil, nil},
		{"one label is fine for linear", nil, manifest(100, 3), nil, nil},
		{"test labels", []string{"model.kind=logistic"}, manifest(100, -1, 1), manifest(50, -1, 1), nil},
		{"test labels of one class", []string{"model.kind=logistic"}, manifest(100, -1, 1), manifest(50, 1), nil},
		{"test label unknown", []string{"model.kind=logistic"}, manifest(100, -1, 1), manifest(50, -1, 0), []string{"train.svm:2", "label 0"}},
		{"test labels many", []string{"model.kind=logistic"}, manifest(100, -1, 1), more(manifest(50)), []string{"distinct labels"}},
		{"one class for hinge", []string{"model.kind=hinge"}, manifest(100, 1), nil, []string{"train.svm", "hinge needs labels of two classes", "label 1"}},
		{"test label unknown to hinge", []string{"model.kind=hinge"}, manifest(100, -1, 1), manifest(50, -1, 0), []string{"train.svm:2", "label 0"}},
		{"counts", []string{"model.kind=poisson"}, least(manifest(100, 0, 3), 0, 1), least(more(manifest(50)), 0, 2), nil},
		{"negative count", []string{"model.kind=poisson"}, least(more(manifest(100)), -0.5, 7), nil, []string{"train.svm:7: model.kind poisson needs labels that are counts", "-0.5"}},
		{"negative count in the test data", []string{"model.kind=poisson"}, least(manifest(100, 0, 1), 0, 1), least(manifest(50, -1, 0), -1, 1), []string{"train.svm:1", "-1"}},
		{"negative count by a rule", []string{"model.kind=poisson"}, least(manifest(100, -2, 1), -2, 0), nil, []string{"train.svm: model.kind poisson needs labels that are counts"}},
		{"counts of nothing", []string{"model.kind=poisson"}, least(manifest(100, 0), 0, 1), nil, []string{"train.svm", "all of them are 0"}},
		{"one count", []string{"model.kind=poisson"}, least(manifest(100, 2), 2, 1), nil, nil},
		{"names for counts", []string{"model.kind=poisson"}, withNames(manifest(100, 0, 1)), nil, []string{"train.svm", "poisson needs labels that are numbers", "2 (\"b\" first at"}},
		{"names for numbers", nil, withNames(manifest(100, 0, 1)), nil, []string{"linear needs labels that are numbers", "data.label.map"}},
		{"many names for numbers", nil, more(manifest(100)), nil, []string{"linear needs labels that are numbers", "more than 64"}},
		{"names for classes", []string{"model.kind=logistic"}, withNames(manifest(100, 0, 1)), nil, nil},
		{"no labels for poisson", []string{"model.kind=poisson"}, manifest(100), nil, []string{"model.kind poisson needs labels, and the data has none"}},
		{"classes", []string{"model.kind=softmax"}, manifest(100, 0, 1, 2), manifest(50, 1, 2), nil},
		{"classes, but one", []string{"model.kind=softmax"}, manifest(100, 1), nil, []string{"train.svm", "two classes or more", "label 1"}},
		{"classes, but none", []string{"model.kind=softmax"}, manifest(100), nil, []string{"needs labels"}},
		{"too many classes", []string{"model.kind=softmax"}, more(manifest(100)), nil, []string{"at most 64 classes"}},
		{"a class of the test data alone", []string{"model.kind=softmax"}, manifest(100, 0, 1, 2), manifest(50, 0, 3), []string{"train.svm:2", "label 3"}},
		{"too many parameters", []string{"model.kind=softmax"}, wide(manifest(100, 0, 1, 2)), nil, []string{"805306371 parameters", "data.hash.bits"}},
		{"all held out", []string{"data.holdout=0.999999"}, manifest(20, 1, 2), nil, []string{"holdout", "20 rows"}},
		{"half held out", []string{"data.holdout=0.5"}, manifest(100, 1, 2), nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, parse(t, c.overrides...), c.train)
			f.join("s1", false, true)
			f.join("t1", true, false)
			f.rules["t1"].inbox = nil
			f.Profiled(f.now, "t1", Profiled{Train: c.train, Test: c.test})
			f.route()
			if c.words == nil {
				f.done()
				return
			}
			f.failed(c.words...)
			if !f.FaultOfInput() {
				t.Error("it is a fault of the input")
			}
		})
	}
}

// least notes the smallest label and its line.
func least(m *plan.Manifest, value float32, line int64) *plan.Manifest {
	m.Least = &plan.Label{Value: value, Line: line}
	return m
}

// withNames gives the labels names.
func withNames(m *plan.Manifest) *plan.Manifest {
	for i := range m.Labels {
		m.Labels[i].Name = string(rune('b' + i))
	}
	return m
}

// wide makes a manifest of as many columns as there may be.
func wide(m *plan.Manifest) *plan.Manifest {
	m.Columns = plan.MaxColumns
	return m
}

func more(m *plan.Manifest) *plan.Manifest {
	m.MoreLabels = true
	return m
}

// TestHoldoutUnits: the rows that were held out are a set of their own, with the
// units of the training data.
func TestHoldoutUnits(t *testing.T) {
	f := newFixture(t, parse(t, "data.holdout=0.5"), manifest(5000, 1, 2))
	f.join("s1", false, true)
	f.join("t1", true, false)
	f.to(Evaluating)
	n := plan.Units(len(f.train.Shards))
	count := map[plan.Set]int{}
	for _, u := range f.units {
		count[u.Set]++
	}
	if count[plan.SetTrain] != n || count[plan.SetHoldout] != n || count[plan.SetTest] != 0 {
		t.Errorf("units %v, want %d", count, n)
	}
	f.done()
}

// TestNoLabels: data without labels is no training data of a classifier.
func TestNoLabels(t *testing.T) {
	m := manifest(100, -1, 1)
	m.Labels = nil
	f := newFixture(t, parse(t, "model.kind=logistic"), m)
	f.join("s1", false, true)
	f.join("t1", true, false)
	f.settle()
	f.failed("model.kind logistic needs labels, and the data has none")
}

// TestLabelAdvice: what is said of labels that are not there fits the format.
func TestLabelAdvice(t *testing.T) {
	for _, c := range []struct {
		override, want string
		labels         int
	}{
		{"data.train.format=csv", "has none: name their column (data.label.column)", 0},
		{"data.train.format=vw", "has none: begin each line with its label", 0},
		{"data.train.format=text", "has none: lines of text have no place for them; write jsonl or csv, with a column for the document and one for the label", 0},
		{"data.train.format=idx", "have the label -1: it is what rows have without a file of labels; name it (data.train.labels)", 1},
		{"data.train={path: x, format: idx, labels: y}", "have the label -1: add rows of the other", 1},
		{"data.train.format=libsvm", "have the label -1: add rows of the other", 1},
	} {
		m := manifest(100, -1, 1)
		m.Labels = m.Labels[:c.labels]
		f := newFixture(t, parse(t, "model.kind=logistic", c.override), m)
		f.join("s1", false, true)
		f.join("t1", true, false)
		f.settle()
		f.failed(c.want)
	}
}

// TestMalformedManifest: what no profile makes is refused before it is trusted.
func TestMalformedManifest(t *testing.T) {
	for name, change := range map[string]func(m *plan.Manifest){
		"no files":       func(m *plan.Manifest) { m.Files = nil },
		"label nowhere":  func(m *plan.Manifest) { m.Labels[0].File = 1 },
		"label before":   func(m *plan.Manifest) { m.Labels[0].File = -1 },
		"no rows":        func(m *plan.Manifest) { m.Rows, m.Shards = 0, nil },
		"no shards":      func(m *plan.Manifest) { m.Shards = nil },
		"minus columns":  func(m *plan.Manifest) { m.Columns = -1 },
		"huge columns":   func(m *plan.Manifest) { m.Columns = 1 << 62 },
		"huge shard":     func(m *plan.Manifest) { m.Shards[0].Rows = 1 << 62 },
		"negative shard": func(m *plan.Manifest) { m.Shards[0].Rows = -1 },
		"a gap":          func(m *plan.Manifest) { m.Shards[1].FirstRow++ },
		"a name":         func(m *plan.Manifest) { m.Shards[1].ID = 0 },
	} {
		m := manifest(100, -1, 1)
		change(m)
		for _, kind := range []string{"linear", "logistic"} {
			f := newFixture(t, parse(t, "model.kind="+kind), m)
			f.join("s1", false, true)
			f.join("t1", true, false)
			f.settle()
			_, err := f.Ended()
			if f.Phase() != Failed || param.KindOf(err) != param.Invalid {
				t.Errorf("%s, %s: phase %s, error %v", name, kind, f.Phase(), err)
			}
		}
	}
	f := newFixture(t, parse(t), nil)
	f.join("s1", false, true)
	f.join("t1", true, false)
	f.settle()
	f.failed("malformed manifest")
}
