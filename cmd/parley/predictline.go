package main

import (
	"encoding/json"
	"fmt"

	"parley/internal/artifact"
	"parley/internal/batch"
	"parley/internal/feature"
	"parley/internal/plan"
	"parley/trainer/fm"
	"parley/trainer/linear"
	"parley/trainer/mlp"
	"parley/trainer/softmax"
)

// lineWriter appends the predictions of rows to dst, a line each.
type lineWriter func(dst []byte, rows *batch.CSR) []byte

// linesFor returns what writes the lines of rows for a model.
type linesFor func(m *artifact.Model, weights []float32) (lineWriter, error)

// linesOf returns what writes the predictions of a model.
func linesOf(m *artifact.Model, weights []float32, probabilities bool) (lineWriter, error) {
	model, err := classifierOf(m)
	switch {
	case err != nil:
		return nil, err
	case model != nil && probabilities:
		return probabilityLines(model, weights), nil
	case model != nil:
		return labelLines(model, m, weights), nil
	}
	if m.Kind == "lsi" {
		return nil, exit(exitUsage, fmt.Errorf("%s is an lsi model, which predicts nothing: use parley transform for the vectors of documents", m.Dir()))
	}
	if probabilities {
		return nil, exit(exitUsage, fmt.Errorf("--probabilities is for models of classes, and %s is a %s model without: leave it out", m.Dir(), m.Kind))
	}
	one, err := predictor(m)
	if err != nil {
		return nil, err
	}
	show := shown(m)
	var predictions []float32
	return func(dst []byte, rows *batch.CSR) []byte {
		predictions = one.Predict(predictions[:0], rows, weights)
		for _, p := range predictions {
			dst = append(show(dst, p), '\n')
		}
		return dst
	}, nil
}

// classifier tells several classes apart.
type classifier interface {
	Classes() int
	PredictClasses(dst []int, rows *batch.CSR, weights []float32) []int
	Probabilities(dst []float32, rows *batch.CSR, weights []float32) []float32
}

// classifierOf returns the model of a kind with several classes, nil for others.
func classifierOf(m *artifact.Model) (classifier, error) {
	switch {
	case !m.TellsClasses():
		return nil, nil
	case m.Kind == "softmax":
		return softmax.New(m.Labels, nil)
	}
	return network(m)
}

// network returns the multilayer perceptron of a model.
func network(m *artifact.Model) (*mlp.Model, error) {
	j, err := m.MadeBy()
	if err != nil {
		return nil, err
	}
	s := mlp.Settings{Activation: j.Model.Activation, Loss: j.Model.Loss}
	if s.Layers, s.Dim = m.Layers(); s.Dim > 0 {
		if s.Fields, err = fieldsOf(m); err != nil {
			return nil, err
		}
	}
	if s.Loss == "softmax" {
		s.Labels = m.Labels
	}
	return mlp.New(s)
}

// fieldsOf returns the first columns of the fields of a model's features.
func fieldsOf(m *artifact.Model) ([]uint32, error) {
	text, err := m.Read(artifact.TransformFile)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return plan.FieldsOrOne(nil), nil
	}
	t := &feature.Transform{}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", m.Dir(), artifact.TransformFile, err)
	}
	return plan.FieldsOrOne(t.Fields()), nil
}

// predictor returns the model of a kind with one number a row.
func predictor(m *artifact.Model) (interface {
	Predict(dst []float32, rows *batch.CSR, weights []float32) []float32
}, error) {
	switch m.Kind {
	case "mlp", "wide_deep":
		return network(m)
	case "fm":
	default:
		return linear.New(m.Kind, 1, nil)
	}
	s := fm.Settings{Loss: "squared", Rank: int(m.Rank()), Clip: m.Clip}
	if len(m.Labels) > 0 {
		s.Loss = "logistic"
	}
	return fm.New(s, nil)
}

// labelLines writes each row's label, by its name if it has one.
func labelLines(model classifier, m *artifact.Model, weights []float32) lineWriter {
	names := labelNames(m)
	var classes []int
	return func(dst []byte, rows *batch.CSR) []byte {
		classes = model.PredictClasses(classes[:0], rows, weights)
		for _, k := range classes {
			dst = append(append(dst, names[k]...), '\n')
		}
		return dst
	}
}

// labelNames returns the labels of the classes as people write them.
func labelNames(m *artifact.Model) []string {
	names := make([]string, len(m.Labels))
	for k := range names {
		names[k] = m.Class(k, len(names))
	}
	return names
}

// probabilityLines writes each row's probabilities, tab-separated.
func probabilityLines(model classifier, weights []float32) lineWriter {
	var probabilities []float32
	return func(dst []byte, rows *batch.CSR) []byte {
		probabilities = model.Probabilities(probabilities[:0], rows, weights)
		for i, p := range probabilities {
			end := byte('\t')
			if (i+1)%model.Classes() == 0 {
				end = '\n'
			}
			dst = append(appendNumber(dst, p), end)
		}
		return dst
	}
}
