package linalg

import (
	"math"
	"slices"
	"testing"
)

func TestRowsOfClasses(t *testing.T) {
	index, values := []uint32{2, 0}, []float32{2, -1}
	weights := []float32{1, 2, 9, 9, 3, 0.5}
	margins := []float64{0.25, 0}
	AddRows(margins, index, values, weights)
	if want := []float64{5.25, -1}; !slices.Equal(margins, want) {
		t.Errorf("margins %v, want %v", margins, want)
	}
	gradients := []float32{0.5, -1}
	w := slices.Clone(weights)
	ScatterRowsSGD(w, index, values, gradients, 0.5)
	if want := []float32{1.25, 1.5, 9, 9, 2.5, 1.5}; !slices.Equal(w, want) {
		t.Errorf("sgd: %v, want %v", w, want)
	}
	w = slices.Clone(weights)
	squares := []float32{0, 3, 7, 7, 0, 0}
	ScatterRowsAdaGrad(w, squares, index, values, gradients, 1, 0)
	if want := []float32{2, 1.5, 9, 9, 2, 1.5}; !slices.Equal(w, want) {
		t.Errorf("adagrad: %v, want %v", w, want)
	}
	if want := []float32{0.25, 4, 7, 7, 1, 4}; !slices.Equal(squares, want) {
		t.Errorf("adagrad: squares %v, want %v", squares, want)
	}
	sum := make([]float64, 6)
	ScatterRows(sum, index, values, []float64{0.5, -1})
	if want := []float64{-0.5, 1, 0, 0, 1, -2}; !slices.Equal(sum, want) {
		t.Errorf("gradient: %v, want %v", sum, want)
	}
}

func TestSoftmax(t *testing.T) {
	p := []float64{1000, 1000 + math.Log(3), -1e6}
	log := Softmax(p, p)
	for k, want := range []float64{0.25, 0.75, 0} {
		if math.Abs(p[k]-want) > 1e-13 {
			t.Errorf("p[%d] = %v, want %v", k, p[k], want)
		}
	}
	if want := 1000 + math.Log(4); math.Abs(log-want) > 1e-12 {
		t.Errorf("log of the sum %v, want %v", log, want)
	}
}

func TestTranspose(t *testing.T) {
	dst := make([]float32, 6)
	Transpose(dst, []float32{1, 2, 3, 4, 5, 6}, 2)
	if want := []float32{1, 4, 2, 5, 3, 6}; !slices.Equal(dst, want) {
		t.Errorf("%v, want %v", dst, want)
	}
}
