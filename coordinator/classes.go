package coordinator

import (
	"slices"

	"parley/internal/param"
	"parley/internal/plan"
)

// forNumbers is what predicts numbers, for jobs that take them for classes.
var forNumbers = map[string]string{"softmax": "model.kind linear", "mlp": "model.loss mse"}

// checkClasses holds labels and size against a model with parameters for each of
// its classes.
func checkClasses(p *plan.Plan, test *plan.Manifest) error {
	train, kind := p.Train, p.Job.Model.Kind
	switch n := len(train.Labels); {
	case train.MoreLabels:
		return param.Errorf(param.Invalid, "%s: model.kind %s takes at most %d classes, and the data has more distinct labels: use %s for numbers", train.Files[0].Path, kind, plan.MaxLabels, forNumbers[kind])
	case n == 0:
		return param.Errorf(param.Invalid, "%s: model.kind %s needs labels, and the data has none: %s", train.Files[0].Path, kind, whereLabels(p.Job.Data.Train))
	case n < 2:
		return param.Errorf(param.Invalid, "%s: model.kind %s needs labels of two classes or more, and here is one: all rows have the label %s: %s", train.Files[0].Path, kind, describeLabel(train.Labels[0]), otherClass(p.Job.Data.Train))
	}
	if p.Keys > plan.MaxColumns && kind == "softmax" {
		return param.Errorf(param.Invalid, "%s: model.kind softmax would have %d parameters, for %d columns and %d classes, and there may be %d: make fewer columns (data.hash.bits, data.text.max_terms)",
			train.Files[0].Path, p.Keys, train.Columns, p.Width, plan.MaxColumns)
	}
	return checkTestLabels(train, test)
}

// checkTestLabels finds labels that the training data does not have: no model could
// predict them.
func checkTestLabels(train, test *plan.Manifest) error {
	if test == nil {
		return nil
	}
	if test.MoreLabels {
		return param.Errorf(param.Invalid, "%s: the test data has more than %d distinct labels, the training data %d: correct the labels", test.Files[0].Path, plan.MaxLabels, len(train.Labels))
	}
	for _, l := range test.Labels {
		if !slices.ContainsFunc(train.Labels, func(t plan.Label) bool { return t.Value == l.Value }) {
			return param.Errorf(param.Invalid, "%s:%d: label %s is not one of the training data's, which has %s: correct the labels", test.Files[l.File].Path, l.Line, describeLabel(l), describeLabels(train))
		}
	}
	return nil
}
