package job

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// field is one key of a mapping, as its struct tags describe it.
type field struct {
	key      string
	kind     reflect.Type
	index    int // in the struct; -1 for a key that is checked and not kept
	optional bool
	rule     rule
}

// rule says which values a key may have. Bounds stay text, so that messages
// show them as they are written; "" is none.
type rule struct {
	required             bool
	enum                 []string
	fallback             string // the default
	min, max             string
	above, below         string // exclusive bounds
	minLength, maxLength string
	pattern              string
}

// fieldsOf returns the keys of the mapping that t stands for.
func fieldsOf(t reflect.Type) []field {
	fields := structFields(t)
	if extra := extraOf(t); extra != nil {
		for _, f := range structFields(extra) {
			f.index = -1
			fields = append(fields, f)
		}
	}
	return fields
}

// extraOf returns the struct of the keys of t that are checked and not kept.
func extraOf(t reflect.Type) reflect.Type {
	if t == reflect.TypeFor[Data]() {
		return reflect.TypeFor[dataFixed]()
	}
	return nil
}

func structFields(t reflect.Type) []field {
	fields := make([]field, t.NumField())
	for i := range fields {
		f := t.Field(i)
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[i] = field{
			key: key, kind: f.Type, index: i,
			optional: options == "omitempty",
			rule:     parseRule(f.Tag.Get("jsonschema")),
		}
	}
	return fields
}

func pick(fields []field, key string) (field, bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.key == key })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}

// parseRule reads a jsonschema tag.
func parseRule(tag string) rule {
	var r rule
	texts := map[string]*string{
		"default": &r.fallback, "minimum": &r.min, "maximum": &r.max,
		"exclusiveMinimum": &r.above, "exclusiveMaximum": &r.below,
		"minLength": &r.minLength, "maxLength": &r.maxLength, "pattern": &r.pattern,
	}
	for _, part := range strings.Split(tag, ",") {
		word, value, _ := strings.Cut(part, "=")
		switch {
		case word == "":
		case word == "required":
			r.required = true
		case word == "enum":
			r.enum = append(r.enum, value)
		case texts[word] != nil:
			*texts[word] = value
		default:
			panic("job: struct tag word that nothing reads: " + word)
		}
	}
	return r
}

// setDefaults fills a struct with the defaults of its tags.
func setDefaults(v reflect.Value) {
	for _, f := range structFields(v.Type()) {
		target := v.Field(f.index)
		if f.kind.Kind() == reflect.Struct {
			setDefaults(target)
		} else if f.rule.fallback != "" {
			setText(target, f.rule.fallback)
		}
	}
}

// setText sets a scalar from its text, which must be of its type.
func setText(v reflect.Value, text string) {
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(text)
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		var i int64
		i, err = strconv.ParseInt(text, 10, 64)
		v.SetInt(i)
	case reflect.Uint64:
		var u uint64
		u, err = strconv.ParseUint(text, 10, 64)
		v.SetUint(u)
	default:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v.SetFloat(f)
	}
	if err != nil {
		panic("job: default of the wrong type: " + text)
	}
}

// isMapping reports whether values of type t are mappings, and of which struct.
func isMapping(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct
}

// typeAt returns the type of the key at a path, or nil when there is none.
func typeAt(path string) reflect.Type {
	t := reflect.TypeFor[Job]()
	for _, key := range strings.Split(path, ".") {
		s, ok := isMapping(t)
		if !ok {
			return nil
		}
		f, ok := pick(fieldsOf(s), key)
		if !ok {
			return nil
		}
		t = f.kind
	}
	return t
}

// keyPaths returns the path of every key of the mapping at path, and below.
func keyPaths(path string, t reflect.Type) []string {
	var paths []string
	for _, f := range fieldsOf(t) {
		p := join(path, f.key)
		paths = append(paths, p)
		if s, ok := isMapping(f.kind); ok {
			paths = append(paths, keyPaths(p, s)...)
		}
	}
	return paths
}
