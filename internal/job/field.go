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
	index    int // in the struct
	optional bool
	rule     rule
}

// rule says which values a key may have: of a list or a mapping of names, which
// numbers and texts may be in it. Bounds stay text, so that messages show them as
// they are written; "" is none.
type rule struct {
	required             bool
	enum                 []string
	fallback             string // the default
	min, max             string
	above, below         string // exclusive bounds
	minLength, maxLength string
	minItems, maxItems   string // of a list
	pattern              string
}

// fieldsByType are the keys of the mappings that Job and the structs within it
// stand for. They are parsed once: a job may hold very many features.
var fieldsByType = parseFields(map[reflect.Type][]field{}, reflect.TypeFor[Job]())

func parseFields(known map[reflect.Type][]field, t reflect.Type) map[reflect.Type][]field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("yaml") == "-" { // part of the canonical job, not of the file
			continue
		}
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, field{
			key: key, kind: f.Type, index: i,
			optional: options == "omitempty",
			rule:     parseRule(f.Tag.Get("jsonschema")),
		})
		if s, ok := isMapping(f.Type); ok {
			parseFields(known, s)
		} else if s, ok := isMapping(kindOfItem(f.Type)); ok {
			parseFields(known, s)
		}
	}
	known[t] = fields
	return known
}

// fieldsOf returns the keys of the mapping that the struct t stands for. They are
// shared: nobody may change them.
func fieldsOf(t reflect.Type) []field { return fieldsByType[t] }

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
		"minItems": &r.minItems, "maxItems": &r.maxItems,
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

// setDefaults fills a struct with the defaults of its tags. Values that are no
// structs have none of their own.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range fieldsOf(v.Type()) {
		target := v.Field(f.index)
		if f.rule.fallback != "" {
			setText(target, f.rule.fallback)
		} else {
			setDefaults(target)
		}
	}
}

// setText sets a scalar from its text, which must be of its type, or a list from
// the texts of its items.
func setText(v reflect.Value, text string) {
	var err error
	switch v.Kind() {
	case reflect.Slice:
		items := strings.Fields(text)
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			setText(v.Index(i), item)
		}
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
	if t == nil {
		return nil, false
	}
	t = direct(t)
	return t, t.Kind() == reflect.Struct
}

// direct returns t, or the type that it points to.
func direct(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// isEmpty reports whether v is what an optional key is without a value. No list
// and an empty one are alike.
func isEmpty(v reflect.Value) bool {
	if v.Kind() == reflect.Slice || v.Kind() == reflect.Map {
		return v.Len() == 0
	}
	return v.IsZero()
}
