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
	b, columns, err := openBeginning(dir, j, m)
	if err != nil && dir != j.Model.Init { // of a copy, whose name says nothing
		err = fmt.Errorf("copy of %s: %w", j.Model.Init, err)
	}
	if err != nil {
		return fmt.Errorf("model.init: %w", err)
	}
	defer b.Close()
	for _, r := range ranges {
		if err := setWeights(r, b, param.Key(columns)); err != nil {
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

// openBeginning opens the model at dir for the columns of an order, of which it
// returns the number.
func openBeginning(dir string, j *job.Job, m *parleyv1.Create) (*artifact.Beginning, int64, error) {
	earlier, err := artifact.Open(dir)
	if err != nil {
		return nil, 0, err
	}
	if got := earlier.SHA256(); got != j.Model.InitSHA256 {
		return nil, 0, param.Errorf(param.Invalid, "%s has parameters of the SHA-256 %s here, and of %.64q where the job was submitted: it has changed, or is another one here",
			j.Model.Init, got, j.Model.InitSHA256)
	}
	to := &artifact.Model{}
	if err := rpc.Unpack(m.GetColumns(), to); err != nil {
		return nil, 0, err
	}
	var vocabulary []byte
	if len(m.GetVocabulary()) > 0 {
		if err := rpc.Unpack(m.GetVocabulary(), &vocabulary); err != nil {
			return nil, 0, err
		}
	}
	b, err := earlier.Begin(to, vocabulary)
	return b, to.Columns, err
}

// setWeights sets a range of a model of so many columns; the key behind the last
// one is the bias.
func setWeights(r *ps.Range, b *artifact.Beginning, columns param.Key) error {
	span := r.Spec().Span
	if span.Hi > columns+1 {
		return param.Errorf(param.Invalid, "keys %v of a model of %d columns", span, columns)
	}
	values := make([]float32, span.Len())
	if err := b.Weights(values[:min(span.Hi, columns)-span.Lo], int64(span.Lo)); err != nil {
		return err
	}
	if span.Hi > columns {
		bias, err := b.Bias()
		if err != nil {
			return err
		}
		values[len(values)-1] = bias
	}
	return r.SetWeights(values)
}
