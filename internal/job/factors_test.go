package job

import (
	"strings"
	"testing"
)

// TestFactorsFaults: what fm cannot have, and what only fm has.
func TestFactorsFaults(t *testing.T) {
	fm := strings.Replace(minimal, "kind: logistic", "kind: fm", 1)
	for _, c := range []struct{ text, override, want string }{
		{fm, "model.rank=0", "model.rank=0: must be at least 1, not 0"},
		{fm, "model.rank=257", "model.rank=257: must be at most 256, not 257"},
		{fm, "model.loss=hinge", `unknown value "hinge"; use squared, logistic, softmax or mse`},
		{fm, "model.init_scale=0", "must be more than 0, not 0"},
		{fm, "optimizer.kind=lbfgs", "convex"},
		{fm, "optimizer.kind=ftrl", "begin at 0 and stay there"},
		{fm, "model.topics=3", "does nothing for model.kind fm, only for lsi"},
		{minimal, "model.rank=8", "does nothing for model.kind logistic, only for fm"},
		{minimal, "model.loss=squared", "does nothing for model.kind logistic, only for fm"},
	} {
		if _, err := Parse("j.yaml", []byte(c.text), []string{c.override}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.override, err, c.want)
		}
	}
	j, err := Parse("j.yaml", []byte(fm), nil)
	if err != nil || j.Model.Rank != 8 || j.Model.Loss != "squared" || j.Model.InitScale != 0.1 {
		t.Fatalf("%+v, %v", j, err)
	}
	j.Model.Rank = 0
	if err := j.Validate(); err == nil || !strings.Contains(err.Error(), "model.rank") {
		t.Errorf("a job that was not parsed, without a rank: %v", err)
	}
}
