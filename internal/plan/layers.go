package plan

// Layers are the numbers of units of a multilayer perceptron, from its inputs to its
// outputs. Layer i, counted from 0, has Layers[i] inputs and Layers[i+1] outputs.
//
// Of its parameters the keys are: for each column, the weights of the first layer to
// each of its outputs, so that a batch needs those of its own columns alone; then,
// behind them, the weights of the other layers, [out, in] each; then the biases of
// all layers. Places in this tail are counted from its first key.
type Layers []int

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
