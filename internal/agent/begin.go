package agent

import (
	"fmt"

	"parley/internal/artifact"
	"parley/internal/job"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps"
)

// begin sets the parameters of new ranges to those of the job's model.init, if it
// has one; else they are as they were drawn. Each node reads the model itself, and
// of the parameters only what its ranges hold; its SHA-256 is compared once for all
// of them.
func (w *work) begin(m *parleyv1.Create, ranges []*ps.Range) error {
	j, err := job.Decode(m.GetSpec())
	if err != nil || len(ranges) == 0 {
		return err
	}
	if j.Model.Init == "" {
		return nil
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
		if err := setWeights(r, b, to, j, layersOf(m)); err != nil {
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

// layersOf returns the layers of an order's model, nil if it has none.
func layersOf(m *parleyv1.Create) (l plan.Layers) {
	for _, n := range m.GetLayers() {
		l = append(l, int(n))
	}
	if len(l) < 2 {
		return nil
	}
	return l
}

// setWeights sets a range to the parameters that a model begins with: those of its
// columns, each for all classes, or a weight and then the factors, and then the
// biases.
func setWeights(r *ps.Range, b *artifact.Beginning, to *artifact.Model, j *job.Job, layers plan.Layers) error {
	span, columns, width := r.Spec().Span, param.Key(to.Columns), param.Key(1)
	if layers != nil {
		return setLayers(r, b, j, layers)
	}
	switch to.Kind {
	case "softmax":
		width = param.Key(len(to.Labels))
	case "fm":
		width = param.Key(1 + j.Model.Rank)
	}
	if span.Hi > (columns+1)*width {
		return param.Errorf(param.Invalid, "keys %v of a model of %d columns", span, columns)
	}
	values := make([]float32, span.Len())
	from, until := span.Lo/width, (span.Hi+width-1)/width // columns, the last perhaps the bias
	put := func(piece []float32, first, wide param.Key) { // rows of some keys a column, from the given one on
		for i, v := range piece {
			if key := (from+param.Key(i)/wide)*width + first + param.Key(i)%wide; key >= span.Lo && key < span.Hi {
				values[key-span.Lo] = v
			}
		}
	}
	if to.Kind == "fm" {
		return setFactors(r, b, j, columns, values, put)
	}
	piece := make([]float32, until-from)
	for k := range width {
		if err := readPiece(piece, b.Class(int(k)), from, columns); err != nil {
			return err
		}
		put(piece, k, 1)
	}
	return r.SetWeights(values)
}

// setFactors is setWeights of a factorization machine. The factors of columns that
// the earlier model does not have begin as those of a model that begins anew.
func setFactors(r *ps.Range, b *artifact.Beginning, j *job.Job, columns param.Key, values []float32, put func([]float32, param.Key, param.Key)) error {
	span, rank := r.Spec().Span, param.Key(j.Model.Rank)
	from, until := span.Lo/(1+rank), (span.Hi+rank)/(1+rank)
	weights := make([]float32, until-from)
	if err := readPiece(weights, b, from, columns); err != nil {
		return err
	}
	put(weights, 0, 1)
	if from = min(from, columns); until > columns {
		until = columns
	}
	factors := make([]float32, (until-from)*rank)
	for i := range factors {
		key := (from+param.Key(i)/rank)*(1+rank) + 1 + param.Key(i)%rank
		factors[i] = plan.Factor(j.Run.Seed, key, j.Model.InitScale)
	}
	if err := b.Factors(factors, int64(from), int64(rank)); err != nil {
		return err
	}
	put(factors, 1, rank)
	return r.SetWeights(values)
}

// setLayers is setWeights of a model with layers. The weights of columns that the
// earlier model does not have begin as those of a model that begins anew.
func setLayers(r *ps.Range, b *artifact.Beginning, j *job.Job, layers plan.Layers) error {
	span, width := r.Spec().Span, param.Key(layers.Width(j.Model.Dim))
	end := param.Key(layers[0]) * width
	values := make([]float32, span.Len())
	if span.Lo < end { // whole columns, of which the range may have a part
		first, last := span.Lo/width, (min(span.Hi, end)+width-1)/width
		columns := make([]float32, (last-first)*width)
		drawing{job: j, layers: layers}.Draw(columns, first*width)
		if err := b.Columns(columns, int64(first)); err != nil {
			return err
		}
		copy(values, columns[span.Lo-first*width:])
	}
	if span.Hi > end {
		tail := make([]float32, layers.Tail())
		if span.Hi > end+param.Key(len(tail)) {
			return param.Errorf(param.Invalid, "keys %v of a model of the layers %v", span, layers)
		}
		if err := b.Tail(tail); err != nil {
			return err
		}
		from := max(span.Lo, end)
		copy(values[from-span.Lo:], tail[from-end:])
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
