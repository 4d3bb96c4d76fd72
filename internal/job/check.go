package job

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
)

// data checks the rules of data that hang on several keys, or that no tag can say.
func (c *checker) data(j *Job) {
	d := &j.Data
	c.source("data.train", &d.Train)
	if d.Test != nil {
		c.source("data.test", d.Test)
		if d.Holdout != 0 {
			c.fault("data.holdout", "cannot be used together with data.test; keep one of them")
		}
	}
	c.formats(d)
	if d.Exposure != nil && j.Model.Kind != "poisson" {
		c.fault("data.exposure", "is only for model.kind poisson; remove it, or set the kind")
	}
	c.label(d)
	if d.Text != nil {
		c.text(d)
	}
	for i := range d.Features {
		c.feature(itemOf("data.features", i), &d.Features[i])
	}
	if d.Quality != nil {
		c.quality(d.Quality)
	}
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// schemes are the URLs that data is read from.
var schemes = []string{"http://", "https://", "s3://"}

func (c *checker) source(path string, s *Source) {
	v := reflect.ValueOf(s).Elem()
	for _, key := range []string{"path", "labels", "vocab"} {
		text := fieldOf(v, key).String()
		if found := scheme.FindString(text); found != "" && !slices.Contains(schemes, found) {
			c.fault(join(path, key), "URLs of %s are not supported; use %s, or a file or folder", found, either(schemes))
		}
	}
	c.distinct(join(path, "columns"), s.Columns)
	c.formatRules(path, v, sourceRules, c.format(path, s))
}

// format returns the format of a source, or "" when nothing can be said about it.
func (c *checker) format(path string, s *Source) string {
	_, given := c.at[join(path, "format")]
	if c.isBad(join(path, "format")) || c.isBad(join(path, "path")) && !given {
		return ""
	}
	return s.Format
}

// formats checks what hangs on the formats of the sources.
func (c *checker) formats(d *Data) {
	train := c.format("data.train", &d.Train)
	c.formatRules("data", reflect.ValueOf(d).Elem(), dataRules, train)
	if d.Text != nil {
		c.formatRules("data.text", reflect.ValueOf(d.Text).Elem(), textRules, train)
	} else if train == "text" && !c.isBad("data.text") {
		c.fault("data.text", "is required for format text; add it")
	}
	if d.Test == nil {
		return
	}
	if test := c.format("data.test", d.Test); train != "" && test != "" && !akin(train, test, d.Text != nil) {
		c.fault("data.test.format", "%s has no features in common with the training data, which is %s; convert one of them", test, train)
	}
}

// formatRules reports the keys of v that have no meaning for a format.
func (c *checker) formatRules(path string, v reflect.Value, rules []formatRule, format string) {
	for _, r := range rules {
		if format != "" && c.uses(path, v, r.key) && !slices.Contains(r.formats, format) {
			c.fault(join(path, r.key), "does nothing for format %s, only for %s; remove it, or set the format", format, either(r.formats))
		}
	}
}

// uses reports whether a key of the struct v at path was given. Where nobody
// knows, it has if its value is not its default.
func (c *checker) uses(path string, v reflect.Value, key string) bool {
	if c.at != nil {
		_, ok := c.at[join(path, key)]
		return ok
	}
	f, _ := pick(fieldsOf(v.Type()), key)
	value := fieldOf(v, key)
	if f.optional && isEmpty(value) {
		return false
	}
	plain := reflect.New(v.Type()).Elem()
	setDefaults(plain)
	return !reflect.DeepEqual(value.Interface(), plain.Field(f.index).Interface())
}

// distinct reports the texts of a list that come twice.
func (c *checker) distinct(path string, list []string) {
	seen := make(map[string]int, len(list))
	for i, s := range list {
		first, ok := seen[s]
		switch {
		case ok && s != "":
			c.fault(itemOf(path, i), "%q is [%d] already; keep one of them", shorten(s), first)
		case !ok:
			seen[s] = i
		}
	}
}

func (c *checker) label(d *Data) {
	if d.Label == nil {
		return
	}
	_, given := c.at["data.label.map"]
	switch {
	case (given || d.Label.Map != nil) && len(d.Label.Map) == 0:
		c.fault("data.label.map", "must not be empty; give the label of each cell, such as {yes: 1, \"*\": 0}")
	case d.Label.Above != nil && (given || d.Label.Map != nil):
		c.fault("data.label.map", "cannot be used together with data.label.above; keep one of them")
	}
	if d.Text != nil && d.Text.Label != "" && d.Label.Column != "" && d.Text.Label != d.Label.Column {
		c.fault("data.text.label", "is %q and data.label.column is %q; keep one of them", shorten(d.Text.Label), shorten(d.Label.Column))
	}
}

func (c *checker) quality(q *Quality) {
	const path = "data.quality.range"
	for _, column := range slices.Sorted(maps.Keys(q.Range)) {
		p := join(path, plain(column))
		if pair := q.Range[column]; len(pair) == 2 && pair[0] > pair[1] && !c.itemsAreBad(p, 2) {
			c.fault(p, "must be the least and the largest number, such as [0, 1], not [%v, %v]", pair[0], pair[1])
		}
	}
}

// itemsAreBad reports whether one of the first n items of a list was rejected.
func (c *checker) itemsAreBad(path string, n int) bool {
	for i := range n {
		if c.isBad(itemOf(path, i)) {
			return true
		}
	}
	return false
}
