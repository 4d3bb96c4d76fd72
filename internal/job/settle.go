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
	d.settleOptimizer(&j.Optimizer)
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
		if k.kind == m.Kind && !d.given(join("model", k.key)) {
			k.set(m)
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

// modelKnobs are the keys of one kind of model each, with their defaults.
var modelKnobs = []struct {
	key, kind string
	set       func(*Model)
}{
	{"topics", "lsi", func(m *Model) { m.Topics = 100 }}, {"tolerance", "lsi", func(m *Model) { m.Tolerance = 1e-6 }},
	{"block", "lsi", func(m *Model) { m.Block = 16 }}, {"passes", "lsi", func(m *Model) { m.Passes = 200 }},
	{"rank", "fm", func(m *Model) { m.Rank = 8 }}, {"loss", "fm", func(m *Model) { m.Loss = "squared" }},
	{"init_scale", "fm", func(m *Model) { m.InitScale = 0.1 }},
}

// settleOptimizer gives the rate and the knobs of the update rule.
func (d *decoder) settleOptimizer(o *Optimizer) {
	if !d.given("optimizer.rate") {
		o.Rate = cmp.Or(rates[o.Kind], 1) // a kind that is none is a fault of its own
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
