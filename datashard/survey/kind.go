package survey

import "strings"

// Type is what a column holds.
type Type string

// The types of columns.
const (
	Integer  Type = "integer"
	Number   Type = "number"
	Time     Type = "time"
	Boolean  Type = "boolean"
	Category Type = "category" // names that recur
	Text     Type = "text"     // documents
	ID       Type = "id"       // a name or number of its own in nearly every row
	Empty    Type = "empty"    // no value at all
)

// fewRows is the number of values up to which nothing is taken for an id.
const fewRows = 20

// kind decides what a column is. Training must be able to read every value as
// that, so one cell that is no number makes a column of numbers one of names.
func (c *column) kind(all *sums, distinct int64) Type {
	unique := distinct == all.rows && all.rows >= fewRows
	switch {
	case all.rows == 0:
		return Empty
	case all.booleans == all.rows && distinct <= 2:
		return Boolean
	case all.times == all.rows && (all.numbers == 0 || namesTime(c.name)):
		return Time
	case all.numbers == all.rows && all.integers == all.rows:
		if unique && (c.rising || namesID(c.name)) {
			return ID
		}
		return Integer
	case all.numbers == all.rows:
		return Number
	case all.words >= 4*all.rows && (2*distinct > all.rows || all.bytes >= 80*all.rows):
		return Text
	case unique, all.rows >= 5*fewRows && 10*distinct > 9*all.rows:
		return ID
	}
	return Category
}

// namesTime reports whether a column of 10 or 13 digits is likely to be one of
// seconds since 1970.
func namesTime(name string) bool {
	name = strings.ToLower(name)
	for _, part := range []string{"time", "date", "stamp", "epoch"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "ts" || strings.HasSuffix(name, "_ts") || strings.HasSuffix(name, "_at")
}

// namesID reports whether a column is called as ids are.
func namesID(name string) bool {
	if strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "ID") || strings.HasPrefix(name, "ID") {
		return true
	}
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == ' ' || r == '.' })
	for _, w := range words {
		switch w {
		case "id", "uid", "uuid", "guid", "key", "index", "row":
			return true
		}
	}
	return name == ""
}
