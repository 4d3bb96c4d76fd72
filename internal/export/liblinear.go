package export

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"parley/internal/artifact"
	"parley/internal/param"
)

// solvers name, by the kind of a model, the solver_type of liblinear whose
// predictions are those of the kind: L2R_LR also gives probabilities, and MCSVM_CS
// takes the largest of one margin a class, as softmax does, but gives none. (Those
// that liblinear makes of several margins are not softmax's.)
var solvers = map[string]string{
	"logistic": "L2R_LR",
	"hinge":    "L2R_L1LOSS_SVC_DUAL",
	"softmax":  "MCSVM_CS",
	"linear":   "L2R_L2LOSS_SVR",
}

// liblinear writes the text that liblinear's save_model writes and its load_model
// reads: a header, then a line of weights a feature, the bias last as the weight of
// a feature that is always 1.
func liblinear(w io.Writer, m *artifact.Model) error {
	solver := solvers[m.Kind]
	switch {
	case m.Kind == "poisson":
		return param.Errorf(param.Invalid, "liblinear has no model of counts, whose prediction is the exponential of the margin: choose npz or csv")
	case solver == "":
		return param.Errorf(param.Invalid, "liblinear has no model of the kind %s: choose npz or safetensors", m.Kind)
	case m.Columns >= math.MaxInt32:
		return param.Errorf(param.Invalid, "liblinear takes fewer than %d columns, the model has %d", math.MaxInt32, m.Columns)
	}
	l, err := m.Linear()
	if err != nil {
		return err
	}
	defer l.Close()
	classes := max(2, len(l.Bias))
	labels, err := labelsOf(m, classes)
	if err != nil {
		return err
	}
	if m.Kind == "softmax" && classes == 2 {
		solver = "L2R_LR" // of one margin, as weigh makes it
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "solver_type %s\nnr_class %d\n%snr_feature %d\nbias 1\nw\n", solver, classes, labels, m.Columns)
	var line []byte
	row := func(_ int64, weights []float32) error {
		line = append(weigh(line[:0], weights), '\n')
		_, err := out.Write(line)
		return err
	}
	if err := l.Each(row); err != nil {
		return err
	}
	if err := row(m.Columns, l.Bias); err != nil {
		return err
	}
	return out.Flush()
}

// weigh appends the weights of a feature as decimals that read back as the same
// float64. liblinear has one margin for two classes, whose sigmoid is the softmax
// of two: that of the second class less that of the first.
func weigh(line []byte, weights []float32) []byte {
	if len(weights) == 2 {
		return append(strconv.AppendFloat(line, float64(weights[1])-float64(weights[0]), 'g', -1, 64), ' ')
	}
	for _, v := range weights {
		line = append(strconv.AppendFloat(line, float64(v), 'g', -1, 64), ' ')
	}
	return line
}

// labelsOf returns the line of labels, none for a regression. Of two classes the
// first label is the one of margins above 0, the positive one.
func labelsOf(m *artifact.Model, classes int) (string, error) {
	if m.Kind == "linear" {
		return "", nil
	}
	if len(m.Labels) != classes {
		return "", param.Errorf(param.Corrupt, "the model has %d labels for %d classes", len(m.Labels), classes)
	}
	labels := slices.Clone(m.Labels)
	if classes == 2 {
		slices.Reverse(labels)
	}
	line := "label"
	for _, label := range labels {
		v := float64(label)
		if v != math.Trunc(v) || math.Abs(v) > math.MaxInt32 {
			return "", param.Errorf(param.Invalid, "liblinear's labels are whole numbers, and %g is none: train on labels that are, or choose npz or csv", v)
		}
		line += fmt.Sprintf(" %d", int64(v))
	}
	return line + "\n", nil
}
