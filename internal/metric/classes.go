package metric

import "parley/internal/param"

// Multiclass is K classes, of which the one with the largest margin is predicted.
const Multiclass Kind = "multiclass"

// MaxClasses bounds K: a confusion matrix has K² counts.
const MaxClasses = 1024

// Classified are rows of K classes with their losses, the numbers of their classes
// and of those predicted, and their weights, nil for ones.
type Classified struct {
	Losses            []float64
	Actual, Predicted []int
	Weights           []float32
}

// AddClasses adds rows of so many classes, at most MaxClasses. Losses count by
// weight; the confusion matrix counts rows. It does not keep the slices.
func (s *Summary) AddClasses(classes int, rows Classified) {
	s.become(Multiclass)
	if s.Confusion == nil {
		s.Confusion = make([]int64, classes*classes)
	}
	for i, loss := range rows.Losses {
		s.Loss += weigh(loss, rows.Weights, i)
		s.Confusion[rows.Actual[i]*classes+rows.Predicted[i]]++
	}
	s.Rows += int64(len(rows.Losses))
	s.Weight += sumOf(rows.Weights, len(rows.Losses))
}

// Classes returns K, 0 where the confusion matrix is empty.
func (s *Summary) Classes() int {
	k := 0
	for k*k < len(s.Confusion) && k < MaxClasses {
		k++
	}
	return k
}

// checkConfusion reports a matrix of another size than that of the summary it is
// merged into, of counts that are not those of its rows.
func (s *Summary) checkConfusion(o *Summary) error {
	n := len(o.Confusion)
	if k := o.Classes(); k*k != n || o.Kind == Multiclass && (n == 0 || len(s.Confusion) > 0 && len(s.Confusion) != n) {
		return param.Errorf(param.Invalid, "merge a confusion matrix of %d counts into one of %d", n, len(s.Confusion))
	}
	if o.Kind != Multiclass && n > 0 {
		return param.Errorf(param.Invalid, "a confusion matrix in a summary of %s", o.Kind)
	}
	rows := int64(0)
	for _, count := range o.Confusion {
		if rows += count; count < 0 || rows < 0 {
			return param.Errorf(param.Invalid, "a confusion matrix with negative counts")
		}
	}
	if n > 0 && rows != o.Rows {
		return param.Errorf(param.Invalid, "a confusion matrix of %d rows in a summary of %d", rows, o.Rows)
	}
	return nil
}

// mergeConfusion adds the counts of o.
func (s *Summary) mergeConfusion(o *Summary) {
	if len(s.Confusion) == 0 && len(o.Confusion) > 0 {
		s.Confusion = make([]int64, len(o.Confusion))
	}
	for i, count := range o.Confusion {
		s.Confusion[i] += count
	}
}

// macro returns the number of rows whose class is predicted, and the means over
// classes of precision, recall and f1, as scikit-learn's average='macro' with
// zero_division=0: over the classes that rows have or are predicted as, and a
// quotient with nothing below it is 0.
func (s *Summary) macro() (right int64, precision, recall, f1 float64) {
	k := s.Classes()
	present := 0.0
	for c := range k {
		hits := s.Confusion[c*k+c]
		actual, predicted := int64(0), int64(0)
		for o := range k {
			actual, predicted = actual+s.Confusion[c*k+o], predicted+s.Confusion[o*k+c]
		}
		right += hits
		if actual+predicted == 0 {
			continue
		}
		present++
		precision += share(hits, predicted)
		recall += share(hits, actual)
		f1 += share(2*hits, actual+predicted)
	}
	return right, precision / present, recall / present, f1 / present
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
