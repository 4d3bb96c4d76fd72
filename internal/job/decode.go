package job

import (
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
		case f.index >= 0:
			d.value(p, e, v.Field(f.index), f)
		default: // checked and not kept
			d.unkept(p, e, f)
		}
	}
}

// unkept decodes and checks the value of a key that Job has no field for.
func (d *decoder) unkept(path string, e entry, f field) {
	v := reflect.New(f.kind).Elem()
	d.value(path, e, v, f)
	c := checker{report: d.report, at: d.at}
	if f.kind.Kind() == reflect.Struct {
		c.fields(path, v)
	} else if !d.isBad(path) {
		c.value(path, v, f.rule)
	}
}

// value decodes the value of the key at path into v.
func (d *decoder) value(path string, e entry, v reflect.Value, f field) {
	if s, ok := isMapping(f.kind); ok {
		if e.value.shape != mapping {
			d.reject(e.value.at, path, "must be a mapping of keys (%s), not %s", keyList(s), e.value)
			return
		}
		target := v
		if f.kind.Kind() == reflect.Pointer {
			v.Set(reflect.New(s))
			target = v.Elem()
			setDefaults(target)
		}
		d.mapping(path, e.value, target)
		return
	}
	if fault := d.scalar(e.value, v, f.rule); fault != "" {
		d.reject(e.value.at, path, "%s", fault)
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
		return "must be at least " + r.min + ", not " + n.String()
	case err != nil || !unsigned && u > math.MaxInt64:
		return "must be at most " + r.max + ", not " + n.String()
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
