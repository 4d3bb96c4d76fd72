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

// LayersFor returns the layers of a job's model, nil of one without. Those of wide_deep
// have what embeds the columns in front, with an embedding's length of outputs for each
// field.
func LayersFor(j *job.Job, train *Manifest) Layers {
	switch {
	case !j.Model.IsDeep():
		return nil
	case !j.Model.Embeds():
		return j.Model.Layers
	}
	l := Layers{int(train.Columns), len(FieldsOrOne(train.Fields)) * j.Model.Dim}
	return append(append(l, j.Model.Layers...), 1)
}

// wholeKeys is the size of a first layer of mlp up to which rounds are of all its
// weights. Those of a larger one are taken by the batch's columns, and those of others
// rest.
const wholeKeys = 1 << 20

// Count returns the number of layers.
func (l Layers) Count() int { return len(l) - 1 }

// Width returns the number of keys of a column: of mlp, or of wide_deep with embeddings
// of a length above 0, which have a weight beside.
func (l Layers) Width(dim int) int {
	if dim > 0 {
		return 1 + dim
	}
	return l[1]
}

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
	l.draw(values, lo, param.Key(l[0]*l.Width(0)), l.bound(0, initial), initial, seed)
}

// draw is Draw for a first layer of so many keys, with a bound of its own.
func (l Layers) draw(values []float32, lo, first param.Key, bound float64, initial string, seed uint64) {
	weights := first + param.Key(l.TailWeights())
	layer, end := 0, first
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

// DrawEmbedded is Draw for the layers of wide_deep, whose columns have a weight each,
// which begins at 0, and an embedding, which begins between -scale and scale.
func (l Layers) DrawEmbedded(values []float32, lo param.Key, dim int, scale float64, initial string, seed uint64) {
	width := param.Key(l.Width(dim))
	first := param.Key(l[0]) * width
	l.draw(values, lo, first, scale, initial, seed)
	for i := range values {
		if key := lo + param.Key(i); key < first && key%width == 0 {
			values[i] = 0
		}
	}
}
