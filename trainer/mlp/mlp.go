// Package mlp is multilayer perceptrons: fully connected layers, with an activation
// function after each but the last,
//
//	z_i = x_i·W_iᵀ + b_i        x_{i+1} = activation(z_i)
//
// and a loss of the last one's outputs: softmax (cross entropy over classes), logistic
// (of two classes, one output) or mse (half the squared error of a number, one
// output). The objective is the mean of the row losses.
//
// What a layer computes is in layer.go: in float32, with sums in one order, so that
// the bits are the same on every machine and with any number of cores. Gradients come
// from a graph of gorgonia's that is made once and used again (graph.go): its nodes are
// the functions of layer.go, and gorgonia differentiates it.
//
// Rows are sparse. The first layer multiplies their nonzeros alone unless most of the
// values are some. plan.Layers says where parameters are among a model's keys. The
// trainer calls Model with blocks to learn from and with data shards to evaluate;
// prediction calls Predict and Probabilities. With embeddings in front it is wide_deep
// (embed.go).
package mlp

import (
	"slices"
	"strconv"
	"sync"

	"parley/internal/batch"
	"parley/internal/linalg"
	"parley/internal/param"
	"parley/internal/plan"
)

// Settings are what models differ in.
type Settings struct {
	Layers     plan.Layers // units from the inputs to the outputs
	Activation string      // relu, tanh or gelu
	Loss       string      // softmax, logistic or mse
	Dropout    float64     // share of the hidden units that a row of a batch goes without, in [0, 1)
	Labels     []float32   // of softmax's classes, ascending
	Positive   float32     // label of the positive class, for logistic; every other is negative
	// Dim is the length of the columns' embeddings of wide_deep, 0 of mlp, and Fields are the
	// first columns of what is summed up to one embedding each. The layers begin with the
	// columns and then len(Fields)·Dim.
	Dim    int
	Fields []uint32
}

// width returns the parameters of a column.
func (s *Settings) width() int { return s.Layers.Width(s.Dim) }

// activated reports whether an activation is behind a layer: all but the last, and what
// embeds.
func (s *Settings) activated(i int) bool { return i+1 < s.Layers.Count() && (i > 0 || s.Dim == 0) }

// Model learns and predicts. It holds no parameters; any number of goroutines may use
// it at once.
type Model struct {
	settings Settings
	mu       sync.Mutex
	graphs   []*graph // that nobody uses
}

// New returns a model. The error is Invalid.
func New(s Settings) (*Model, error) {
	outputs := 1
	if s.Loss == "softmax" {
		outputs = len(s.Labels)
	}
	switch {
	case len(s.Layers) < 2 || slices.Min(s.Layers) < 1:
		return nil, param.Errorf(param.Invalid, "model mlp has no layers %v: there must be two numbers or more, of one unit or more", s.Layers)
	case s.Loss != "softmax" && s.Loss != "logistic" && s.Loss != "mse":
		return nil, param.Errorf(param.Invalid, "model mlp has no loss %q: softmax, logistic or mse", s.Loss)
	case s.Layers[len(s.Layers)-1] != outputs:
		return nil, param.Errorf(param.Invalid, "model mlp ends with %d units, and the loss %s needs %d", s.Layers[len(s.Layers)-1], s.Loss, outputs)
	case activations[s.Activation] == nil:
		return nil, param.Errorf(param.Invalid, "model mlp has no activation %q: relu, tanh or gelu", s.Activation)
	case !(s.Dropout >= 0 && s.Dropout < 1):
		return nil, param.Errorf(param.Invalid, "model mlp has no dropout %v: at least 0 and below 1", s.Dropout)
	}
	if s.Dim > 0 {
		if err := s.checkEmbedding(); err != nil {
			return nil, param.Errorf(param.Invalid, "%w", err)
		}
	}
	return &Model{settings: s}, nil
}

// Classes returns the number of classes of the softmax loss.
func (m *Model) Classes() int { return len(m.settings.Labels) }

// Learn returns the gradient of the sum of a block's row losses, each times its row's
// weight, at the parameters, in their memory, and the sum of the losses. The
// parameters are those of the block's columns but for the bias's, or of all where the
// block has no list of them, and of the tail.
func (m *Model) Learn(b *batch.Block, state []float32) (gradient []float32, loss float64) {
	if b.Rows() == 0 {
		clear(state)
		return state, 0
	}
	g := m.graph()
	defer m.giveBack(g)
	return state, g.run(b, state)
}

// Prepare makes the block's input of the first layer.
func (m *Model) Prepare(b *batch.Block) {
	in, ok := b.Ready.(*input)
	if !ok {
		in = new(input)
		b.Ready = in
	}
	columns := len(b.Columns) - 1 // without the bias's, which is the last one
	if b.Columns == nil {
		columns = m.settings.Layers[0]
	}
	if b.Rows() == 0 {
		return
	}
	e := m.settings.embedding()
	in.take(b, columns, e != nil)
	if e != nil {
		in.places.take(e, &in.rows, b.Columns)
	}
}

// graph returns a graph that nobody uses.
func (m *Model) graph() *graph {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.graphs); n > 0 {
		g := m.graphs[n-1]
		m.graphs = m.graphs[:n-1]
		return g
	}
	return newGraph(&m.settings)
}

func (m *Model) giveBack(g *graph) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.graphs = append(m.graphs, g)
}

// Locate names the layer of which a gradient holds NaN or an infinity, "" if none
// does.
func (m *Model) Locate(gradient []float32) string {
	if linalg.Finite(gradient) {
		return ""
	}
	layers := m.settings.Layers
	tail := len(gradient) - layers.Tail()
	last := "layer 0"
	for i := 1; i < layers.Count(); i++ {
		from, to := layers.Weights(i)
		if !linalg.Finite(gradient[tail+from : tail+to]) {
			last = "layer " + strconv.Itoa(i)
		}
	}
	return last
}

// classOf returns the number of the class with a label. Jobs whose data has other
// labels are refused before training.
func (s *Settings) classOf(label float32) int {
	k, ok := slices.BinarySearch(s.Labels, label)
	if !ok {
		panic("mlp: a label that is not a class's")
	}
	return k
}

// rowLoss sets slope to the derivative of the loss of a row with respect to its
// outputs, and returns the loss; both times the row's weight. p is room for as many
// float64s as there are outputs.
func (s *Settings) rowLoss(slope, outputs []float32, p []float64, label float32, weight float64) (loss float64) {
	switch s.Loss {
	case "softmax":
		for k, z := range outputs {
			p[k] = float64(z)
		}
		y := s.classOf(label)
		loss = linalg.Softmax(p, p) - float64(outputs[y])
		p[y]--
	case "logistic":
		loss, p[0] = linalg.Logistic(float64(outputs[0]), label == s.Positive)
	default:
		loss, p[0] = linalg.Squared(float64(outputs[0]), float64(label))
	}
	for k, g := range p {
		slope[k] = float32(g * weight)
	}
	return float64(loss * weight)
}
