package job

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"
)

// settle gives the defaults that hang on the values of other keys, after all were
// decoded.
func (d *decoder) settle(j *Job) {
	d.settleModel(j)
	d.settleOptimizer(j)
	d.settleRun(j)
	train, test := &j.Data.Train, j.Data.Test
	if !d.given("data.train.format") {
		train.Format = cmp.Or(FormatOf(train.Path), "libsvm")
	}
	if test != nil && !d.given("data.test.format") {
		test.Format = train.Format
		if own := FormatOf(test.Path); own != "" && own != FormatOf(train.Path) {
			test.Format = own
		}
	}
	if test != nil && len(test.Columns) == 0 && test.Format == train.Format {
		test.Columns = slices.Clone(train.Columns)
	}
	d.settleText(&j.Data)
	for i := range j.Data.Features {
		d.settleFeature(itemOf("data.features", i), &j.Data.Features[i])
	}
}

func (d *decoder) given(path string) bool {
	_, ok := d.at[path]
	return ok
}

// settleModel gives what only some kinds of models have.
func (d *decoder) settleModel(j *Job) {
	m := &j.Model
	for _, k := range modelKnobs {
		if set := k.of[m.Kind]; set != nil && !d.given(join("model", k.key)) {
			set(m)
		}
	}
	if m.IsDeep() && !d.given("model.initial") {
		if m.Initial = "he"; m.Activation == "tanh" {
			m.Initial = "xavier"
		}
	}
	if m.IsDeep() {
		if !d.given("run.batch") {
			j.Run.Batch = 32
			if m.Embeds() { // of rows with few nonzeros, so that a round is worth its messages
				j.Run.Batch = 128
			}
		}
		if !d.given("run.workers") { // a round is a step, of the batches of all
			j.Run.Workers = 4
		}
	}
	if !m.FindsTopics() {
		return
	}
	if !d.given("run.epochs") {
		j.Run.Epochs = m.Passes
	}
	if !d.given("run.workers") { // each sends a panel a pass
		j.Run.Workers = 4
	}
}

// modelKnobs are the keys of some kinds of models, with their defaults by kind: nil
// where 0 is the default, or another key says it. required ones have no default.
var modelKnobs = []struct {
	key      string
	of       map[string]func(*Model)
	optional bool // 0 is a value
}{
	{key: "topics", of: knob("lsi", func(m *Model) { m.Topics = 100 })}, {key: "tolerance", of: knob("lsi", func(m *Model) { m.Tolerance = 1e-6 })},
	{key: "block", of: knob("lsi", func(m *Model) { m.Block = 16 })}, {key: "passes", of: knob("lsi", func(m *Model) { m.Passes = 200 })},
	{key: "rank", of: knob("fm", func(m *Model) { m.Rank = 8 })}, {key: "dim", of: knob("wide_deep", func(m *Model) { m.Dim = 8 })},
	{key: "init_scale", of: map[string]func(*Model){"fm": func(m *Model) { m.InitScale = 0.1 }, "wide_deep": func(m *Model) { m.InitScale = 0.01 }}},
	{key: "loss", of: map[string]func(*Model){"fm": func(m *Model) { m.Loss = "squared" }, "mlp": func(m *Model) { m.Loss = "softmax" }, "wide_deep": func(m *Model) { m.Loss = "logistic" }}},
	{key: "layers", of: map[string]func(*Model){"mlp": nil, "wide_deep": func(m *Model) { m.Layers = []int{64, 32} }}},
	{key: "activation", of: deep(func(m *Model) { m.Activation = "relu" })},
	{key: "dropout", of: deep(nil), optional: true}, {key: "weight_decay", of: deep(nil), optional: true}, {key: "initial", of: deep(nil)},
}

// deep is the default of a key of all models with layers.
func deep(set func(*Model)) map[string]func(*Model) {
	return map[string]func(*Model){"mlp": set, "wide_deep": set}
}

// knob is the default of a key that one kind of model has.
func knob(kind string, set func(*Model)) map[string]func(*Model) {
	return map[string]func(*Model){kind: set}
}

// settleOptimizer gives the rate and the knobs of the update rule.
func (d *decoder) settleOptimizer(j *Job) {
	o := &j.Optimizer
	if j.Model.IsDeep() && !d.given("optimizer.kind") {
		o.Kind = "adam"
	}
	if !d.given("optimizer.rate") {
		o.Rate = cmp.Or(rates[o.Kind], 1) // a kind that is none is a fault of its own
		if rate := deepRates[o.Kind]; rate > 0 && j.Model.IsDeep() {
			o.Rate = rate
		}
	}
	if o.Schedule == "step" && !d.given("optimizer.step_every") {
		o.StepEvery = 10
	}
	if o.Schedule == "step" && !d.given("optimizer.step_factor") {
		o.StepFactor = 0.1
	}
	for _, k := range knobs {
		if k.kind == o.Kind && k.fallback != 0 && !d.given(join("optimizer", k.key)) {
			fieldOf(reflect.ValueOf(o).Elem(), k.key).SetFloat(k.fallback)
		}
	}
}

// settleRun gives the staleness, the checkpoint and the metric that stops.
func (d *decoder) settleRun(j *Job) {
	r := &j.Run
	if j.FullBatch() {
		if !d.given("run.epochs") {
			r.Epochs = 500
		}
		if !d.given("run.tolerance") {
			r.Tolerance = 1e-6
		}
	}
	if r.Consistency == "ssp" && !d.given("run.staleness") {
		r.Staleness = 4
	}
	if r.Checkpoint == nil {
		r.Checkpoint = new(Checkpoint)
		setDefaults(reflect.ValueOf(r.Checkpoint).Elem())
	}
	if every, err := time.ParseDuration(r.Checkpoint.Every); err == nil && everyFault(r.Checkpoint.Every) == "" {
		r.Checkpoint.Every = shortest(every)
	}
	if metrics := metricsOf[lossOf(&j.Model)]; r.Stop != nil && metrics != nil && !d.given("run.stop.metric") {
		r.Stop.Metric = metrics[0]
	}
}

// settlePlaces gives the defaults that hang on paths, of a job without faults.
func settlePlaces(j *Job) {
	if c := j.Run.Checkpoint; c.To == "" {
		c.To = DefaultCheckpoints(j.Output)
	}
}

// DefaultCheckpoints returns where the checkpoints of a job go that does not say
// so, by its output.
func DefaultCheckpoints(output string) string { return strings.TrimRight(output, "/") + "/checkpoints" }

// settleText describes the documents of format text, and takes away the default
// of the column where there are no columns.
func (d *decoder) settleText(data *Data) {
	if data.Train.Format == "text" && !d.given("data.text") {
		data.Text = new(Text)
		setDefaults(reflect.ValueOf(data.Text).Elem())
	}
	if data.Text != nil && !slices.Contains(columnFormats, data.Train.Format) && !d.given("data.text.field") {
		data.Text.Field = ""
	}
}

// settleFeature takes away the defaults of options that are not of the feature's
// kind.
func (d *decoder) settleFeature(path string, f *Feature) {
	v := reflect.ValueOf(f).Elem()
	for _, o := range featureOptions {
		if !d.given(join(path, o.key)) && !slices.ContainsFunc(o.kinds, func(kind string) bool { return d.given(join(path, kind)) }) {
			fieldOf(v, o.key).SetZero()
		}
	}
}

// fieldOf returns the field of a struct that a key stands for.
func fieldOf(v reflect.Value, key string) reflect.Value {
	f, ok := pick(fieldsOf(v.Type()), key)
	if !ok {
		panic("job: no such key: " + key)
	}
	return v.Field(f.index)
}
