package job

import (
	"reflect"
	"slices"
	"strings"
)

// Feature makes columns of the model from columns of the data. Exactly one of
// Numeric, Category, Time, Cross and Ignore is set.
type Feature struct {
	Numeric string `yaml:"numeric" json:"numeric,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column of numbers."`
	// Transform is applied to a numeric column in this order.
	Transform []string `yaml:"transform" json:"transform,omitempty" jsonschema:"enum=log,enum=log1p,enum=standardize" jsonschema_description:"What is done to the numbers, in this order."`
	// Scale multiplies a numeric column, before Transform.
	Scale float64 `yaml:"scale" json:"scale,omitempty" jsonschema:"default=1" jsonschema_description:"Factor of the numbers."`
	// Bins makes a category of a numeric column: quantile bins.
	Bins int `yaml:"bins" json:"bins,omitempty" jsonschema:"minimum=2,maximum=65536" jsonschema_description:"Number of quantile bins."`
	// Missing says what a missing number is.
	Missing  string `yaml:"missing" json:"missing,omitempty" jsonschema:"enum=mean,enum=refuse,default=mean" jsonschema_description:"Missing numbers: the mean and an indicator column, or a bad row."`
	Category string `yaml:"category" json:"category,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column of names."`
	// MinCount is how often a name must occur to have a column of its own; rarer
	// ones share one.
	MinCount int64    `yaml:"min_count" json:"min_count,omitempty" jsonschema:"minimum=1,default=1" jsonschema_description:"Rows that a name must be in to have a column of its own; the others share one."`
	Time     string   `yaml:"time" json:"time,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column of times."`
	Parts    []string `yaml:"parts" json:"parts,omitempty" jsonschema:"minItems=1,enum=hour,enum=weekday,enum=month,enum=day,enum=minute,enum=year" jsonschema_description:"Categories made of a time: COLUMN.PART."`
	Cross    []string `yaml:"cross" json:"cross,omitempty" jsonschema:"minItems=2,minLength=1" jsonschema_description:"Categories, bins or time parts whose combination is a category."`
	Ignore   string   `yaml:"ignore" json:"ignore,omitempty" jsonschema:"minLength=1" jsonschema_description:"Column that is no feature, where no others are named."`
}

// featureKinds are the keys of which a feature has exactly one.
var featureKinds = []string{"numeric", "category", "time", "cross", "ignore"}

// featureOptions are the other keys of a feature, and the kinds they belong to.
var featureOptions = []struct {
	key   string
	kinds []string
}{
	{"transform", []string{"numeric"}}, {"scale", []string{"numeric"}}, {"bins", []string{"numeric"}},
	{"missing", []string{"numeric"}}, {"min_count", []string{"category", "cross"}}, {"parts", []string{"time"}},
}

// feature checks what no tag of a feature can say.
func (c *checker) feature(path string, f *Feature) {
	if c.isBad(path) {
		return
	}
	v := reflect.ValueOf(f).Elem()
	var kinds []string
	for _, kind := range featureKinds {
		if c.uses(path, v, kind) {
			kinds = append(kinds, kind)
		}
	}
	switch len(kinds) {
	case 0:
		c.fault(path, "needs one of %s", either(featureKinds))
		return
	case 1:
	default:
		c.fault(path, "has %s; make a feature of each", strings.Join(kinds, " and "))
		return
	}
	for _, o := range featureOptions {
		if c.uses(path, v, o.key) && !slices.Contains(o.kinds, kinds[0]) {
			c.fault(join(path, o.key), "is for features of kind %s, and this one is %s; remove it", either(o.kinds), kinds[0])
		}
	}
	c.options(path, f, kinds[0])
}

// options checks the options of a feature of one kind.
func (c *checker) options(path string, f *Feature, kind string) {
	switch kind {
	case "numeric":
		if f.Scale == 0 {
			c.fault(join(path, "scale"), "must not be 0")
		}
		if f.Bins != 0 && len(f.Transform) != 0 {
			c.fault(join(path, "transform"), "cannot be used together with bins, which any transform leaves the same; keep one of them")
		}
	case "time":
		if len(f.Parts) == 0 {
			c.fault(join(path, "parts"), "is required; add it, such as [hour, weekday]")
		}
		c.distinct(join(path, "parts"), f.Parts)
	case "cross":
		c.distinct(join(path, "cross"), f.Cross)
	}
}
