package job

import (
	"reflect"
	"strings"
)

// override applies the overrides to the tree.
func (r *report) override(tree *node) {
	for i, text := range r.overrides {
		path, value, ok := strings.Cut(text, "=")
		at := position{override: i + 1, line: 1}
		switch {
		case !utf8Text(text):
			r.add(at, "", "must be UTF-8 text on one line")
		case len(text) > maxLine:
			r.add(at, "", "is longer than 64 KiB")
		case !ok || path == "":
			r.add(at, "", "must be key.path=value, such as run.epochs=3")
		case strings.TrimSpace(value) == "":
			r.add(at, path, "has no value; write %s=VALUE, or %s=null for the default", plain(path), plain(path))
		default:
			if v := r.overrideValue(path, value, at); v != nil {
				r.put(tree, path, v)
			}
		}
	}
}

// overrideValue parses the value of an override. Text is taken as it stands
// where a key wants text: a path may be *.svm, a name 2024.
func (r *report) overrideValue(path, value string, at position) *node {
	literal := &node{at: at, tag: "!!str", text: value}
	quoted := value[0] == '"' || value[0] == '\''
	if value != "null" && value != "~" && !quoted && wantsText(path) {
		return literal
	}
	doc := r.document([]byte(value), at)
	if doc == nil {
		return nil
	}
	if doc.Kind == 0 { // a comment
		return literal
	}
	c := converter{report: r, override: at.override}
	n := c.node(doc, path)
	if c.refused {
		return nil
	}
	return n
}

// put sets the key at path of the tree to v, or removes it when v is null.
func (r *report) put(tree *node, path string, v *node) {
	keys := strings.Split(path, ".")
	for i, key := range keys {
		e := tree.find(key)
		if v.isNull() && (e == nil || i == len(keys)-1) {
			tree.remove(key)
			return
		}
		if e == nil {
			tree.entries = append(tree.entries, entry{key, v.at, &node{at: v.at, shape: mapping}})
			e = &tree.entries[len(tree.entries)-1]
		}
		if i == len(keys)-1 {
			e.at, e.value = v.at, v
			return
		}
		if e.value.isNull() {
			e.value = &node{at: v.at, shape: mapping}
		}
		if e.value.shape != mapping {
			r.add(v.at, path, "%s is %s, not a mapping of keys", strings.Join(keys[:i+1], "."), e.value)
			return
		}
		tree = e.value
	}
}

func (n *node) remove(key string) {
	for i := range n.entries {
		if n.entries[i].key == key {
			n.entries = append(n.entries[:i:i], n.entries[i+1:]...)
			return
		}
	}
}

// wantsText reports whether the key at path takes text.
func wantsText(path string) bool {
	t := typeAt(path)
	return t != nil && t.Kind() == reflect.String
}
