package plan

import (
	"math"

	"parley/internal/job"
	"parley/internal/param"
)

// Layers are the numbers of units of a multilayer perceptron, from its inputs to its
// outputs. Layer i, counted from 0, has Layers[i] inputs and Layers[i+1] outputs.
//
// Of its parameters the keys are: for each column, the weights of the first layer to
// each of its outputs, so that a batch needs those of its own columns alone; then,
// behind them, the weights of the other layers, [out, in] each; then the biases of
// all layers. Places in this tail are counted from its first key.
type Layers []int

// LayersOf returns the layers of a model, nil if it has none.
func LayersOf(m *job.Model) Layers {
	if !m.IsDeep() {
		return nil
	}
	return m.Layers
}

// wholeKeys is the size of a first layer up to which rounds are of all its weights.
const wholeKeys = 1 << 20

// Whole reports whether each round takes and changes all parameters. Those of a
// larger first layer are taken by the batch's columns, and those of others rest.
func (l Layers) Whole() bool { return l != nil && l[0]*l.Width() <= wholeKeys }

// Count returns the number of layers.
func (l Layers) Count() int { return len(l) - 1 }

// Width returns the number of keys of a column.
func (l Layers) Width() int { return l[1] }

// Weights returns where in the tail the weights of layer i are, which is not the
// first one.
func (l Layers) Weights(i int) (from, to int) {
	for k := 1; k < i; k++ {
		from += l[k] * l[k+1]
	}
	return from, from + l[i]*l[i+1]
}

// Biases returns where in the tail the biases of layer i are.
func (l Layers) Biases(i int) (from, to int) {
	from = l.TailWeights()
	for k := range i {
		from += l[k+1]
	}
	return from, from + l[i+1]
}

// TailWeights returns the length of the tail's part in front of the biases.
func (l Layers) TailWeights() (n int) {
	for k := 1; k < l.Count(); k++ {
		n += l[k] * l[k+1]
	}
	return n
}

// Tail returns the length of the tail.
func (l Layers) Tail() int {
	_, n := l.Biases(l.Count() - 1)
	return n
}

// Draw sets values to what the parameters of the keys from lo on begin with: weights
// evenly drawn between -b and b by the seed and their keys alone, for
//
//	he      b = √(6/in)          (He et al., ICCV 2015)
//	xavier  b = √(6/(in+out))    (Glorot, Bengio, AISTATS 2010)
//
// and biases of 0.
func (l Layers) Draw(values []float32, lo param.Key, initial string, seed uint64) {
	first := param.Key(l[0] * l.Width())
	weights := first + param.Key(l.TailWeights())
	layer, end, bound := 0, first, l.bound(0, initial)
	for i := range values {
		key := lo + param.Key(i)
		for key >= end && layer+1 < l.Count() {
			layer++
			_, to := l.Weights(layer)
			end, bound = first+param.Key(to), l.bound(layer, initial)
		}
		values[i] = 0
		if key < weights {
			values[i] = Factor(seed, key, bound)
		}
	}
}

func (l Layers) bound(i int, initial string) float64 {
	if initial == "xavier" {
		return math.Sqrt(6 / float64(l[i]+l[i+1]))
	}
	return math.Sqrt(6 / float64(l[i]))
}
