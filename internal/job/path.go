package job

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// The path of a value is the keys above it with dots between, and [i] for item i
// of a list: data.features[2].min_count. All that follows a mapping of names,
// such as data.label.map, is one key.

// step is one step of a path.
type step struct {
	key   string
	item  bool         // a list's item rather than a mapping's key
	index int          // of an item; -1 when the path does not say which
	kind  reflect.Type // of the value there; nil where Job has none
}

var indexed = regexp.MustCompile(`^([^][]+)((?:\[[0-9]{0,6}\])+)$`)

// split returns the steps of a path.
func split(path string) []step {
	var steps []step
	t := reflect.TypeFor[Job]()
	for more := true; more; {
		if t != nil && t.Kind() == reflect.Map {
			return append(steps, step{key: path, kind: t.Elem()})
		}
		var word, indexes string
		word, path, more = strings.Cut(path, ".")
		if m := indexed.FindStringSubmatch(word); m != nil {
			word, indexes = m[1], m[2]
		}
		t = kindOfKey(t, word)
		steps = append(steps, step{key: word, kind: t})
		for indexes != "" {
			var digits string
			digits, indexes, _ = strings.Cut(indexes[1:], "]")
			index, err := strconv.Atoi(digits)
			if err != nil { // there are none
				index = -1
			}
			t = kindOfItem(t)
			steps = append(steps, step{item: true, index: index, kind: t})
		}
	}
	return steps
}

// unsplit returns the path of steps.
func unsplit(steps []step) string {
	path := ""
	for _, s := range steps {
		if s.item {
			path = itemOf(path, s.index)
		} else {
			path = join(path, s.key)
		}
	}
	return path
}

func kindOfKey(t reflect.Type, key string) reflect.Type {
	s, ok := isMapping(t)
	if !ok {
		return nil
	}
	f, ok := pick(fieldsOf(s), key)
	if !ok {
		return nil
	}
	return f.kind
}

func kindOfItem(t reflect.Type) reflect.Type {
	if t == nil || t.Kind() != reflect.Slice {
		return nil
	}
	return t.Elem()
}

// typeAt returns the type of the value at a path, or nil when there is none.
func typeAt(path string) reflect.Type {
	steps := split(path)
	return steps[len(steps)-1].kind
}

// keyPaths returns the path of every key of the mapping at path, and below. The
// items of a list are one, [].
func keyPaths(path string, t reflect.Type) []string {
	var paths []string
	for _, f := range fieldsOf(t) {
		p := join(path, f.key)
		paths = append(paths, p)
		if s, ok := isMapping(f.kind); ok {
			paths = append(paths, keyPaths(p, s)...)
		} else if s, ok := isMapping(kindOfItem(f.kind)); ok {
			paths = append(paths, keyPaths(p+"[]", s)...)
		}
	}
	return paths
}

var anyIndex = regexp.MustCompile(`\[[0-9]+\]`)

// general returns a path as keyPaths gives it.
func general(path string) string { return anyIndex.ReplaceAllString(path, "[]") }

// join returns the path of a key within the mapping at path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// itemOf returns the path of an item of the list at path.
func itemOf(path string, index int) string { return path + "[" + strconv.Itoa(index) + "]" }

// parentOf returns the path of the mapping or list that holds the value at path.
func parentOf(path string) string {
	if i := strings.LastIndexByte(path, '['); i >= 0 && strings.HasSuffix(path, "]") {
		return path[:i]
	}
	return path[:max(0, strings.LastIndexByte(path, '.'))]
}

func lastOf(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
