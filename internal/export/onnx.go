package export

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"parley/internal/artifact"
	"parley/internal/param"
)

// The numbers of ONNX: the version of its format and of its operators (onnx.proto3,
// IR version 8; operator set 13).
const (
	onnxIR        = 8
	onnxOperators = 13
	onnxFloat     = 1 // TensorProto.DataType
	onnxInt       = 2 // AttributeProto.AttributeType
)

// onnx writes the graph of an mlp: the input x [rows, columns], a Gemm and the
// activation a layer, and the output, the probabilities of the classes [rows, classes],
// or of the positive class, or the mean [rows, 1].
func onnx(w io.Writer, m *artifact.Model) error {
	layers, dim := m.Layers()
	if layers == nil || dim > 0 {
		return param.Errorf(param.Invalid, "onnx is for mlp models, and this is a %s model: choose npz or safetensors", m.Kind)
	}
	if size := int64(4) * int64(layers[0]*layers.Width(0)+layers.Tail()); size > math.MaxInt32/2 {
		return param.Errorf(param.Invalid, "onnx holds less than 2 GiB, and the model has %d bytes: choose npz or safetensors", size)
	}
	j, err := m.MadeBy()
	if err != nil {
		return err
	}
	params, err := m.Params()
	if err != nil {
		return err
	}
	defer params.Close()
	g := &onnxGraph{}
	for _, t := range m.Tensors {
		values, err := params.Float32(t.Name)
		if err != nil {
			return err
		}
		g.constant(t.Name, t.Shape, values)
	}
	at := "x"
	for i := range layers.Count() {
		at = g.node("Gemm", fmt.Sprintf("z%d", i), attribute{"transB", 1}, at, fmt.Sprintf("layer%d.weight", i), fmt.Sprintf("layer%d.bias", i))
		if i+1 < layers.Count() {
			at = g.activation(j.Model.Activation, i, at)
		}
	}
	output := "mean"
	switch j.Model.Loss {
	case "softmax":
		output = g.node("Softmax", "probabilities", attribute{"axis", 1}, at)
	case "logistic":
		output = g.node("Sigmoid", "probability", attribute{}, at)
	default:
		g.node("Identity", output, attribute{}, at)
	}
	b := bufio.NewWriter(w)
	if _, err := b.Write(g.model(m, output, int64(layers[layers.Count()]))); err != nil {
		return err
	}
	return b.Flush()
}

// onnxGraph is a GraphProto that grows.
type onnxGraph struct {
	nodes, constants message
}

// attribute is an integer of a node, with no name none.
type attribute struct {
	name  string
	value uint64
}

// node adds a node and returns the name of its output, which is its own.
func (g *onnxGraph) node(op, name string, a attribute, inputs ...string) string {
	var n message
	for _, in := range inputs {
		n.text(1, in)
	}
	n.text(2, name)
	n.text(3, name)
	n.text(4, op)
	if a.name != "" {
		var x message
		x.text(1, a.name)
		x.number(3, a.value)
		x.number(20, onnxInt)
		n.field(5, x)
	}
	g.nodes.field(1, n)
	return name
}

// activation adds the nodes of an activation of z.
func (g *onnxGraph) activation(kind string, i int, z string) string {
	name := fmt.Sprintf("x%d", i+1)
	switch kind {
	case "relu":
		return g.node("Relu", name, attribute{}, z)
	case "tanh":
		return g.node("Tanh", name, attribute{}, z)
	}
	if i == 0 { // of gelu, for all layers
		for _, c := range []struct {
			name  string
			value float32
		}{{"cube", 0.044715}, {"scale", 0.7978845608028654}, {"one", 1}, {"half", 0.5}} {
			g.constant("gelu."+c.name, nil, []float32{c.value})
		}
	}
	of := func(op, what string, inputs ...string) string {
		return g.node(op, name+"."+what, attribute{}, inputs...)
	}
	square := of("Mul", "square", z, z)
	cube := of("Mul", "cube", square, z)
	inner := of("Add", "inner", z, of("Mul", "small", cube, "gelu.cube"))
	t := of("Tanh", "tanh", of("Mul", "scaled", inner, "gelu.scale"))
	return g.node("Mul", name, attribute{}, of("Mul", "half", z, "gelu.half"), of("Add", "above", t, "gelu.one"))
}

// constant adds a tensor.
func (g *onnxGraph) constant(name string, shape []int64, values []float32) {
	var t message
	for _, n := range shape {
		t.number(1, uint64(n))
	}
	t.number(2, onnxFloat)
	t.text(8, name)
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	t.field(9, data)
	g.constants.field(5, t)
}

// model returns the ModelProto of the graph.
func (g *onnxGraph) model(m *artifact.Model, output string, outputs int64) message {
	var graph, operators, model message
	graph = append(graph, g.nodes...)
	graph.text(2, "parley")
	graph = append(graph, g.constants...)
	graph.field(11, matrixInfo("x", m.Columns))
	graph.field(12, matrixInfo(output, outputs))
	operators.text(1, "")
	operators.number(2, onnxOperators)
	model.number(1, onnxIR)
	model.text(2, "parley")
	model.text(3, m.Parley)
	model.field(7, graph)
	model.field(8, operators)
	if n := len(m.Labels); n > 0 {
		labels := make([]string, n)
		for k := range labels {
			labels[k] = m.Class(k, n)
		}
		var p message
		p.text(1, "labels")
		p.text(2, strings.Join(labels, "\n"))
		model.field(14, p)
	}
	return model
}

// matrixInfo is the ValueInfoProto of float32s [rows, columns], of any number of rows.
func matrixInfo(name string, columns int64) message {
	var rows, width, shape, tensor, kind, info message
	rows.text(2, "rows")
	width.number(1, uint64(columns))
	shape.field(1, rows)
	shape.field(1, width)
	tensor.number(1, onnxFloat)
	tensor.field(2, shape)
	kind.field(1, tensor)
	info.text(1, name)
	info.field(2, kind)
	return info
}

// message is a protocol buffers message in the making.
type message []byte

func (m *message) number(field int, v uint64) {
	*m = binary.AppendUvarint(binary.AppendUvarint(*m, uint64(field)<<3), v)
}

func (m *message) field(field int, content []byte) {
	*m = binary.AppendUvarint(binary.AppendUvarint(*m, uint64(field)<<3|2), uint64(len(content)))
	*m = append(*m, content...)
}

func (m *message) text(field int, s string) { m.field(field, []byte(s)) }
