package linear

import (
	"testing"

	"parley/internal/batch"
	"parley/ps/optim"
)

func TestLearnRuns(t *testing.T) {
	rule, err := optim.New(optim.Settings{Kind: "adagrad", Rate: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	m, err := New("logistic", 1, rule)
	if err != nil {
		t.Fatal(err)
	}
	b := &batch.Block{Columns: []uint32{0, 2}, Labels: []float32{1, -1}, Offsets: []uint32{0, 2, 3}, Index: []uint32{0, 1, 1}, Values: []float32{1, 1, 1}}
	state := make([]float32, 4)
	if loss := m.Learn(b, state); !(loss > 0) {
		t.Error(loss)
	}
}
