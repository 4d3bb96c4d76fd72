package mlp

import (
	"fmt"
	"hash"
	"hash/fnv"
	"sync"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"parley/internal/batch"
)

// graph is the loss of a batch as an expression of the parameters, which gorgonia has
// differentiated. It runs one batch after another, of any number of rows and columns:
// the shapes that gorgonia is told are those of one row, and the nodes take them from
// what they are given. What nodes return is in memory that stays.
//
// The nodes are run in the order in which they were made, which is one of their
// dependencies. Gorgonia's tape machine gives the same bits, but starts a goroutine and
// locks a thread for each run, which takes longer than a small network's step.
type graph struct {
	settings *Settings
	expr     *gorgonia.ExprGraph
	tape     []step
	values   map[*gorgonia.Node]*value // of all nodes
	weights  []*value                  // a layer each
	biases   []*value
	slopes   []*value // of the weights, then of the biases

	block *batch.Block
	rows  int
	input *input
	loss  float64
	p     []float64 // an element an output

	wide, dwide, slopesOf []float32 // of wide_deep
}

// step is an application of an op.
type step struct {
	op  *op
	in  [][]float32 // room for what it is given
	arg []*value    // which has these
}

// building guards what gorgonia shares among graphs while they are made.
var building sync.Mutex

// newGraph returns the graph of a model.
func newGraph(s *Settings) *graph {
	building.Lock()
	defer building.Unlock()
	e := gorgonia.NewGraph()
	g := &graph{settings: s, expr: e, values: map[*gorgonia.Node]*value{}, p: make([]float64, s.Layers[s.Layers.Count()])}
	var weights, biases gorgonia.Nodes
	for i := range s.Layers.Count() {
		in, out := s.Layers[i], s.Layers[i+1]
		if i == 0 {
			out = s.width()
		}
		w, b := newValue(out, in), newValue(s.Layers[i+1])
		g.weights, g.biases = append(g.weights, w), append(g.biases, b)
		weights = append(weights, gorgonia.NewMatrix(e, tensor.Float32, gorgonia.WithShape(w.shape...), gorgonia.WithName(fmt.Sprintf("W%d", i)), gorgonia.WithValue(w)))
		biases = append(biases, gorgonia.NewVector(e, tensor.Float32, gorgonia.WithShape(b.shape...), gorgonia.WithName(fmt.Sprintf("b%d", i)), gorgonia.WithValue(b)))
		g.values[weights[i]], g.values[biases[i]] = w, b
	}
	var x *gorgonia.Node
	for i := range s.Layers.Count() {
		switch {
		case i > 0:
			x = g.apply(g.layer(i), x, weights[i], biases[i])
		case s.Dim > 0:
			x = g.apply(g.embed(), weights[0], biases[0])
		default:
			x = g.apply(g.first(), weights[0], biases[0])
		}
		if !s.activated(i) {
			continue
		}
		x = g.apply(g.activation(i), x)
		if s.Dropout > 0 {
			x = g.apply(g.dropout(i), x)
		}
	}
	if s.Dim > 0 {
		x = g.apply(g.addWide(), x)
	}
	loss := g.apply(g.lossOf(), x)
	slopes, err := gorgonia.Grad(loss, append(weights, biases...)...)
	if err != nil {
		panic("mlp: " + err.Error())
	}
	for _, n := range slopes {
		g.slopes = append(g.slopes, g.values[n])
	}
	return g
}

// apply makes a node and a step of the tape.
func (g *graph) apply(o *op, inputs ...*gorgonia.Node) *gorgonia.Node {
	n := gorgonia.Must(gorgonia.ApplyOp(o, inputs...))
	g.values[n] = o.out
	s := step{op: o, in: make([][]float32, len(inputs))}
	for _, in := range inputs {
		s.arg = append(s.arg, g.values[in])
	}
	g.tape = append(g.tape, s)
	return n
}

// run sets the state, the parameters, to the gradient for a block, and returns the
// loss.
func (g *graph) run(b *batch.Block, state []float32) (loss float64) {
	layers := g.settings.Layers
	g.block, g.rows, g.loss = b, b.Rows(), 0
	g.input = b.Ready.(*input)
	tail := g.lend(state)
	for _, s := range g.tape {
		for i, a := range s.arg {
			s.in[i] = a.data
		}
		s.op.do(s.in)
	}
	for i := range layers.Count() {
		if i > 0 { // the first layer's are in their place
			from, _ := layers.Weights(i)
			copy(state[tail+from:], g.slopes[i].data)
		}
		from, _ := layers.Biases(i)
		copy(state[tail+from:], g.slopes[layers.Count()+i].data)
	}
	return g.loss
}

// lend makes the parameters the nodes' memory, and returns where their tail begins.
func (g *graph) lend(state []float32) (tail int) {
	layers := g.settings.Layers
	tail = len(state) - layers.Tail()
	for i, w := range g.weights {
		lo, hi := 0, tail
		if i > 0 {
			lo, hi = layers.Weights(i)
			lo, hi = tail+lo, tail+hi
		}
		from, to := layers.Biases(i)
		w.data, g.biases[i].data = state[lo:hi], state[tail+from:tail+to]
	}
	return tail
}

// op is a node of the graph. It implements gorgonia.Op and gorgonia.SDOp.
type op struct {
	name   string
	inputs []int // dimensions of each
	output int   // dimensions; 0 for the loss
	out    *value
	do     func(in [][]float32) // sets the data of out
	// diff returns the derivatives of the loss with respect to the inputs, from the
	// inputs, the output and the derivative with respect to it; nil where nobody asks.
	diff func(in gorgonia.Nodes, output, slope *gorgonia.Node) gorgonia.Nodes
}

func (o *op) Arity() int { return len(o.inputs) }

func (o *op) Type() hm.Type {
	kind := func(dims int) hm.Type {
		if dims == 0 {
			return tensor.Float32
		}
		return gorgonia.TensorType{Dims: dims, Of: tensor.Float32}
	}
	var types []hm.Type
	for _, dims := range o.inputs {
		types = append(types, kind(dims))
	}
	return hm.NewFnType(append(types, kind(o.output))...)
}

func (o *op) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return o.out.shape, nil }

func (o *op) Do(values ...gorgonia.Value) (gorgonia.Value, error) {
	in := make([][]float32, len(values))
	for i, v := range values {
		if o.inputs[i] > 0 {
			in[i] = v.Data().([]float32)
		}
	}
	if o.do(in); o.output == 0 {
		return gorgonia.NewF32(o.out.data[0]), nil
	}
	return o.out, nil
}

// The memory of nodes is their own: gorgonia is neither to allocate nor to reuse it.

func (o *op) ReturnsPtr() bool { return false }

func (o *op) CallsExtern() bool { return false }

func (o *op) OverwritesInput() int { return -1 }

func (o *op) WriteHash(h hash.Hash) { _, _ = h.Write([]byte(o.name)) } // of hash/fnv, which takes everything

func (o *op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

func (o *op) String() string { return o.name }

func (o *op) DiffWRT(inputs int) []bool {
	if o.diff == nil {
		return nil
	}
	all := make([]bool, inputs)
	for i := range all {
		all[i] = true
	}
	return all
}

func (o *op) SymDiff(inputs gorgonia.Nodes, output, slope *gorgonia.Node) (gorgonia.Nodes, error) {
	return o.diff(inputs, output, slope), nil
}

// value is a matrix or a vector for gorgonia, in memory that is not gorgonia's. Its
// shape is the one that the graph was made with, whatever there is of data.
type value struct {
	*tensor.Dense // what gorgonia's interface needs beside
	shape         tensor.Shape
	data          []float32
}

func newValue(shape ...int) *value {
	one := make([]int, len(shape))
	for i := range one {
		one[i] = 1
	}
	return &value{Dense: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(one...)), shape: shape}
}

func (v *value) Shape() tensor.Shape { return v.shape }

func (v *value) Size() int { return len(v.data) }

func (v *value) Data() any { return v.data }

// room returns the memory for n elements.
func (v *value) room(n int) []float32 {
	v.data = resize(v.data, n)
	return v.data
}

// The nodes. In what they are given, z, x and y are [rows, units], W is [out, in], or
// of the first layer [columns, out], and b is [out]; slopes are like what they are of.

func (g *graph) first() *op {
	out := g.settings.Layers[1]
	z := newValue(1, out)
	return &op{name: "z0", inputs: []int{2, 1}, output: 2, out: z,
		do: func(in [][]float32) { g.input.forward(z.room(g.rows*out), in[0], in[1]) },
		diff: func(in gorgonia.Nodes, _, dz *gorgonia.Node) gorgonia.Nodes {
			dw := newValue(in[0].Shape()...)
			weights := &op{name: "dW0", inputs: []int{2}, output: 2, out: dw, do: func(in [][]float32) {
				dw.data = g.weights[0].data // which nothing behind z0 reads
				g.input.gradient(dw.data, in[0], out)
			}}
			return gorgonia.Nodes{g.apply(weights, dz), g.apply(biasSlope(0, out), dz)}
		}}
}

func (g *graph) layer(i int) *op {
	inputs, out := g.settings.Layers[i], g.settings.Layers[i+1]
	z := newValue(1, out)
	return &op{name: fmt.Sprintf("z%d", i), inputs: []int{2, 2, 1}, output: 2, out: z,
		do: func(in [][]float32) { forward(z.room(g.rows*out), in[0], in[1], in[2]) },
		diff: func(in gorgonia.Nodes, _, dz *gorgonia.Node) gorgonia.Nodes {
			dx, dw := newValue(1, inputs), newValue(in[1].Shape()...)
			input := &op{name: fmt.Sprintf("dx%d", i), inputs: []int{2, 2}, output: 2, out: dx,
				do: func(in [][]float32) { backward(dx.room(g.rows*inputs), in[0], in[1], inputs, out) }}
			weights := &op{name: fmt.Sprintf("dW%d", i), inputs: []int{2, 2}, output: 2, out: dw,
				do: func(in [][]float32) { weightGradient(dw.room(out*inputs), in[0], in[1], inputs, out) }}
			return gorgonia.Nodes{g.apply(input, dz, in[1]), g.apply(weights, dz, in[0]), g.apply(biasSlope(i, out), dz)}
		}}
}

func biasSlope(i, out int) *op {
	db := newValue(out)
	return &op{name: fmt.Sprintf("db%d", i), inputs: []int{2}, output: 1, out: db,
		do: func(in [][]float32) { biasGradient(db.room(out), in[0]) }}
}

func (g *graph) activation(i int) *op {
	f, units := activations[g.settings.Activation], g.settings.Layers[i+1]
	y, dz := newValue(1, units), newValue(1, units)
	return &op{name: fmt.Sprintf("y%d", i), inputs: []int{2}, output: 2, out: y,
		do: func(in [][]float32) { activate(f, y.room(g.rows*units), in[0]) },
		diff: func(in gorgonia.Nodes, y, dy *gorgonia.Node) gorgonia.Nodes {
			slope := &op{name: fmt.Sprintf("dz%d", i), inputs: []int{2, 2, 2}, output: 2, out: dz,
				do: func(in [][]float32) { deactivate(f, dz.room(g.rows*units), in[2], in[0], in[1]) }}
			return gorgonia.Nodes{g.apply(slope, in[0], y, dy)}
		}}
}

// dropout leaves units out, and their slopes by the same draw.
func (g *graph) dropout(i int) *op {
	units := g.settings.Layers[i+1]
	dropped := func(name string) *op {
		y := newValue(1, units)
		return &op{name: fmt.Sprintf("%s%d", name, i), inputs: []int{2}, output: 2, out: y,
			do: func(in [][]float32) {
				drop(y.room(g.rows*units), in[0], g.settings.Dropout, g.block.Seed+uint64(i)<<48)
			}}
	}
	o := dropped("drop")
	o.diff = func(_ gorgonia.Nodes, _, dy *gorgonia.Node) gorgonia.Nodes {
		return gorgonia.Nodes{g.apply(dropped("ddrop"), dy)}
	}
	return o
}

// lossOf is the sum of the rows' losses. It makes their slopes on the way.
func (g *graph) lossOf() *op {
	out := g.settings.Layers[g.settings.Layers.Count()]
	loss, slope := newValue(), newValue(1, out)
	return &op{name: "loss", inputs: []int{2}, output: 0, out: loss,
		do: func(in [][]float32) {
			dz := slope.room(g.rows * out)
			for r, label := range g.block.Labels {
				lo, hi := r*out, (r+1)*out
				g.loss += g.settings.rowLoss(dz[lo:hi], in[0][lo:hi], g.p, label, batch.Weight(g.block.Weights, r))
			}
			loss.room(1)[0] = float32(g.loss)
		},
		diff: func(_ gorgonia.Nodes, loss, _ *gorgonia.Node) gorgonia.Nodes {
			made := &op{name: "dloss", inputs: []int{0}, output: 2, out: slope, do: func([][]float32) {}}
			return gorgonia.Nodes{g.apply(made, loss)}
		}}
}
