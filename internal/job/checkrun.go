package job

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// train checks the rules of model, optimizer and run that hang on several keys,
// or that no tag can say.
func (c *checker) train(j *Job) {
	c.init(j)
	if !c.isBad("model.kind") {
		c.modelKnobs(&j.Model)
		c.topics(j)
		c.factors(j)
		c.layers(j)
	}
	if kind := j.Optimizer.Kind; !c.isBad("optimizer.kind") {
		c.knobs(&j.Optimizer)
		c.schedule(j)
		if j.Model.L1 != 0 && kind != "ftrl" {
			c.fault("model.l1", "is only for optimizer.kind ftrl yet, and this is %s; remove it, or set the kind", plain(kind))
		}
	}
	c.staleness(&j.Run)
	c.fullBatch(j)
	if j.Run.Checkpoint != nil {
		c.checkpoint(j.Run.Checkpoint)
	}
	if j.Run.Stop != nil {
		c.stop(j)
	}
}

var hexSHA256 = regexp.MustCompile(`^[0-9a-f]{64}$`)

// init checks what the parameters begin with.
func (c *checker) init(j *Job) {
	m := &j.Model
	c.place("model.init", m.Init)
	if m.Init != "" && j.Optimizer.Kind == "ftrl" && !c.isBad("optimizer.kind") {
		c.fault("model.init", "cannot be used with optimizer.kind ftrl, whose weights follow from sums that a model does not hold; set another kind, or remove it")
	}
	if m.InitSHA256 != "" && (m.Init == "" || !hexSHA256.MatchString(m.InitSHA256)) {
		c.fault("model.init_sha256", "must be the SHA-256 of model.init, not %q", shorten(m.InitSHA256))
	}
}

// modelKnobs reports the keys that do nothing for the kind of model, and those that
// it needs and a job lacks that was not parsed: there are no defaults then.
func (c *checker) modelKnobs(m *Model) {
	v := reflect.ValueOf(m).Elem()
	for _, k := range modelKnobs {
		path := join("model", k.key)
		_, has := k.of[m.Kind]
		switch {
		case !has && c.uses("model", v, k.key):
			c.fault(path, "does nothing for model.kind %s, only for %s; remove it, or set the kind", m.Kind, either(slices.Sorted(maps.Keys(k.of))))
		case has && !k.optional && isEmpty(fieldOf(v, k.key)):
			c.fault(path, "is required for model.kind %s; add it", m.Kind)
		}
	}
}

// topics checks what goes with lsi.
func (c *checker) topics(j *Job) {
	m := &j.Model
	if !m.FindsTopics() {
		return
	}
	for _, path := range []string{"optimizer.kind", "optimizer.rate", "run.batch", "run.tolerance", "model.penalize_bias"} {
		if _, given := c.at[path]; given {
			c.fault(path, "does nothing for model.kind lsi; remove it")
		}
	}
	if _, given := c.at["run.epochs"]; given && j.Run.Epochs != m.Passes {
		c.fault("run.epochs", "does nothing for model.kind lsi; set model.passes")
	}
	if m.L2 != 0 {
		c.fault("model.l2", "does nothing for model.kind lsi; remove it")
	}
	if m.Init != "" {
		c.fault("model.init", "is not for model.kind lsi; remove it")
	}
	c.exact(&j.Run, "model.kind lsi")
	if j.Run.Stop != nil {
		c.fault("run.stop", "is not for model.kind lsi, which ends by model.tolerance; remove it")
	}
}

// exact refuses rounds and values that a method of exact sums cannot have.
func (c *checker) exact(r *Run, of string) {
	if r.Consistency != "bsp" && !c.isBad("run.consistency") {
		c.fault("run.consistency", "must be bsp for %s, not %s", of, r.Consistency)
	}
	if r.Wire != "f32" && !c.isBad("run.wire") {
		c.fault("run.wire", "must be f32 for %s, not %s", of, r.Wire)
	}
}

// factors checks what goes with fm.
func (c *checker) factors(j *Job) {
	if !j.Model.Factorizes() || c.isBad("optimizer.kind") {
		return
	}
	c.loss(&j.Model)
	switch j.Optimizer.Kind {
	case "lbfgs":
		c.fault("optimizer.kind", "lbfgs is for losses that are convex in the parameters, and that of model.kind fm is not; use adagrad")
	case "ftrl":
		c.fault("optimizer.kind", "ftrl has weights that follow from sums, so that factors would begin at 0 and stay there, for model.kind fm; use adagrad")
	}
}

// losses are those of the kinds of models that have a choice.
var losses = map[string][]string{"fm": {"squared", "logistic"}, "mlp": {"softmax", "logistic", "mse"}, "wide_deep": {"logistic", "mse"}}

// loss refuses a loss of another kind of model.
func (c *checker) loss(m *Model) {
	if own := losses[m.Kind]; m.Loss != "" && !c.isBad("model.loss") && !slices.Contains(own, m.Loss) {
		c.fault("model.loss", "%q is no loss of model.kind %s; use %s", m.Loss, m.Kind, either(own))
	}
}

// layers checks what goes with mlp.
func (c *checker) layers(j *Job) {
	m := &j.Model
	if !m.IsDeep() || c.isBad("optimizer.kind") {
		return
	}
	c.loss(m)
	n := len(m.Layers)
	if n == 1 && !m.Embeds() && !c.isBad("model.layers") {
		c.fault("model.layers", "must have at least 2 items for model.kind mlp, the columns and the outputs, not 1")
	} else if n > 8 && m.Embeds() { // with what embeds and the output 10: the names of their tensors ascend
		c.fault("model.layers", "must have at most 8 items for model.kind wide_deep, the hidden layers, not %d", n)
	} else if n > 0 && !m.Embeds() && !c.isBad("model.layers") && m.Loss != "softmax" && m.Layers[n-1] != 1 && !c.isBad(itemOf("model.layers", n-1)) {
		c.fault("model.layers", "must end with 1 for model.loss %s, which has one output, not with %d", m.Loss, m.Layers[n-1])
	}
	switch j.Optimizer.Kind {
	case "lbfgs":
		c.fault("optimizer.kind", "lbfgs is for losses that are convex in the parameters, and that of model.kind %s is not; use adam", m.Kind)
	case "ftrl":
		c.fault("optimizer.kind", "ftrl has weights that follow from sums, so that all would begin at 0 and stay alike, for model.kind %s; use adam", m.Kind)
	}
}

// schedule checks the keys of a rate that changes, and what else only rules with
// gradients have.
func (c *checker) schedule(j *Job) {
	o := &j.Optimizer
	changes := o.Schedule != "" && o.Schedule != "constant"
	for _, k := range []struct {
		key  string
		used bool
		why  string
	}{{"schedule", changes, "whose rate is constant"}, {"warmup", o.Warmup != 0, "whose rate is constant"}, {"clip_norm", o.ClipNorm != 0, "whose steps are not of gradients"}} {
		if k.used && !j.TakesGradients() {
			c.fault(join("optimizer", k.key), "does nothing for optimizer.kind %s of model.kind %s, %s; remove it, or use momentum or adam", o.Kind, plain(j.Model.Kind), k.why)
		}
	}
	v := reflect.ValueOf(o).Elem()
	for _, key := range []string{"step_every", "step_factor"} {
		switch path := join("optimizer", key); {
		case o.Schedule != "step" && c.uses("optimizer", v, key):
			c.fault(path, "does nothing without optimizer.schedule step; remove it, or set the schedule")
		case o.Schedule == "step" && fieldOf(v, key).IsZero():
			c.fault(path, "is required for optimizer.schedule step; add it")
		}
	}
}

// place checks a path that may be an s3:// URL.
func (c *checker) place(path, text string) {
	if scheme.MatchString(text) && !strings.HasPrefix(text, outputScheme) {
		c.fault(path, "must be a folder or an s3:// URL, not %q", shorten(text))
	}
}

// knobs reports the keys that do nothing for the update rule, and zeros that the
// rule cannot have.
func (c *checker) knobs(o *Optimizer) {
	v := reflect.ValueOf(o).Elem()
	for _, k := range knobs {
		path := join("optimizer", k.key)
		switch used := c.uses("optimizer", v, k.key); {
		case used && k.kind != o.Kind:
			c.fault(path, "does nothing for optimizer.kind %s, only for %s; remove it, or set the kind", o.Kind, k.kind)
		case k.positive && k.kind == o.Kind && fieldOf(v, k.key).IsZero():
			c.fault(path, "must be more than 0, not 0")
		}
	}
}

// fullBatch checks what goes with a method whose steps are of all rows, and what
// only such a method has.
func (c *checker) fullBatch(j *Job) {
	if c.isBad("optimizer.kind") {
		return
	}
	if !j.FullBatch() {
		if j.Run.Tolerance != 0 {
			c.fault("run.tolerance", "does nothing for optimizer.kind %s, only for lbfgs; remove it, or set the kind", j.Optimizer.Kind)
		}
		return
	}
	if j.Model.Kind == "hinge" {
		c.fault("optimizer.kind", "lbfgs needs a loss without corners, and that of model.kind hinge has one; use adagrad, or the model logistic")
	}
	if j.Optimizer.Rate != 1 {
		c.fault("optimizer.rate", "does nothing for optimizer.kind lbfgs, which finds its steps itself; remove it")
	}
	if _, given := c.at["run.batch"]; given {
		c.fault("run.batch", "does nothing for optimizer.kind lbfgs, whose steps are of all rows; remove it")
	}
	if j.Run.Tolerance == 0 {
		c.fault("run.tolerance", "must be more than 0, not 0")
	}
	c.exact(&j.Run, "optimizer.kind lbfgs")
	if j.Run.Stop != nil {
		c.fault("run.stop", "is not for optimizer.kind lbfgs, which ends by run.tolerance; remove it, or set another kind")
	}
}

func (c *checker) staleness(r *Run) {
	switch {
	case c.isBad("run.consistency"):
	case r.Consistency == "ssp" && r.Staleness == 0:
		c.fault("run.staleness", "must be at least 1 for run.consistency ssp, not 0; with no round to run ahead that is bsp")
	case r.Consistency != "ssp" && r.Staleness != 0:
		c.fault("run.staleness", "does nothing for run.consistency %s, only for ssp; remove it, or set the consistency", r.Consistency)
	}
}

func (c *checker) checkpoint(p *Checkpoint) {
	c.place("run.checkpoint.to", p.To)
	if fault := everyFault(p.Every); fault != "" {
		c.fault("run.checkpoint.every", "%s", fault)
	}
	if p.To == "" && c.at == nil { // else its default waits for a valid output
		c.fault("run.checkpoint.to", "must not be empty")
	}
	for _, path := range []string{"run.checkpoint.keep", "run.checkpoint.to"} {
		if _, given := c.at[path]; given && p.Every == off {
			c.fault(path, "does nothing when run.checkpoint.every is off; remove it, or give a time")
		}
	}
}

// everyFault returns what is wrong with the time between checkpoints.
func everyFault(text string) string {
	if text == off {
		return ""
	}
	every, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return fmt.Sprintf("must be a time with its unit, such as 30s, 5m or 1h30m, or off, not %q", shorten(text))
	case every < mostOften:
		return fmt.Sprintf("must be at least %s, not %s", shortest(mostOften), plain(text))
	case every > leastOften:
		return fmt.Sprintf("must be at most %s, not %s", shortest(leastOften), plain(text))
	}
	return ""
}

func (c *checker) stop(j *Job) {
	if c.isBad("run.stop") {
		return
	}
	if j.Data.Test == nil && j.Data.Holdout == 0 && !c.isBad("data.test") && !c.isBad("data.holdout") {
		c.fault("run.stop", "needs rows to measure on; add data.test or data.holdout")
	}
	metrics := metricsOf[lossOf(&j.Model)]
	if metrics != nil && !slices.Contains(metrics, j.Run.Stop.Metric) {
		c.fault("run.stop.metric", "the model %s has no %s; use %s", j.Model.Kind, plain(j.Run.Stop.Metric), either(metrics))
	}
}
