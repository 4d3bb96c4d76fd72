package artifact

import "testing"

// TestSoftmaxTensors: a model of classes has a row of weights and a name, if any,
// for each.
func TestSoftmaxTensors(t *testing.T) {
	model := func(labels []float32, names []string, rows int64) *Model {
		return &Model{Kind: "softmax", Columns: 4, Labels: labels, LabelNames: names,
			Tensors: []Tensor{{"bias", Float32, []int64{rows}}, {"weights", Float32, []int64{rows, 4}}}}
	}
	three := []float32{0, 1, 2}
	for _, good := range []*Model{model(three, nil, 3), model(three, []string{"a", "b", "c"}, 3)} {
		if err := good.checkKind(); err != nil {
			t.Error(err)
		}
	}
	for name, bad := range map[string]*Model{
		"one class": model(three[:1], nil, 1), "few names": model(three, []string{"a"}, 3), "other rows": model(three, nil, 2),
	} {
		if bad.checkKind() == nil {
			t.Errorf("%s: passes", name)
		}
	}
}
