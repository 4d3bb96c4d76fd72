package job

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// plannedKeys are the keys of the job file whose feature does not exist yet. They are
// refused as such, never accepted and ignored; what is below them is not read.
var plannedKeys = []string{}

// plannedValues are the values whose feature does not exist yet, by key.
var plannedValues = map[string][]string{
	"model.kind": {"lda", "nmf"},
}

// choice returns the fault of a value that is none of the allowed ones.
func choice(path, value string, allowed []string) string {
	use := either(allowed)
	switch {
	case slices.Contains(plannedValues[path], value):
		return fmt.Sprintf("%s is not yet supported; use %s", value, use)
	case value == "":
		return "must not be empty; use " + use
	}
	all := slices.Concat(allowed, plannedValues[path])
	best, least := "", limit(value)+1
	for _, candidate := range all {
		if d := distance(value, candidate); d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return fmt.Sprintf("unknown value %q; use %s", shorten(value), use)
	}
	hint := ""
	if !slices.Contains(allowed, best) {
		hint = " (which is not yet supported)"
	}
	return fmt.Sprintf("unknown value %q; did you mean %s?%s", shorten(value), best, hint)
}

// either lists the words of a choice: "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// unknownKey returns the fault of a key that the mapping at path, of struct t,
// does not have: with the nearest key there or elsewhere, or with all of them.
func unknownKey(path, key string, t reflect.Type) string {
	nested := join(path, key)
	best := nearestKey(path, key)
	switch {
	case strings.Contains(key, ".") && typeAt(nested) != nil:
		return fmt.Sprintf("unknown key; a file has no dotted keys, write %s below %s", lastOf(nested), parentOf(nested))
	case best == "":
		return "unknown key; the keys here are " + keyList(t)
	case slices.Contains(plannedKeys, best):
		return fmt.Sprintf("unknown key; did you mean %s? (which is not yet supported)", best)
	}
	if parentOf(best) == general(path) {
		best = join(path, lastOf(best))
	}
	return fmt.Sprintf("unknown key; did you mean %s?", best)
}

// nearestKey returns the path of the known key that was most likely meant by key
// in the mapping at path, or "". Spelling counts most; then what is supported,
// then what belongs to the same mapping.
func nearestKey(path, key string) string {
	supported := keyPaths("", reflect.TypeFor[Job]())
	best, least := "", 1<<30
	here := general(path)
	for i, candidate := range slices.Concat(supported, plannedKeys) {
		d := wordDistance(key, lastOf(candidate))
		if d > limit(key) {
			continue
		}
		cost := 4 * d
		if i >= len(supported) {
			cost += 5
		}
		if parentOf(candidate) != here {
			cost += 2
		}
		if cost < least {
			best, least = candidate, cost
		}
	}
	return best
}

// wordDistance is the distance of a key from a known one, which may also be one
// of its words: batch_size is near batch.
func wordDistance(key, known string) int {
	if len(key) <= maxWord && slices.Contains(strings.FieldsFunc(key, func(r rune) bool { return r == '_' || r == '-' }), known) {
		return 1
	}
	return distance(key, known)
}

// keyList names the keys of a mapping for a message.
func keyList(t reflect.Type) string {
	fields := fieldsOf(t)
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return strings.Join(keys, ", ")
}

// limit is the distance up to which a word counts as a misspelling.
func limit(word string) int { return max(1, min(3, len(word)/3)) }

// maxWord is the length up to which a word is compared with the known ones.
const maxWord = 32

// distance is Distance; long words are far from all.
func distance(a, b string) int {
	if len(a) > maxWord {
		return 1 << 20
	}
	return Distance(a, b)
}

// Distance returns the number of letters to insert, delete, replace or swap
// with their neighbour that make a into b, whatever their case (optimal string
// alignment, by rows of the usual table). Its time is the product of their lengths.
func Distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	var before []int
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			changed := 1
			if a[i-1] == b[j-1] {
				changed = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+changed)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
