package job

import (
	"strings"
	"testing"
)

// TestLayersFaults: what mlp cannot have, and what only mlp has.
func TestLayersFaults(t *testing.T) {
	mlp := strings.Replace(minimal, "kind: logistic", "kind: mlp\n  layers: [7, 5, 3]", 1)
	wide := strings.Replace(minimal, "kind: logistic", "kind: wide_deep", 1)
	for _, c := range []struct{ text, override, want string }{
		{mlp, "model.layers=[]", "must not be empty"},
		{mlp, "model.layers=[7]", "must have at least 2 items for model.kind mlp, the columns and the outputs, not 1"},
		{mlp, "model.dim=3", "does nothing for model.kind mlp, only for wide_deep"},
		{wide, "model.loss=softmax", `"softmax" is no loss of model.kind wide_deep; use logistic or mse`},
		{wide, "model.layers=[1, 2, 3, 4, 5, 6, 7, 8, 9]", "must have at most 8 items for model.kind wide_deep, the hidden layers, not 9"},
		{wide, "model.rank=3", "does nothing for model.kind wide_deep, only for fm"},
		{mlp, "model.layers=[7, 0, 3]", "must be at least 1, not 0"},
		{mlp, "model.layers=[7, 2.5, 3]", "must be an integer"},
		{mlp, "model.loss=mse", "must end with 1 for model.loss mse, which has one output, not with 3"},
		{mlp, "model.loss=squared", `"squared" is no loss of model.kind mlp; use softmax, logistic or mse`},
		{mlp, "model.activation=sine", `unknown value "sine"; use relu, tanh or gelu`},
		{mlp, "model.dropout=1", "must be less than 1, not 1"},
		{mlp, "model.initial=zero", `unknown value "zero"; use he or xavier`},
		{mlp, "optimizer.kind=lbfgs", "convex"},
		{mlp, "optimizer.kind=ftrl", "begin at 0 and stay alike"},
		{mlp, "optimizer.step_every=3", "does nothing without optimizer.schedule step"},
		{mlp, "model.rank=3", "does nothing for model.kind mlp, only for fm"},
		{minimal, "model.layers=[7, 3]", "does nothing for model.kind logistic, only for mlp"},
		{minimal, "model.loss=mse", "does nothing for model.kind logistic, only for fm, mlp or wide_deep"},
		{minimal, "optimizer.schedule=cosine", "does nothing for optimizer.kind adagrad of model.kind logistic, whose rate is constant"},
		{minimal, "optimizer.clip_norm=2", "whose steps are not of gradients"},
		{mlp, "optimizer.clip_norm=-1", "must be at least 0"},
		{minimal, "optimizer.warmup=2", "whose rate is constant"},
		{strings.Replace(minimal, "kind: logistic", "kind: mlp", 1), "model.dropout=0", "model.layers: is required for model.kind mlp"},
		{strings.Replace(minimal, "kind: logistic", "kind: fm", 1), "model.loss=mse", `"mse" is no loss of model.kind fm; use squared or logistic`},
	} {
		if _, err := Parse("j.yaml", []byte(c.text), []string{c.override}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.override, err, c.want)
		}
	}
}

func TestLayersDefaults(t *testing.T) {
	mlp := strings.Replace(minimal, "kind: logistic", "kind: mlp\n  layers: [7, 5, 3]", 1)
	parse := func(overrides ...string) *Job {
		t.Helper()
		j, err := Parse("j.yaml", []byte(mlp), overrides)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(j.Canonical()); err != nil {
			t.Fatal(err)
		}
		return j
	}
	j := parse()
	if m := j.Model; m.Loss != "softmax" || m.Activation != "relu" || m.Initial != "he" || m.Dropout != 0 {
		t.Errorf("%+v", m)
	}
	if o := j.Optimizer; o.Kind != "adam" || o.Rate != 0.001 || o.Beta2 != 0.999 || o.Schedule != "" {
		t.Errorf("%+v", o)
	}
	if j.Run.Batch != 32 || j.Run.Workers != 4 {
		t.Errorf("%+v", j.Run)
	}
	if j := parse("model={kind: wide_deep}"); j.Model.Dim != 8 || len(j.Model.Layers) != 2 || j.Model.Loss != "logistic" || j.Model.InitScale != 0.01 || j.Run.Batch != 128 {
		t.Errorf("%+v, %+v", j.Model, j.Run)
	}
	if j := parse("model.activation=tanh", "optimizer.kind=sgd"); j.Model.Initial != "xavier" || j.Optimizer.Rate != 0.1 || !j.TakesGradients() {
		t.Errorf("%+v, %+v", j.Model, j.Optimizer)
	}
	if j := parse("optimizer.schedule=step", "optimizer.step_every=3"); j.Optimizer.StepEvery != 3 || j.Optimizer.StepFactor != 0.1 {
		t.Errorf("%+v", j.Optimizer)
	}
	if j := parse("run.stop.patience=3", "data.holdout=0.1"); j.Run.Stop.Metric != "logloss" {
		t.Errorf("%+v", j.Run.Stop)
	}
}
