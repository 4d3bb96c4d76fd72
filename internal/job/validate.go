package job

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Validate reports all faults of the job at once, as Faults, or returns nil.
func (j *Job) Validate() error {
	c := checker{report: newReport(source{})}
	c.job(j)
	return c.err()
}

// checker holds the values of a Job against the rules of its fields.
type checker struct {
	*report
	at map[string]position // of every key that was given; nil when nobody knows
}

// outputScheme begins the URLs that results can be written to.
const outputScheme = "s3://"

func (c *checker) job(j *Job) {
	c.fields("", reflect.ValueOf(j).Elem())
	c.place("output", j.Output)
	c.data(j)
	c.train(j)
}

// fault reports a fault of the key at path, unless it has one already.
func (c *checker) fault(path, format string, args ...any) {
	if c.isBad(path) {
		return
	}
	at := path
	for at != "" {
		if _, ok := c.at[at]; ok {
			break
		}
		at = parentOf(at)
	}
	c.reject(c.at[at], path, format, args...)
}

func (c *checker) fields(path string, v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		p := join(path, f.key)
		_, given := c.at[p]
		value := v.Field(f.index)
		if f.optional && isEmpty(value) && !given {
			continue
		}
		_, nested := isMapping(f.kind)
		switch value = reflect.Indirect(value); {
		case !value.IsValid(): // what was given was not understood
		case f.rule.required && !nested && value.IsZero() && !given:
			c.fault(p, "is required; add it%s", wanted(f.rule))
		default:
			c.value(p, value, f.rule)
		}
	}
}

// wanted names the values that a key may have.
func wanted(r rule) string {
	if r.enum == nil {
		return ""
	}
	return ": " + either(r.enum)
}

func (c *checker) value(path string, v reflect.Value, r rule) {
	text := ""
	switch v.Kind() {
	case reflect.Struct:
		c.fields(path, v)
	case reflect.Slice:
		text = checkLength(v.Len(), r)
		for i := range v.Len() {
			c.value(itemOf(path, i), v.Index(i), r)
		}
	case reflect.Map:
		c.names(path, v, r)
	case reflect.String:
		text = checkText(path, v.String(), r)
	case reflect.Float64:
		text = checkFloat(v.Float(), r)
	case reflect.Int, reflect.Int64:
		text = checkInt(v.Int(), r)
	}
	if text != "" {
		c.fault(path, "%s", text)
	}
}

// names checks a mapping of names to values, in the order of the names.
func (c *checker) names(path string, v reflect.Value, r rule) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	for _, key := range keys {
		p := join(path, plain(key.String()))
		if !utf8Text(key.String()) {
			c.fault(p, "a name must be printable text on one line")
		}
		c.value(p, v.MapIndex(key), r)
	}
}

func checkLength(n int, r rule) string {
	least, most := int(parseBound(r.minItems, 0)), int(parseBound(r.maxItems, math.MaxInt32))
	switch {
	case n >= least && n <= most:
		return ""
	case r.maxItems == r.minItems:
		return fmt.Sprintf("must have %d items, not %d", least, n)
	case n == 0 && least == 1:
		return "must not be empty"
	case n > most:
		return fmt.Sprintf("must have at most %d items, not %d", most, n)
	default:
		return fmt.Sprintf("must have at least %d items, not %d", least, n)
	}
}

func checkText(path, s string, r rule) string {
	switch {
	case r.enum != nil:
		if slices.Contains(r.enum, s) {
			return ""
		}
		return choice(path, s, r.enum)
	case s == "" && r.minLength != "":
		return "must not be empty"
	case !utf8Text(s):
		return "must be printable text on one line, not " + strconv.QuoteToASCII(shorten(s))
	case r.maxLength != "" && len(s) > int(parseNumber(r.maxLength)):
		return fmt.Sprintf("must be at most %s characters long, not %d", r.maxLength, len(s))
	case r.pattern != "" && !regexp.MustCompile(r.pattern).MatchString(s):
		return fmt.Sprintf("must be letters, digits, dots, dashes and underscores, the first a letter or digit, not %q", s)
	}
	return ""
}

func checkInt(i int64, r rule) string {
	low, high := parseBound(r.min, math.MinInt64), parseBound(r.max, math.MaxInt64)
	switch {
	case low == high && i != low:
		return fmt.Sprintf("must be %s (other values are not yet supported), not %d", r.min, i)
	case i < low:
		return fmt.Sprintf("must be at least %s, not %d", r.min, i)
	case i > high:
		return fmt.Sprintf("must be at most %s, not %d", r.max, i)
	}
	return ""
}

func checkFloat(f float64, r rule) string {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return "must be a finite number, not " + text
	case r.min != "" && f < parseNumber(r.min):
		return "must be at least " + r.min + ", not " + text
	case r.above != "" && f <= parseNumber(r.above):
		return "must be more than " + r.above + ", not " + text
	case r.max != "" && f > parseNumber(r.max):
		return "must be at most " + r.max + ", not " + text
	case r.below != "" && f >= parseNumber(r.below):
		return "must be less than " + r.below + ", not " + text
	}
	return ""
}

func parseNumber(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic("job: struct tag with a bound that is no number: " + s)
	}
	return f
}

// parseBound parses the bound of an integer, which is none when there is no text.
func parseBound(s string, none int64) int64 {
	if s == "" {
		return none
	}
	return int64(parseNumber(s))
}

// utf8Text reports whether s is text on one line.
func utf8Text(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}
