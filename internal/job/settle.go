package job

import (
	"cmp"
	"reflect"
	"slices"
)

// settle gives the defaults that hang on the values of other keys, after all were
// decoded.
func (d *decoder) settle(j *Job) {
	if !d.given("optimizer.rate") {
		j.Optimizer.Rate = defaultRate(j.Optimizer.Kind)
	}
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

// defaultRate returns the rate of an update rule when the job gives none:
// AdaGrad divides by the key's history, so its steps start larger.
func defaultRate(kind string) float64 {
	if kind == "sgd" {
		return 0.05
	}
	return 0.5
}

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
