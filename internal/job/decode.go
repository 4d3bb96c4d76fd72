package job

import (
	"cmp"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// decoder walks a tree and the types of Job together.
type decoder struct {
	*report
	at map[string]position // of every key that was given
}

// mapping decodes the entries of n, the mapping at path, into the struct v.
func (d *decoder) mapping(path string, n *node, v reflect.Value) {
	fields := fieldsOf(v.Type())
	for _, e := range n.entries {
		p := join(path, plain(e.key))
		f, ok := pick(fields, e.key)
		if ok {
			d.at[p] = e.at
		}
		switch {
		case slices.Contains(plannedKeys, p):
			d.add(e.at, p, "is not yet supported; remove it")
		case !ok && d.full():
			d.add(e.at, p, "unknown key")
		case !ok:
			d.add(e.at, p, "%s", unknownKey(path, e.key, v.Type()))
		case e.value.isNull():
			d.reject(e.at, p, "has no value; give it one, or remove the key")
		case f.kind == reflect.TypeFor[*Checkpoint]() && e.value.shape == scalar && e.value.text == off:
			every := entry{"every", e.at, e.value} // checkpoint: off is short for {every: off}
			d.value(p, &node{at: e.value.at, shape: mapping, entries: []entry{every}}, v.Field(f.index), f.rule)
		default:
			d.value(p, e.value, v.Field(f.index), f.rule)
		}
	}
}

// value decodes n, the value at path, into v. What a pointer points to begins
// with its defaults; it stays nil when the value is of another shape.
func (d *decoder) value(path string, n *node, v reflect.Value, r rule) {
	switch v.Kind() {
	case reflect.Pointer:
		made := reflect.New(v.Type().Elem())
		setDefaults(made.Elem())
		d.value(path, n, made.Elem(), r)
		if !d.bad[path] {
			v.Set(made)
		}
	case reflect.Struct:
		if d.shaped(path, n, mapping, v.Type()) {
			d.mapping(path, n, v)
		}
	case reflect.Slice:
		if d.shaped(path, n, list, v.Type()) {
			d.list(path, n, v, r)
		}
	case reflect.Map:
		if d.shaped(path, n, mapping, v.Type()) {
			d.names(path, n, v, r)
		}
	default:
		if fault := d.scalar(n, v, r); fault != "" {
			d.reject(n.at, path, "%s", fault)
		}
	}
}

// shaped reports whether n has the shape that values of type t have.
func (d *decoder) shaped(path string, n *node, want shape, t reflect.Type) bool {
	if n.shape == want {
		return true
	}
	hint := ""
	if want == list && n.shape == scalar && t.Elem().Kind() != reflect.Struct {
		hint = "; put it in brackets"
	}
	d.reject(n.at, path, "must be %s, not %s%s", nounOf(t), n, hint)
	return false
}

// nounOf says what a value of type t is written as.
func nounOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "a mapping of keys (" + keyList(t) + ")"
	case reflect.Map:
		return "a mapping of names to " + plural[t.Elem().Kind()]
	}
	return "a list of " + plural[t.Elem().Kind()]
}

var plural = map[reflect.Kind]string{
	reflect.String: "text", reflect.Int: "integers", reflect.Float64: "numbers",
	reflect.Struct: "mappings", reflect.Slice: "lists",
}

// list decodes a list into the slice v.
func (d *decoder) list(path string, n *node, v reflect.Value, r rule) {
	v.SetZero()
	if len(n.items) == 0 {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		p := itemOf(path, i)
		d.at[p] = item.at
		setDefaults(v.Index(i))
		if item.isNull() {
			d.reject(item.at, p, "has no value; give it one, or remove it")
			continue
		}
		d.value(p, item, v.Index(i), r)
	}
}

// names decodes a mapping of names to values into the map v.
func (d *decoder) names(path string, n *node, v reflect.Value, r rule) {
	v.SetZero()
	if len(n.entries) == 0 {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	for _, e := range n.entries {
		p := join(path, plain(e.key))
		d.at[p] = e.at
		value := reflect.New(v.Type().Elem()).Elem()
		if e.value.isNull() {
			d.reject(e.at, p, "has no value; give it one, or remove the key")
		} else {
			d.value(p, e.value, value, r)
		}
		v.SetMapIndex(reflect.ValueOf(e.key), value)
	}
}

// scalar decodes a scalar, or returns what is wrong with it.
func (d *decoder) scalar(n *node, v reflect.Value, r rule) string {
	switch v.Kind() {
	case reflect.String:
		switch n.tag {
		case "!!str", "!!timestamp":
			v.SetString(n.text)
			return ""
		case "":
			return "must be text, not " + n.String()
		}
		return "must be text, not " + n.String() + "; put it in quotes"
	case reflect.Bool:
		if n.tag != "!!bool" {
			return "must be true or false, not " + n.String()
		}
		v.SetBool(n.text[0] == 't' || n.text[0] == 'T')
		return ""
	case reflect.Float64:
		return decodeFloat(n, v)
	}
	return decodeInt(n, v, r)
}

// Numbers are read in their plain notation alone. YAML's others are traps: 017
// is 15 in one version and 17 in another.
var (
	integer = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)
	number  = regexp.MustCompile(`^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
)

// The bounds of integers that have no others, as messages show them.
const lowest, highest = "-9223372036854775808", "9223372036854775807"

func decodeInt(n *node, v reflect.Value, r rule) string {
	switch {
	case n.tag != "!!int" && n.tag != "!!float", n.tag == "!!float" && !integer.MatchString(n.text):
		return "must be an integer, not " + n.String()
	case !integer.MatchString(n.text):
		return "must be an integer in plain decimal digits, not " + n.String()
	}
	digits, negative := strings.CutPrefix(strings.TrimPrefix(n.text, "+"), "-")
	u, err := strconv.ParseUint(digits, 10, 64)
	unsigned := v.Kind() == reflect.Uint64
	switch {
	case negative && (err != nil || u > math.MaxInt64 || unsigned && u > 0):
		return "must be at least " + cmp.Or(r.min, lowest) + ", not " + n.String()
	case err != nil || !unsigned && u > math.MaxInt64:
		return "must be at most " + cmp.Or(r.max, highest) + ", not " + n.String()
	case unsigned:
		v.SetUint(u)
	case negative:
		v.SetInt(-int64(u))
	default:
		v.SetInt(int64(u))
	}
	return ""
}

func decodeFloat(n *node, v reflect.Value) string {
	if n.tag != "!!int" && n.tag != "!!float" {
		return "must be a number, not " + n.String()
	}
	if n.tag == "!!float" && !number.MatchString(n.text) {
		return "must be a finite number, not " + n.String()
	}
	if !number.MatchString(n.text) {
		return "must be a number in plain decimal digits, not " + n.String()
	}
	f, err := strconv.ParseFloat(n.text, 64)
	if err != nil || math.IsInf(f, 0) {
		return "is too large for a 64-bit float: " + n.String()
	}
	if f == 0 {
		f = 0 // a negative zero would make another plan of the same job
	}
	v.SetFloat(f)
	return ""
}
