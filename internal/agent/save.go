package agent

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/grpc"

	"parley/internal/artifact"
	"parley/internal/job"
	"parley/internal/linalg"
	"parley/internal/param"
	"parley/internal/plan"
	"parley/internal/rpc"
	parleyv1 "parley/proto/parley/v1"
	"parley/ps/psclient"
)

// save gathers the ranges of a job from all servers and writes the model into
// this node's data folder, where Fetch finds it.
func (w *work) save(m *parleyv1.Save) {
	w.group.Go(func() {
		saved := &parleyv1.Saved{Job: string(w.id)}
		model, g, err := w.writeModel(m)
		if err == nil {
			saved.Sha256, saved.SquaredNorm, saved.Measured = model.SHA256(), g.norm.Sum(), g.measured
		}
		saved.Fault = rpc.Fault(err)
		w.tell(&parleyv1.AgentMessage{Body: &parleyv1.AgentMessage_Saved{Saved: saved}})
	})
}

func (w *work) writeModel(m *parleyv1.Save) (*artifact.Model, *gatherer, error) {
	model := &artifact.Model{}
	if err := rpc.Unpack(m.GetModel(), model); err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	var files map[string][]byte
	if err := rpc.Unpack(m.GetFiles(), &files); err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	if len(m.GetRanges()) == 0 {
		return nil, nil, param.Errorf(param.Invalid, "a model without ranges")
	}
	client := psclient.New(psclient.Config{Job: w.id, Servers: m.GetRanges(), Dial: w.dial, Logger: w.agent.config.Logger})
	j, err := job.Decode(model.Job)
	if err != nil {
		return nil, nil, err
	}
	g := &gatherer{client: client, ranges: len(m.GetRanges()), penalizeBias: j.Model.PenalizeBias}
	switch model.Kind {
	case "softmax":
		g.classes = len(model.Labels)
	case "fm":
		g.rank = j.Model.Rank
	case "mlp", "wide_deep":
		g.layers, g.dim = model.Layers()
	case "lsi":
		g.topics = j.Model.Topics
	}
	model, err = artifact.Save(filepath.Join(modelDir(w.agent.config.DataDir), string(w.id)), model, files,
		func(to *artifact.Writer) error { return g.write(w.ctx, to) }, false)
	return model, g, err
}

// gatherer streams the ranges of a job into a parameter file: the bias, which
// has the last key, and then the weights.
type gatherer struct {
	client  *psclient.Client
	ranges  int
	classes int // of a model with parameters for each, else 0
	topics  int // of lsi, else 0
	rank    int // of fm, else 0
	layers  plan.Layers
	dim     int // of wide_deep's embeddings
	// measured are the singular values and then the residuals of lsi's topics.
	measured []float64
	// norm is over the values that the penalty is on.
	penalizeBias bool
	norm         linalg.SquareSum
}

func (g *gatherer) write(ctx context.Context, to *artifact.Writer) error {
	switch {
	case g.classes > 0:
		return g.writeClasses(ctx, to)
	case g.rank > 0:
		return g.writeFactors(ctx, to)
	case g.topics > 0:
		return g.writeTopics(ctx, to)
	case g.dim > 0:
		return g.writeEmbedded(ctx, to)
	case g.layers != nil:
		return g.writeLayers(ctx, to)
	}
	var bias [1]float32
	err := g.client.Range(ctx, param.RangeID(g.ranges-1), func(piece []float32) error {
		if n := len(piece); n > 0 {
			bias[0] = piece[n-1]
		}
		return nil
	})
	if err != nil {
		return err
	}
	if g.penalizeBias {
		g.norm.Add(bias[:])
	}
	if err := to.Float32(bias[:]); err != nil {
		return err
	}
	// The last value that comes is the bias again: hold one value back always.
	var held []float32
	for id := range g.ranges {
		err := g.client.Range(ctx, param.RangeID(id), func(piece []float32) error {
			if len(piece) == 0 {
				return nil
			}
			if err := g.put(to, held); err != nil {
				return err
			}
			last := len(piece) - 1
			held = append(held[:0], piece[last])
			return g.put(to, piece[:last])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writeClasses writes the biases and then the weights, a row a class; they come a
// row a column, so all have to be there first, as trainers have them to evaluate.
func (g *gatherer) writeClasses(ctx context.Context, to *artifact.Writer) error {
	all, err := g.client.Weights(ctx)
	if err != nil {
		return err
	}
	if len(all) < g.classes || len(all)%g.classes != 0 {
		return param.Errorf(param.Invalid, "%d parameters of %d classes", len(all), g.classes)
	}
	weights, bias := all[:len(all)-g.classes], all[len(all)-g.classes:]
	if g.penalizeBias {
		g.norm.Add(bias)
	}
	if err := to.Float32(bias); err != nil {
		return err
	}
	g.norm.Add(weights)
	rows := make([]float32, len(weights))
	linalg.Transpose(rows, weights, len(weights)/g.classes)
	return to.Float32(rows)
}

// writeFactors writes the bias, the factors, a row a column, and then the weights.
func (g *gatherer) writeFactors(ctx context.Context, to *artifact.Writer) error {
	all, err := g.client.Weights(ctx)
	if err != nil {
		return err
	}
	width := 1 + g.rank
	if len(all) < width || len(all)%width != 0 {
		return param.Errorf(param.Invalid, "%d parameters of %d a column", len(all), width)
	}
	columns := len(all)/width - 1
	bias := all[columns*width : columns*width+1]
	if g.penalizeBias {
		g.norm.Add(bias)
	}
	if err := to.Float32(bias); err != nil {
		return err
	}
	weights := make([]float32, columns)
	for c := range weights { // in place: the factors of a column move to the front
		weights[c] = all[c*width]
		copy(all[c*g.rank:(c+1)*g.rank], all[c*width+1:(c+1)*width])
	}
	if err := g.put(to, all[:columns*g.rank]); err != nil {
		return err
	}
	return g.put(to, weights)
}

// writeEmbedded writes the layers of wide_deep, of whose columns few are held at a time.
// The last range has the tail.
func (g *gatherer) writeEmbedded(ctx context.Context, to *artifact.Writer) error {
	var tail []float32
	err := g.client.Range(ctx, param.RangeID(g.ranges-1), func(piece []float32) error {
		tail = append(tail, piece...)
		return nil
	})
	if err != nil {
		return err
	}
	if len(tail) != g.layers.Tail() {
		return param.Errorf(param.Invalid, "%d parameters behind the columns of the layers %v", len(tail), g.layers)
	}
	first := true
	err = artifact.WriteEmbedded(to, g.layers, g.dim, tail, func(write func(columns []float32) error) error {
		err := g.columns(ctx, func(columns []float32) error {
			if first {
				g.norm.Add(columns)
			}
			return write(columns)
		})
		first = false
		return err
	})
	penalized := tail[:g.layers.TailWeights()]
	if g.penalizeBias {
		penalized = tail
	}
	g.norm.Add(penalized)
	return err
}

// columns calls each with the keys of whole columns of wide_deep, some after the others.
func (g *gatherer) columns(ctx context.Context, each func(columns []float32) error) error {
	width, read := g.layers.Width(g.dim), 0
	var part []float32 // of a column
	for id := range g.ranges - 1 {
		err := g.client.Range(ctx, param.RangeID(id), func(piece []float32) error {
			part = append(part, piece...)
			whole := len(part) / width * width
			read += whole
			if err := each(part[:whole]); err != nil {
				return err
			}
			part = append(part[:0], part[whole:]...)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(part) > 0 || read != g.layers[0]*width {
		return param.Errorf(param.Invalid, "%d parameters of %d columns of %d", read+len(part), g.layers[0], width)
	}
	return nil
}

// writeLayers writes the layers of mlp.
func (g *gatherer) writeLayers(ctx context.Context, to *artifact.Writer) error {
	all, err := g.client.Weights(ctx)
	if err != nil {
		return err
	}
	first := g.layers[0] * g.layers.Width(0)
	if len(all) != first+g.layers.Tail() {
		return param.Errorf(param.Invalid, "%d parameters of the layers %v", len(all), g.layers)
	}
	penalized := all[:first+g.layers.TailWeights()]
	if g.penalizeBias {
		penalized = all
	}
	g.norm.Add(penalized)
	return artifact.WriteLayers(to, g.layers, all)
}

// writeTopics writes the topics, a row each, the residuals and the singular values.
func (g *gatherer) writeTopics(ctx context.Context, to *artifact.Writer) error {
	all, err := g.client.Weights(ctx)
	if err != nil {
		return err
	}
	at := len(all) - 2*g.topics
	if at < 0 || at%g.topics != 0 {
		return param.Errorf(param.Invalid, "%d parameters of %d topics", len(all), g.topics)
	}
	g.measured = linalg.Doubles(all[at:])
	rows := make([]float32, at)
	linalg.Transpose(rows, all[:at], at/g.topics)
	if err := to.Float32(rows); err != nil {
		return err
	}
	values, residuals := all[at:at+g.topics], all[at+g.topics:]
	if err := to.Float32(residuals); err != nil {
		return err
	}
	return to.Float32(values)
}

func (g *gatherer) put(to *artifact.Writer, weights []float32) error {
	g.norm.Add(weights)
	return to.Float32(weights)
}

// modelDir is where a node keeps the models that were written on it, a folder a
// job.
func modelDir(dataDir string) string { return filepath.Join(dataDir, "jobs") }

// Models serves the model folders of this node. It is safe for concurrent use.
type Models struct {
	parleyv1.UnimplementedModelsServer
	dir string
}

// fetchPiece is the number of bytes in one message of Fetch.
const fetchPiece = 1 << 20

// Fetch streams the files of a job's model; model.json comes last, so that a
// copy that has it is whole.
func (m *Models) Fetch(r *parleyv1.FetchRequest, stream grpc.ServerStreamingServer[parleyv1.FetchReply]) error {
	id := r.GetJob()
	if id == "" || filepath.Base(id) != id || id == "." || id == ".." {
		return param.Errorf(param.Invalid, "%q is not the name of a job", id)
	}
	model, err := artifact.Open(filepath.Join(m.dir, id))
	if err != nil {
		return param.Errorf(param.NotOwner, "the model of job %s is not on this node: %w", id, err)
	}
	for _, name := range append(slices.Sorted(maps.Keys(model.Files)), artifact.ModelFile) {
		if err := sendFile(stream, filepath.Join(model.Dir(), name)); err != nil {
			return err
		}
	}
	return nil
}

func sendFile(stream grpc.ServerStreamingServer[parleyv1.FetchReply], path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	name := filepath.Base(path)
	buffer := make([]byte, fetchPiece)
	for {
		n, err := f.Read(buffer)
		if n > 0 {
			if err := stream.Send(&parleyv1.FetchReply{Name: name, Data: buffer[:n]}); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
