package export

import (
	"bufio"
	"fmt"
	"io"
	"math"
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
	labels, err := labelsOf(m, len(l.Bias))
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "solver_type %s\nnr_class %d\n%snr_feature %d\nbias 1\nw\n", solver, max(2, len(l.Bias)), labels, m.Columns)
	var line []byte
	row := func(_ int64, weights []float32) error {
		line = line[:0]
		for _, v := range weights {
			line = append(strconv.AppendFloat(line, float64(v), 'g', -1, 64), ' ') // exact
		}
		_, err := out.Write(append(line, '\n'))
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

// labelsOf returns the line of labels, none for a regression. Of two classes that
// share one margin, the first label is the one of margins above 0.
func labelsOf(m *artifact.Model, outputs int) (string, error) {
	labels := m.Labels
	if m.Kind == "linear" {
		return "", nil
	}
	classes := outputs
	if m.Kind != "softmax" {
		classes = 2
	}
	if len(labels) != classes || outputs != 1 && outputs != classes {
		return "", param.Errorf(param.Corrupt, "the model has %d labels and %d outputs for %d classes", len(labels), outputs, classes)
	}
	line := "label"
	for i := range labels {
		v := float64(labels[i])
		if outputs == 1 {
			v = float64(labels[len(labels)-1-i])
		}
		if v != math.Trunc(v) || math.Abs(v) > math.MaxInt32 {
			return "", param.Errorf(param.Invalid, "liblinear's labels are whole numbers, and %g is none: train on labels that are, or choose npz or csv", v)
		}
		line += fmt.Sprintf(" %d", int64(v))
	}
	return line + "\n", nil
}
