package job

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
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

func (c *checker) job(j *Job) {
	c.fields("", reflect.ValueOf(j).Elem())
	c.place("output", j.Output)
	c.place("data.train.path", j.Data.Train.Path)
	if j.Data.Test == nil {
		return
	}
	c.place("data.test.path", j.Data.Test.Path)
	if j.Data.Holdout != 0 {
		c.fault("data.holdout", "cannot be used together with data.test; keep one of them")
	}
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
	for _, f := range structFields(v.Type()) {
		p := join(path, f.key)
		_, given := c.at[p]
		value := v.Field(f.index)
		if f.optional && value.IsZero() && !given {
			continue
		}
		_, nested := isMapping(f.kind)
		switch value = reflect.Indirect(value); {
		case !value.IsValid(): // a mapping that was not understood
		case nested:
			c.fields(p, value)
		case f.rule.required && value.IsZero() && !given:
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
	return ": " + strings.Join(r.enum, " or ")
}

func (c *checker) value(path string, v reflect.Value, r rule) {
	text := ""
	switch v.Kind() {
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
	low, high := int64(parseNumber(r.min)), int64(parseNumber(r.max))
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

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// place checks a path of the job file.
func (c *checker) place(path, s string) {
	if scheme.MatchString(s) {
		c.fault(path, "URLs are not yet supported; use a file or folder, not %q", shorten(s))
	}
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
