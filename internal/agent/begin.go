package agent

import (
	"fmt"

	"parley/internal/artifact"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
)

// begin sets the parameters of new ranges to those of the job's model.init, if it
// has one. Each node reads the model itself, and of the parameters only what its
// ranges hold; its SHA-256 is compared once for all of them.
func (w *work) begin(m *parleyv1.Create, ranges []*ps.Range) error {
	j, err := job.Decode(m.GetSpec())
	if err != nil || j.Model.Init == "" || len(ranges) == 0 {
		return err
	}
	dir, end, err := w.agent.model(w, j.Model.Init)
	if err != nil {
		return fmt.Errorf("model.init: %w", err)
	}
	defer end()
	b, to, err := openBeginning(dir, j, m)
	if err != nil && dir != j.Model.Init { // of a copy, whose name says nothing
		err = fmt.Errorf("copy of %s: %w", j.Model.Init, err)
	}
	if err != nil {
		return fmt.Errorf("model.init: %w", err)
	}
	defer b.Close()
	for _, r := range ranges {
		if err := setWeights(r, b, to); err != nil {
			return fmt.Errorf("model.init: %w", err)
		}
	}
	return nil
}

// model returns a local copy of a model, which end removes if it is one.
func (a *Agent) model(w *work, name string) (dir string, end func(), err error) {
	if a.config.Model == nil {
		return name, func() {}, nil
	}
	return a.config.Model(w.ctx, name, a.config.DataDir)
}

// openBeginning opens the model at dir for that of an order, which it returns.
func openBeginning(dir string, j *job.Job, m *parleyv1.Create) (*artifact.Beginning, *artifact.Model, error) {
	earlier, err := artifact.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	if got := earlier.SHA256(); got != j.Model.InitSHA256 {
		return nil, nil, param.Errorf(param.Invalid, "%s has parameters of the SHA-256 %s here, and of %.64q where the job was submitted: it has changed, or is another one here",
			j.Model.Init, got, j.Model.InitSHA256)
	}
	to := &artifact.Model{}
	if err := rpc.Unpack(m.GetColumns(), to); err != nil {
		return nil, nil, err
	}
	var vocabulary []byte
	if len(m.GetVocabulary()) > 0 {
		if err := rpc.Unpack(m.GetVocabulary(), &vocabulary); err != nil {
			return nil, nil, err
		}
	}
	b, err := earlier.Begin(to, vocabulary)
	return b, to, err
}

// setWeights sets a range to the parameters that a model begins with: those of its
// columns, each for all classes, and then the biases.
func setWeights(r *ps.Range, b *artifact.Beginning, to *artifact.Model) error {
	span, columns, width := r.Spec().Span, param.Key(to.Columns), param.Key(1)
	if to.Kind == "softmax" {
		width = param.Key(len(to.Labels))
	}
	if span.Hi > (columns+1)*width {
		return param.Errorf(param.Invalid, "keys %v of a model of %d columns", span, columns)
	}
	values := make([]float32, span.Len())
	from, until := span.Lo/width, (span.Hi+width-1)/width // columns, the last perhaps the bias
	piece := make([]float32, until-from)
	for k := range width {
		if err := readPiece(piece, b.Class(int(k)), from, columns); err != nil {
			return err
		}
		for i, v := range piece {
			if key := (from+param.Key(i))*width + k; key >= span.Lo && key < span.Hi {
				values[key-span.Lo] = v
			}
		}
	}
	return r.SetWeights(values)
}

// readPiece sets dst to a class's weights of the columns from the given one on; the
// one behind the last column is the bias.
func readPiece(dst []float32, b *artifact.Beginning, from, columns param.Key) (err error) {
	weights := dst[:min(columns-from, param.Key(len(dst)))]
	if err := b.Weights(weights, int64(from)); err != nil || len(weights) == len(dst) {
		return err
	}
	dst[len(weights)], err = b.Bias()
	return err
}
